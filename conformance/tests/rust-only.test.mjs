// What the Rust server promises beyond the reference.
//
// in:  the fixture on Rust, the official client and raw WebSockets
// out: one test per promise
// odd: all of it is skipped for the reference; the reason stands with each test, and in differences.md where it is a
//      difference a client could see
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connected, reasonOf, settled } from "../support/client.mjs";
import { startObserved, stop } from "../support/fixture.mjs";
import { rustOnly } from "../support/subject.mjs";
import { next } from "../support/wait.mjs";
import { Polling, SEPARATOR, Wire } from "../support/wire.mjs";

let subject;
let observer;
before(async () => ({ subject, observer } = await startObserved()));
after(() => stop(subject));

describe("handlers with types", { skip: rustOnly("handlers have no types") }, () => {
  const WRONG = [[], ["x", "a"], [1], [1, 2], [1.5, "a"], [null, null], [{}, []], [Buffer.from([1]), "a"]];
  for (const args of WRONG) {
    test(`typed(${JSON.stringify(args).slice(1, -1)}) fails the ack and calls the error hook`, async () => {
      const socket = await connected(subject, "/", { transports: ["websocket"] });
      const answers = await new Promise((resolve) => socket.emit("typed", ...args, (...all) => resolve(all)));
      assert.equal(answers.length, 1);
      assert.deepEqual(Object.keys(answers[0]), ["error"]);
      assert.equal(typeof answers[0].error, "string");
      assert.equal(await socket.emitWithAck("typed", 1, "a"), "1:a", "the socket lives on");
      const log = await socket.emitWithAck("log", socket.id);
      assert.deepEqual(
        log.map(({ event }) => event),
        ["error"],
      );
      socket.disconnect();
    });
  }

  test("typed without ack calls the error hook and sends nothing", async () => {
    const socket = await connected(subject, "/", { transports: ["websocket"] });
    const heard = [];
    socket.onAny((...args) => heard.push(args));
    socket.emit("typed", "wrong");
    const log = await socket.emitWithAck("log", socket.id);
    assert.equal(log.length, 1);
    assert.equal(log[0].event, "error");
    assert.deepEqual(heard, []);
  });
});

describe("namespaces", { skip: rustOnly("the reference closes the whole connection, or makes two sockets") }, () => {
  test("a namespace left and joined again at once does not disturb the others", async () => {
    const root = await connected(subject, "/", { transports: ["polling"] });
    const custom = root.io.socket("/custom", {});
    await next(custom.connect(), "connect");
    const { id, engine } = { id: root.id, engine: root.io.engine };
    custom.disconnect();
    custom.connect();
    await next(custom, "connect");
    await settled(root);
    assert.deepEqual([root.id, root.io.engine], [id, engine]);
  });

  test("DISCONNECT and CONNECT in one payload make a new socket", async () => {
    const session = await Polling.open(subject);
    const id = await session.connect();
    await session.post(["41", "40"].join(SEPARATOR));
    const again = await session.packet();
    assert.match(again, /^40\{"sid":/);
    assert.ok(!again.includes(id));
    assert.equal(await reasonOf(observer, id), "client namespace disconnect");
  });
});

describe("hostile values", { skip: rustOnly("the process of the reference can be ended from outside") }, () => {
  const nested = (depth) => "[".repeat(depth) + "]".repeat(depth);

  test("400,000 nested lists end at most their own connection", async () => {
    const wire = await Wire.session(subject);
    await wire.connect();
    wire.send(`421["message-with-ack",${nested(400_000)}]`);
    const answer = await wire.next().catch(() => "closed");
    assert.ok(answer === "closed" || answer.startsWith("43"), answer.slice(0, 80));
    wire.close();
    await settled(observer);
  });

  test("nesting that people use comes back", async () => {
    const wire = await Wire.session(subject);
    await wire.connect();
    wire.send(`421["message-with-ack",${nested(50)}]`);
    assert.equal(await wire.next(), `431[${nested(50)}]`);
    wire.close();
  });
});

test("EIO 3 over websocket is refused before the 101", { skip: rustOnly("it answers 101 first") }, async () => {
  const refusal = await Wire.open(subject, { query: { EIO: "3" } }).catch((error) => error);
  assert.deepEqual([refusal.status, refusal.text], [400, "Unsupported protocol version"]);
});
