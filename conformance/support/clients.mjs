// What the official clients of both versions have in common.
//
// in:  the `io` of a client package, and the event that says that a namespace refused it
// out: ways to open clients and to close all of them
// odd: every client has a connection of its own unless `forceNew: false` is given, and none outlives its test file:
//      `closeAll` belongs in an `after` hook.
import { next } from "./wait.mjs";

export function clientsOf(io, refusal) {
  const opened = new Set();

  /** A client that is not connected yet; register handlers, then call `connect()`. */
  function client(subject, namespace = "/", options = {}) {
    const socket = io(subject.url + namespace, {
      autoConnect: false,
      forceNew: true,
      reconnectionDelay: 10,
      reconnectionDelayMax: 20,
      ...options,
    });
    opened.add(socket);
    return socket;
  }

  /** A connected client. */
  async function connected(subject, namespace, options) {
    const socket = client(subject, namespace, options);
    const connect = next(socket, "connect");
    socket.connect();
    await connect;
    return socket;
  }

  /** What a client that must not get in is told. */
  async function refused(subject, namespace, options) {
    const socket = client(subject, namespace, options);
    const answer = next(socket, refusal);
    socket.connect();
    const [error] = await answer;
    socket.disconnect();
    return error;
  }

  function closeAll() {
    for (const { io: manager } of opened) {
      // All namespaces of the connection, or the rest of them would reconnect for ever.
      manager.reconnection(false);
      for (const socket of Object.values(manager.nsps)) socket.disconnect();
      manager.engine?.close();
    }
    opened.clear();
  }

  return { client, connected, refused, closeAll };
}
