// The official client of Socket.IO 2.x, which speaks Engine.IO 3.
//
// in:  a subject, and client options; its `namespace` may have a query
// out: connected sockets, errors of refused ones
// odd: it has no `emitWithAck`; `ask` is that.
import io from "socket.io-client-2";
import { clientsOf } from "./clients.mjs";
import { within } from "./wait.mjs";

export const {
  client: clientV2,
  connected: connectedV2,
  refused: refusedV2,
  closeAll: closeAllV2,
} = clientsOf(io, "error");

/** The acknowledgement's arguments. */
export function askAll(socket, event, ...args) {
  return within(new Promise((resolve) => socket.emit(event, ...args, (...answer) => resolve(answer))), event);
}

/** The acknowledgement's first argument. */
export const ask = async (socket, ...call) => (await askAll(socket, ...call))[0];
