// permessage-deflate: what is agreed on, which frames are compressed, and what compressed input is refused.
//
// in:  the fixture with its compression options, raw TCP, `ws` and the official client
// out: the extension's answer, frames as they are on the wire, inflated by Node's zlib
// odd: a server of ours keeps no window unless told to, one of the reference does; so each test that depends on it says which
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { WebSocket } from "ws";
import { closeAll, connected } from "../support/client.mjs";
import { isReference, rustOnly, start } from "../support/subject.mjs";
import { next, within } from "../support/wait.mjs";
import { allOf, target, tcp, upgradeRequest, Wire } from "../support/wire.mjs";

const NO_WINDOWS = { threshold: 1024, serverNoContextTakeover: true, clientNoContextTakeover: true };
// To the reference `false` means that clients must not want it otherwise.
const KEPT = isReference ? {} : { serverNoContextTakeover: false, clientNoContextTakeover: false };
const WINDOWS = { threshold: 1024, ...KEPT };
const LIMIT = 200_000;
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const TEXT = 1;
const BINARY = 2;

after(closeAll);

/** Tests against a fixture with these options of compression; `null`: without the option. */
function withDeflate(name, options, tests, more = {}) {
  describe(name, more, () => {
    const subject = {};
    let started;
    before(async () => {
      const deflate = options === null ? [] : ["--per-message-deflate", JSON.stringify(options)];
      started = await start("fixture", "--max-payload", LIMIT, ...deflate);
      Object.defineProperties(subject, Object.getOwnPropertyDescriptors(started));
    });
    after(() => started.stop());
    tests(subject);
  });
}

/** A WebSocket whose frames are seen as they are. */
class Frames {
  #bytes = Buffer.alloc(0);
  #wake = () => {};

  static async open(subject, offer = "permessage-deflate") {
    const socket = await tcp(subject);
    const frames = new Frames();
    frames.socket = socket;
    socket.on("data", (chunk) => {
      frames.#bytes = Buffer.concat([frames.#bytes, chunk]);
      frames.#wake();
    });
    const headers = offer === null ? {} : { "Sec-WebSocket-Extensions": offer };
    socket.write(upgradeRequest(subject, { EIO: "4", transport: "websocket" }, headers));
    const end = await frames.#until((bytes) => bytes.indexOf("\r\n\r\n") + 1);
    frames.head = frames.#take(end + 3).toString();
    return frames;
  }

  /** One that has joined `/`. */
  static async joined(subject, offer) {
    const frames = await Frames.open(subject, offer);
    await frames.next();
    frames.send(TEXT, "40");
    await frames.next();
    return frames;
  }

  get status() {
    return Number(this.head.split(" ")[1]);
  }

  /** The parameters that the server has agreed on, sorted; null if it has not. */
  get agreed() {
    const field = /^sec-websocket-extensions: *permessage-deflate *(.*)$/im.exec(this.head);
    if (!field) return null;
    return field[1].split(/ *; */).slice(1).map((text) => text.trim()).sort();
  }

  send(opcode, payload, { compressed = false, fin = true } = {}) {
    const body = Buffer.from(payload);
    const head = [(fin ? 0x80 : 0) | (compressed ? 0x40 : 0) | opcode];
    if (body.length < 126) head.push(0x80 | body.length);
    else if (body.length < 65_536) head.push(0x80 | 126, body.length >> 8, body.length & 255);
    else head.push(0x80 | 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (body.length >> shift) & 255));
    // A key of zeros masks nothing.
    this.socket.write(Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), body]));
  }

  /** Sends a message compressed by itself, in so many frames. */
  sendCompressed(opcode, message, count = 1) {
    const payload = deflated(message);
    const size = Math.ceil(payload.length / count);
    for (let at = 0; at < payload.length; at += size) {
      const fin = at + size >= payload.length;
      this.send(at === 0 ? opcode : 0, payload.subarray(at, at + size), { compressed: at === 0, fin });
      if (!fin) this.send(9, "between");
    }
  }

  /** The next frame; engine pings do not occur, tests are faster than the first. */
  async next() {
    await this.#until((bytes) => bytes.length >= 2);
    const size = 2 + ({ 126: 2, 127: 8 }[this.#bytes[1]] ?? 0);
    await this.#until((bytes) => bytes.length >= size);
    const extended = this.#bytes.subarray(2, size);
    const short = this.#bytes[1];
    const length = short < 126 ? short : short === 126 ? extended.readUInt16BE() : Number(extended.readBigUInt64BE());
    await this.#until((bytes) => bytes.length >= size + length);
    const [first] = this.#take(size);
    const payload = this.#take(length);
    const compressed = (first & 0x40) !== 0;
    return { opcode: first & 15, fin: first >= 0x80, compressed, payload, text: compressed ? null : payload.toString() };
  }

  /** The next frame that is not a pong. */
  async data() {
    for (;;) {
      const frame = await this.next();
      if (frame.opcode !== 10) return frame;
    }
  }

  close() {
    this.socket.destroy();
  }

  async #until(holds) {
    const waiting = (async () => {
      for (;;) {
        const value = holds(this.#bytes);
        if (value) return value;
        await new Promise((resolve) => (this.#wake = resolve));
      }
    })();
    return within(waiting, "bytes");
  }

  #take(length) {
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }
}

function deflated(message) {
  const flushed = deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH });
  return flushed.subarray(0, flushed.length - TAIL.length);
}

function inflated({ compressed, payload }) {
  assert.ok(compressed);
  return inflateRawSync(Buffer.concat([payload, TAIL]), { finishFlush: constants.Z_SYNC_FLUSH });
}

/** What an ack with the argument is on the wire. */
const echoed = (text) => `431["${text}"]`;
const echo = (text) => `421["message-with-ack","${text}"]`;

describe("the agreement", () => {
  const offered = async (subject, offer) => {
    const frames = await Frames.open(subject, offer);
    frames.close();
    return frames.agreed ?? frames.status;
  };

  withDeflate("without the option", null, (subject) => {
    test("there is no extension, whatever is offered", async () => {
      const frames = await Frames.open(subject);
      assert.deepEqual([frames.status, frames.agreed], [101, null]);
      frames.close();
    });
  });

  const both = ["client_no_context_takeover", "server_no_context_takeover"];
  withDeflate("without windows", NO_WINDOWS, (subject) => {
    for (const [offer, agreed] of [
      ["permessage-deflate", both],
      ["permessage-deflate; client_max_window_bits", both],
      ["permessage-deflate; client_max_window_bits=10", ["client_max_window_bits=10", ...both]],
      ["permessage-deflate; server_max_window_bits=10", [...both, "server_max_window_bits=10"].sort()],
      ["permessage-deflate; server_no_context_takeover; client_no_context_takeover", both],
      ['x-other; a="1", permessage-deflate', both],
    ]) {
      test(`${offer} gives ${agreed.join(", ")}`, async () => assert.deepEqual(await offered(subject, offer), agreed));
    }

    test("no offer gives none", async () => {
      const frames = await Frames.joined(subject, null);
      frames.send(TEXT, echo("x".repeat(5000)));
      assert.equal((await frames.next()).text, echoed("x".repeat(5000)));
      frames.close();
    });

    for (const offer of ["permessage-deflate; =", "permessage-deflate; server_max_window_bits=\"10", ";"]) {
      test(`${offer} is refused, as it is no list of extensions`, async () => {
        assert.equal(await offered(subject, offer), 400);
      });
    }
  });

  withDeflate("with windows", WINDOWS, (subject) => {
    for (const [offer, agreed] of [
      ["permessage-deflate", []],
      ["permessage-deflate; client_max_window_bits", []],
      ["permessage-deflate; client_no_context_takeover", ["client_no_context_takeover"]],
      ["permessage-deflate; client_max_window_bits=9", ["client_max_window_bits=9"]],
      ["permessage-deflate; server_max_window_bits=15", ["server_max_window_bits=15"]],
    ]) {
      test(`${offer} gives ${agreed.join(", ") || "nothing more"}`, async () => {
        assert.deepEqual(await offered(subject, offer), agreed);
      });
    }
  });

  const small = { ...WINDOWS, serverMaxWindowBits: 10, clientMaxWindowBits: 11 };
  withDeflate("with small windows", small, (subject) => {
    test("a client that can bound its window is told both", async () => {
      const agreed = ["client_max_window_bits=11", "server_max_window_bits=10"];
      assert.deepEqual(await offered(subject, "permessage-deflate; client_max_window_bits"), agreed);
    });
  });

  withDeflate(
    "declined offers",
    WINDOWS,
    (subject) => {
      for (const offer of [
        "permessage-deflate; unknown",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; server_max_window_bits=8",
      ]) {
        test(`${offer} opens a WebSocket without compression`, async () => {
          const frames = await Frames.open(subject, offer);
          assert.deepEqual([frames.status, frames.agreed], [101, null]);
          frames.close();
        });
      }

      test("the next offer counts", async () => {
        const offer = "permessage-deflate; unknown, permessage-deflate; server_no_context_takeover";
        assert.deepEqual(await offered(subject, offer), ["server_no_context_takeover"]);
      });
    },
    { skip: rustOnly("it refuses the connection with 400") },
  );
});

withDeflate("messages without windows", NO_WINDOWS, (subject) => {
  test("the threshold is the first size that is compressed", async () => {
    const frames = await Frames.joined(subject);
    for (const [length, compressed] of [
      [1023, false],
      [1024, true],
      [70_000, true],
    ]) {
      const text = "x".repeat(length - echoed("").length);
      frames.send(TEXT, echo(text));
      const frame = await frames.next();
      assert.deepEqual([frame.opcode, frame.fin, frame.compressed], [TEXT, true, compressed]);
      assert.equal(compressed ? inflated(frame).toString() : frame.text, echoed(text));
    }
    frames.close();
  });

  test("an emit that declines is not compressed", { skip: rustOnly("it compresses all the same") }, async () => {
    const frames = await Frames.joined(subject);
    for (const compress of [false, true]) {
      frames.send(TEXT, `42["big",5000,${compress}]`);
      const frame = await frames.next();
      assert.equal(frame.compressed, compress);
      assert.match(compress ? inflated(frame).toString() : frame.text, /^42\["big","x{5000}"\]$/);
    }
    frames.close();
  });

  test("each attachment counts by itself", async () => {
    const frames = await Frames.joined(subject);
    const large = Buffer.alloc(3000, "large");
    frames.send(TEXT, '452-1["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    frames.send(BINARY, "small");
    frames.send(BINARY, large);
    assert.match((await frames.next()).text, /^462-1\[/);
    const small = await frames.next();
    assert.deepEqual([small.opcode, small.text], [BINARY, "small"]);
    const last = await frames.next();
    assert.equal(last.opcode, BINARY);
    assert.deepEqual(inflated(last), large);
    frames.close();
  });

  test("every message is compressed by itself", async () => {
    const frames = await Frames.joined(subject);
    const text = randomBytes(1000).toString("hex");
    const payloads = [];
    for (let n = 0; n < 3; n++) {
      frames.send(TEXT, echo(text));
      const frame = await frames.next();
      assert.equal(inflated(frame).toString(), echoed(text));
      payloads.push(frame.payload);
    }
    assert.deepEqual(payloads[1], payloads[0]);
    assert.deepEqual(payloads[2], payloads[0]);
    frames.close();
  });

  test("compressed messages are read, whole and in fragments with pings between", async () => {
    const frames = await Frames.joined(subject);
    for (const count of [1, 2, 7]) {
      const text = randomBytes(200).toString("hex");
      frames.sendCompressed(TEXT, echo(text), count);
      assert.equal((await frames.data()).text, echoed(text));
    }
    // An uncompressed one between them.
    frames.send(TEXT, echo("plain"));
    assert.equal((await frames.data()).text, echoed("plain"));
    frames.send(TEXT, '451-1["message-with-ack",{"_placeholder":true,"num":0}]');
    frames.sendCompressed(BINARY, "binary binary binary", 3);
    assert.match((await frames.data()).text, /^461-1/);
    assert.equal((await frames.data()).text, "binary binary binary");
    frames.close();
  });

  /** The close code for these frames. */
  const codeFor = async (send) => {
    const frames = await Frames.joined(subject);
    send(frames);
    const { opcode, payload } = await frames.data();
    assert.equal(opcode, 8);
    await within(allOf(frames.socket), "end of the connection");
    return payload.readUInt16BE();
  };

  test("a bomb ends with 1009", async () => {
    const bomb = Buffer.alloc(20_000_000, "x");
    assert.equal(await codeFor((frames) => frames.sendCompressed(TEXT, bomb)), 1009);
    assert.equal(await codeFor((frames) => frames.sendCompressed(BINARY, Buffer.alloc(LIMIT + 1), 3)), 1009);
  });

  test("many bombs of the largest size allowed are read one after the other", async () => {
    const frames = await Frames.joined(subject);
    const text = "x".repeat(LIMIT - echo("").length);
    for (let n = 0; n < 20; n++) frames.sendCompressed(TEXT, echo(text));
    for (let n = 0; n < 20; n++) assert.equal(inflated(await frames.next()).toString(), echoed(text));
    frames.close();
  });

  test("what is no compressed data ends with 1007", async () => {
    assert.equal(await codeFor((frames) => frames.send(TEXT, Buffer.alloc(50, 0xff), { compressed: true })), 1007);
  });

  test("text that is no UTF-8 behind its compression ends with 1007", async () => {
    assert.equal(await codeFor((frames) => frames.sendCompressed(TEXT, Buffer.from([0x34, 0xff, 0xfe]))), 1007);
  });

  test("a compressed control frame and a compressed continuation end with 1002", async () => {
    assert.equal(await codeFor((frames) => frames.send(9, deflated("ping"), { compressed: true })), 1002);
    const twice = (frames) => {
      frames.send(TEXT, "4", { fin: false });
      frames.send(0, deflated("2"), { compressed: true });
    };
    assert.equal(await codeFor(twice), 1002);
  });

  test("without an offer a compressed message ends with 1002", async () => {
    const frames = await Frames.joined(subject, null);
    frames.sendCompressed(TEXT, echo("x"));
    const { opcode, payload } = await frames.next();
    assert.deepEqual([opcode, payload.readUInt16BE()], [8, 1002]);
    frames.close();
  });
});

withDeflate("messages with windows", WINDOWS, (subject) => {
  test("the second message refers to the first", async () => {
    const frames = await Frames.joined(subject);
    const text = randomBytes(1000).toString("hex");
    frames.send(TEXT, echo(text));
    const first = await frames.next();
    frames.send(TEXT, echo(text));
    const second = await frames.next();
    assert.ok(second.payload.length * 10 < first.payload.length, `${first.payload.length}, ${second.payload.length}`);
    const both = Buffer.concat([first.payload, TAIL, second.payload, TAIL]);
    const plain = inflateRawSync(both, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
    assert.equal(plain, echoed(text) + echoed(text));
    frames.close();
  });

  test("a client that wants none gets none", async () => {
    const frames = await Frames.joined(subject, "permessage-deflate; server_no_context_takeover");
    const text = randomBytes(1000).toString("hex");
    for (let n = 0; n < 2; n++) {
      frames.send(TEXT, echo(text));
      assert.equal(inflated(await frames.next()).toString(), echoed(text));
    }
    frames.close();
  });
});

// What people run: `ws` and the official client, which compresses from 1024 bytes on.
for (const [name, options] of Object.entries({
  "without windows": { ...NO_WINDOWS, threshold: 100 },
  "with windows": { ...WINDOWS, threshold: 100 },
  "with small windows": { ...WINDOWS, threshold: 100, serverMaxWindowBits: 9, clientMaxWindowBits: 10 },
})) {
  withDeflate(`clients, ${name}`, options, (subject) => {
    const values = [0, 1, 99, 100, 1023, 1024, 5000, 66_000].flatMap((length) => [
      "ä".repeat(length / 2),
      randomBytes(length / 2).toString("hex"),
      Buffer.alloc(length, "b"),
      randomBytes(length),
    ]);

    for (const transports of [["websocket"], ["polling", "websocket"]]) {
      test(`the official client over ${transports.join(", then ")}`, async () => {
        const socket = await connected(subject, "/", { transports });
        if (transports.length > 1) await upgraded(socket);
        for (const value of values) {
          assert.deepEqual(await socket.emitWithAck("message-with-ack", value), value);
        }
        const all = await Promise.all(values.map((value) => socket.emitWithAck("message-with-ack", [value])));
        assert.deepEqual(all, values.map((value) => [value]));
        assert.match(socket.io.engine.transport.ws.extensions, /^permessage-deflate/);
        socket.disconnect();
      });
    }

    for (const client of [
      {},
      { serverNoContextTakeover: true, clientNoContextTakeover: true },
      { serverMaxWindowBits: 10, clientMaxWindowBits: 10 },
    ]) {
      test(`ws with ${JSON.stringify(client)}`, async () => {
        const url = `ws://127.0.0.1:${subject.port}${target(subject, { EIO: "4", transport: "websocket" })}`;
        const ws = new WebSocket(url, { perMessageDeflate: { threshold: 0, ...client } });
        const wire = new Wire(ws, true);
        await next(ws, "open");
        assert.match(ws.extensions, /^permessage-deflate/);
        assert.match(await wire.next(), /^0/);
        await wire.connect();
        for (const length of [10, 500, 2000, 66_000]) {
          for (const text of ["ab".repeat(length / 2), randomBytes(length / 2).toString("hex")]) {
            wire.send(echo(text));
            assert.equal(await wire.next(), echoed(text));
          }
        }
        wire.close();
      });
    }

    test("a broadcast reaches everybody, in order, also those without compression", async () => {
      const sockets = await Promise.all(
        [undefined, undefined, false].map((perMessageDeflate) =>
          connected(subject, "/", { transports: ["websocket"], perMessageDeflate }),
        ),
      );
      const texts = Array.from({ length: 20 }, (_, n) => `${n} ${"x".repeat(n * 300)}`);
      const heard = sockets.map((socket) => {
        const list = [];
        socket.on("cast", (text) => list.push(text));
        return list;
      });
      for (const text of texts) sockets[0].emit("cast", { from: "namespace" }, "cast", text);
      for (const socket of sockets) await sockets[0].emitWithAck("message-with-ack");
      for (const socket of sockets) await socket.emitWithAck("message-with-ack");
      for (const list of heard) assert.deepEqual(list, texts);
      for (const socket of sockets) socket.disconnect();
    });
  });
}

async function upgraded(socket) {
  if (socket.io.engine.transport.name !== "websocket") await next(socket.io.engine, "upgrade");
}
