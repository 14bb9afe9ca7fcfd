// Events, arguments and acknowledgements with the official client, on every transport.
//
// in:  the fixture, socket.io-client
// out: one test per feature and mode
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertComesBack, settled } from "../support/client.mjs";
import { inEachMode, listen } from "../support/modes.mjs";
import { isReference } from "../support/subject.mjs";
import { eventually, next } from "../support/wait.mjs";

const bytes = (...values) => Buffer.from(values);

const ARGUMENTS = {
  "no argument": [],
  numbers: [0, -1, 1.5, 1e21, Number.MAX_SAFE_INTEGER],
  texts: ["", "plain", "zażółć 漢字 💥", "\u0000\u001e\u2028", '"quoted\\"', "4:2", "b"],
  booleans: [true, false],
  null: [null, null],
  lists: [[], [1, [2, [3]]], ["a", null]],
  objects: [{}, { a: { b: { c: 1 } } }, { "": 1, "a b": 2, __x: 3 }],
  mixed: [1, "2", { 3: [true] }, null, [["x"]]],
  "many arguments": Array.from({ length: 200 }, (_, i) => i),
  "a long text": ["€".repeat(100_000)],
  "a placeholder's look-alike": [{ placeholder: true, num: 0 }],
  "one attachment": [bytes(1, 2, 3)],
  "an empty attachment": [bytes()],
  "nested attachments": [{ a: bytes(1), list: [bytes(2), { deep: bytes(3, 4) }] }, "text", bytes(5)],
  "ten attachments": Array.from({ length: 10 }, (_, i) => bytes(i)),
  "a large attachment": [Buffer.alloc(300_000, 7)],
};

inEachMode(({ open, prepare, stay, last, transports }) => {
  test("a client gets its id and its auth through, and joins the room of its id", async () => {
    const socket = await open("/", {
      auth: { token: "t", n: 1 },
      query: { shop: "a b" },
      extraHeaders: { "x-test": "h" },
    });
    const me = await socket.emitWithAck("whoami");
    assert.equal(me.id, socket.id);
    assert.notEqual(me.id, socket.io.engine.id);
    assert.deepEqual(me.auth, { token: "t", n: 1 });
    // What opens on WebTransport has neither.
    const [shop, header] = transports[0] === "webtransport" ? [undefined, null] : ["a b", "h"];
    assert.deepEqual([me.query.shop, me.header], [shop, header]);
    assert.deepEqual(me.rooms, [socket.id]);
    assert.deepEqual([me.connected, me.recovered, me.namespace, me.data], [true, false, "/", null]);
  });

  test("auth may be a function, and is an empty object when there is none", async () => {
    const late = await open("/", { auth: (give) => setImmediate(give, { late: true }) });
    assert.deepEqual((await late.emitWithAck("whoami")).auth, { late: true });
    assert.deepEqual((await (await open()).emitWithAck("whoami")).auth, {});
  });

  test("the client ends on the transport it should", async () => {
    const socket = await stay(await open());
    await settled(socket);
    assert.equal(socket.io.engine.transport.name, last);
  });

  test("arguments of every kind go both ways in an event and in an acknowledgement", async () => {
    const socket = await open();
    const kinds = { ...ARGUMENTS };
    // The reference ends the session: differences.md.
    if (isReference && last === "webtransport") delete kinds["an empty attachment"];
    await assertComesBack(socket, kinds);
  });

  test("what JSON does not know arrives as JSON.stringify would write it", async () => {
    const socket = await open();
    const answer = next(socket, "message-back");
    socket.emit("message", new Date(0), undefined, NaN, { gone: undefined, kept: 1 }, [undefined]);
    assert.deepEqual(await answer, ["1970-01-01T00:00:00.000Z", null, null, { kept: 1 }, [null]]);
  });

  test("typed arrays and array buffers are attachments", async () => {
    const socket = await open();
    const view = new Uint8Array([9, 1, 2, 9]).subarray(1, 3);
    const answer = next(socket, "message-back");
    socket.emit("message", view, new Uint16Array([1, 2]), new Uint8Array([5]).buffer);
    assert.deepEqual(await answer, [bytes(1, 2), bytes(1, 0, 2, 0), bytes(5)]);
  });

  test("attachments keep their order among texts", async () => {
    const socket = await open();
    const heard = listen(socket);
    for (let i = 0; i < 20; i++) socket.emit("message", i % 2 ? bytes(i) : i);
    await settled(socket);
    const values = heard.map(([, value]) => (Buffer.isBuffer(value) ? value[0] : value));
    assert.deepEqual(
      values,
      Array.from({ length: 20 }, (_, i) => i),
    );
  });

  test("send is the event named message, both ways", async () => {
    const socket = await open();
    const back = next(socket, "message-back");
    socket.send("a", 1);
    assert.deepEqual(await back, ["a", 1]);
    const sent = next(socket, "message");
    socket.emit("send-me", { b: 2 });
    assert.deepEqual(await sent, [{ b: 2 }]);
  });

  test("the server asks and the client answers", async () => {
    const socket = await open();
    socket.on("question", (value, answer) => answer(value + 1, "ignored"));
    socket.on("empty", (_, answer) => answer());
    assert.deepEqual(await socket.emitWithAck("ask", { event: "question", value: 1 }), { ok: true, value: 2 });
    assert.deepEqual(await socket.emitWithAck("ask", { event: "question", value: 1, timeout: 4000 }), {
      ok: true,
      value: 2,
    });
    assert.deepEqual(await socket.emitWithAck("ask", { event: "empty", value: 1 }), { ok: true, value: null });
  });

  test("the server asks and the client answers too late or twice", async () => {
    const socket = await open();
    let answerLate;
    socket.on("late", (_, answer) => (answerLate = answer));
    const outcome = await socket.emitWithAck("ask", { event: "late", value: 1, timeout: 30 });
    assert.deepEqual(outcome, { ok: false, error: "operation has timed out" });
    answerLate("too late");
    await settled(socket);
    const silent = await socket.emitWithAck("ask", { event: "nobody-home", value: 1, timeout: 30 });
    assert.equal(silent.ok, false);
  });

  test("the client asks and the server does not answer", async () => {
    const socket = await open();
    await assert.rejects(socket.timeout(30).emitWithAck("nobody-home"), /operation has timed out/);
    const [error] = await new Promise((resolve) => socket.timeout(30).emit("nobody-home", (...args) => resolve(args)));
    assert.ok(error instanceof Error);
    await settled(socket);
  });

  test("a handler that waits does not hold up the events behind it", async () => {
    const socket = await open();
    const order = [];
    const slow = socket.emitWithAck("slow", "slow").then((value) => order.push(value));
    order.push(await socket.emitWithAck("message-with-ack", "fast"));
    await socket.emitWithAck("release");
    await slow;
    assert.deepEqual(order, ["fast", "slow"]);
  });

  test("many questions at once get each its own answer", async () => {
    const socket = await open();
    const numbers = Array.from({ length: 500 }, (_, i) => i);
    const asked = numbers.map((n) => socket.emitWithAck(n % 50 ? "message-with-ack" : "slow", n));
    await socket.emitWithAck("release");
    assert.deepEqual(await Promise.all(asked), numbers);
  });

  test("twenty thousand events reach their handler in order", async () => {
    const socket = await open();
    for (let i = 0; i < 20_000; i++) socket.emit("count", i);
    assert.deepEqual(await socket.emitWithAck("counted"), { count: 20_000, ordered: true });
  });

  test("ten thousand emits of one handler arrive in order, before its ack", async () => {
    const socket = await open();
    const numbers = [];
    socket.on("number", (n) => numbers.push(n));
    assert.equal(await socket.emitWithAck("burst", 10_000), 10_000);
    assert.deepEqual(
      numbers,
      Array.from({ length: 10_000 }, (_, i) => i),
    );
  });

  test("what is emitted before the connection is there arrives in order", async () => {
    const socket = prepare();
    for (let i = 0; i < 10; i++) socket.emit("count", i);
    socket.connect();
    assert.deepEqual(await socket.emitWithAck("counted"), { count: 10, ordered: true });
  });

  test("of several volatile emits in a row the first passes, and only that", async () => {
    const socket = await stay(await open());
    const values = [];
    socket.on("vol", (value) => values.push(value));
    // On polling none passes if no poll is pending at that moment; so ask again.
    await eventually(async () => {
      await socket.emitWithAck("volatile-burst", 5);
      return values.length > 0;
    }, "a volatile event");
    await settled(socket);
    assert.deepEqual(values, [0]);
  });

  test("a volatile emit right behind a normal one is dropped, the normal one never", async () => {
    const socket = await stay(await open());
    const heard = listen(socket);
    for (let i = 0; i < 5; i++) await socket.emitWithAck("normal-then-volatile", i);
    assert.deepEqual(
      heard,
      [0, 1, 2, 3, 4].map((i) => ["norm", i]),
    );
  });

  test("the flag compress changes nothing a client can see", async () => {
    const socket = await open();
    for (const compress of [true, false]) {
      const big = next(socket, "big");
      socket.compress(compress).emit("big", 5000, compress);
      assert.deepEqual(await big, ["x".repeat(5000)]);
    }
  });
});
