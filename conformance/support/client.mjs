// The official socket.io-client, and questions to the fixture asked through it.
//
// in:  a subject, and client options
// out: connected sockets; what the fixture's log says
// odd: every client has a connection of its own unless `forceNew: false` is given, and none outlives its test file:
//      `closeAll` belongs in an `after` hook.
import { io } from "socket.io-client";
import { eventually, next } from "./wait.mjs";

const opened = new Set();

/** A client that is not connected yet; register handlers, then call `connect()`. */
export function client(subject, namespace = "/", options = {}) {
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
export async function connected(subject, namespace, options) {
  const socket = client(subject, namespace, options);
  socket.connect();
  await next(socket, "connect");
  return socket;
}

/** The error of a client that must not get in. */
export async function refused(subject, namespace, options) {
  const socket = client(subject, namespace, options);
  const answer = next(socket, "connect_error");
  socket.connect();
  const [error] = await answer;
  socket.disconnect();
  return error;
}

export function closeAll() {
  for (const { io: manager } of opened) {
    // All namespaces of the connection, or the rest of them would reconnect for ever.
    manager.reconnection(false);
    for (const socket of Object.values(manager.nsps)) socket.disconnect();
    manager.engine?.close();
  }
  opened.clear();
}

/** Why the socket `id` left, once it has. */
export async function reasonOf(observer, id) {
  const entry = await eventually(async () => {
    const log = await observer.emitWithAck("log", id);
    return log.find(({ event }) => event === "disconnect");
  }, `the end of ${id}`);
  return entry.reason;
}

/** A round trip: everything the server sent to this socket before it has arrived. */
export const settled = (socket) => socket.emitWithAck("message-with-ack");
