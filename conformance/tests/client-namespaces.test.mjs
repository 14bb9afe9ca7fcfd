// Namespaces: their own handlers, middlewares, patterns and functions, several over one connection.
//
// in:  the fixture, socket.io-client
// out: one test per feature and mode
import assert from "node:assert/strict";
import { test } from "node:test";
import { reasonOf, settled } from "../support/client.mjs";
import { inEachMode, listen } from "../support/modes.mjs";
import { eventually, next } from "../support/wait.mjs";

let last = 0;
const number = () => ++last;

inEachMode(({ open, prepare, refused }) => {
  /** Another namespace over the connection of `socket`. */
  async function beside(socket, namespace, options = {}) {
    const other = socket.io.socket(namespace, options);
    if (!other.connected) await next(other.connect(), "connect");
    return other;
  }

  test("a namespace has its own connection handler, whose emits cannot be missed", async () => {
    const socket = prepare("/custom");
    const greeting = next(socket, "greeting");
    socket.connect();
    assert.deepEqual(await greeting, ["hello"]);
    assert.equal((await socket.emitWithAck("whoami")).namespace, "/custom");
  });

  test("an unknown namespace is refused", async () => {
    assert.equal((await refused("/nowhere")).message, "Invalid namespace");
  });

  test("a middleware refuses with message and data", async () => {
    const error = await refused("/auth", { auth: { token: "wrong" } });
    assert.equal(error.message, "no entry");
    assert.deepEqual(error.data, { retry: false });
    assert.equal(error instanceof Error, true);
    const plain = await refused("/auth", { auth: { token: "plain" } });
    assert.deepEqual([plain.message, plain.data], ["plain refusal", undefined]);
  });

  test("who was refused may try again on the same connection", async () => {
    const root = await open();
    const socket = root.io.socket("/auth", {});
    socket.auth = { token: "wrong" };
    const refusal = next(socket, "connect_error");
    socket.connect();
    await refusal;
    assert.equal(socket.active, false);
    socket.auth = { token: "secret" };
    await next(socket.connect(), "connect");
    await settled(socket);
    await settled(root);
  });

  test("rooms joined by a middleware that refuses are left again", async () => {
    await refused("/auth", { auth: { token: "wrong" } });
    const socket = await open("/auth", { auth: { token: "secret" } });
    assert.deepEqual(await socket.emitWithAck("fetch", { rooms: ["limbo"] }), []);
  });

  test("slow middlewares run in order, before the connection handler", async () => {
    const socket = prepare("/slow-mw");
    const order = next(socket, "order");
    socket.connect();
    assert.deepEqual(await order, [{ notes: ["first", "second", "connection"], connected: false }]);
    const me = await socket.emitWithAck("whoami");
    assert.deepEqual(me.rooms, [socket.id, "early"].sort());
    assert.equal(me.connected, true);
  });

  test("a namespace made by a pattern works like any other, and is apart from its sisters", async () => {
    const [one, two] = [`/dyn-${number()}`, `/dyn-${number()}`];
    const [a, b, other] = [await open(one), await open(one), await open(two)];
    const heard = [listen(b), listen(other)];
    await a.emitWithAck("join", ["shared"]);
    await other.emitWithAck("join", ["shared"]);
    await a.emitWithAck("cast", {}, "word", 1);
    for (const socket of [a, b, other]) await settled(socket);
    assert.deepEqual(heard, [[["word", 1]], []]);
    assert.equal((await a.emitWithAck("fetch", { rooms: ["shared"] })).length, 1);
    assert.equal((await other.emitWithAck("whoami")).namespace, two);
  });

  test("what is emitted to a pattern reaches all of its namespaces", async () => {
    const [a, b] = [await open(`/dyn-${number()}`), await open(`/dyn-${number()}`)];
    const root = await open();
    const heard = [listen(root), next(a, "to-dyn"), next(b, "to-dyn")];
    await root.emitWithAck("cast-dyn", "to-dyn", 5);
    assert.deepEqual([await heard[1], await heard[2]], [[5], [5]]);
    await settled(root);
    assert.deepEqual(heard[0], []);
  });

  test("rooms and exceptions of a pattern are those of all its namespaces", async () => {
    const [a, b, c] = [await open(`/dyn-${number()}`), await open(`/dyn-${number()}`), await open(`/dyn-${number()}`)];
    await a.emitWithAck("join", ["captains"]);
    await b.emitWithAck("join", ["captains", "muted"]);
    const root = await open();
    const heard = [listen(a), listen(b), listen(c)];
    await root.emitWithAck("cast-dyn", "meeting", 1, { rooms: ["captains"], except: ["muted"] });
    await root.emitWithAck("cast-dyn", "others", 2, { except: ["captains"] });
    for (const socket of [a, b, c]) await settled(socket);
    assert.deepEqual(heard, [[["meeting", 1]], [], [["others", 2]]]);
  });

  test("a new namespace is announced once, and again when it has been removed and comes back", async () => {
    const root = await open();
    const name = `/dyn-${number()}`;
    assert.equal(await root.emitWithAck("announced", name), 0);
    const sockets = await Promise.all([open(name), open(name)]);
    assert.equal(await root.emitWithAck("announced", name), 1);
    assert.equal(await root.emitWithAck("announced", "/custom"), 1);
    assert.equal(await root.emitWithAck("announced", "/"), 0);
    for (const socket of sockets) socket.disconnect();
    await eventually(async () => !(await root.emitWithAck("namespaces")).includes(name), `${name} removed`);
    await open(name);
    assert.equal(await root.emitWithAck("announced", name), 2);
  });

  test("a function decides by name and auth", async () => {
    const name = `/fn-${number()}`;
    assert.equal((await refused(name)).message, "Invalid namespace");
    assert.equal((await refused(name, { auth: { allow: "yes" } })).message, "Invalid namespace");
    const socket = await open(name, { auth: { allow: true } });
    assert.equal((await socket.emitWithAck("whoami")).namespace, name);
  });

  test("two first clients of a namespace at once meet in the same one", async () => {
    const name = `/fn-${number()}`;
    const pair = await Promise.all([open(name, { auth: { allow: true } }), open(name, { auth: { allow: true } })]);
    const heard = pair.map((socket) => next(socket, "word"));
    await pair[0].emitWithAck("cast", { from: "namespace" }, "word", 1);
    assert.deepEqual(await Promise.all(heard), [[1], [1]]);
    assert.equal((await pair[0].emitWithAck("fetch", {})).length, 2);
  });

  test("a namespace made on the way is removed with its last socket, and can come again", async () => {
    const observer = await open();
    const exists = async (name) => (await observer.emitWithAck("namespaces")).includes(name);
    for (const name of [`/dyn-${number()}`, `/fn-${number()}`]) {
      const auth = { allow: true };
      const [a, b] = [await open(name, { auth }), await open(name, { auth })];
      a.disconnect();
      await settled(b);
      assert.equal(await exists(name), true);
      b.disconnect();
      await eventually(async () => !(await exists(name)), `${name} removed`);
      const again = await open(name, { auth });
      assert.equal((await again.emitWithAck("whoami")).namespace, name);
      assert.equal(await exists(name), true);
    }
    for (const name of ["/", "/custom", "/auth", "/slow-mw"]) assert.equal(await exists(name), true);
  });

  test("several namespaces share one connection and are told apart", async () => {
    const root = await open();
    const name = `/dyn-${number()}`;
    const [custom, dyn] = [await beside(root, "/custom"), await beside(root, name)];
    assert.equal(custom.io.engine, root.io.engine);
    assert.equal(new Set([root.id, custom.id, dyn.id]).size, 3);
    const heard = [listen(root), listen(custom), listen(dyn)];
    root.emit("message", "root");
    custom.emit("message", "custom", Buffer.from([1]));
    dyn.emit("message", "dyn");
    for (const socket of [root, custom, dyn]) await settled(socket);
    assert.deepEqual(heard, [
      [["message-back", "root"]],
      [["message-back", "custom", Buffer.from([1])]],
      [["message-back", "dyn"]],
    ]);
  });

  test("twenty namespaces over one connection are joined at once and all work", async () => {
    const root = await open();
    const sockets = await Promise.all(Array.from({ length: 20 }, () => beside(root, `/dyn-${number()}`)));
    const answers = await Promise.all(sockets.map((socket) => socket.emitWithAck("whoami")));
    assert.deepEqual(
      answers.map(({ namespace }) => namespace),
      sockets.map(({ nsp }) => nsp),
    );
  });

  test("leaving one namespace leaves the others", async () => {
    const root = await open();
    const custom = await beside(root, "/custom");
    const { id } = custom;
    custom.disconnect();
    assert.equal(await reasonOf(root, id), "client namespace disconnect");
    await beside(root, "/custom");
    await settled(custom);
    assert.notEqual(custom.id, id);
  });

  test("the server may put a client out of one namespace only", async () => {
    const root = await open();
    const custom = await beside(root, "/custom");
    const end = next(custom, "disconnect");
    custom.emit("disconnect-me", false);
    assert.equal((await end)[0], "io server disconnect");
    assert.equal(custom.active, false);
    await settled(root);
  });

  test("a namespace left and joined again at once is joined in the end", async () => {
    const root = await open();
    const custom = await beside(root, "/custom");
    const { id } = custom;
    custom.disconnect();
    custom.connect();
    await eventually(() => custom.connected && root.connected, "both connected");
    await settled(custom);
    await settled(root);
    assert.notEqual(custom.id, id);
  });

  test("a question asked in one namespace is not answered in another", async () => {
    const root = await open();
    const name = `/dyn-${number()}`;
    const dyn = await beside(root, name);
    root.on("question", (_, ack) => ack("root"));
    dyn.on("question", (_, ack) => ack("dyn"));
    const asked = [root, dyn, root].map((socket) => socket.emitWithAck("ask", { event: "question", value: 1 }));
    const answers = await Promise.all(asked);
    assert.deepEqual(
      answers.map(({ value }) => value),
      ["root", "dyn", "root"],
    );
  });
});
