// The official socket.io-client, and questions to the fixture asked through it.
//
// in:  a subject, and client options
// out: connected sockets; what the fixture's log says
import { io } from "socket.io-client";
import { clientsOf } from "./clients.mjs";
import { eventually } from "./wait.mjs";

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
