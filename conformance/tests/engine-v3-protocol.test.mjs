// The Engine.IO v3 protocol against the echo server `engine-suite --eio3`.
//
// in:  the server, raw HTTP and raw WebSockets
// out: the 24 cases of the official suite, each with what it asks for; where that leaves something open, what both servers do
// odd: a "missing or other EIO" is no error here, it is revision 3
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PollingV3 } from "../support/payload-v3.mjs";
import { start } from "../support/subject.mjs";
import { eventually } from "../support/wait.mjs";
import { Wire, request } from "../support/wire.mjs";

const INTERVAL = 300;
const TIMEOUT = 200;
const FIELDS = { pingInterval: INTERVAL, pingTimeout: TIMEOUT, maxPayload: 1_000_000 };

let subject;
before(async () => (subject = await start("engine-suite", "--eio3")));
after(() => subject.stop());

const open = (query = { b64: "1" }) => PollingV3.open(subject, { query });
const wireOf = (query = {}) => Wire.open(subject, { query: { EIO: "3", ...query }, answerPings: false });
const webSocket = (query = {}) => Wire.session(subject, { query: { EIO: "3", ...query }, answerPings: false });
const body = ({ status, text }) => [status, text];

describe("Engine.IO v3", { concurrency: 4 }, () => {
  handshakes();
  messages();
  heartbeats();
  ends();
  upgrades();
});

function handshakes() {
  test("a polling handshake is an open packet behind its length and offers websocket", async () => {
    const { opening, handshake } = await open({});
    assert.equal(opening.headers["content-type"], "text/plain; charset=UTF-8");
    const [length, packet] = [opening.text.split(":", 1)[0], opening.text.slice(opening.text.indexOf(":") + 1)];
    assert.equal(length, `${packet.length}`);
    const { sid, ...rest } = handshake;
    assert.match(sid, /^[A-Za-z0-9_-]{20}$/);
    assert.deepEqual(rest, { ...FIELDS, upgrades: ["websocket"] });
  });

  for (const transport of [null, "abc"]) {
    test(`transport ${transport} is refused on polling and on websocket`, async () => {
      assert.equal((await request(subject, { query: { EIO: "3", transport } })).status, 400);
      await assert.rejects(wireOf({ transport }));
    });
  }

  test("a handshake with POST is refused", async () => {
    const answer = await request(subject, { method: "POST", query: { EIO: "3", transport: "polling" } });
    assert.deepEqual(body(answer), [400, '{"code":2,"message":"Bad handshake method"}']);
  });

  test("a websocket handshake is an open packet without a length and offers nothing", async () => {
    const wire = await webSocket();
    const { sid, ...rest } = wire.handshake;
    assert.match(sid, /^[A-Za-z0-9_-]{20}$/);
    assert.deepEqual(rest, { ...FIELDS, upgrades: [] });
    wire.close();
  });

  for (const EIO of [null, "abc", "5"]) {
    test(`EIO ${EIO} is revision 3`, async () => {
      const session = await PollingV3.open(subject, { query: { EIO } });
      await session.send("2");
      assert.equal((await session.get()).text, "1:3");
      const wire = await webSocket({ EIO });
      wire.send("2");
      assert.equal(await wire.next(), "3");
      wire.close();
    });
  }
}

function messages() {
  test("a posted message is answered ok and comes back in the next poll", async () => {
    const session = await open();
    assert.deepEqual(body(await session.post("6:4hello")), [200, "ok"]);
    assert.deepEqual(body(await session.get()), [200, "6:4hello"]);
  });

  for (const payload of ["6:4test16:4test26:4test3", "6:4hello10:b4AQIDBA==", "4:4hé!3:4🦀"]) {
    test(`the payload ${payload} comes back as one payload`, async () => {
      const session = await open();
      assert.equal((await session.post(payload)).status, 200);
      const answer = await session.get();
      assert.deepEqual(body(answer), [200, payload]);
      assert.equal(answer.headers["content-type"], "text/plain; charset=UTF-8");
    });
  }

  test("a client that takes bytes gets binary messages as bytes, and text alone as text", async () => {
    const session = await open({});
    assert.equal((await session.post("6:4hello10:b4AQIDBA==")).status, 200);
    const answer = await session.get();
    assert.equal(answer.headers["content-type"], "application/octet-stream");
    assert.equal(answer.bytes.toString("hex"), "0006ff3468656c6c6f0105ff0401020304");
    await session.post("6:4hello");
    assert.equal((await session.get()).text, "6:4hello");
  });

  test("a body that is no payload ends the session", async () => {
    const session = await open();
    assert.deepEqual(body(await session.post("abc")), [200, "ok"]);
    assert.equal((await session.get()).status, 400);
  });

  test("of two overlapping polls one gets a close packet, the other a refusal, and the session is gone", async () => {
    const session = await open();
    const answers = await Promise.all([session.get(), session.get()]);
    const [kept, refused] = answers.sort((a, b) => a.status - b.status);
    assert.deepEqual(body(kept), [200, "1:1"]);
    assert.equal(refused.status, 400);
    assert.equal((await session.get()).status, 400);
  });

  test("a text message on a websocket comes back", async () => {
    const wire = await webSocket();
    wire.send("4hello");
    assert.equal(await wire.next(), "4hello");
    wire.close();
  });

  test("a binary message on a websocket has a byte 4 in front, both ways", async () => {
    const wire = await webSocket();
    wire.send(Buffer.from([4, 1, 2, 3, 4]));
    assert.deepEqual(await wire.next(), Buffer.from([4, 1, 2, 3, 4]));
    wire.send(Buffer.from([4]), "4behind");
    assert.deepEqual(await wire.next(), Buffer.from([4]));
    assert.equal(await wire.next(), "4behind");
    wire.close();
  });

  test("a message that is no packet closes a websocket", async () => {
    const wire = await webSocket();
    wire.send("abc");
    await wire.end();
  });
}

function heartbeats() {
  test("a ping on polling is answered with a pong", async () => {
    const session = await open();
    for (let round = 0; round < 3; round++) {
      assert.equal((await session.post("1:2")).status, 200);
      assert.deepEqual(body(await session.get()), [200, "1:3"]);
    }
  });

  test("the end of a polling session without ping is neither early nor late", async () => {
    const [early, late] = await Promise.all([open(), open()]);
    const opened = performance.now();
    await eventually(() => performance.now() - opened > INTERVAL + TIMEOUT - 100, "interval and timeout, nearly");
    assert.equal((await early.post("1:6")).status, 200);
    // Nothing but a ping puts the deadline off.
    await eventually(() => performance.now() - opened > INTERVAL + TIMEOUT + 50, "interval and timeout");
    assert.deepEqual([(await early.post("1:2")).status, (await late.post("1:2")).status], [400, 400]);
  });

  test("a ping on a websocket is answered with a pong", async () => {
    const wire = await webSocket();
    for (let round = 0; round < 3; round++) {
      wire.send("2");
      assert.equal(await wire.next(), "3");
    }
    wire.close();
  });

  test("a websocket without ping gets none and is closed after interval and timeout", async () => {
    const wire = await webSocket();
    const opened = performance.now();
    await wire.end();
    const age = performance.now() - opened;
    assert.ok(age >= INTERVAL + TIMEOUT - 50 && age < INTERVAL + TIMEOUT + 500, `closed after ${age} ms`);
    await assert.rejects(wire.next(), "nothing came");
  });

  test("each ping puts the end off by interval and timeout", async () => {
    const wire = await webSocket();
    const opened = performance.now();
    const until = async (ms) => {
      await eventually(() => performance.now() - opened > ms, `${ms} ms`);
      wire.send("2");
      assert.equal(await wire.next(), "3");
    };
    await until(400);
    await until(800);
    await wire.end();
    const age = performance.now() - opened;
    assert.ok(age >= 800 + INTERVAL + TIMEOUT - 50, `closed after ${age} ms`);
  });

  test("a pong from the client closes the session", async () => {
    const wire = await webSocket();
    wire.send("3");
    await wire.end();
    const session = await open();
    assert.equal((await session.post("1:3")).status, 200);
    assert.equal((await session.get()).status, 400);
  });
}

function ends() {
  test("a close packet on polling answers the pending poll with a noop and ends the session", async () => {
    const session = await open();
    const [polled] = await Promise.all([session.get(), session.post("1:1")]);
    assert.deepEqual(body(polled), [200, "1:6"]);
    assert.equal((await session.get()).status, 400);
  });

  test("a websocket that sends a close packet is closed", async () => {
    const wire = await webSocket();
    wire.send("1");
    await wire.end();
  });
}

function upgrades() {
  test("an upgrade goes as in revision 4, with a noop for the polls meanwhile", async () => {
    const session = await open();
    const wire = await wireOf({ sid: session.sid });
    wire.send("2probe");
    assert.equal(await wire.next(), "3probe");
    assert.deepEqual(body(await session.get()), [200, "1:6"]);
    wire.send("5", "4hello");
    assert.equal(await wire.next(), "4hello");
    wire.close();
  });

  test("what waits on polling when the upgrade comes leaves on the websocket in its form", async () => {
    const session = await open();
    const wire = await wireOf({ sid: session.sid });
    await session.send("4first", Buffer.from([1, 2]));
    wire.send("2probe");
    assert.equal(await wire.next(), "3probe");
    wire.send("5");
    assert.equal(await wire.next(), "4first");
    // The websocket was opened without `b64`, so it takes bytes.
    assert.deepEqual(await wire.next(), Buffer.from([4, 1, 2]));
    wire.close();
  });

  test("an upgraded session refuses its old transport and lives on", async () => {
    const { session, wire } = await upgraded();
    assert.equal((await session.get()).status, 400);
    wire.send("4hello");
    assert.equal(await wire.next(), "4hello");
    wire.close();
  });

  test("a second websocket for an upgraded session is closed and the first lives on", async () => {
    const { session, wire } = await upgraded();
    const second = await wireOf({ sid: session.sid }).catch(() => null);
    await second?.end();
    wire.send("4hello");
    assert.equal(await wire.next(), "4hello");
    wire.close();
  });
}

async function upgraded() {
  const session = await open();
  const wire = await wireOf({ sid: session.sid });
  wire.send("2probe");
  assert.equal(await wire.next(), "3probe");
  wire.send("5", "2");
  assert.equal(await wire.next(), "3");
  return { session, wire };
}
