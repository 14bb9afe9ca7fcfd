// Polling bodies of Engine.IO 3, by hand: the length of each packet in UTF-16 code units, or bytes.
//
// in:  packets (strings and Buffers), or a body
// out: a body, or its packets
// odd: written from the specification and not from a parser, so that it can show a mistake of either side
import { Polling, request } from "./wire.mjs";

/** A body of text; Buffers become base64. */
export const encode = (...packets) =>
  packets
    .map((packet) => (typeof packet === "string" ? packet : `b4${packet.toString("base64")}`))
    .map((packet) => `${packet.length}:${packet}`)
    .join("");

/** A body of bytes. */
export const encodeBinary = (...packets) =>
  Buffer.concat(
    packets.flatMap((packet) => {
      const text = typeof packet === "string";
      const data = text ? Buffer.from(packet) : Buffer.concat([Buffer.from([4]), packet]);
      return [Buffer.from([text ? 0 : 1, ...`${data.length}`.split("").map(Number), 255]), data];
    }),
  );

/** The packets of a body as it was answered. */
export const decode = ({ headers, bytes, text }) =>
  headers["content-type"] === "application/octet-stream" ? decodeBinary(bytes) : decodeText(text);

export function decodeText(text) {
  const packets = [];
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(":", at);
    const length = Number(text.slice(at, colon));
    const packet = text.slice(colon + 1, colon + 1 + length);
    if (colon < 0 || packet.length !== length) throw new Error(`no payload: ${text}`);
    packets.push(packet.startsWith("b4") ? Buffer.from(packet.slice(2), "base64") : packet);
    at = colon + 1 + length;
  }
  return packets;
}

function decodeBinary(bytes) {
  const packets = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(255, at);
    const length = Number([...bytes.subarray(at + 1, end)].join(""));
    const data = bytes.subarray(end + 1, end + 1 + length);
    if (end < 0 || data.length !== length) throw new Error(`no payload: ${bytes.toString("hex")}`);
    packets.push(bytes[at] === 0 ? data.toString() : data.subarray(1));
    at = end + 1 + length;
  }
  return packets;
}

/** A polling session of revision 3. */
export class PollingV3 extends Polling {
  static async open(subject, { query = {}, headers } = {}) {
    const extra = { EIO: "3", ...query };
    const answer = await request(subject, { query: { transport: "polling", ...extra }, headers });
    if (answer.status !== 200) throw new Error(`handshake: ${answer.status} ${answer.text}`);
    const [opening] = decode(answer);
    const session = new PollingV3(subject, JSON.parse(opening.slice(1)), extra);
    session.opening = answer;
    return session;
  }

  /** Posts packets as text. */
  send(...packets) {
    return this.post(encode(...packets));
  }

  /** The next packet, polling when none is left over. */
  async packet() {
    while (this.waiting.length === 0) {
      const answer = await this.get();
      if (answer.status !== 200) throw new Error(`poll: ${answer.status} ${answer.text}`);
      this.waiting.push(...decode(answer));
    }
    return this.waiting.shift();
  }
}
