// What the official client's own test suite asks of its server, restated; the suite itself runs by `cargo xtask upstream`.
//
// in:  the server that suite expects, socket.io-client
// out: one test per question
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { client, closeAll, connected, refused } from "../support/client.mjs";
import { start } from "../support/subject.mjs";
import { eventually, next } from "../support/wait.mjs";

let subject;
before(async () => (subject = await start("client-suite")));
after(async () => {
  closeAll();
  await subject.stop();
});

const open = (namespace, options) => connected(subject, namespace, options);
/** Sends an event, and gives what comes back under that name. */
async function ask(socket, event, back, ...args) {
  const answer = next(socket, back);
  socket.emit(event, ...args);
  return answer;
}

describe("values", () => {
  test("an event comes back, and false as its value", async () => {
    const socket = await open();
    await ask(socket, "hi", "hi");
    assert.equal((await ask(socket, "false", "false"))[0], false);
  });

  test("a question of the server is answered with two values", async () => {
    const socket = await open();
    socket.on("ack", (answer) => answer(5, { test: true }));
    await ask(socket, "ack", "got it");
  });

  test("dates come as texts, alone, in an object, as an answer", async () => {
    const socket = await open();
    const dates = [
      (await ask(socket, "getDate", "takeDate"))[0],
      (await ask(socket, "getDateObj", "takeDateObj"))[0].date,
      await socket.emitWithAck("getAckDate", { test: true }),
    ];
    for (const date of dates) assert.ok(typeof date === "string" && !Number.isNaN(Date.parse(date)), String(date));
  });

  test("texts of many alphabets arrive in order", async () => {
    const socket = await open();
    const texts = [];
    socket.on("takeUtf8", (text) => texts.push(text));
    socket.emit("getUtf8");
    await socket.emitWithAck("getId");
    assert.deepEqual(texts.slice(0, 4), ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string"]);
  });

  test("binary values arrive, come back, and keep their order among texts", async () => {
    const socket = await open();
    const bytes = Buffer.from("asdfasdf");
    for (const [event, back] of [["doge", "doge"], ["getbin", "takebin"]]) {
      assert.deepEqual((await ask(socket, event, back))[0], bytes);
    }
    await ask(socket, "buffa", "buffack", new Uint8Array([1, 2]).buffer);
    await ask(socket, "jsonbuff", "jsonbuff-ack", { hello: "lol", message: bytes, goodbye: "gotcha" });
    socket.emit("abuff1", bytes);
    await ask(socket, "abuff2", "abuff2-ack", "please arrive second");
    socket.emit("blob1", bytes);
    socket.emit("blob2", "second");
    await ask(socket, "blob3", "blob3-ack", bytes);
  });
});

describe("who the client is", () => {
  for (const namespace of ["/", "/foo"]) {
    test(`the id in ${namespace} is the same on both sides and not the engine's`, async () => {
      const socket = await open(namespace);
      assert.equal(await socket.emitWithAck("getId"), socket.id);
      assert.notEqual(socket.id, socket.io.engine.id);
    });
  }

  test("query parameters arrive in any form, in the main namespace and in another", async () => {
    const main = async (path, options) => (await open(path, options)).emitWithAck("getHandshake");
    const abc = async (path, options) => {
      const socket = client(subject, path, options);
      const greeting = next(socket, "handshake");
      socket.connect();
      return (await greeting)[0];
    };
    assert.equal((await main("/", { query: { e: "f" } })).query.e, "f");
    assert.equal((await main("/?c=d")).query.c, "d");
    assert.equal((await abc("/abc", { query: { a: "b" } })).query.a, "b");
    assert.equal((await abc("/abc?b=c&d=e")).query.d, "e");
    assert.equal((await abc("/abc", { query: { "&a": "&=?a" } })).query["&a"], "&=?a");
    for (const auth of [{ a: "b", c: "d" }, (answer) => answer({ a: "b", c: "d" })]) {
      const handshake = await abc("/abc", { auth });
      assert.deepEqual(handshake.auth, { a: "b", c: "d" });
      assert.equal(handshake.query.a, undefined);
    }
  });

  test("a refusal is an error with the server's words, and the client does not try again by itself", async () => {
    const other = await refused(subject, "/no");
    assert.ok(other instanceof Error);
    assert.equal(other.message, "Auth failed (custom namespace)");
    const main = client(subject, "/", { query: { fail: "true" } });
    const errors = [];
    main.on("connect_error", (error) => errors.push(error.message));
    main.connect();
    await eventually(() => errors.length === 1, "the refusal");
    assert.equal(main.active, false);
    main.disconnect();
  });
});

describe("coming and going", () => {
  test("a namespace is joined on a living connection, and after that was closed", async () => {
    const manager = (await open("/foo")).io;
    await next(manager.socket("/asd").connect(), "connect");
    for (const socket of Object.values(manager.nsps)) socket.disconnect();
    await eventually(() => manager._readyState === "closed", "the end of the connection");
    await next(manager.socket("/valid").connect(), "connect");
  });

  test("one namespace is left while another is joined, on one connection", async () => {
    const { io: manager } = await open("/foo");
    manager.socket("/foo").disconnect();
    await next(manager.socket("/asd").connect(), "connect");
    assert.equal(manager.engine.readyState, "open");
  });

  test("a lost connection comes back as it was", async () => {
    const socket = await open();
    await ask(socket, "hi", "hi");
    const { id } = socket;
    assert.equal(socket.recovered, false);
    const again = next(socket, "connect");
    socket.io.engine.close();
    await again;
    assert.deepEqual([socket.id, socket.recovered], [id, true]);
  });

  test("who disconnects and connects again has a new id and gets every event once", async () => {
    const socket = await open();
    const { id } = socket;
    socket.disconnect();
    assert.equal(socket.id, undefined);
    await next(socket.connect(), "connect");
    assert.notEqual(socket.id, id);
    let heard = 0;
    socket.on("hi", () => heard++);
    socket.emit("hi");
    await socket.emitWithAck("getId");
    assert.equal(heard, 1);
  });

  for (const transport of ["polling", "websocket"]) {
    test(`a time limit of nothing is over before the handshake on ${transport}`, async () => {
      const error = await refused(subject, "/", { timeout: 0, transports: [transport], reconnection: false });
      assert.equal(error.message, "timeout");
    });
  }

  test("what is decoded wrongly closes the engine, and the client comes back with another", async () => {
    const socket = await open();
    const { engine } = socket.io;
    const again = next(socket, "connect");
    engine.emit("data", "bad");
    await again;
    assert.notEqual(socket.io.engine, engine);
  });
});

describe("emits that wait", () => {
  test("what is emitted before the connection keeps its order, and what is volatile is dropped", async () => {
    const socket = client(subject);
    const answers = [];
    socket.volatile.emit("echo", "volatile", (value) => answers.push(value));
    for (const value of ["first", "second"]) socket.emit("echo", value, (answer) => answers.push(answer));
    socket.connect();
    await eventually(() => answers.length === 2, "both answers");
    assert.deepEqual(answers, ["first", "second"]);
  });

  test("with retries one is in flight at a time, and each is answered once", async () => {
    const socket = client(subject, "/", { retries: 10, ackTimeout: 2000 });
    const answers = [];
    for (const value of [1, 2, 3]) socket.emit("echo", value, (error, answer) => answers.push([error, answer]));
    socket.connect();
    await eventually(() => answers.length === 3, "three answers");
    assert.deepEqual(answers, [[null, 1], [null, 2], [null, 3]]);
  });

  test("what nobody answers is tried again as often as was asked, then fails", async () => {
    const socket = await open("/", { retries: 2, ackTimeout: 30 });
    const sent = [];
    socket.io.engine.on("packetCreate", ({ data }) => data?.includes?.("no one") && sent.push(data));
    await assert.rejects(socket.emitWithAck("no one"), /timed out/);
    assert.equal(sent.length, 3);
  });

  test("who disconnects gets an error for what he still waits for", async () => {
    const socket = await open();
    const waiting = [socket.emitWithAck("no one"), socket.timeout(5000).emitWithAck("no one")];
    const failed = Promise.allSettled(waiting);
    socket.disconnect();
    for (const { reason } of await failed) assert.equal(reason.message, "socket has been disconnected");
  });
});
