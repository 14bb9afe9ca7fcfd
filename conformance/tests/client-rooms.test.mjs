// Rooms, broadcasts and questions to many, with the official client.
//
// in:  the fixture, several clients
// out: one test per feature and mode
// odd: each test has rooms of its own names, because the clients of earlier tests are still there. Whether somebody did
//      NOT hear something is asked after a round trip, because everything a socket is sent keeps its order
import assert from "node:assert/strict";
import { test } from "node:test";
import { reasonOf, settled } from "../support/client.mjs";
import { inEachMode, listen } from "../support/modes.mjs";
import { eventually, next } from "../support/wait.mjs";

let last = 0;
const room = () => `room ${++last}`;

inEachMode(({ open, stay }) => {
  /** Clients by name, and who heard what. */
  async function crowd(rooms) {
    const sockets = {};
    for (const [name, joins] of Object.entries(rooms)) {
      sockets[name] = await open();
      sockets[name].heard = listen(sockets[name]);
      if (joins.length > 0) await sockets[name].emitWithAck("join", joins);
    }
    /** `{name: [values]}` of everybody who heard `event`. */
    sockets.whoHeard = async (event) => {
      const result = {};
      for (const name of Object.keys(rooms)) {
        await settled(sockets[name]);
        const values = sockets[name].heard.filter(([heard]) => heard === event).map(([, value]) => value);
        if (values.length > 0) result[name] = values;
      }
      return result;
    };
    return sockets;
  }

  test("join and leave change the rooms of a socket, repeating them changes nothing", async () => {
    const [a, b] = [room(), room()];
    const socket = await open();
    const rooms = (...more) => [socket.id, ...more].sort();
    assert.deepEqual(await socket.emitWithAck("join", [a, b]), rooms(a, b));
    assert.deepEqual(await socket.emitWithAck("join", [a]), rooms(a, b));
    assert.deepEqual(await socket.emitWithAck("leave", a), rooms(b));
    assert.deepEqual(await socket.emitWithAck("leave", a), rooms(b));
    assert.deepEqual(await socket.emitWithAck("leave", socket.id), [b]);
  });

  test("a socket's broadcast to a room reaches the room but not the sender", async () => {
    const r = room();
    const all = await crowd({ sender: [r], inside: [r], outside: [] });
    await all.sender.emitWithAck("cast", { rooms: [r] }, "word", 1);
    assert.deepEqual(await all.whoHeard("word"), { inside: [1] });
  });

  test("a broadcast of the namespace to a room reaches the sender too", async () => {
    const r = room();
    const all = await crowd({ sender: [r], inside: [r], outside: [] });
    await all.sender.emitWithAck("cast", { from: "namespace", rooms: [r] }, "word", 1);
    assert.deepEqual(await all.whoHeard("word"), { sender: [1], inside: [1] });
  });

  test("a broadcast without rooms reaches everybody", async () => {
    const all = await crowd({ sender: [], a: [], b: [] });
    const word = room();
    await all.sender.emitWithAck("cast", {}, word, 1);
    await all.sender.emitWithAck("cast", { from: "namespace" }, word, 2);
    assert.deepEqual(await all.whoHeard(word), { sender: [2], a: [1, 2], b: [1, 2] });
  });

  test("who is in several of the rooms hears it once", async () => {
    const [a, b] = [room(), room()];
    const all = await crowd({ sender: [], both: [a, b], onlyA: [a], onlyB: [b], none: [] });
    await all.sender.emitWithAck("cast", { rooms: [a, b] }, "word", 1);
    assert.deepEqual(await all.whoHeard("word"), { both: [1], onlyA: [1], onlyB: [1] });
  });

  test("except takes rooms and single sockets out", async () => {
    const [a, b] = [room(), room()];
    const all = await crowd({ sender: [], both: [a, b], one: [a], two: [a] });
    await all.sender.emitWithAck("cast", { rooms: [a], except: [b] }, "room", 1);
    await all.sender.emitWithAck("cast", { rooms: [a], except: [all.one.id, "unknown"] }, "socket", 1);
    await all.sender.emitWithAck("cast", { rooms: [a], except: [a] }, "everybody", 1);
    assert.deepEqual(await all.whoHeard("room"), { one: [1], two: [1] });
    assert.deepEqual(await all.whoHeard("socket"), { both: [1], two: [1] });
    assert.deepEqual(await all.whoHeard("everybody"), {});
  });

  test("a socket is a room by its id; to itself a socket's broadcast says nothing", async () => {
    const all = await crowd({ sender: [], other: [] });
    await all.sender.emitWithAck("cast", { rooms: [all.other.id] }, "word", 1);
    await all.sender.emitWithAck("cast", { rooms: [all.sender.id] }, "word", 2);
    await all.sender.emitWithAck("cast", { from: "namespace", rooms: [all.sender.id] }, "word", 3);
    assert.deepEqual(await all.whoHeard("word"), { sender: [3], other: [1] });
  });

  test("unknown rooms reach nobody, strange names are names", async () => {
    // Roomcast joins none of more than 1,024 bytes.
    const names = ["", " ", "a,b", "漢字 💥", "__proto__", "x".repeat(1000)].map((name) => `${name}${room()}`);
    const all = await crowd({ sender: [], inside: names });
    await all.sender.emitWithAck("cast", { rooms: [room()] }, "word", "nobody");
    for (const name of names) await all.sender.emitWithAck("cast", { rooms: [name] }, "word", name);
    assert.deepEqual(await all.whoHeard("word"), { inside: names });
  });

  test("who left a room or the server hears nothing any more", async () => {
    const r = room();
    const all = await crowd({ sender: [r], left: [r], gone: [r], stays: [r] });
    await all.left.emitWithAck("leave", r);
    const { id } = all.gone;
    all.gone.disconnect();
    await reasonOf(all.sender, id);
    const members = await all.sender.emitWithAck("fetch", { rooms: [r] });
    assert.deepEqual(members.map(({ id }) => id).sort(), [all.sender.id, all.stays.id].sort());
    assert.deepEqual(await all.sender.emitWithAck("fetch", { rooms: [id] }), []);
  });

  test("a broadcast target may be kept and refined without changing it", async () => {
    const [a, b] = [room(), room()];
    const all = await crowd({ onlyA: [a], onlyB: [b], both: [a, b] });
    await all.onlyA.emitWithAck("reuse", a, b);
    assert.deepEqual(Object.keys(await all.whoHeard("to-both")), ["onlyA", "onlyB", "both"]);
    assert.deepEqual(Object.keys(await all.whoHeard("to-a-not-b")), ["onlyA"]);
    assert.deepEqual(Object.keys(await all.whoHeard("to-a")), ["onlyA", "both"]);
  });

  test("the flags of a broadcast do not change who hears it", async () => {
    const r = room();
    const all = await crowd({ sender: [], inside: [r] });
    for (const flags of [{ compress: false }, { compress: true }, { local: true }]) {
      await all.sender.emitWithAck("cast", { rooms: [r], ...flags }, "word", JSON.stringify(flags));
    }
    assert.equal((await all.whoHeard("word")).inside.length, 3);
  });

  test("a volatile broadcast reaches who is ready", async () => {
    const r = room();
    const all = await crowd({ sender: [], inside: [r] });
    await stay(all.inside);
    await eventually(async () => {
      await settled(all.inside);
      await all.sender.emitWithAck("cast", { rooms: [r], volatile: true }, "word", 1);
      return (await all.whoHeard("word")).inside;
    }, "a volatile broadcast");
  });

  test("attachments are broadcast whole", async () => {
    const r = room();
    const all = await crowd({ sender: [r], a: [r], b: [r] });
    const heard = [next(all.a, "relayed"), next(all.b, "relayed")];
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await all.sender.emitWithAck("cast-binary", r, bytes);
    assert.deepEqual(await Promise.all(heard), [[bytes], [bytes]]);
    assert.deepEqual(await all.whoHeard("relayed"), { a: [bytes], b: [bytes] });
  });

  test("broadcasts and direct events keep one order", async () => {
    const r = room();
    const all = await crowd({ sender: [], inside: [r] });
    for (let i = 0; i < 50; i++) {
      all.sender.emit("cast", { rooms: [i % 2 ? r : all.inside.id] }, "word", i, () => {});
    }
    await settled(all.sender);
    const { inside } = await all.whoHeard("word");
    assert.deepEqual(
      inside,
      Array.from({ length: 50 }, (_, i) => i),
    );
  });

  test("sockets can be listed, by room, with their data", async () => {
    const [a, b] = [room(), room()];
    const all = await crowd({ one: [a], two: [a, b], three: [b] });
    await all.one.emitWithAck("set-data", { name: "one" });
    const listed = await all.three.emitWithAck("fetch", { rooms: [a] });
    const expected = [
      { id: all.one.id, rooms: [all.one.id, a].sort(), data: { name: "one" } },
      { id: all.two.id, rooms: [all.two.id, a, b].sort(), data: null },
    ];
    assert.deepEqual(
      listed,
      expected.sort((x, y) => (x.id < y.id ? -1 : 1)),
    );
    const union = await all.one.emitWithAck("fetch", { rooms: [a, b], except: [all.two.id] });
    assert.deepEqual(union.map(({ id }) => id).sort(), [all.one.id, all.three.id].sort());
    const everybody = await all.one.emitWithAck("fetch", {});
    assert.ok(everybody.length >= 3);
    assert.deepEqual(await all.one.emitWithAck("fetch", { rooms: [room()] }), []);
  });

  test("many sockets can be made to join and to leave", async () => {
    const [a, b, c] = [room(), room(), room()];
    const all = await crowd({ one: [a], two: [a], other: [] });
    await all.other.emitWithAck("sockets-join", { rooms: [a], except: [all.two.id] }, [b, c]);
    assert.deepEqual((await all.one.emitWithAck("whoami")).rooms, [all.one.id, a, b, c].sort());
    assert.deepEqual((await all.two.emitWithAck("whoami")).rooms, [all.two.id, a].sort());
    await all.other.emitWithAck("sockets-leave", { rooms: [a] }, c);
    assert.deepEqual((await all.one.emitWithAck("whoami")).rooms, [all.one.id, a, b].sort());
  });

  for (const close of [false, true]) {
    test(`many sockets can be disconnected, ${close ? "with" : "without"} their connection`, async () => {
      const r = room();
      const all = await crowd({ one: [r], two: [r], other: [] });
      const ends = [next(all.one, "disconnect"), next(all.two, "disconnect")];
      await all.other.emitWithAck("disconnect-sockets", { rooms: [r] }, close);
      for (const end of ends) assert.equal((await end)[0], "io server disconnect");
      await settled(all.other);
    });
  }

  const answering = (sockets, answer) => {
    for (const socket of sockets) socket.on("question", (value, ack) => ack(answer(socket, value)));
  };

  test("a question to many gathers all answers, the first argument of each", async () => {
    const r = room();
    const all = await crowd({ asker: [r], one: [r], two: [r] });
    const members = [all.asker, all.one, all.two];
    for (const socket of members) socket.on("question", (value, ack) => ack(`${socket.id}${value}`, "more"));
    const question = { event: "question", value: 7, timeout: 4000 };
    const namespace = await all.asker.emitWithAck("ask-many", { from: "namespace", rooms: [r] }, question);
    assert.equal(namespace.ok, true);
    assert.deepEqual(namespace.value.sort(), members.map(({ id }) => `${id}7`).sort());
    const others = await all.asker.emitWithAck("ask-many", { rooms: [r] }, question);
    assert.deepEqual(others.value.sort(), [all.one, all.two].map(({ id }) => `${id}7`).sort());
  });

  test("a question to many that one does not answer fails with the answers that came", async () => {
    const r = room();
    const all = await crowd({ asker: [], one: [r], two: [r], silent: [r] });
    answering([all.one, all.two], (_, value) => value);
    const outcome = await all.asker.emitWithAck(
      "ask-many",
      { rooms: [r] },
      { event: "question", value: 1, timeout: 150 },
    );
    assert.deepEqual(outcome, { ok: false, error: "operation has timed out", value: [1, 1] });
  });

  test("a question to nobody is answered at once with nothing", async () => {
    const socket = await open();
    const question = { event: "question", value: 1, timeout: 60_000 };
    assert.deepEqual(await socket.emitWithAck("ask-many", { rooms: [room()] }, question), { ok: true, value: [] });
  });

  test("answers to many may be attachments", async () => {
    const r = room();
    const all = await crowd({ asker: [], one: [r] });
    answering([all.one], () => Buffer.from([1, 2]));
    const outcome = await all.asker.emitWithAck(
      "ask-many",
      { rooms: [r] },
      { event: "question", value: 1, timeout: 4000 },
    );
    assert.deepEqual(outcome, { ok: true, value: [Buffer.from([1, 2])] });
  });

  test("joining after the end joins nothing", async () => {
    const r = room();
    const all = await crowd({ late: [], other: [] });
    const end = next(all.late, "disconnect");
    all.late.emit("late-join", r);
    await end;
    assert.deepEqual(await all.other.emitWithAck("fetch", { rooms: [r] }), []);
  });
});
