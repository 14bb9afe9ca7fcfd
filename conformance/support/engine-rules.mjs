// The Engine.IO v4 rules that hold below Socket.IO too: handshake, overlapping polls, heartbeat, close, upgrade.
//
// in:  a started suite server (pingInterval 300, pingTimeout 200, maxPayload 1,000,000)
// out: tests, registered with node:test
// odd: both protocol suites need exactly these; the echo tests of the engine suite are in its own file. Sessions are
//      independent of one another, so the caller runs the tests side by side. `rounds` is the number of heartbeats to
//      wait for: below Socket.IO a session without namespace ends after one second, so there it must be small.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "./wait.mjs";
import { Polling, Wire, request } from "./wire.mjs";

const INTERVAL = 300;
const TIMEOUT = 200;

export function engineRules(subject, { rounds }) {
  handshakeRules(subject);
  pollRules(subject);
  heartbeatRules(subject, rounds);
  closeAndUpgradeRules(subject);
}

/** Ends as soon as the server does not know the session any more; noops change nothing in a living session. */
export async function forgotten(session, ms) {
  await eventually(async () => (await session.post("6")).status === 400, "session forgotten", ms);
}

function handshakeRules(subject) {
  const get = (query, method = "GET") => request(subject(), { method, query });
  const fields = { pingInterval: INTERVAL, pingTimeout: TIMEOUT, maxPayload: 1_000_000 };

  test("a polling handshake has exactly the five fields and offers websocket", async () => {
    const session = await Polling.open(subject());
    const { sid, ...rest } = session.handshake;
    assert.match(sid, /^[A-Za-z0-9_-]{20}$/);
    assert.deepEqual(rest, { ...fields, upgrades: ["websocket"] });
  });

  test("a websocket handshake has exactly the five fields and offers nothing", async () => {
    const wire = await Wire.session(subject());
    const { sid, ...rest } = wire.handshake;
    assert.match(sid, /^[A-Za-z0-9_-]{20}$/);
    assert.deepEqual(rest, { ...fields, upgrades: [] });
    wire.close();
  });

  for (const EIO of [null, "abc"]) {
    test(`EIO ${EIO} is refused on polling and on websocket`, async () => {
      assert.equal((await get({ EIO, transport: "polling" })).status, 400);
      await neverOpens({ EIO });
    });
  }

  for (const transport of [null, "abc"]) {
    test(`transport ${transport} is refused on polling and on websocket`, async () => {
      assert.equal((await get({ EIO: "4", transport })).status, 400);
      await neverOpens({ transport });
    });
  }

  for (const method of ["POST", "PUT"]) {
    test(`a handshake with ${method} is refused`, async () => {
      assert.equal((await get({ EIO: "4", transport: "polling" }, method)).status, 400);
    });
  }

  async function neverOpens(query) {
    const wire = await Wire.open(subject(), { query }).catch(() => null);
    if (!wire) return;
    await wire.end();
    await assert.rejects(wire.next(), "nothing may arrive before the end");
  }
}

function pollRules(subject) {
  test("of two overlapping polls one gets a close packet, the other a refusal, and the session is gone", async () => {
    const session = await Polling.open(subject());
    const answers = await Promise.all([session.get(), session.get()]);
    const [kept, refused] = answers.sort((a, b) => a.status - b.status);
    assert.deepEqual([kept.status, kept.text], [200, "1"]);
    assert.ok([400, 500].includes(refused.status), `status ${refused.status}`);
    assert.equal((await session.get()).status, 400);
  });

  test("an aborted poll ends the session at once", async () => {
    const session = await Polling.open(subject());
    const abort = new AbortController();
    const poll = session.get({ signal: abort.signal });
    assert.equal((await session.post("6")).status, 200, "a round trip, so that the poll is at the server");
    abort.abort();
    await assert.rejects(poll);
    await forgotten(session, INTERVAL / 2);
    assert.equal((await session.get()).status, 400);
  });

  test("a body that is no packet ends the session", async () => {
    const session = await Polling.open(subject());
    await session.post("abc").catch(() => null);
    assert.equal((await session.get()).status, 400);
  });
}

function heartbeatRules(subject, rounds) {
  test("a polling session gets a ping after each interval as long as it answers", async () => {
    const session = await Polling.open(subject());
    for (let round = 0; round < rounds; round++) {
      const answer = await session.get();
      assert.deepEqual([answer.status, answer.text], [200, "2"]);
      assert.equal((await session.post("3")).status, 200);
    }
  });

  test("a websocket gets a ping after each interval as long as it answers", async () => {
    const wire = await Wire.session(subject(), { answerPings: false });
    for (let round = 0; round < rounds; round++) {
      assert.equal(await wire.next(), "2");
      wire.send("3");
    }
    wire.close();
  });

  test("a polling session without pong is forgotten after interval and timeout", async () => {
    const session = await Polling.open(subject());
    const opened = performance.now();
    assert.equal((await session.get()).text, "2");
    await forgotten(session, INTERVAL + TIMEOUT + 500);
    const age = performance.now() - opened;
    // The POSTs above are packets that are not a pong: the first of them re-arms the deadline, once.
    assert.ok(age >= INTERVAL + TIMEOUT - 50, `forgotten after ${age} ms`);
  });

  test("the end of a polling session without pong is not late", async () => {
    const session = await Polling.open(subject());
    const opened = performance.now();
    assert.equal((await session.get()).text, "2");
    // Nothing may be sent meanwhile: any packet puts the deadline off.
    await eventually(() => performance.now() - opened > INTERVAL + TIMEOUT + 50, "interval and timeout");
    assert.equal((await session.get()).status, 400);
  });

  test("a websocket without pong is closed after interval and timeout", async () => {
    const wire = await Wire.session(subject(), { answerPings: false });
    const opened = performance.now();
    await wire.end();
    const age = performance.now() - opened;
    assert.ok(age >= INTERVAL + TIMEOUT - 50 && age < INTERVAL + TIMEOUT + 500, `closed after ${age} ms`);
  });
}

function closeAndUpgradeRules(subject) {
  test("a close packet on polling answers the pending poll with a noop and ends the session", async () => {
    const session = await Polling.open(subject());
    const poll = session.get();
    assert.equal((await session.post("6")).status, 200, "a round trip, so that the poll is at the server");
    await session.post("1");
    const answer = await poll;
    assert.deepEqual([answer.status, answer.text], [200, "6"]);
    assert.equal((await session.get()).status, 400);
  });

  test("a websocket that sends a close packet is closed", async () => {
    const wire = await Wire.session(subject(), { answerPings: false });
    wire.send("1");
    await wire.end();
  });

  test("a message that is no packet closes a websocket", async () => {
    const wire = await Wire.session(subject());
    wire.send("abc");
    await wire.end();
  });

  test("the probe of an upgrade is answered, and polls started after it get a noop", async () => {
    const session = await Polling.open(subject());
    const wire = await Wire.open(subject(), { query: { sid: session.sid } });
    wire.send("2probe");
    assert.equal(await wire.next(), "3probe");
    const answer = await session.get();
    assert.deepEqual([answer.status, answer.text], [200, "6"]);
    wire.send("5");
    wire.close();
  });

  test("an upgraded session refuses its old transport and lives on", async () => {
    const { session, wire } = await upgraded(subject());
    assert.equal((await session.get()).status, 400);
    assert.equal(await wire.next(), "2");
    wire.close();
  });

  test("a second websocket for an upgraded session is closed and the first lives on", async () => {
    const { session, wire } = await upgraded(subject());
    const second = await Wire.open(subject(), { query: { sid: session.sid } }).catch(() => null);
    await second?.end();
    assert.equal(await wire.next(), "2");
    wire.close();
  });
}

/** A polling session moved to a WebSocket that does not answer pings. */
export async function upgraded(subject) {
  const session = await Polling.open(subject);
  const wire = await Wire.open(subject, { query: { sid: session.sid }, answerPings: false });
  wire.send("2probe");
  await wire.next();
  wire.send("5");
  // The switch is done when the old transport is refused.
  await eventually(async () => (await session.post("6")).status === 400, "upgrade");
  return { session, wire };
}
