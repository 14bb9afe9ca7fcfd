// Says whether a subject does what the load generator expects of it (the contract: bench/README.md).
//
// Comes in: `node smoke.mjs PORT [--websocket-only] [--heartbeat] [--any-order] [--tls]`, a subject on 127.0.0.1:PORT. Goes out: one
// line per check, exit code 0 if all hold. `--heartbeat` also waits for three pings, for a subject with PING_INTERVAL=1;
// `--any-order` is for a library that does not keep the order of one socket's events. What is odd: "nobody else got it" is
// proven by an order, not by waiting: what is sent last to all must be the next thing that each of them sees.

import assert from "node:assert/strict";
import { io } from "socket.io-client";

const [port, ...flags] = process.argv.slice(2);
if (!/^\d+$/.test(port ?? "")) {
  console.error("usage: node smoke.mjs PORT [--websocket-only] [--heartbeat] [--any-order] [--tls]");
  process.exit(2);
}
const secure = flags.includes("--tls");
const url = `${secure ? "https" : "http"}://127.0.0.1:${port}`;
const LIMIT = 15_000;
// The certificates of the benchmarks are made on the spot and signed by nobody.
const trust = { rejectUnauthorized: false };

const watchdog = setTimeout(() => {
  console.error("not done within a minute");
  process.exit(1);
}, 60_000);

/** A client that keeps what it gets until somebody asks for it. */
class Client {
  #got = [];
  #asking = [];

  constructor(transports) {
    this.socket = io(url, { ...trust, transports, forceNew: true, reconnection: false });
    this.socket.on("msg", (...args) => {
      const ask = this.#asking.shift();
      if (ask) ask(args);
      else this.#got.push(args);
    });
  }

  connected() {
    return new Promise((resolve, reject) => {
      this.socket.once("connect", () => resolve(this));
      this.socket.once("connect_error", reject);
    });
  }

  /** Sends and waits for the acknowledgement. */
  call(event, ...args) {
    return this.socket.timeout(LIMIT).emitWithAck(event, ...args);
  }

  /** The payload of the next `msg`. */
  async next() {
    const args = await (this.#got.length > 0
      ? this.#got.shift()
      : new Promise((resolve, reject) => {
          this.#asking.push(resolve);
          setTimeout(() => reject(new Error("a message did not come")), LIMIT).unref();
        }));
    assert.equal(args.length, 1, "`msg` has one argument");
    return args[0];
  }

  close() {
    this.socket.close();
  }
}

const checks = [];
const check = (name, run) => checks.push([name, run]);

check("broadcast reaches all, the sender included, unaltered", async ([a, b, c]) => {
  for (const payload of ["x".repeat(64), { text: "äöü€😀", list: [1, 2.5, null] }, "y".repeat(1 << 20)]) {
    a.socket.emit("broadcast", payload);
    for (const client of [a, b, c]) assert.deepEqual(await client.next(), payload);
  }
});

const ordered = !flags.includes("--any-order");
check(`32 broadcasts in a burst arrive${ordered ? " in order" : ""}`, async ([a, b, c]) => {
  const sent = Array.from({ length: 32 }, (_, i) => `burst ${i}`);
  for (const payload of sent) a.socket.emit("broadcast", payload);
  for (const client of [a, b, c]) {
    const got = [];
    while (got.length < sent.length) got.push(await client.next());
    assert.deepEqual(ordered ? got : got.sort(), ordered ? sent : sent.toSorted());
  }
});

check("room reaches the others in the room, not the sender, not the rest", async ([a, b, c]) => {
  await a.call("join", "red");
  await b.call("join", "red");
  a.socket.emit("room", "red", "to red");
  assert.equal(await b.next(), "to red");
  // The sender need not be in the room.
  c.socket.emit("room", "red", "from outside");
  assert.equal(await a.next(), "from outside");
  assert.equal(await b.next(), "from outside");
  await fence(a, b, c);
});

check("leave ends it", async ([a, b, c]) => {
  await b.call("leave", "red");
  await c.call("join", "red");
  a.socket.emit("room", "red", "after leave");
  assert.equal(await c.next(), "after leave");
  await fence(a, b, c);
});

check("rooms joins all of an array", async ([a, b, c]) => {
  const rooms = Array.from({ length: 60 }, (_, i) => `many ${i}`);
  await b.call("rooms", rooms);
  for (const room of rooms) a.socket.emit("room", room, room);
  const got = [];
  while (got.length < rooms.length) got.push(await b.next());
  assert.deepEqual(got.sort(), rooms.toSorted());
  await fence(a, b, c);
});

check("except reaches all outside the rooms, the sender included", async ([a, b, c]) => {
  await b.call("join", "blue");
  await c.call("join", "green");
  a.socket.emit("except", ["blue", "nobody is here"], "not blue");
  assert.equal(await a.next(), "not blue");
  assert.equal(await c.next(), "not blue");
  b.socket.emit("except", ["blue", "green"], "only a");
  assert.equal(await a.next(), "only a");
  await fence(a, b, c);
});

check("echo acknowledges text as it is", async ([a]) => {
  for (const text of ["", "x".repeat(32), "äöü€😀 \"quoted\" \\", "z".repeat(1 << 20)]) {
    assert.equal(await a.call("echo", text), text);
  }
});

check("16 echoes under way are all answered", async ([a]) => {
  const texts = Array.from({ length: 16 }, (_, i) => `echo ${i}`);
  assert.deepEqual(await Promise.all(texts.map((text) => a.call("echo", text))), texts);
});

check("echo acknowledges an attachment byte for byte", async ([a]) => {
  for (const length of [1, 125, 126, 64 * 1024, 1 << 20]) {
    const bytes = Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7) & 0xff));
    const answer = await a.call("echo", bytes);
    assert.ok(Buffer.isBuffer(answer), "the answer is binary");
    assert.ok(bytes.equals(answer), `${length} bytes came back altered`);
  }
});

check("who left is in no room and gets nothing", async ([a, b, c], transports) => {
  const guest = await new Client(transports).connected();
  await guest.call("join", "guests");
  await b.call("join", "guests");
  guest.close();
  a.socket.emit("room", "guests", "who is left");
  assert.equal(await b.next(), "who is left");
  await fence(a, b, c);
});

if (flags.includes("--heartbeat")) {
  check("three pings come and the session lives on", async ([a]) => {
    for (let i = 0; i < 3; i++) await new Promise((resolve) => a.socket.io.once("ping", resolve));
    assert.equal(await a.call("echo", "alive"), "alive");
  });
}

/** Whatever came before it must have been taken by now. */
async function fence(...clients) {
  const payload = `fence ${Math.random()}`;
  clients[0].socket.emit("broadcast", payload);
  for (const client of clients) assert.equal(await client.next(), payload, "something came that should not");
}

let failed = 0;
const ways = flags.includes("--websocket-only") ? [["websocket"]] : [["websocket"], ["polling"], ["polling", "websocket"]];
for (const transports of ways) {
  try {
    const clients = await Promise.all([1, 2, 3].map(() => new Client(transports).connected()));
    for (const [name, run] of checks) {
      try {
        await run(clients, transports);
        console.log(`ok      ${transports.join("+")}: ${name}`);
      } catch (error) {
        failed += 1;
        console.log(`FAILED  ${transports.join("+")}: ${name}: ${error.message}`);
        // What is under way would be taken for an answer to the next check.
        break;
      }
    }
    for (const client of clients) client.close();
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${transports.join("+")}: connect: ${error.message}`);
  }
}
clearTimeout(watchdog);
process.exitCode = failed > 0 ? 1 : 0;
