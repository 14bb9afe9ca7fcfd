// The Engine.IO v4 protocol against the echo server `engine-suite`.
//
// in:  the server, raw HTTP and raw WebSockets
// out: one test per rule; the rules without an echo are in support/engine-rules.mjs
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { engineRules, upgraded } from "../support/engine-rules.mjs";
import { start } from "../support/subject.mjs";
import { Polling, SEPARATOR, Wire } from "../support/wire.mjs";

let subject;
before(async () => (subject = await start("engine-suite")));
after(() => subject.stop());

describe("Engine.IO v4", { concurrency: 4 }, () => {
  engineRules(() => subject, { rounds: 3 });
  echoOnPolling();
  echoOnWebSocket();
});

function echoOnPolling() {
  test("a posted message is answered ok and comes back in the next poll", async () => {
    const session = await Polling.open(subject);
    const posted = await session.post("4hello");
    assert.deepEqual([posted.status, posted.text], [200, "ok"]);
    const polled = await session.get();
    assert.deepEqual([polled.status, polled.text], [200, "4hello"]);
  });

  for (const payload of [`4test1${SEPARATOR}4test2${SEPARATOR}4test3`, `4hello${SEPARATOR}bAQIDBA==`]) {
    test(`the payload ${JSON.stringify(payload)} comes back as one payload`, async () => {
      const session = await Polling.open(subject);
      assert.equal((await session.post(payload)).status, 200);
      assert.equal((await session.get()).text, payload);
    });
  }
}

function echoOnWebSocket() {
  test("text and binary messages come back as what they were", async () => {
    const wire = await Wire.session(subject);
    wire.send("4hello", Buffer.from([1, 2, 3, 4]));
    assert.equal(await wire.next(), "4hello");
    assert.deepEqual(await wire.next(), Buffer.from([1, 2, 3, 4]));
    wire.close();
  });

  test("an upgraded session echoes over the websocket, also after stray attempts", async () => {
    const { session, wire } = await upgraded(subject);
    wire.send("4hello");
    assert.equal(await wire.next(), "4hello");
    assert.equal((await session.get()).status, 400);
    const second = await Wire.open(subject, { query: { sid: session.sid } }).catch(() => null);
    await second?.end();
    wire.send("4again");
    assert.equal(await nextMessage(wire), "4again");
    wire.close();
  });
}

/** The next message of a wire whose pings are not answered by itself. */
async function nextMessage(wire) {
  const message = await wire.next();
  if (message !== "2") return message;
  wire.send("3");
  return nextMessage(wire);
}
