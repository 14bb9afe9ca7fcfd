// Pings, pongs and their deadlines.
//
// in:  the fixture with a quick heartbeat, raw sessions that answer or do not
// out: one test per rule
// odd: every lower bound on time allows 50 ms for clocks, every upper bound is generous: machines may be slow, but a
//      deadline that is missed altogether must show
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connected, reasonOf, settled } from "../support/client.mjs";
import { startObserved, stop } from "../support/fixture.mjs";
import { start } from "../support/subject.mjs";
import { eventually } from "../support/wait.mjs";
import { Polling, Wire, tcp, target } from "../support/wire.mjs";

const INTERVAL = 300;
const TIMEOUT = 250;
const SLACK = 50;

let subject;
let observer;
before(async () => ({ subject, observer } = await startObserved("--ping-interval", INTERVAL, "--ping-timeout", TIMEOUT)));
after(() => stop(subject));

async function joined() {
  const wire = await Wire.session(subject, { answerPings: false });
  wire.opened = performance.now();
  wire.id = await wire.connect();
  return wire;
}

const age = (wire) => performance.now() - wire.opened;

describe("heartbeat", { concurrency: true }, () => {
  test("pings come one interval after the opening and after each pong", async () => {
    const wire = await joined();
    let before = wire.opened;
    for (let round = 0; round < 3; round++) {
      assert.equal(await wire.next(), "2");
      const now = performance.now();
      assert.ok(now - before >= INTERVAL - SLACK, `ping after ${now - before} ms`);
      before = now;
      wire.send("3");
    }
    wire.close();
  });

  test("a session without pong leaves for ping timeout", async () => {
    const wire = await joined();
    await wire.end();
    assert.ok(age(wire) >= INTERVAL + TIMEOUT - SLACK && age(wire) < 3 * (INTERVAL + TIMEOUT), `after ${age(wire)} ms`);
    assert.equal(await reasonOf(observer, wire.id), "ping timeout");
  });

  test("a polling session that is not polled leaves for ping timeout", async () => {
    const session = await Polling.open(subject);
    const id = await session.connect();
    assert.equal(await reasonOf(observer, id), "ping timeout");
  });

  test("other packets do not replace the pong: they put its deadline off once", async () => {
    const wire = await joined();
    assert.equal(await wire.next(), "2");
    const talking = setInterval(() => wire.send('42["nobody-home"]'), 20);
    await wire.end();
    clearInterval(talking);
    assert.equal(await reasonOf(observer, wire.id), "ping timeout");
    assert.ok(age(wire) < 4 * (INTERVAL + TIMEOUT), `after ${age(wire)} ms`);
  });

  test("websocket pings and pongs are no heartbeat", async () => {
    const wire = await joined();
    const talking = setInterval(() => wire.ws.ping() ?? wire.ws.pong(), 20);
    await wire.end();
    clearInterval(talking);
    assert.equal(await reasonOf(observer, wire.id), "ping timeout");
  });

  test("an unasked pong puts the next ping off by one interval", async () => {
    const wire = await joined();
    // Half an interval is the point of this test, not a way to wait for something.
    await eventually(() => age(wire) > INTERVAL / 2, "half an interval");
    wire.send("3");
    assert.equal(await wire.next(), "2");
    assert.ok(age(wire) >= INTERVAL * 1.5 - SLACK, `ping after ${age(wire)} ms`);
    wire.close();
  });

  test("a session that ends by ping timeout closes a post that is still being sent", async () => {
    const session = await Polling.open(subject);
    const id = await session.connect();
    const socket = await tcp(subject);
    socket.on("error", () => {});
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.resume();
    const head = `POST ${target(subject, session.query)} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n`;
    socket.write(`${head}Content-Length: 100\r\nConnection: close\r\n\r\n42["m`);
    assert.equal(await reasonOf(observer, id), "ping timeout");
    await closed;
  });
});

describe("heartbeat under a heavy load", () => {
  let patient;
  before(async () => (patient = await start("fixture", "--ping-interval", 200, "--ping-timeout", 2000)));
  after(() => patient.stop());

  for (const transport of ["polling", "websocket"]) {
    test(`a hundred messages of 64 KiB right after the opening arrive over ${transport}, without a timeout`, async () => {
      const socket = await connected(patient, "/", { transports: [transport] });
      const { id } = socket;
      const sizes = [];
      let pings = 0;
      socket.io.on("ping", () => pings++);
      socket.on("big", (text) => sizes.push(text.length));
      for (let i = 0; i < 100; i++) socket.emit("big", 65_536, false);
      await settled(socket);
      assert.deepEqual(sizes, Array(100).fill(65_536));
      await eventually(() => pings > 0, "a ping");
      assert.equal(socket.id, id);
      socket.disconnect();
    });
  }
});

// The interval is long, so that the first ping falls behind the upgrade also on a slow machine.
test("the heartbeat goes on over the new transport of an upgraded session", async () => {
  const calm = await start("fixture", "--ping-interval", 1000, "--ping-timeout", TIMEOUT);
  const session = await Polling.open(calm);
  const id = await session.connect();
  const wire = await Wire.open(calm, { query: { sid: session.sid }, answerPings: false });
  wire.send("2probe");
  await wire.next();
  wire.send("5");
  assert.equal(await wire.next(), "2");
  wire.send("3");
  assert.equal(await wire.next(), "2");
  await wire.end();
  await calm.line(`left / ${id} ping timeout`);
  await calm.stop();
});
