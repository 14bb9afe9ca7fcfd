// WebSocket sessions to the frame: what is a message, what is too much, what is the wrong direction.
//
// in:  the fixture, raw WebSockets; an observer that reads the fixture's log
// out: one test per rule
// odd: frames below this level (masking, fragments, close codes) are the business of the WebSocket suite, not of this one
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { reasonOf } from "../support/client.mjs";
import { startObserved, stop } from "../support/fixture.mjs";
import { isReference } from "../support/subject.mjs";
import { next } from "../support/wait.mjs";
import { Wire } from "../support/wire.mjs";

const LIMIT = 20_000;

let subject;
let observer;
before(async () => ({ subject, observer } = await startObserved("--max-payload", LIMIT)));
after(() => stop(subject));

const joined = (options) => Wire.joined(subject, options);

/** Sends, and expects the session to end for `reason`. */
async function endsWith(reasons, ...messages) {
  const wire = await joined();
  wire.send(...messages);
  const { code } = await wire.end();
  const reason = await reasonOf(observer, wire.id);
  assert.ok([reasons].flat().includes(reason), `left for "${reason}"`);
  return code;
}

describe("messages", () => {
  test("an attachment is one binary frame without a type byte", async () => {
    const wire = await joined();
    wire.send('451-["message",{"_placeholder":true,"num":0}]', Buffer.from([1, 2, 3]));
    assert.equal(await wire.next(), '451-["message-back",{"_placeholder":true,"num":0}]');
    assert.deepEqual(await wire.next(), Buffer.from([1, 2, 3]));
    wire.close();
  });

  test("an attachment may come as base64 in a text frame", async () => {
    const wire = await joined();
    wire.send('451-["message",{"_placeholder":true,"num":0}]', "bAQID");
    await wire.next();
    assert.deepEqual(await wire.next(), Buffer.from([1, 2, 3]));
    wire.close();
  });

  test("an empty attachment is an attachment", async () => {
    const wire = await joined();
    wire.send('451-["message",{"_placeholder":true,"num":0}]', Buffer.alloc(0));
    assert.match(await wire.next(), /^451-/);
    assert.equal((await wire.next()).length, 0);
    wire.close();
  });

  test("a message of exactly the limit passes, one byte more closes with 1009 as a transport error", async () => {
    const wire = await joined();
    const text = "x".repeat(LIMIT - '42["message",""]'.length);
    wire.send(`42["message","${text}"]`);
    assert.equal(await wire.next(), `42["message-back","${text}"]`);
    wire.send(`42["message","${text}y"]`);
    assert.equal((await wire.end()).code, 1009);
    assert.equal(await reasonOf(observer, wire.id), "transport error");
  });

  test("a binary frame over the limit closes with 1009", async () => {
    const wire = await joined();
    wire.send('451-["message",{"_placeholder":true,"num":0}]', Buffer.alloc(LIMIT + 1));
    assert.equal((await wire.end()).code, 1009);
  });

  test("the limit counts bytes, not characters", async () => {
    const wire = await joined();
    wire.send(`42["message","${"€".repeat(LIMIT / 3)}"]`);
    assert.equal((await wire.end()).code, 1009);
  });

  test("2000 messages in a row come back in order", async () => {
    const wire = await joined();
    for (let i = 0; i < 2000; i++) wire.send(`42["message",${i}]`);
    for (let i = 0; i < 2000; i++) assert.equal(await wire.next(), `42["message-back",${i}]`);
    wire.close();
  });
});

describe("engine packets", () => {
  for (const packet of ["0", "5", "6", "3", "1"]) {
    test(`an unasked ${packet} is ignored`, async () => {
      const wire = await joined();
      wire.send(packet);
      // Closing at once on a close packet is as good: nobody who sends one expects an answer.
      if (packet === "1" && !isReference) return void (await Promise.race([wire.end(), wire.livesOn().catch(() => {})]));
      await wire.livesOn();
    });
  }

  for (const packet of ["2", "2probe"]) {
    test(`${packet} has the wrong direction: transport error`, () => endsWith("transport error", packet));
  }

  for (const packet of ["9", "x", ""]) {
    const name = JSON.stringify(packet);
    test(`${name} is a parse error`, () => endsWith("parse error", packet));
  }

  test("websocket pings are answered with pongs", async () => {
    const wire = await joined();
    const pong = next(wire.ws, "pong");
    wire.ws.ping("hello");
    assert.equal((await pong)[0].toString(), "hello");
    await wire.livesOn();
  });
});

describe("closing", () => {
  test("a client that closes its websocket leaves for transport close", async () => {
    const wire = await joined();
    wire.ws.close();
    assert.equal(await reasonOf(observer, wire.id), "transport close");
  });

  test("a client that vanishes leaves for transport close", async () => {
    const wire = await joined();
    wire.ws.terminate();
    assert.equal(await reasonOf(observer, wire.id), "transport close");
  });

  test("the server closes with a close frame without code", async () => {
    const wire = await joined();
    wire.send('42["disconnect-me",true]');
    assert.equal(await wire.next(), "41");
    assert.equal((await wire.end()).code, 1005);
  });

  test("disconnect with close says goodbye in every namespace", async () => {
    const wire = await joined();
    await wire.connect("/auth", { token: "secret" });
    wire.send('42["disconnect-me",true]');
    const goodbyes = [await wire.next(), await wire.next()].sort();
    assert.deepEqual(goodbyes, ["41", "41/auth,"]);
    await wire.end();
  });

  test("what was emitted before a disconnect still arrives before it", async () => {
    const wire = await joined();
    wire.send('42["farewell"]');
    assert.equal(await wire.next(), '42["farewell-event"]');
    assert.equal(await wire.next(), "41");
    wire.close();
  });

  test("closing the engine by hand is a forced close", async () => {
    const code = await endsWith("forced close", '42["close-engine"]');
    assert.equal(code, 1005);
  });
});

describe("handshake", () => {
  test("of the subprotocols that are offered the first is taken", async () => {
    const wire = await Wire.open(subject, { protocols: ["one", "two"] });
    assert.equal(wire.ws.protocol, "one");
    wire.close();
  });

  test("the handshake headers and query reach the socket, and nothing is recovered", async () => {
    const wire = await Wire.session(subject, {
      query: { room: "a b&c" },
      headers: { "x-test": "é1", origin: "http://a" },
    });
    const id = await wire.connect("/", { token: "t" });
    wire.send('420["whoami"]');
    const [me] = JSON.parse((await wire.next()).slice(3));
    assert.equal(me.id, id);
    assert.equal(me.namespace, "/");
    assert.deepEqual([me.connected, me.recovered, me.secure, me.xdomain], [true, false, false, true]);
    assert.deepEqual(me.auth, { token: "t" });
    assert.equal(me.query.room, "a b&c");
    assert.equal(me.query.EIO, "4");
    assert.deepEqual(me.rooms, [id]);
    wire.close();
  });
});
