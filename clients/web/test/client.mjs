/**
 * How the tests make clients: every one is closed after its test.
 * In: a test context, a URL, options. Out: sockets of ../roomcast.js, and promises of their events.
 */
import { WebSocket } from "ws";
import { io } from "../roomcast.js";

/** A socket with a connection of its own and short reconnection delays. */
export const client = (t, url, opts) => {
  const socket = io(url, { WebSocket, forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 50, ...opts });
  t.after(() => {
    socket.disconnect();
    socket.io.close();
  });
  return socket;
};

/** The arguments of the next such event. */
export const next = (emitter, event) => new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));

export const connected = async (socket) => {
  if (!socket.connected) await next(socket, "connect");
  return socket;
};
