// The official client of Socket.IO 3.1, which speaks today's protocol, and that of Engine.IO 3 without Socket.IO.
//
// in:  the fixture and the echo server, each client on each way it may connect
// out: one test per feature
// odd: the numbers mislead. Socket.IO 3 speaks Engine.IO 4, as all clients after it; Engine.IO 3 is that of Socket.IO 2
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import engine from "engine.io-client-3";
import io from "socket.io-client-3";
import { start } from "../support/subject.mjs";
import { eventually, next, within } from "../support/wait.mjs";

const MODES = {
  "polling only": ["polling"],
  "websocket only": ["websocket"],
  "with upgrade": ["polling", "websocket"],
};
const BYTES = Buffer.from([0, 4, 255, 10]);

for (const [mode, transports] of Object.entries(MODES)) {
  describe(`a client of Socket.IO 3, ${mode}`, () => socketIo(transports));
  for (const forceBase64 of [false, true]) {
    const how = forceBase64 ? `${mode}, with base64` : mode;
    describe(`a client of Engine.IO 3, ${how}`, () => engineIo({ transports, forceBase64 }));
  }
}

function socketIo(transports) {
  let subject;
  const opened = [];
  before(async () => (subject = await start("fixture")));
  after(async () => {
    for (const socket of opened) {
      socket.io.reconnection(false);
      socket.disconnect();
    }
    await subject.stop();
  });
  const open = async (namespace = "/", options = {}) => {
    const socket = io(subject.url + namespace, { transports, forceNew: true, autoConnect: false, ...options });
    opened.push(socket);
    const connect = next(socket, "connect");
    socket.connect();
    await connect;
    return socket;
  };
  const ask = (socket, event, ...args) =>
    within(new Promise((resolve) => socket.emit(event, ...args, (...answer) => resolve(answer))), event);

  test("it is connected with an id of the server's and the auth it gave", async () => {
    const socket = await open("/auth", { auth: { token: "secret" } });
    const [me] = await ask(socket, "whoami");
    assert.deepEqual([me.id, me.namespace, me.auth], [socket.id, "/auth", { token: "secret" }]);
    assert.notEqual(me.id, socket.io.engine.id);
  });

  test("events and acknowledgements carry text and bytes both ways", async () => {
    const socket = await open();
    const args = [1, "ü", { deep: [BYTES] }];
    const back = next(socket, "message-back");
    socket.emit("message", ...args);
    assert.deepEqual(await back, args);
    assert.deepEqual(await ask(socket, "message-with-ack", ...args), args);
    socket.on("question", (value, answer) => answer(value));
    assert.deepEqual(await ask(socket, "ask", { event: "question", value: BYTES }), [{ ok: true, value: BYTES }]);
  });

  test("a refusal tells why", async () => {
    const socket = io(`${subject.url}/auth`, { transports, forceNew: true, autoConnect: false });
    opened.push(socket);
    const refused = next(socket, "connect_error");
    socket.connect();
    const [error] = await refused;
    assert.deepEqual([error.message, error.data], ["no entry", { retry: false }]);
  });

  test("rooms and disconnects work", async () => {
    const [one, other] = [await open(), await open()];
    await ask(one, "join", ["room"]);
    const heard = next(one, "relayed");
    other.emit("cast-binary", "room", BYTES);
    assert.deepEqual(await heard, [BYTES]);
    const ended = next(one, "disconnect");
    one.emit("disconnect-me", false);
    assert.deepEqual(await ended, ["io server disconnect"]);
  });
}

function engineIo(options) {
  let subject;
  const opened = [];
  before(async () => (subject = await start("engine-suite", "--eio3")));
  after(async () => {
    for (const session of opened) session.close();
    await subject.stop();
  });
  const open = async () => {
    const session = engine(`ws://127.0.0.1:${subject.port}`, options);
    opened.push(session);
    await next(session, "open");
    return session;
  };
  const message = async (session) => (await next(session, "message"))[0];

  test("messages come back as what they were", async () => {
    const session = await open();
    for (const sent of ["hello", "hé! 🦀", "x".repeat(100_000), BYTES, Buffer.alloc(0), Buffer.alloc(70_000, 7)]) {
      const back = message(session);
      session.send(sent);
      const got = await back;
      assert.deepEqual(typeof got === "string" ? got : Buffer.from(got), sent);
    }
  });

  test("messages keep their order, also while the transport changes", async () => {
    const session = await open();
    const heard = [];
    session.on("message", (text) => heard.push(text));
    const sent = Array.from({ length: 200 }, (_, n) => `message ${n}`);
    for (const text of sent) session.send(text);
    await eventually(() => heard.length === sent.length, "all of them");
    assert.deepEqual(heard, sent);
  });

  test("its heartbeats keep it alive on its last transport", async () => {
    const session = await open();
    let pongs = 0;
    session.on("pong", () => pongs++);
    await eventually(() => session.transport.name === options.transports.at(-1) && !session.upgrading, "upgrade");
    await eventually(() => pongs === 3, "three heartbeats");
    assert.equal(session.readyState, "open");
  });

  test("it ends when it wants to", async () => {
    const session = await open();
    const closed = next(session, "close");
    session.close();
    assert.equal((await closed)[0], "forced close");
  });
}
