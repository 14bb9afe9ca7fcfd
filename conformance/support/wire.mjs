// The protocol by hand: HTTP requests, polling sessions and WebSockets without any Socket.IO code in between.
//
// in:  a subject (see subject.mjs) and bytes
// out: bytes, status codes, headers, close codes
// odd: `Wire` answers engine pings by itself unless told not to, so that a slow machine does not end a session
//      in the middle of a test about something else.
import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { WebSocket } from "ws";
import { DEADLINE, within } from "./wait.mjs";

export const SEPARATOR = "\x1e";

/** The request target for `query`; a null value leaves a key out. */
export function target(subject, query = {}) {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== null) search.append(key, value);
  return `${subject.path}?${search}`;
}

/** One HTTP request on a connection of its own. */
export function request(subject, { method = "GET", query, path, headers = {}, body, signal, timeout = DEADLINE } = {}) {
  const answer = new Promise((resolve, reject) => {
    const out = http.request({
      host: "127.0.0.1",
      port: subject.port,
      method,
      path: path ?? target(subject, query),
      headers,
      agent: false,
      signal,
    });
    out.once("error", reject);
    out.once("response", async (incoming) => {
      try {
        const chunks = [];
        for await (const chunk of incoming) chunks.push(chunk);
        const bytes = Buffer.concat(chunks);
        resolve({ status: incoming.statusCode, headers: incoming.headers, bytes, text: bytes.toString() });
      } catch (error) {
        reject(error);
      }
    });
    // A list of chunks leaves the length unknown: chunked transfer encoding.
    if (Array.isArray(body)) for (const chunk of body) out.write(chunk);
    else if (body !== undefined) out.setHeader("content-length", Buffer.byteLength(body));
    out.end(Array.isArray(body) ? undefined : body);
  });
  return within(answer, `${method} ${path ?? JSON.stringify(query)}`, timeout);
}

/** A polling session driven by hand. */
export class Polling {
  constructor(subject, handshake, extra) {
    this.subject = subject;
    this.handshake = handshake;
    this.sid = handshake.sid;
    this.extra = extra;
    this.waiting = [];
  }

  static async open(subject, { query = {}, headers } = {}) {
    const answer = await request(subject, { query: { EIO: "4", transport: "polling", ...query }, headers });
    if (answer.status !== 200 || answer.text[0] !== "0") throw new Error(`handshake: ${answer.status} ${answer.text}`);
    const session = new Polling(subject, JSON.parse(answer.text.split(SEPARATOR)[0].slice(1)), query);
    session.opening = answer;
    return session;
  }

  /** A session that has joined `/`. */
  static async joined(subject, options) {
    const session = await Polling.open(subject, options);
    session.id = await session.connect();
    return session;
  }

  get query() {
    return { EIO: "4", transport: "polling", ...this.extra, sid: this.sid };
  }

  get(options = {}) {
    return request(this.subject, { query: this.query, ...options });
  }

  post(body, options = {}) {
    const headers = { "content-type": "text/plain;charset=UTF-8", ...options.headers };
    return request(this.subject, { method: "POST", query: this.query, body, ...options, headers });
  }

  /** The next packet, polling when none is left over. */
  async packet() {
    while (this.waiting.length === 0) {
      const answer = await this.get();
      if (answer.status !== 200) throw new Error(`poll: ${answer.status} ${answer.text}`);
      this.waiting.push(...answer.text.split(SEPARATOR));
    }
    return this.waiting.shift();
  }

  /** Joins a namespace and returns the id of the socket. */
  async connect(namespace = "/", auth) {
    await this.post(connectPacket(namespace, auth));
    return sidOf(await this.packet(), namespace);
  }
}

/** A WebSocket driven by hand. */
export class Wire {
  #waiting = [];
  #readers = [];
  #end = null;

  constructor(ws, answerPings) {
    this.ws = ws;
    this.closed = new Promise((resolve) => {
      ws.once("close", (code, reason) => {
        this.#end = { code, reason: reason.toString() };
        for (const { reject } of this.#readers.splice(0)) reject(this.#gone());
        resolve(this.#end);
      });
    });
    ws.on("error", () => {});
    ws.on("message", (data, isBinary) => {
      const message = isBinary ? data : data.toString();
      if (answerPings && message === "2") return ws.send("3");
      const reader = this.#readers.shift();
      if (reader) reader.resolve(message);
      else this.#waiting.push(message);
    });
  }

  /** Opens a WebSocket; rejects with `{status, text}` on the error when the server refuses the upgrade. */
  static async open(subject, { query = {}, headers, protocols = [], answerPings = true } = {}) {
    const all = { EIO: "4", transport: "websocket", ...query };
    const url = `ws://127.0.0.1:${subject.port}${target(subject, all)}`;
    const ws = new WebSocket(url, protocols, { headers, perMessageDeflate: false });
    const wire = new Wire(ws, answerPings);
    const opened = new Promise((resolve, reject) => {
      ws.once("upgrade", (response) => (wire.response = response));
      ws.once("open", () => resolve(wire));
      ws.once("error", reject);
      ws.once("unexpected-response", async (out, incoming) => {
        const chunks = [];
        for await (const chunk of incoming) chunks.push(chunk);
        const refusal = new Error(`upgrade refused with ${incoming.statusCode}`);
        reject(Object.assign(refusal, { status: incoming.statusCode, text: Buffer.concat(chunks).toString() }));
        out.destroy();
      });
    });
    return within(opened, "websocket open");
  }

  /** Opens an engine session over WebSocket and reads its open packet. */
  static async session(subject, options) {
    const wire = await Wire.open(subject, options);
    const opening = await wire.next();
    wire.handshake = JSON.parse(opening.slice(1));
    wire.sid = wire.handshake.sid;
    return wire;
  }

  /** A session that has joined `/`. */
  static async joined(subject, options) {
    const wire = await Wire.session(subject, options);
    wire.id = await wire.connect();
    return wire;
  }

  send(...messages) {
    for (const message of messages) this.ws.send(message);
  }

  next(ms = DEADLINE) {
    if (this.#waiting.length > 0) return Promise.resolve(this.#waiting.shift());
    if (this.#end) return Promise.reject(this.#gone());
    const reading = new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
    return within(reading, "websocket message", ms);
  }

  /** Joins a namespace and returns the id of the socket. */
  async connect(namespace = "/", auth) {
    this.send(connectPacket(namespace, auth));
    return sidOf(await this.next(), namespace);
  }

  /** Shows that the fixture serves this session as before, and ends it. */
  async livesOn() {
    this.send('42999["message-with-ack","alive"]');
    assert.equal(await this.next(), '43999["alive"]');
    this.close();
  }

  /** Waits for the server to end this WebSocket. */
  end(ms = DEADLINE) {
    return within(this.closed, "websocket closing", ms);
  }

  close() {
    this.ws.terminate();
  }

  #gone() {
    return new Error(`websocket closed with ${this.#end.code}`);
  }
}

/** Writes bytes on a bare TCP connection; resolves with everything that came back when the server has ended it. */
export function exchange(subject, bytes, { ms = DEADLINE } = {}) {
  const socket = net.connect(subject.port, "127.0.0.1");
  socket.write(bytes);
  return within(allOf(socket), "end of the TCP connection", ms).finally(() => socket.destroy());
}

/** A bare TCP connection to the subject. */
export async function tcp(subject) {
  const socket = net.connect(subject.port, "127.0.0.1");
  socket.setNoDelay(true);
  await within(new Promise((resolve) => socket.once("connect", resolve)), "TCP connection");
  return socket;
}

/** Everything a TCP peer writes until it ends. */
export function allOf(socket) {
  return new Promise((resolve) => {
    const chunks = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.once("error", () => resolve(Buffer.concat(chunks).toString("latin1")));
    socket.once("close", () => resolve(Buffer.concat(chunks).toString("latin1")));
  });
}

/** The bytes of a WebSocket upgrade request. */
export function upgradeRequest(subject, query, headers = {}) {
  const fields = {
    Host: `127.0.0.1:${subject.port}`,
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AQIDBAUGBwgJCgsMDQ4PEA==",
    ...headers,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  return `GET ${target(subject, query)} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

function connectPacket(namespace, auth) {
  const prefix = namespace === "/" ? "" : `${namespace},`;
  return `40${prefix}${auth === undefined ? "" : JSON.stringify(auth)}`;
}

function sidOf(packet, namespace) {
  const prefix = namespace === "/" ? "40" : `40${namespace},`;
  if (!packet.startsWith(`${prefix}{`)) throw new Error(`expected a CONNECT reply, got ${packet}`);
  return JSON.parse(packet.slice(prefix.length)).sid;
}
