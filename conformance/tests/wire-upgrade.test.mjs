// The way from polling to WebSocket: probe, noops, switch, and everything that may go wrong between.
//
// in:  the fixture, a polling session and a raw WebSocket for the same sid
// out: one test per rule
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { reasonOf } from "../support/client.mjs";
import { startObserved, stop } from "../support/fixture.mjs";
import { start } from "../support/subject.mjs";
import { eventually } from "../support/wait.mjs";
import { Polling, SEPARATOR, Wire, exchange, upgradeRequest } from "../support/wire.mjs";

let subject;
let observer;
before(async () => ({ subject, observer } = await startObserved("--upgrade-timeout", 8000)));
after(() => stop(subject));

const joined = (on = subject) => Polling.joined(on);

const probing = (session) => Wire.open(session.subject, { query: { sid: session.sid } });

/** A session whose probe was answered but which has not switched yet. */
async function probed() {
  const session = await joined();
  const wire = await probing(session);
  wire.send("2probe");
  assert.equal(await wire.next(), "3probe");
  return { session, wire };
}

async function livesOnPolling(session) {
  await session.post('42["message","polling"]');
  for (;;) {
    const packet = await session.packet();
    if (packet !== "6") return assert.equal(packet, '42["message-back","polling"]');
  }
}

async function livesOnWebSocket(wire) {
  wire.send('42["message","websocket"]');
  assert.equal(await wire.next(), '42["message-back","websocket"]');
}

describe("a good upgrade", () => {
  test("polls after the probe get noops, one after the other, within the time of a few of them", async () => {
    const { session, wire } = await probed();
    const started = performance.now();
    for (let round = 0; round < 3; round++) assert.equal((await session.get()).text, "6");
    const took = performance.now() - started;
    assert.ok(took < 3000, `three noops took ${took} ms, they should come every 100 ms`);
    wire.send("5");
    await livesOnWebSocket(wire);
    wire.close();
  });

  test("a poll that was pending when the probe came gets a noop", async () => {
    const session = await joined();
    const poll = session.get();
    await session.post("6");
    const wire = await probing(session);
    wire.send("2probe");
    assert.equal(await wire.next(), "3probe");
    assert.equal((await poll).text, "6");
    wire.close();
  });

  test("data still flows over polling between probe and switch", async () => {
    const { session, wire } = await probed();
    await livesOnPolling(session);
    wire.send("5");
    await livesOnWebSocket(wire);
    wire.close();
  });

  test("what was waiting at the switch comes over the websocket, in order", async () => {
    const { session, wire } = await probed();
    await session.post('42["burst",3]');
    wire.send("5");
    await livesOn(wire, ['42["number",0]', '42["number",1]', '42["number",2]']);
    wire.close();
  });

  async function livesOn(wire, expected) {
    for (const packet of expected) assert.equal(await wire.next(), packet);
    await livesOnWebSocket(wire);
  }

  test("a poll still pending at the switch is answered", async () => {
    const { session, wire } = await probed();
    assert.equal((await session.get()).text, "6");
    const poll = session.get();
    await session.post("6");
    wire.send("5");
    const answer = await poll;
    assert.equal(answer.status, 200);
    // The reference answers with a close packet, or its noop timer was faster.
    assert.ok(["1", "6"].includes(answer.text), answer.text);
    await livesOnWebSocket(wire);
    wire.close();
  });

  test("the old transport is refused after the switch and the session lives on", async () => {
    const { session, wire } = await probed();
    wire.send("5");
    await livesOnWebSocket(wire);
    for (const answer of [await session.get(), await session.post("6")]) {
      assert.deepEqual([answer.status, answer.text], [400, '{"code":3,"message":"Bad request"}']);
    }
    await livesOnWebSocket(wire);
    wire.close();
  });

  test("a switch without a probe is accepted", async () => {
    const session = await joined();
    const wire = await probing(session);
    wire.send("5");
    await livesOnWebSocket(wire);
    wire.close();
  });

  test("fifty messages each way during an upgrade all arrive once and in order", async () => {
    const session = await joined();
    const wire = await probing(session);
    const numbers = Array.from({ length: 50 }, (_, i) => i);
    wire.send("2probe");
    const sent = (async () => {
      for (const n of numbers.slice(0, 25)) await session.post(`42["message",${n}]`);
      assert.equal(await wire.next(), "3probe");
    })();
    const heard = [];
    // As the official client does: poll until the server lets go, then switch.
    const reading = (async () => {
      while (heard.length < 10) heard.push(...(await session.get()).text.split(SEPARATOR));
    })();
    await Promise.all([sent, reading]);
    wire.send("5");
    for (const n of numbers.slice(25)) wire.send(`42["message",${n}]`);
    const messages = heard.filter((packet) => packet !== "6");
    while (messages.length < 50) messages.push(await wire.next());
    assert.deepEqual(
      messages,
      numbers.map((n) => `42["message-back",${n}]`),
    );
    wire.close();
  });
});

describe("an upgrade that fails", () => {
  for (const packet of ['42["message",1]', "3", "6", "2", "2other", "1"]) {
    test(`${packet} on the probing websocket closes only that`, async () => {
      const session = await joined();
      const wire = await probing(session);
      wire.send(packet);
      await wire.end();
      await livesOnPolling(session);
    });
  }

  test("a binary frame on the probing websocket closes only that", async () => {
    const session = await joined();
    const wire = await probing(session);
    wire.send(Buffer.from([1]));
    await wire.end();
    await livesOnPolling(session);
  });

  test("a probing websocket that vanishes leaves the session on polling, free for another attempt", async () => {
    const { session, wire } = await probed();
    wire.ws.terminate();
    await livesOnPolling(session);
    const again = await eventually(async () => {
      const attempt = await probing(session);
      attempt.send("2probe");
      return (await attempt.next().catch(() => null)) === "3probe" ? attempt : null;
    }, "a second attempt");
    again.send("5");
    await livesOnWebSocket(again);
    again.close();
  });

  test("a second websocket while one is probing is closed, and the first may switch", async () => {
    const { session, wire } = await probed();
    const second = await probing(session).catch(() => null);
    await second?.end();
    wire.send("5");
    await livesOnWebSocket(wire);
    wire.close();
  });

  test("a second websocket after the switch is closed, and the session lives on", async () => {
    const { session, wire } = await probed();
    wire.send("5");
    await livesOnWebSocket(wire);
    const second = await probing(session).catch(() => null);
    await second?.end();
    await livesOnWebSocket(wire);
    wire.close();
  });

  test("an upgrade of an unknown session is refused before the 101", async () => {
    const answer = await exchange(
      subject,
      upgradeRequest(subject, { EIO: "4", transport: "websocket", sid: "nobody" }),
    );
    assert.match(answer, /^HTTP\/1\.1 400 [^]*Session ID unknown$/);
  });

  test("a session that ends while probing takes its websocket with it", async () => {
    const { session, wire } = await probed();
    await session.post("1");
    await wire.end();
    assert.equal(await reasonOf(observer, session.id), "transport close");
  });
});

describe("an upgrade that takes too long", () => {
  let hasty;
  before(async () => (hasty = await start("fixture", "--upgrade-timeout", 120)));
  after(() => hasty.stop());

  for (const probe of [true, false]) {
    test(`a websocket ${probe ? "probed but not switched" : "without a probe"} is closed, and only that`, async () => {
      const session = await joined(hasty);
      const wire = await probing(session);
      if (probe) wire.send("2probe");
      await wire.end();
      await livesOnPolling(session);
    });
  }

  test("a second websocket of a session that began as websocket is closed, and only that", async () => {
    const first = await Wire.session(hasty);
    await first.connect();
    const second = await Wire.open(hasty, { query: { sid: first.sid } }).catch(() => null);
    await second?.end();
    await livesOnWebSocket(first);
    first.close();
  });
});
