// Connection state recovery: the bytes on the wire, and what the official client makes of them.
//
// in:  the fixture with `--recovery`, raw polling sessions and WebSockets, socket.io-client
// out: one test per rule; those that only Roomcast keeps are skipped for the reference, with the reason
// odd: connections are cut by ending the client's engine under it, which is what a lost network looks like to both sides
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { client, connected, reasonOf, settled } from "../support/client.mjs";
import { ask, closeAllV2, connectedV2 } from "../support/client-v2.mjs";
import { startObserved, stop } from "../support/fixture.mjs";
import { listen } from "../support/modes.mjs";
import { PARSERS } from "../support/parsers.mjs";
import { rustOnly, start } from "../support/subject.mjs";
import { eventually, next } from "../support/wait.mjs";
import { Polling, SEPARATOR, Wire, request } from "../support/wire.mjs";

let subject;
let observer;
before(async () => ({ subject, observer } = await startObserved("--recovery", 60_000)));
after(() => stop(subject));

const cast = (target, event, value, by = observer) => by.emitWithAck("cast", { from: "namespace", ...target }, event, value);

/** What an EVENT packet says. */
const eventOf = (packet) => JSON.parse(packet.replace(/^42/, ""));
const replyOf = (packet) => JSON.parse(packet.replace(/^40/, ""));

/** A raw session over polling in the main namespace: its session, and what the CONNECT reply said. */
async function poll(auth) {
  const session = await Polling.open(subject);
  await session.post(auth ? `40${JSON.stringify(auth)}` : "40");
  return session;
}

/** Cuts a raw polling session as a client that goes away does, and waits until the server has noticed. */
async function leave(session, sid) {
  const pending = session.get().catch(() => {});
  await session.post("1");
  await pending;
  await reasonOf(observer, sid);
}

test("CSR-01: the CONNECT reply has the private id behind the public one", async () => {
  const session = await poll();
  const packet = await session.packet();
  const { sid, pid } = replyOf(packet);
  assert.equal(packet, `40{"sid":"${sid}","pid":"${pid}"}`);
  assert.match(pid, /^[\w-]{20}$/);
  assert.notEqual(pid, sid);
});

test("CSR-02: an offset is the last element of every event but volatile ones and those with an ack", async () => {
  const wire = await Wire.session(subject);
  wire.send("40");
  await wire.next();
  wire.send('42["message",1,"text"]');
  const direct = eventOf(await wire.next());
  assert.deepEqual(direct.slice(0, -1), ["message-back", 1, "text"]);
  assert.equal(typeof direct.at(-1), "string");

  await cast({}, "to-all", [1]);
  const all = eventOf(await wire.next());
  assert.deepEqual(all.slice(0, -1), ["to-all", [1]]);
  assert.equal(typeof all.at(-1), "string");
  assert.notEqual(all.at(-1), direct.at(-1));

  await cast({ volatile: true }, "volatile", 1);
  assert.deepEqual(eventOf(await wire.next()), ["volatile", 1]);

  wire.send('42["ask",{"event":"question","value":"text"}]');
  assert.match(await wire.next(), /^42\d+\["question","text"\]$/);
  wire.close();
});

test("CSR-02: a binary event has its offset in the header", async () => {
  const wire = await Wire.session(subject);
  wire.send("40");
  await wire.next();
  wire.send('451-["message",{"_placeholder":true,"num":0}]', Buffer.from([1, 2, 3]));
  assert.match(await wire.next(), /^451-\["message-back",\{"_placeholder":true,"num":0\},"[^"]+"\]$/);
  assert.deepEqual(await wire.next(), Buffer.from([1, 2, 3]));
  wire.close();
});

test("CSR-05, CSR-06: what was missed precedes the CONNECT reply with the old ids, in one payload and in order", async () => {
  const session = await poll();
  const { sid, pid } = replyOf(await session.packet());
  await session.post('420["join",["recovery-room"]]');
  assert.match(await session.packet(), /^430/);
  await cast({ rooms: [sid] }, "seen", 0);
  const offset = eventOf(await session.packet()).at(-1);
  await leave(session, sid);

  await cast({}, "all", 1);
  await cast({ rooms: ["recovery-room"] }, "room", 2);
  await cast({ rooms: ["another-room"] }, "no", 0);
  await cast({ except: ["recovery-room"] }, "no", 0);
  await cast({ rooms: ["recovery-room"], except: [sid] }, "no", 0);
  await cast({ volatile: true }, "no", 0);
  await cast({ rooms: ["another-room", sid] }, "id", 3);

  const again = await poll({ pid, offset });
  const packets = (await again.get()).text.split(SEPARATOR);
  assert.deepEqual(packets.slice(0, -1).map((packet) => eventOf(packet).slice(0, -1)), [["all", 1], ["room", 2], ["id", 3]]);
  assert.equal(packets.at(-1), `40{"sid":"${sid}","pid":"${pid}"}`);
});

test("CSR-12: a direct emit on the socket that is gone is recorded and replayed", async () => {
  const session = await poll();
  const { sid, pid } = replyOf(await session.packet());
  await cast({ rooms: [sid] }, "seen", 0);
  const offset = eventOf(await session.packet()).at(-1);
  await observer.emitWithAck("remember", sid);
  await leave(session, sid);
  await observer.emitWithAck("emit-to-remembered", sid, "direct", 7);
  const again = await poll({ pid, offset });
  assert.deepEqual(eventOf(await again.packet()).slice(0, -1), ["direct", 7]);
  assert.equal(replyOf(await again.packet()).sid, sid);
});

for (const [what, auth] of [
  ["an unknown private id", ({ offset }) => ({ pid: "aaaaaaaaaaaaaaaaaaaa", offset })],
  ["an unknown offset", ({ pid }) => ({ pid, offset: "nonsense" })],
  ["a private id that is no text", ({ offset }) => ({ pid: 7, offset })],
  ["an offset that is no text", ({ pid }) => ({ pid, offset: 7 })],
  ["an offset alone", ({ offset }) => ({ offset })],
]) {
  test(`CSR-04: ${what} gives an ordinary new session`, async () => {
    const session = await poll();
    const { sid, pid } = replyOf(await session.packet());
    await cast({ rooms: [sid] }, "seen", 0);
    const offset = eventOf(await session.packet()).at(-1);
    await leave(session, sid);
    const again = await poll(auth({ pid, offset }));
    const reply = replyOf(await again.packet());
    assert.notEqual(reply.sid, sid);
    assert.notEqual(reply.pid, pid);
  });
}

test("CSR-04: a session that expired gives an ordinary new one", async () => {
  const hasty = await start("fixture", "--recovery", 1);
  const socket = await connected(hasty, "/", { transports: ["websocket"] });
  const { id } = socket;
  await socket.emitWithAck("message-with-ack");
  socket.emit("message", 1);
  await next(socket, "message-back");
  const end = next(socket, "disconnect");
  socket.io.engine.close();
  await end;
  await next(socket, "connect");
  assert.equal(socket.recovered, false);
  assert.notEqual(socket.id, id);
  await hasty.stop();
});

test("without the option there is no private id, and what a client says of one is ignored", async () => {
  const plain = await start("fixture");
  const wire = await Wire.session(plain);
  wire.send('40{"pid":"aaaaaaaaaaaaaaaaaaaa","offset":"x"}');
  assert.deepEqual(Object.keys(replyOf(await wire.next())), ["sid"]);
  wire.send('42["message",1]');
  assert.equal(await wire.next(), '42["message-back",1]');
  wire.close();
  await plain.stop();
});

describe("the official client", () => {
  for (const transports of [["polling"], ["websocket"], ["polling", "websocket"]]) {
    test(`over ${transports.join(", then ")}: it is recovered with id, rooms, data, and what it missed before connect`, async () => {
      const socket = await connected(subject, "/", { transports, auth: { mine: true } });
      const { id } = socket;
      assert.equal(socket.recovered, false, "the first time");
      await socket.emitWithAck("join", ["official", `to-${id}`]);
      await socket.emitWithAck("set-data", { name: "Ann" });
      const seen = next(socket, "seen");
      await cast({ rooms: [id] }, "seen", 0);
      await seen;
      const heard = listen(socket);
      socket.on("connect", () => heard.push(["connect", socket.recovered]));
      // No attempt before everything has been emitted.
      socket.io.reconnection(false);
      socket.io.engine.close();
      await reasonOf(observer, id);
      await cast({ rooms: [`to-${id}`] }, "missed", 1);
      await cast({ except: [`to-${id}`] }, "no", 0);
      await cast({ rooms: [id] }, "missed", "text");
      await observer.emitWithAck("cast-binary", `to-${id}`, Buffer.from([1, 2]));
      socket.io.reconnection(true);
      socket.connect();
      await eventually(() => socket.connected, "the connection");
      assert.equal(socket.id, id);
      assert.deepEqual(heard.slice(0, 2).map((event) => event.slice(0, 2)), [["missed", 1], ["missed", "text"]]);
      assert.equal(heard[2][0], "relayed");
      assert.deepEqual([...new Uint8Array(heard[2][1])], [1, 2]);
      assert.deepEqual(heard[3], ["connect", true]);
      const { recovered, rooms, data, auth } = await socket.emitWithAck("whoami");
      assert.equal(recovered, true);
      assert.deepEqual(rooms, [id, "official", `to-${id}`].sort());
      assert.deepEqual(data, { name: "Ann" });
      assert.equal(auth.mine, true);
      socket.disconnect();
    });
  }

  test("F3: it sends its private id and offset when it comes back, and keeps its id", async () => {
    const socket = await connected(subject, "/", { transports: ["websocket"] });
    const { id } = socket;
    socket.emit("message", 1);
    const [, offset] = await next(socket, "message-back");
    socket.io.engine.close();
    await next(socket, "connect");
    assert.equal(socket.id, id);
    const { auth } = await socket.emitWithAck("whoami");
    assert.equal(auth.offset, offset);
    assert.match(auth.pid, /^[\w-]{20}$/);
    socket.disconnect();
  });

  test("several namespaces of one connection are recovered at once", async () => {
    const root = await connected(subject, "/", { transports: ["websocket"] });
    const custom = root.io.socket("/custom", {});
    const greeting = next(custom, "greeting");
    custom.connect();
    await greeting;
    root.emit("message", 1);
    await next(root, "message-back");
    const ids = [root.id, custom.id];
    const again = [next(root, "connect"), next(custom, "connect")];
    root.io.engine.close();
    await Promise.all(again);
    assert.deepEqual([root.id, custom.id, root.recovered, custom.recovered], [...ids, true, true]);
    root.disconnect();
    custom.disconnect();
  });

  test("a disconnect by hand, on either side, is for good", async () => {
    const socket = await connected(subject, "/", { transports: ["websocket"] });
    for (const end of [() => socket.disconnect(), () => socket.emit("disconnect-me", false)]) {
      const { id } = socket;
      socket.emit("message", 1);
      await next(socket, "message-back");
      const ended = next(socket, "disconnect");
      end();
      await ended;
      await reasonOf(observer, id);
      socket.connect();
      await next(socket, "connect");
      assert.equal(socket.recovered, false);
      assert.notEqual(socket.id, id);
    }
    socket.disconnect();
  });

  test("a middleware is skipped when its client is recovered", async () => {
    const socket = await connected(subject, "/slow-mw", { transports: ["websocket"] });
    await settled(socket);
    socket.emit("message", 1);
    await next(socket, "message-back");
    socket.io.engine.close();
    const [order] = await next(socket, "order");
    assert.equal(socket.recovered, true);
    assert.deepEqual(order.notes.slice(-1), ["connection"]);
    assert.equal(order.notes.filter((note) => note === "first").length, 1, "the first time only");
    socket.disconnect();
  });

  test("F2: with skipMiddlewares off they run, and it is recovered all the same", async () => {
    const strict = await start("fixture", "--recovery", 60_000, "--recovery-middlewares");
    const socket = await connected(strict, "/slow-mw", { transports: ["websocket"] });
    await settled(socket);
    socket.emit("message", 1);
    await next(socket, "message-back");
    const { id } = socket;
    socket.io.engine.close();
    const [order] = await next(socket, "order");
    assert.deepEqual(order.notes, ["first", "second", "connection"]);
    assert.deepEqual([socket.recovered, socket.id], [true, id]);
    socket.disconnect();
    await strict.stop();
  });
});

describe("beyond the reference", () => {
  test("it is recovered although no event came first", { skip: rustOnly("an offset is needed") }, async () => {
    const socket = await connected(subject, "/", { transports: ["websocket"] });
    const { id } = socket;
    const heard = listen(socket);
    socket.io.reconnection(false);
    socket.io.engine.close();
    await reasonOf(observer, id);
    await cast({ rooms: [id] }, "missed", 1);
    socket.io.reconnection(true);
    socket.connect();
    await eventually(() => socket.connected, "the connection");
    assert.deepEqual([socket.recovered, socket.id], [true, id]);
    assert.deepEqual(heard.map((event) => event.slice(0, 2)), [["missed", 1]]);
    socket.disconnect();
  });

  test("a volatile text does not cost the recovery", { skip: rustOnly("the client takes it for an offset") }, async () => {
    const socket = await connected(subject, "/", { transports: ["websocket"] });
    const { id } = socket;
    socket.emit("message", 1);
    await next(socket, "message-back");
    const heard = listen(socket);
    await eventually(async () => {
      await settled(socket);
      await cast({ rooms: [id], volatile: true }, "tick", "tock");
      await settled(socket);
      return heard.some(([event]) => event === "tick");
    }, "a volatile event");
    heard.length = 0;
    socket.io.engine.close();
    await next(socket, "connect");
    assert.deepEqual([socket.recovered, socket.id], [true, id]);
    assert.deepEqual(heard, []);
    socket.disconnect();
  });

  test("an event of a middleware is not lost", { skip: rustOnly("it is emitted to a room that nobody is in yet") }, async () => {
    const socket = client(subject, "/whisper", { transports: ["websocket"] });
    const whisper = next(socket, "whisper");
    socket.connect();
    assert.equal((await whisper)[0], "from a middleware");
    socket.disconnect();
  });

  test("a private id is used once", { skip: rustOnly("it may be used again") }, async () => {
    const session = await poll();
    const { sid, pid } = replyOf(await session.packet());
    await leave(session, sid);
    const first = await poll({ pid });
    assert.equal(replyOf(await first.packet()).sid, sid);
    const second = await poll({ pid });
    assert.equal(replyOf(await second.packet()).sid, sid, "it takes over from the first one");
    const { status } = await request(subject, { query: first.query });
    assert.equal(status, 400, "whose session has ended");
    assert.equal(await observer.emitWithAck("fetch", { rooms: [sid] }).then((sockets) => sockets.length), 1);
  });

  test("who is back before the loss was noticed takes over, and nothing is lost or doubled", { skip: rustOnly("the session is not stored yet") }, async () => {
    const wire = await Wire.session(subject, { answerPings: false });
    wire.send("40");
    const { sid, pid } = replyOf(await wire.next());
    wire.send('42["message",1]');
    const offset = eventOf(await wire.next()).at(-1);
    // The old connection is still there, and reads no more as far as the client can tell.
    await cast({ rooms: [sid] }, "on its way", 2);
    const again = await Wire.session(subject);
    again.send(`40${JSON.stringify({ pid, offset })}`);
    assert.deepEqual(eventOf(await again.next()).slice(0, -1), ["on its way", 2]);
    assert.equal(replyOf(await again.next()).sid, sid);
    await wire.end();
    assert.match(await reasonOf(observer, sid), /^forced (server )?close$/);
    await cast({ rooms: [sid] }, "live", 3);
    assert.deepEqual(eventOf(await again.next()).slice(0, -1), ["live", 3]);
    again.close();
  });
});

for (const [name, parser] of Object.entries(PARSERS)) {
  describe(`with the parser ${name}`, () => {
    let subject;
    let observer;
    before(async () => {
      subject = await start("fixture", "--recovery", 60_000, "--parser", name);
      observer = await connected(subject, "/", { parser, transports: ["websocket"] });
    });
    after(() => subject.stop());
    const cast = (target, event, value) => observer.emitWithAck("cast", { from: "namespace", ...target }, event, value);

    for (const transports of [["polling"], ["websocket"]]) {
      test(`CSR-06: over ${transports[0]} what was missed comes in order and before connect`, async () => {
        const socket = await connected(subject, "/", { parser, transports });
        const { id } = socket;
        await socket.emitWithAck("join", [`to-${id}`]);
        const seen = next(socket, "seen");
        await cast({ rooms: [id] }, "seen", 0);
        const [value, offset] = await seen;
        assert.equal(value, 0);
        assert.equal(typeof offset, "string");
        const heard = listen(socket);
        socket.on("connect", () => heard.push(["connect", socket.recovered]));
        socket.io.reconnection(false);
        socket.io.engine.close();
        await reasonOf(observer, id);
        await cast({ rooms: [`to-${id}`] }, "missed", { deep: [1, "two"] });
        await cast({ except: [`to-${id}`] }, "no", 0);
        await cast({ rooms: [id] }, "missed", "text");
        if (name === "msgpack") await observer.emitWithAck("cast-binary", `to-${id}`, Buffer.from([1, 2]));
        socket.io.reconnection(true);
        socket.connect();
        await eventually(() => socket.connected, "the connection");
        assert.equal(socket.id, id);
        const relayed = name === "msgpack" ? [heard.splice(2, 1)[0]] : [];
        for (const [event, bytes] of relayed) assert.deepEqual([event, ...new Uint8Array(bytes)], ["relayed", 1, 2]);
        const offsets = heard.slice(0, 2).map((event) => event.pop());
        assert.deepEqual(heard, [["missed", { deep: [1, "two"] }], ["missed", "text"], ["connect", true]]);
        assert.equal(new Set([offset, ...offsets]).size, 3);
        // And it goes on from there.
        const more = next(socket, "more");
        await cast({ rooms: [`to-${id}`] }, "more", 1);
        assert.equal((await more)[0], 1);
        socket.disconnect();
      });
    }
  });
}

describe("with clients of Socket.IO 2 beside those of today", () => {
  let subject;
  let observer;
  before(async () => {
    subject = await start("fixture", "--recovery", 60_000, "--allow-eio3");
    observer = await connected(subject, "/", { transports: ["websocket"] });
  });
  after(async () => {
    closeAllV2();
    await subject.stop();
  });

  test("they get broadcasts and direct emits, come back as other sockets, and the others miss nothing", async () => {
    const old = await connectedV2(subject, "/", { transports: ["websocket"] });
    const today = await connected(subject, "/", { transports: ["websocket"] });
    const { id } = today;
    const room = `mixed-${id}`;
    await ask(old, "join", [room]);
    await today.emitWithAck("join", [room]);
    const cast = (value) =>
      observer.emitWithAck("cast", { from: "namespace", rooms: [room] }, "news", value);
    const values = [];
    old.on("news", (value) => values.push(value));
    const seen = next(today, "news");
    await cast(0);
    await seen;
    const direct = next(old, "message-back");
    old.emit("message", 1, "text");
    assert.deepEqual((await direct).slice(0, 2), [1, "text"]);
    const heard = listen(today);
    today.io.reconnection(false);
    today.io.engine.close();
    await reasonOf(observer, id);
    await cast(1);
    await cast(2);
    today.io.reconnection(true);
    today.connect();
    await eventually(() => today.connected, "the connection");
    assert.equal(today.id, id);
    assert.deepEqual(heard.map(([, value]) => value), [1, 2]);
    await ask(old, "message-with-ack");
    assert.deepEqual(values, [0, 1, 2]);

    const before = old.id;
    const again = next(old, "connect");
    old.io.engine.close();
    await again;
    assert.notEqual(old.id, before);
    assert.deepEqual((await ask(old, "whoami")).rooms, [old.id]);
    today.disconnect();
  });

  test("a direct emit to them has no offset, which they have no use for", { skip: rustOnly("it has one") }, async () => {
    const old = await connectedV2(subject, "/", { transports: ["websocket"] });
    const direct = next(old, "message-back");
    old.emit("message", 1, "text");
    assert.deepEqual(await direct, [1, "text"]);
  });
});
