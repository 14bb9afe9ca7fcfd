// The parsers that a client and the fixture can share, by the name that `--parser` knows.
//
// in:  nothing
// out: objects for the option `parser` of client and server
// odd: `plain-json` is the example of the official documentation: each packet is one text, JSON as it is.
import { EventEmitter } from "node:events";
import msgpack from "socket.io-msgpack-parser";

class Encoder {
  encode(packet) {
    return [JSON.stringify(packet)];
  }
}

class Decoder extends EventEmitter {
  add(chunk) {
    const packet = JSON.parse(chunk);
    const { type, nsp, id } = packet;
    const valid = type >= 0 && type <= 4 && typeof nsp === "string" && (id === undefined || Number.isInteger(id));
    if (!valid || (type >= 2 && type <= 3 && !Array.isArray(packet.data))) throw new Error("invalid format");
    this.emit("decoded", packet);
  }

  destroy() {}
}

export const PARSERS = { msgpack, "plain-json": { Encoder, Decoder } };
