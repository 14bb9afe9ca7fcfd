/**
 * What the client does against a whole server, over each transport; the server may be any that keeps
 * the contract of fixture.mjs (ROOMCAST_URL).
 */
import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { WebSocket } from "ws";
import { io, Manager } from "../roomcast.js";
import { client, connected, next } from "./client.mjs";
import { recovers, startFixture, startLink } from "./fixture.mjs";

let server, noRecovery;
before(async () => {
  server = await startFixture();
  noRecovery = !(await recovers(server.url)) && "the server has no connection state recovery: its CONNECT reply has no pid";
});
after(() => server.close());

const bytes = (value) => [...new Uint8Array(value)];

for (const transport of ["websocket", "polling"]) {
  const make = (t, nsp = "/", opts, url = server.url) => client(t, url + nsp, { transports: [transport], ...opts });

  describe(`over ${transport}`, () => {
    test("a socket connects, has an id that is not the session's, and knows its transport", async (t) => {
      const socket = make(t);
      assert.deepEqual([socket.connected, socket.active, socket.id], [false, true, undefined]);
      await connected(socket);
      assert.equal(socket.disconnected, false);
      assert.equal(socket.recovered, false);
      assert.match(socket.id, /^[\w-]{20}$/);
      assert.notEqual(socket.id, socket.io.engine.id);
      assert.equal(socket.io.engine.transport.name, transport);
    });

    test("an event comes back with its arguments in order", async (t) => {
      const socket = make(t);
      socket.emit("echo", 1, "zwei\u{1F600}\x1e\u2028", [null, true], { a: { b: 1.5 } });
      const args = await next(socket, "echo");
      assert.deepEqual(args.slice(0, 4), [1, "zwei\u{1F600}\x1e\u2028", [null, true], { a: { b: 1.5 } }]);
    });

    test("binary values of all kinds go nested and come back as ArrayBuffer", async (t) => {
      const socket = await connected(make(t));
      const whole = Uint8Array.from({ length: 256 }, (_, i) => i);
      const sent = {
        buffer: whole.buffer,
        deep: [{ view: whole.subarray(2, 4), words: new Uint16Array([513]) }],
        data: new DataView(whole.buffer, 254),
        node: Buffer.from([9]),
      };
      const [got] = await new Promise((resolve) => socket.emit("ack", sent, "x", (...args) => resolve(args)));
      assert.ok(got.buffer instanceof ArrayBuffer);
      assert.deepEqual(bytes(got.buffer), [...whole]);
      assert.deepEqual(bytes(got.deep[0].view), [2, 3]);
      assert.deepEqual(bytes(got.deep[0].words), [1, 2]);
      assert.deepEqual(bytes(got.data), [254, 255]);
      assert.deepEqual(bytes(got.node), [9]);
      assert.ok(ArrayBuffer.isView(sent.deep[0].view), "the caller's object is left alone");
    });

    test("a Blob is sent as its bytes", async (t) => {
      const socket = await connected(make(t));
      const got = await socket.emitWithAck("ack", new Blob(["hi"]));
      assert.deepEqual(bytes(got), [104, 105]);
    });

    test("300 kB of bytes survive", async (t) => {
      const socket = await connected(make(t));
      const sent = new Uint8Array(300_000).map((_, i) => i * 7);
      assert.deepEqual(Buffer.compare(Buffer.from(await socket.emitWithAck("ack", sent)), Buffer.from(sent)), 0);
    });

    test("what is emitted while offline is sent in order and before the connect event", async (t) => {
      const socket = make(t, "/", { autoConnect: false });
      const order = [];
      socket.on("connect", () => order.push("connect"));
      socket.on("echo", (n) => order.push(n));
      for (const n of [1, 2, 3]) socket.emit("echo", n);
      socket.onAnyOutgoing((event, n) => order.push(`${event} ${n}`));
      const last = new Promise((resolve) => socket.on("echo", (n) => n === 3 && resolve()));
      socket.connect();
      await last;
      assert.deepEqual(order, ["echo 1", "echo 2", "echo 3", "connect", 1, 2, 3]);
    });

    test("a hundred events stay in order", async (t) => {
      const socket = await connected(make(t));
      const got = [];
      const done = new Promise((resolve) => socket.on("echo", (n) => got.push(n) === 100 && resolve()));
      for (let n = 0; n < 100; n++) socket.emit("echo", n % 3 ? n : new Uint8Array([n]));
      await done;
      assert.deepEqual(got.map((n) => (typeof n === "number" ? n : bytes(n)[0])), [...got.keys()]);
    });

    test("send is an emit of message", async (t) => {
      const socket = make(t).send("a", 2);
      assert.deepEqual((await next(socket, "message")).slice(0, 2), ["a", 2]);
    });

    test("emitWithAck resolves with the first argument of the ack", async (t) => {
      assert.deepEqual(await make(t).emitWithAck("ack", { a: 1 }, 2), { a: 1 });
    });

    test("a timeout gives the ack an error, or null and the arguments", async (t) => {
      const socket = await connected(make(t));
      const ask = (ms, ...args) => new Promise((resolve) => socket.timeout(ms).emit(...args, (...got) => resolve(got)));
      assert.deepEqual(await ask(60_000, "ack", 1, 2), [null, 1, 2]);
      const [error, ...rest] = await ask(1, "silent");
      assert.equal(error.message, "operation has timed out");
      assert.deepEqual(rest, []);
      await assert.rejects(socket.timeout(1).emitWithAck("silent"), { message: "operation has timed out" });
    });

    test("ackTimeout stands for a timeout on every emit", async (t) => {
      const socket = await connected(make(t, "/", { ackTimeout: 1 }));
      await assert.rejects(socket.emitWithAck("silent"), { message: "operation has timed out" });
    });

    test("an ack of the server's event is answered once", async (t) => {
      const socket = await connected(make(t));
      socket.once("question", (n, ack) => {
        ack({ next: n + 1, bytes: new Uint8Array([5]) });
        ack("again");
      });
      const answers = [];
      socket.on("answer", (...args) => answers.push(args));
      socket.emit("question");
      await next(socket, "answer");
      await socket.emitWithAck("ack");
      assert.equal(answers.length, 1);
      assert.equal(answers[0][0].next, 8);
      assert.deepEqual(bytes(answers[0][0].bytes), [5]);
    });

    test("auth is an object or a function, and is asked for on every connect", async (t) => {
      const plain = make(t, "/", { auth: { token: "abc" }, query: { x: "1 &" } });
      const { auth, query } = await plain.emitWithAck("handshake");
      assert.equal(auth.token, "abc");
      assert.equal(query.x, "1 &");
      let n = 0;
      const asked = await connected(make(t, "/chat?y=2", { auth: (send) => queueMicrotask(() => send({ n: ++n })) }));
      const first = await asked.emitWithAck("handshake");
      assert.deepEqual([first.auth.n, first.query.y, first.nsp], [1, "2", "/chat"]);
      asked.disconnect().connect();
      assert.equal((await asked.emitWithAck("handshake")).auth.n, 2);
    });

    test("namespaces share one connection and leave it one by one", async (t) => {
      const opts = { WebSocket, transports: [transport], path: `/socket.io${transport === "polling" ? "/" : ""}` };
      const [main, chat] = [io(server.url, opts), io(`${server.url}/chat`, opts)];
      t.after(() => main.io.close());
      await Promise.all([connected(main), connected(chat)]);
      assert.equal(main.io, chat.io);
      assert.notEqual(main.id, chat.id);
      const second = client(t, `${server.url}/chat`, { ...opts, forceNew: false });
      assert.notEqual(second.io, chat.io, "a namespace in use gets a connection of its own");
      const { engine } = main.io;
      main.disconnect();
      assert.equal(await chat.emitWithAck("ack", "still here"), "still here");
      const closed = next(chat.io, "close");
      chat.disconnect();
      assert.deepEqual((await closed)[0], "forced close");
      assert.equal(main.io.engine, null);
      main.connect();
      await connected(main);
      assert.notEqual(main.io.engine, engine);
    });

    test("a namespace that refuses says why and is not tried again until asked", async (t) => {
      const socket = make(t, "/guarded");
      const [error] = await next(socket, "connect_error");
      assert.ok(error instanceof Error);
      assert.deepEqual([error.message, error.data], ["not authorized", { code: 42 }]);
      assert.deepEqual([socket.active, socket.connected, socket.io.engine], [false, false, null]);
      socket.auth = { token: "secret" };
      await connected(socket.connect());
    });

    test("an absent namespace is a connect_error", async (t) => {
      assert.equal((await next(make(t, "/absent"), "connect_error"))[0].message, "Invalid namespace");
    });

    test("disconnect by hand has its reason, keeps the acks' promises and does not reconnect", async (t) => {
      const socket = await connected(make(t));
      const waiting = assert.rejects(socket.emitWithAck("silent"), { message: "socket has been disconnected" });
      let plain = false;
      socket.emit("silent", () => (plain = true));
      const gone = next(socket, "disconnect");
      socket.disconnect();
      assert.deepEqual(await gone, ["io client disconnect", undefined]);
      await waiting;
      assert.deepEqual([plain, socket.active, socket.id, socket.io.engine], [false, false, undefined, null]);
    });

    test("the server's disconnect of a socket is final", async (t) => {
      const socket = await connected(make(t));
      socket.emit("leave");
      assert.equal((await next(socket, "disconnect"))[0], "io server disconnect");
      assert.deepEqual([socket.active, socket.io.engine], [false, null]);
    });

    test("a connection closed by the server comes back", async (t) => {
      const socket = await connected(make(t));
      const order = [];
      for (const event of ["close", "reconnect_attempt", "open", "reconnect"]) socket.io.on(event, () => order.push(event));
      const gone = next(socket, "disconnect");
      socket.emit("drop");
      assert.equal((await gone)[0], "transport close");
      assert.equal(socket.active, true);
      await connected(socket);
      assert.deepEqual(order, ["close", "reconnect_attempt", "open", "reconnect"]);
    });

    test("engine.close() is a loss like any other", async (t) => {
      const socket = await connected(make(t));
      const gone = next(socket, "disconnect");
      socket.io.engine.close();
      assert.equal((await gone)[0], "forced close");
      await connected(socket);
    });

    test("volatile emits are dropped while offline, others wait", async (t) => {
      const socket = make(t, "/", { autoConnect: false });
      socket.volatile.emit("echo", "lost");
      socket.emit("echo", "kept");
      socket.connect();
      assert.equal((await next(socket, "echo"))[0], "kept");
    });

    test("a volatile emit goes out when the way is free", async (t) => {
      const socket = await connected(make(t));
      // over polling, the answer to the POST of the CONNECT may still be on its way
      while (!socket.io.engine.transport.writable()) await setImmediate();
      socket.volatile.emit("echo", "seen");
      assert.equal((await next(socket, "echo"))[0], "seen");
    });

    test("a buffered emit that times out is not sent", async (t) => {
      const socket = make(t, "/", { autoConnect: false });
      await assert.rejects(socket.timeout(1).emitWithAck("echo", "late"));
      socket.connect().emit("echo", "kept");
      assert.equal((await next(socket, "echo"))[0], "kept");
    });

    test("listeners come and go: on, once, off, onAny, offAny", async (t) => {
      const socket = await connected(make(t));
      const got = [];
      const any = (event, n) => got.push(`any ${event} ${n}`);
      const removed = () => got.push("removed");
      socket.onAny(any).on("echo", removed).once("echo", removed).off("echo", removed);
      socket.once("echo", (n) => got.push(`once ${n}`)).on("echo", (n) => got.push(`on ${n}`));
      for (const n of [1, 2]) {
        socket.emit("echo", n);
        await next(socket, "echo");
      }
      socket.offAny(any).off("echo");
      assert.equal(socket.listeners("echo").length, 0);
      socket.emit("echo", 3);
      await next(socket, "echo");
      assert.deepEqual(got, ["any echo 1", "once 1", "on 1", "any echo 2", "on 2"]);
    });

    test("a reserved name cannot be emitted", (t) => {
      const socket = make(t, "/", { autoConnect: false });
      for (const name of ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]) {
        assert.throws(() => socket.emit(name), { message: `"${name}" is a reserved event name` });
      }
    });

    test("what cannot be written as JSON throws where it is emitted and harms nothing", async (t) => {
      const socket = await connected(make(t));
      const circle = [];
      circle.push(circle);
      assert.throws(() => socket.emit("echo", circle, () => {}), TypeError);
      assert.equal(await socket.emitWithAck("ack", 1), 1);
    });

    test("the server's pings are answered and told", async (t) => {
      const socket = await connected(make(t));
      await next(socket.io, "ping");
      await next(socket.io, "ping");
      assert.equal(socket.connected, true);
    });

    test("a cut connection is recovered with its id, its rooms and what it missed, before connect", async (t) => {
      if (noRecovery) return t.skip(noRecovery);
      const link = await startLink(server.url);
      t.after(link.close);
      const room = `room-${transport}-${Date.now()}`;
      const socket = await connected(make(t, "/", {}, link.url));
      const other = await connected(make(t));
      const { id } = socket;
      await socket.emitWithAck("join", room);
      other.emit("publish", room, 1);
      await next(socket, "published");
      const gone = next(socket, "disconnect");
      link.shut();
      assert.match((await gone)[0], /^transport (close|error)$/);
      const order = [];
      socket.on("published", (value) => order.push(value)).on("connect", () => order.push("connect"));
      // a server notices at once only if a request was waiting
      while (await other.emitWithAck("present", id));
      other.emit("publish", room, 2);
      other.emit("publish", room, 3);
      await other.emitWithAck("ack");
      const back = next(socket, "connect");
      link.reopen();
      await back;
      assert.deepEqual([socket.recovered, socket.id], [true, id]);
      assert.deepEqual(order, [2, 3, "connect"]);
      other.emit("publish", room, 4);
      assert.equal((await next(socket, "published"))[0], 4, "the room is still joined");
    });

    test("a new session after a disconnect by hand is not recovered", async (t) => {
      const socket = await connected(make(t));
      socket.emit("echo", 1);
      await next(socket, "echo");
      const { id } = socket;
      await connected(socket.disconnect().connect());
      assert.equal(socket.recovered, false);
      assert.notEqual(socket.id, id);
    });

    test("a connection that goes silent ends by ping timeout and comes back", async (t) => {
      const link = await startLink(server.url);
      t.after(link.close);
      const socket = await connected(make(t, "/", {}, link.url));
      link.freeze();
      assert.equal((await next(socket, "disconnect"))[0], "ping timeout");
      link.reopen();
      link.cut();
      await connected(socket);
    });

    test("attempts are counted and end with reconnect_failed", async (t) => {
      const link = await startLink(server.url);
      t.after(link.close);
      const socket = await connected(make(t, "/", { reconnectionAttempts: 2 }, link.url));
      const seen = [];
      socket.on("connect_error", (error) => seen.push(error instanceof Error && error.message));
      for (const event of ["reconnect_attempt", "reconnect_error"]) socket.io.on(event, (arg) => seen.push(`${event} ${+arg || ""}`));
      link.shut();
      await next(socket.io, "reconnect_failed");
      const attempt = (n) => [`reconnect_attempt ${n}`, `${transport} error`, "reconnect_error "];
      assert.deepEqual(seen, [...attempt(1), ...attempt(2)]);
      link.reopen();
      await connected(socket.connect());
    });

    test("without reconnection a loss is the end until connect is called", async (t) => {
      const link = await startLink(server.url);
      t.after(link.close);
      const socket = await connected(make(t, "/", { reconnection: false }, link.url));
      socket.io.on("reconnect_attempt", () => assert.fail("no attempt was allowed"));
      link.cut();
      await next(socket, "disconnect");
      await connected(socket.connect());
    });

    test("a connection that does not open in time is a connect_error", async (t) => {
      const link = await startLink(server.url);
      t.after(link.close);
      link.freeze();
      const socket = make(t, "/", { timeout: 20, reconnection: false }, link.url);
      assert.equal((await next(socket, "connect_error"))[0].message, "timeout");
      assert.equal(socket.active, true);
    });

    test("a listener that throws is reported and stops nobody", async (t) => {
      const socket = await connected(make(t));
      const listeners = process.listeners("unhandledRejection");
      process.removeAllListeners("unhandledRejection");
      const reported = new Promise((resolve) => process.once("unhandledRejection", resolve));
      socket.on("echo", () => {
        throw new Error("mine");
      });
      const second = next(socket, "echo");
      socket.emit("echo");
      await second;
      assert.equal((await reported).message, "mine");
      for (const listener of listeners) process.on("unhandledRejection", listener);
      assert.equal(await socket.emitWithAck("ack", "fine"), "fine");
    });
  });
}

describe("whatever the transport", () => {
  test("polling takes over when the websocket cannot be opened", async (t) => {
    class NoWebSocket extends WebSocket {
      constructor(url) {
        super(url.replace("/socket.io/", "/nowhere/"));
      }
    }
    const socket = await connected(client(t, server.url, { WebSocket: NoWebSocket }));
    assert.equal(socket.io.engine.transport.name, "polling");
  });

  test("polling takes over where there is no WebSocket at all", async (t) => {
    const absent = function () {
      throw new ReferenceError("WebSocket is not defined");
    };
    const socket = await connected(client(t, server.url, { WebSocket: absent }));
    assert.equal(socket.io.engine.transport.name, "polling");
  });

  test("websocket comes first", async (t) => {
    const socket = await connected(client(t, server.url));
    assert.equal(socket.io.engine.transport.name, "websocket");
  });

  test("a ws: url means the same as http:", async (t) => {
    await connected(client(t, server.url.replace("http", "ws")));
  });

  test("a Manager by hand gives one socket per namespace", async (t) => {
    const manager = new Manager(server.url, { WebSocket, autoConnect: false });
    t.after(() => manager.close());
    const socket = manager.socket("/other");
    assert.equal(manager.socket("/other"), socket);
    assert.equal(manager.engine, null);
    await connected(socket.open());
    socket.close();
    assert.equal(socket.disconnected, true);
  });
});
