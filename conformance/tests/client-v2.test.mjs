// The official client of Socket.IO 2.5 against a server that lets it in, beside clients of today.
//
// in:  the fixture with `--allow-eio3`, both clients, on each way they may connect
// out: one test per feature
// odd: the old client never hears of a namespace's refusal as a `connect_error`, but as an `error` with a bare value
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { closeAll, connected, reasonOf } from "../support/client.mjs";
import { ask, askAll, clientV2, closeAllV2, connectedV2, refusedV2 } from "../support/client-v2.mjs";
import { start } from "../support/subject.mjs";
import { eventually, next } from "../support/wait.mjs";

const MODES = {
  "polling only": { transports: ["polling"] },
  "polling with base64": { transports: ["polling"], forceBase64: true },
  "websocket only": { transports: ["websocket"] },
  "websocket with base64": { transports: ["websocket"], forceBase64: true },
  "with upgrade": { transports: ["polling", "websocket"] },
};
const BYTES = Buffer.from([0, 4, 255, 10]);

for (const [mode, options] of Object.entries(MODES)) {
  describe(`a client of Socket.IO 2, ${mode}`, () => {
    let subject;
    before(async () => {
      subject = await start("fixture", "--allow-eio3", "--ping-interval", 200, "--ping-timeout", 2000);
    });
    after(async () => {
      closeAllV2();
      closeAll();
      await subject.stop();
    });
    const open = (namespace, more) => connectedV2(subject, namespace, { ...options, ...more });
    const refused = (namespace) => refusedV2(subject, namespace, options);

    connections(open, () => subject, options);
    arguments_(open);
    namespaces(open, refused);
    mixedRooms(open, () => subject);
  });
}

function connections(open, subject, { transports }) {
  test("it is connected without asking, and both sides know it by the id of its session", async () => {
    const socket = await open("/", { query: { token: "abc" } });
    assert.equal(socket.id, socket.io.engine.id);
    const me = await ask(socket, "whoami");
    assert.equal(me.id, socket.id);
    assert.deepEqual([me.namespace, me.connected, me.recovered, me.auth], ["/", true, false, {}]);
    assert.deepEqual(me.rooms, [socket.id]);
    assert.deepEqual([me.query.EIO, me.query.token], ["3", "abc"]);
  });

  test("it moves to its last transport and stays there", async () => {
    const socket = await open();
    const { engine } = socket.io;
    await eventually(() => engine.transport.name === transports.at(-1) && !engine.upgrading, "upgrade");
    // Some heartbeats later.
    let pongs = 0;
    engine.on("pong", () => pongs++);
    await eventually(() => pongs === 3, "three heartbeats");
    assert.equal(await ask(socket, "message-with-ack", "alive"), "alive");
  });

  test("each side learns why the other ended", async () => {
    const observer = await open();
    const left = await open();
    const { id } = left;
    left.disconnect();
    assert.equal(await reason(observer, id), "client namespace disconnect");

    const thrown = await open();
    const thrownId = thrown.id;
    const disconnect = next(thrown, "disconnect");
    thrown.emit("disconnect-me", true);
    assert.deepEqual(await disconnect, ["io server disconnect"]);
    assert.equal(await reason(observer, thrownId), "server namespace disconnect");

    const lost = await open();
    const lostId = lost.id;
    lost.io.reconnection(false);
    lost.io.engine.close();
    assert.equal(await reason(observer, lostId), "transport close");
  });

  test("after a lost connection it comes back by itself, as another socket", async () => {
    const socket = await open();
    const { id } = socket;
    const again = next(socket, "reconnect");
    socket.emit("close-engine");
    await again;
    await eventually(() => socket.connected && socket.id !== id, "a new id");
    assert.equal((await ask(socket, "whoami")).id, socket.id);
  });
}

async function reason(observer, id) {
  const entry = await eventually(async () => {
    const log = await ask(observer, "log", id);
    return log.find(({ event }) => event === "disconnect");
  }, `the end of ${id}`);
  return entry.reason;
}

function arguments_(open) {
  test("events and acknowledgements carry what they were given", async () => {
    const socket = await open();
    const args = [1, "zwölf 🦀 \u2028", { deep: [true, null, { x: 1.5 }] }, "x".repeat(20_000)];
    const back = next(socket, "message-back");
    socket.emit("message", ...args);
    assert.deepEqual(await back, args);
    assert.deepEqual(await askAll(socket, "message-with-ack", ...args), args);
    assert.deepEqual(await askAll(socket, "message-with-ack"), []);
  });

  test("binary arguments come through both ways, in events and acknowledgements", async () => {
    const socket = await open();
    const args = [BYTES, { deep: [Buffer.alloc(0), "ü", Buffer.alloc(3000, 7)] }];
    const back = next(socket, "message-back");
    socket.emit("message", ...args);
    assert.deepEqual(buffers(await back), args);
    assert.deepEqual(buffers(await askAll(socket, "message-with-ack", ...args)), args);
  });

  test("the server asks and gets its answer, binary as well", async () => {
    const socket = await open();
    socket.on("question", (value, answer) => answer({ got: value }));
    for (const value of ["text", BYTES]) {
      const outcome = await ask(socket, "ask", { event: "question", value, timeout: 4000 });
      assert.deepEqual(buffers(outcome), { ok: true, value: { got: value } });
    }
  });

  test("a thousand events arrive in order, also while the transport changes", async () => {
    const socket = await open();
    const heard = [];
    socket.on("number", (n) => heard.push(n));
    for (let n = 0; n < 1000; n++) socket.emit("count", n);
    assert.equal(await ask(socket, "burst", 1000), 1000);
    assert.deepEqual(await ask(socket, "counted"), { count: 1000, ordered: true });
    await eventually(() => heard.length === 1000, "the burst");
    assert.deepEqual(
      heard,
      heard.map((_, n) => n),
    );
  });
}

/** The same with every kind of bytes as a Buffer: what the client makes of them depends on its transport. */
function buffers(value) {
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  if (Buffer.isBuffer(value) || value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(buffers);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, buffers(inner)]));
}

/** Another namespace of the same connection. */
const beside = (socket, namespace) => socket.io.socket(namespace).connect();

function namespaces(open, refused) {
  test("in another namespace it has the id of its session behind the path", async () => {
    const socket = await open("/custom");
    assert.equal(socket.id, `/custom#${socket.io.engine.id}`);
    const me = await ask(socket, "whoami");
    assert.deepEqual([me.id, me.namespace, me.auth], [socket.id, "/custom", {}]);
    assert.deepEqual(me.rooms, [socket.id]);
  });

  test("what a handler emits at once arrives in the namespace", async () => {
    const main = await open();
    const custom = beside(main, "/custom");
    assert.deepEqual(await next(custom, "greeting"), ["hello"]);
    assert.deepEqual(await askAll(main, "message-with-ack", 1), [1]);
  });

  test("the query of a namespace is its auth", async () => {
    const socket = await open("/auth?token=secret&name=%C3%A4%20b&token=secret");
    assert.deepEqual((await ask(socket, "whoami")).auth, { token: "secret", name: "ä b" });
    assert.deepEqual(await askAll(socket, "message-with-ack", BYTES.toString("hex")), [BYTES.toString("hex")]);
  });

  test("namespaces made on demand are there for it too", async () => {
    const socket = await open("/dyn-42");
    assert.equal((await ask(socket, "whoami")).namespace, "/dyn-42");
  });

  test("a middleware's refusal is the message alone, or the data alone", async () => {
    assert.equal(await refused("/auth?token=plain"), "plain refusal");
    assert.deepEqual(await refused("/auth"), { retry: false });
  });

  test("an unknown namespace is refused with an object, and the connection lives on", async () => {
    const main = await open();
    const nowhere = beside(main, "/nowhere");
    assert.deepEqual(await next(nowhere, "error"), [{ message: "Invalid namespace" }]);
    assert.equal(await ask(main, "message-with-ack", "alive"), "alive");
  });

  test("a namespace may be left and joined again", async () => {
    const main = await open();
    const custom = beside(main, "/custom");
    await next(custom, "greeting");
    custom.disconnect();
    assert.equal(await ask(main, "message-with-ack", "between"), "between");
    custom.connect();
    await next(custom, "greeting");
    assert.equal((await ask(custom, "whoami")).id, custom.id);
  });
}

function mixedRooms(open, subject) {
  test("old and new clients share rooms, broadcasts and binary frames", async () => {
    const old = await open();
    const today = await connected(subject(), "/", { transports: ["websocket"] });
    const polling = await connected(subject(), "/", { transports: ["polling"] });
    const room = `mixed-${old.id}`;
    await ask(old, "join", [room]);
    for (const socket of [today, polling]) await socket.emitWithAck("join", [room]);

    const heard = [old, today, polling].map((socket) => next(socket, "news"));
    await ask(old, "cast", { rooms: [room], from: "namespace" }, "news", { value: "ü" });
    assert.deepEqual(await Promise.all(heard), Array(3).fill([{ value: "ü" }]));

    for (const sender of [old, today]) {
      const others = [old, today, polling].filter((socket) => socket !== sender);
      const relayed = others.map((socket) => next(socket, "relayed"));
      sender.emit("cast-binary", room, BYTES);
      assert.deepEqual(buffers(await Promise.all(relayed)), [[BYTES], [BYTES]]);
    }

    const everybody = [old, today, polling];
    for (const socket of everybody) socket.on("roll-call", (_, answer) => answer("here"));
    const call = { event: "roll-call", value: 1, timeout: 4000 };
    const answers = await ask(old, "ask-many", { rooms: [room], from: "namespace" }, call);
    assert.deepEqual(answers, { ok: true, value: ["here", "here", "here"] });

    const ids = (await ask(old, "fetch", { rooms: [room] })).map(({ id }) => id);
    assert.deepEqual(ids.sort(), everybody.map(({ id }) => id).sort());
    today.disconnect();
    polling.disconnect();
  });

  test("what is sent to its id reaches it alone", async () => {
    const one = await open();
    const other = await open();
    const heard = next(one, "personal");
    other.on("personal", () => assert.fail("not for this one"));
    await ask(other, "cast", { rooms: [one.id], from: "namespace" }, "personal", 1);
    assert.deepEqual(await heard, [1]);
    await ask(other, "message-with-ack");
  });
}

describe("a server that does not let it in", () => {
  let subject;
  before(async () => (subject = await start("fixture")));
  after(async () => {
    closeAllV2();
    closeAll();
    await subject.stop();
  });

  for (const transports of [["polling"], ["websocket"]]) {
    test(`refuses it on ${transports[0]}`, async () => {
      const socket = clientV2(subject, "/", { transports, reconnection: false });
      const failed = next(socket, "connect_error");
      socket.connect();
      const [error] = await failed;
      assert.match(error.message, /xhr poll error|websocket error/);
      assert.equal(socket.connected, false);
    });
  }

  test("goes on for clients of today", async () => {
    const socket = await connected(subject);
    assert.equal(await socket.emitWithAck("message-with-ack", 1), 1);
    const { id } = socket;
    const observer = await connected(subject);
    socket.disconnect();
    assert.equal(await reasonOf(observer, id), "client namespace disconnect");
  });
});
