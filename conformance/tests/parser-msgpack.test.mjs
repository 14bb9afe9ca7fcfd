// Other parsers than the default one: socket.io-msgpack-parser, and one of the user's own, with the official client.
//
// in:  the fixture with `--parser`, socket.io-client with the same parser, raw messages
// out: one test per feature and parser, over polling, WebSocket and the upgrade in turn
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import msgpack from "socket.io-msgpack-parser";
import { assertComesBack, client, closeAll, connected, reasonOf, refused, settled } from "../support/client.mjs";
import { PARSERS } from "../support/parsers.mjs";
import { isReference, start } from "../support/subject.mjs";
import { next } from "../support/wait.mjs";
import { Wire } from "../support/wire.mjs";

afterEach(closeAll);

const TRANSPORTS = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };

const ARGUMENTS = {
  "no argument": [],
  numbers: [0, -1, 127, 128, -33, 65536, 2 ** 32, -(2 ** 31) - 1, 1.5, Number.MAX_SAFE_INTEGER],
  texts: ["", "plain", "zażółć 漢字 💥", "\u0000\u001e\u2028", "x".repeat(300), "y".repeat(70_000)],
  "booleans and null": [true, false, null],
  lists: [[], [1, [2, [3]]], Array.from({ length: 20 }, (_, i) => [i]), Array.from({ length: 70_000 }, () => 1)],
  objects: [{}, { a: { b: { c: 1 } } }, Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, { i }]))],
  "a placeholder's look-alike": [{ _placeholder: true, num: 0 }],
};

const BINARIES = [Buffer.from([1]), { a: Buffer.from([]), list: [Buffer.alloc(300, 7), "x", { deep: Buffer.alloc(70_000, 8) }] }];

for (const [name, parser] of Object.entries(PARSERS)) {
  for (const [mode, transports] of Object.entries(TRANSPORTS)) {
    describe(`${name}, ${mode}`, () => {
      let subject;
      const open = (namespace, options) => connected(subject, namespace, { parser, transports, ...options });
      before(async () => (subject = await start("fixture", "--parser", name)));
      after(() => subject.stop());

      test("arguments go both ways in events and acknowledgements", async () => {
        const socket = await open();
        await assertComesBack(socket, ARGUMENTS);
      });

      test("the server asks, one and many, and the clients answer", async () => {
        const [socket, other] = [await open(), await open()];
        for (const one of [socket, other]) one.on("question", (value, answer) => answer({ got: value }));
        const asked = { event: "question", value: [1] };
        assert.deepEqual(await socket.emitWithAck("ask", asked), { ok: true, value: { got: [1] } });
        const target = { from: "namespace" };
        const { value } = await socket.emitWithAck("ask-many", target, { ...asked, timeout: 4000 });
        assert.deepEqual(value, [{ got: [1] }, { got: [1] }]);
      });

      test("auth gets through, refusals carry their data", async () => {
        const socket = await open("/", { auth: { token: "t", n: [1.5] } });
        assert.deepEqual((await socket.emitWithAck("whoami")).auth, { token: "t", n: [1.5] });
        assert.deepEqual((await (await open()).emitWithAck("whoami")).auth, {});
        const error = await refused(subject, "/auth", { parser, transports, auth: { token: "x" } });
        assert.deepEqual([error.message, error.data], ["no entry", { retry: false }]);
        assert.equal((await refused(subject, "/nowhere", { parser, transports })).message, "Invalid namespace");
      });

      test("namespaces share a connection, also those made on demand", async () => {
        const main = await open();
        const dyn = client(subject, "/dyn-7", { parser, transports, forceNew: false });
        dyn.connect();
        await next(dyn, "connect");
        assert.equal((await dyn.emitWithAck("whoami")).namespace, "/dyn-7");
        const fn = await open("/fn-x", { auth: { allow: true } });
        assert.equal((await fn.emitWithAck("whoami")).namespace, "/fn-x");
        dyn.disconnect();
        await settled(main);
      });

      test("broadcasts reach rooms, volatile or not, and listeners hear both directions", async () => {
        const [one, two] = [await open(), await open()];
        await two.emitWithAck("join", ["red"]);
        await two.emitWithAck("watch", true);
        const heard = next(two, "news");
        await one.emitWithAck("cast", { rooms: ["red"] }, "news", { n: 1 });
        assert.deepEqual(await heard, [{ n: 1 }]);
        const { incoming, outgoing } = await two.emitWithAck("seen");
        assert.deepEqual([incoming.at(-1), outgoing.includes("news")], ["seen", true]);
        assert.deepEqual(await two.emitWithAck("rewrite", "x"), "changed");
      });

      test("leaving is told both ways", async () => {
        const [socket, observer] = [await open(), await open()];
        const { id } = socket;
        const gone = next(socket, "disconnect");
        socket.emit("disconnect-me", false);
        assert.deepEqual((await gone)[0], "io server disconnect");
        assert.equal(await reasonOf(observer, id), "server namespace disconnect");
        const other = await open();
        const otherId = other.id;
        other.disconnect();
        assert.equal(await reasonOf(observer, otherId), "client namespace disconnect");
      });

      test("what is emitted before the connection is there arrives in order", async () => {
        const socket = client(subject, "/", { parser, transports });
        for (let i = 0; i < 10; i++) socket.emit("count", i);
        socket.connect();
        assert.deepEqual(await socket.emitWithAck("counted"), { count: 10, ordered: true });
        for (let i = 10; i < 3000; i++) socket.emit("count", i);
        assert.deepEqual(await socket.emitWithAck("counted"), { count: 3000, ordered: true });
        const numbers = [];
        socket.on("number", (n) => numbers.push(n));
        await socket.emitWithAck("burst", 3000);
        assert.deepEqual(numbers, [...numbers.keys()]);
        assert.equal(numbers.length, 3000);
      });
    });
  }
}

for (const [mode, transports] of Object.entries(TRANSPORTS)) {
  describe(`msgpack, ${mode}`, () => {
    let subject;
    const open = (namespace, options) => connected(subject, namespace, { parser: msgpack, transports, ...options });
    before(async () => (subject = await start("fixture", "--parser", "msgpack")));
    after(() => subject.stop());

    test("binary values go both ways at any depth, more than ten of them", async () => {
      const socket = await open();
      const many = Array.from({ length: 50 }, (_, i) => Buffer.from([i]));
      for (const args of [BINARIES, many]) {
        const back = next(socket, "message-back");
        socket.emit("message", ...args);
        assert.deepEqual(await back, args);
        const acked = await new Promise((resolve) => socket.emit("message-with-ack", ...args, (...all) => resolve(all)));
        assert.deepEqual(acked, args);
      }
    });

    test("typed arrays and array buffers arrive as bytes", async () => {
      const socket = await open();
      const back = next(socket, "message-back");
      socket.emit("message", new Uint16Array([1, 2]), new Uint8Array([5]).buffer);
      const sent = (await back).map((value) => Buffer.from(value));
      assert.deepEqual(sent, [Buffer.from([1, 0, 2, 0]), Buffer.from([5])]);
    });

    test("a date arrives as a date or as its text, undefined in an object not at all", async () => {
      const socket = await open();
      const back = next(socket, "message-back");
      socket.emit("message", new Date(1709210096789), [undefined], { gone: undefined, kept: 1 });
      const [date, list, object] = await back;
      assert.equal(new Date(date).getTime(), 1709210096789);
      assert.equal(list[0] ?? null, null);
      assert.equal(object.kept, 1);
      assert.equal(object.gone, undefined);
    });

    test("not-a-number is what the reference's JSON makes of it, or itself", async () => {
      const socket = await open();
      const [value] = await new Promise((resolve) => socket.emit("message-with-ack", NaN, (...all) => resolve(all)));
      assert.equal(value, isReference ? NaN : null);
    });

    test("a binary broadcast reaches a room", async () => {
      const [one, two] = [await open(), await open()];
      await two.emitWithAck("join", ["bin"]);
      const heard = next(two, "relayed");
      await one.emitWithAck("cast-binary", "bin", Buffer.from([1, 2, 3]));
      assert.deepEqual(await heard, [Buffer.from([1, 2, 3])]);
    });
  });
}

describe("what is no packet", () => {
  let subject;
  before(async () => (subject = await start("fixture", "--parser", "msgpack")));
  after(() => subject.stop());

  const encode = (packet) => new msgpack.Encoder().encode(packet)[0];
  const TABLE = {
    "a text message": "42[\"a\"]",
    "no MessagePack": Buffer.from([0xc1]),
    nothing: Buffer.alloc(0),
    "a number": Buffer.from([7]),
    "trailing bytes": Buffer.concat([encode({ type: 2, nsp: "/", data: ["a"] }), Buffer.from([0])]),
    "half a packet": encode({ type: 2, nsp: "/", data: ["a", "text"] }).subarray(0, 20),
    "an unknown type": encode({ type: 5, nsp: "/", data: [] }),
    "a type that is text": encode({ type: "2", nsp: "/", data: ["a"] }),
    "no namespace": encode({ type: 2, data: ["a"] }),
    "an id that is text": encode({ type: 2, nsp: "/", id: "1", data: ["a"] }),
    "an event without a list": encode({ type: 2, nsp: "/", data: {} }),
    "an ack without a list": encode({ type: 3, nsp: "/", id: 1 }),
    "a connect with a list": encode({ type: 0, nsp: "/", data: [] }),
    "a disconnect with data": encode({ type: 1, nsp: "/", data: {} }),
    "a length that is a lie": Buffer.from("83a474797065 02a36e7370a12f a464617461 ddffffffff".replaceAll(" ", ""), "hex"),
  };
  for (const [what, message] of Object.entries(TABLE)) {
    // The reference takes memory for as many elements as a length says, before it looks.
    test(`${what} closes the connection, after the socket's error`, { skip: isReference && what.includes("lie") }, async () => {
      const observer = await connected(subject, "/", { parser: msgpack, transports: ["websocket"] });
      const wire = await Wire.session(subject);
      wire.send(encode({ type: 0, nsp: "/" }));
      const { data } = decode(await wire.next());
      wire.send(message);
      await wire.end();
      assert.match(await reasonOf(observer, data.sid), /^forced (server )?close$/);
      const log = await observer.emitWithAck("log", data.sid);
      assert.equal(log[0].event, "error");
    });
  }

  function decode(message) {
    let packet;
    const decoder = new msgpack.Decoder();
    decoder.on("decoded", (decoded) => (packet = decoded));
    decoder.add(message);
    return packet;
  }
});
