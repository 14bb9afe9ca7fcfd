// The official socket.io-client, and questions to the fixture asked through it.
//
// in:  a subject, and client options
// out: connected sockets; what the fixture's log says
import assert from "node:assert/strict";
import { io } from "socket.io-client";
import { clientsOf } from "./clients.mjs";
import { eventually, next } from "./wait.mjs";

export const { client, connected, refused, closeAll } = clientsOf(io, "connect_error");

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

/** Sends lists of arguments, named by their kind, as events and with acknowledgements: they come back as they are. */
export async function assertComesBack(socket, kinds) {
  for (const [kind, args] of Object.entries(kinds)) {
    const back = next(socket, "message-back");
    socket.emit("message", ...args);
    assert.deepEqual(await back, args, `event: ${kind}`);
    const acked = await new Promise((resolve) => {
      socket.emit("message-with-ack", ...args, (...answers) => resolve(answers));
    });
    assert.deepEqual(acked, args, `ack: ${kind}`);
  }
}
