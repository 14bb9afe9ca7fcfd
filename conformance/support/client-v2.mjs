// The official client of Socket.IO 2.x, which speaks Engine.IO 3.
//
// in:  a subject, and client options
// out: connected sockets, errors of refused ones
// odd: it has no `emitWithAck`; `ask` is that. Like its successor it reconnects for ever unless told to end.
import io from "socket.io-client-2";
import { next, within } from "./wait.mjs";

const opened = new Set();

/** A client that is not connected yet. `namespace` may have a query. */
export function clientV2(subject, namespace = "/", options = {}) {
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

export async function connectedV2(subject, namespace, options) {
  const socket = clientV2(subject, namespace, options);
  const connect = next(socket, "connect");
  socket.connect();
  await connect;
  return socket;
}

/** What a client that must not get in is told. */
export async function refusedV2(subject, namespace, options) {
  const socket = clientV2(subject, namespace, options);
  const error = next(socket, "error");
  socket.connect();
  return (await error)[0];
}

/** The acknowledgement's arguments. */
export function askAll(socket, event, ...args) {
  return within(new Promise((resolve) => socket.emit(event, ...args, (...answer) => resolve(answer))), event);
}

/** The acknowledgement's first argument. */
export const ask = async (socket, ...call) => (await askAll(socket, ...call))[0];

export function closeAllV2() {
  for (const { io: manager } of opened) {
    manager.reconnection(false);
    for (const socket of Object.values(manager.nsps)) socket.disconnect();
    manager.engine?.close();
  }
  opened.clear();
}
