// WebTransport for Node: the package @moq/web-transport, and what it lacks of the browser's.
//
// in:  nothing; NAPI_RS_NATIVE_LIBRARY_PATH may name its native part, which `cargo xtask` builds where the package's does not load
// out: `WebTransport` as the official client expects it, `Server`, or the reason why there is neither
// odd: a browser only notes a rejection that nobody waits for, Node ends the process. The official client leaves two of them to
//      nobody: that of `ready`, and that of a write after the end. Both say what `closed` says, so here they never come.
import { createRequire, register } from "node:module";
import { fileURLToPath } from "node:url";

// The package is written for Node 22.
Promise.withResolvers ??= function withResolvers() {
  let settle;
  const promise = new this((resolve, reject) => (settle = { resolve, reject }));
  return { promise, ...settle };
};

async function load() {
  const require = createRequire(import.meta.url);
  try {
    // An `import` of what does not load rejects twice, the second time with nobody to hear it.
    require(fileURLToPath(new URL("../napi.cjs", import.meta.resolve("@moq/web-transport"))));
  } catch (error) {
    // Whoever names a native part wants it used.
    if (process.env.NAPI_RS_NATIVE_LIBRARY_PATH) throw error;
    return { missing: `NO WEBTRANSPORT FOR NODE HERE, it is not tested: ${error.cause?.message ?? error.message}` };
  }
  register("./typescript.mjs", import.meta.url);
  return import("@moq/web-transport");
}

export const { default: Session, Server, missing = false } = await load();

/** A session whose end comes after all that was written before it, and after all that arrived before it, as in a browser. */
export class OrderlySession {
  #session;
  #written = Promise.resolve();
  #read = Promise.resolve();

  constructor(session) {
    this.#session = session;
    const { ready, closed } = session;
    this.ready = new Promise((resolve) => ready.then(resolve, () => {}));
    // The package fulfils it whatever happened, so that a session that never was would be one that ended well.
    this.closed = ready.then(() => closed).then(async (info) => {
      await this.#read;
      return info;
    });
  }

  async createBidirectionalStream() {
    return this.#orderly(await this.#session.createBidirectionalStream());
  }

  get incomingBidirectionalStreams() {
    const transform = (stream, controller) => controller.enqueue(this.#orderly(stream));
    return this.#session.incomingBidirectionalStreams.pipeThrough(new TransformStream({ transform }));
  }

  close(info) {
    // A browser's stream has taken what was written by then; here that is on its way through another thread.
    this.#written.then(() => this.#session.close(info));
  }

  #orderly({ readable, writable }) {
    const writer = writable.getWriter();
    const waiting = [];
    let writing = null;
    // Each write is a trip to another thread; what comes meanwhile goes together.
    const writeAll = async () => {
      while (waiting.length > 0) await writer.write(Buffer.concat(waiting.splice(0))).catch(() => {});
      writing = null;
    };
    const write = (chunk) => {
      waiting.push(chunk);
      this.#written = writing ??= writeAll();
    };
    const { readable: out, writable: through } = new TransformStream();
    this.#read = readable.pipeTo(through).catch(() => {});
    return { readable: out, writable: new WritableStream({ write }) };
  }
}

/** The browser's class of that name. */
export class WebTransport extends OrderlySession {
  constructor(url, options) {
    super(new Session(url, options));
  }
}

/** What a client is given to know the server by: `hash` is base64, as the fixtures print it. Runs in a page as well. */
export function trust(hash) {
  const value = Uint8Array.from(atob(hash), (character) => character.charCodeAt(0));
  return { serverCertificateHashes: [{ algorithm: "sha-256", value }] };
}
