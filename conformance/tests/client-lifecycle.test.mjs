// How a connection ends, seen from both sides, and what comes after.
//
// in:  the fixture, socket.io-client
// out: one test per way to end, per mode
import assert from "node:assert/strict";
import { test } from "node:test";
import { client, reasonOf, settled } from "../support/client.mjs";
import { inEachMode } from "../support/modes.mjs";
import { isReference, start } from "../support/subject.mjs";
import { eventually, next, within } from "../support/wait.mjs";

inEachMode(({ open, stay, subject, another, transports }) => {
  test("the client disconnects", async () => {
    const [observer, socket] = [await open(), await open()];
    const { id } = socket;
    const end = next(socket, "disconnect");
    socket.disconnect();
    assert.equal((await end)[0], "io client disconnect");
    assert.equal(await reasonOf(observer, id), "client namespace disconnect");
    assert.equal(socket.id, undefined);
  });

  test("the client's engine closes: the server sees a closed transport, and the client comes back anew", async () => {
    const [observer, socket] = [await open(), await open()];
    await stay(socket);
    const { id } = socket;
    const again = next(socket, "connect");
    socket.io.engine.close();
    assert.equal(await reasonOf(observer, id), "transport close");
    await again;
    assert.notEqual(socket.id, id);
    await settled(socket);
  });

  for (const close of [false, true]) {
    test(`the server disconnects a socket, ${close ? "with" : "without"} its connection`, async () => {
      const [observer, socket] = [await open(), await open()];
      const { id } = socket;
      const end = next(socket, "disconnect");
      socket.emit("disconnect-me", close);
      assert.equal((await end)[0], "io server disconnect");
      assert.equal(await reasonOf(observer, id), "server namespace disconnect");
      assert.equal(socket.active, false, "no reconnection by itself");
      await next(socket.connect(), "connect");
      await settled(socket);
    });
  }

  test("the server closes the engine of a socket: the client sees a closed transport and comes back", async () => {
    const [observer, socket] = [await open(), await open()];
    await stay(socket);
    const { id } = socket;
    const end = next(socket, "disconnect");
    const again = next(socket, "connect");
    socket.emit("close-engine");
    assert.equal((await end)[0], "transport close");
    assert.match(await reasonOf(observer, id), /^forced (server )?close$/);
    await again;
  });

  test("what the server sent before it disconnects arrives", async () => {
    const socket = await open();
    const [farewell, end] = [next(socket, "farewell-event"), next(socket, "disconnect")];
    socket.emit("farewell");
    await farewell;
    assert.equal((await end)[0], "io server disconnect");
  });

  test("disconnecting still sees the rooms, disconnect does not, each comes once", async () => {
    const [observer, socket] = [await open(), await open()];
    const { id } = socket;
    await socket.emitWithAck("join", ["a", "b"]);
    socket.disconnect();
    const reason = await reasonOf(observer, id);
    assert.deepEqual(await observer.emitWithAck("log", id), [
      { event: "disconnecting", reason, rooms: ["a", "b", id].sort() },
      { event: "disconnect", reason, rooms: [] },
    ]);
    await subject().line(`left / ${id} ${reason}`);
  });

  test("every namespace of a connection is told when it ends", async () => {
    const [observer, root] = [await open(), await open()];
    const custom = root.io.socket("/custom", {});
    await next(custom.connect(), "connect");
    const ids = [root.id, custom.id];
    const ends = [next(root, "disconnect"), next(custom, "disconnect")];
    root.emit("disconnect-me", true);
    for (const end of ends) assert.equal((await end)[0], "io server disconnect");
    for (const id of ids) assert.equal(await reasonOf(observer, id), "server namespace disconnect");
  });

  test("a question whose client goes away ends in its timeout, or at once", async () => {
    const [observer, socket] = [await open(), await open()];
    await observer.emitWithAck("join", ["askers"]);
    await socket.emitWithAck("join", ["gone"]);
    const asked = next(socket, "question");
    const question = { event: "question", value: 1, timeout: 200 };
    const outcome = observer.emitWithAck("ask-many", { rooms: ["gone"] }, question);
    await asked;
    socket.disconnect();
    const error = isReference ? "operation has timed out" : "socket has been disconnected";
    assert.deepEqual(await outcome, { ok: false, error, value: [] });
  });

  test("an answer the client waits for when it disconnects comes to an end", async () => {
    const socket = await open();
    const answer = socket.emitWithAck("nobody-home");
    await settled(socket);
    socket.disconnect();
    await assert.rejects(answer, /disconnected/);
  });

  test("the server closes: clients see a closed transport without goodbye, and the process ends", async () => {
    const { subject: other, options: usual } = await another();
    // There will be nobody to come back to, and over UDP nobody says so.
    const options = { ...usual, reconnection: false };
    const [here, there] = [client(other, "/", options), client(other, "/custom", options)];
    await Promise.all([next(here.connect(), "connect"), next(there.connect(), "connect")]);
    await Promise.all([stay(here), stay(there)]);
    const { id } = there;
    const ends = [next(here, "disconnect"), next(there, "disconnect")];
    here.emit("server-close");
    for (const end of ends) assert.match((await end)[0], /^transport (close|error)$/);
    await other.line(`left /custom ${id} server shutting down`);
    here.disconnect();
    there.disconnect();
    const { code } = await within(other.exited, "the end of the process", 10_000);
    assert.equal(code, 0);
  });
});

test("connections that come and go leave nothing behind", async () => {
  const subject = await start("fixture");
  const observer = client(subject, "/", { transports: ["websocket"] });
  await next(observer.connect(), "connect");
  await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const transports = [["polling"], ["websocket"], ["polling", "websocket"]][i % 3];
      const socket = client(subject, `/dyn-${i % 4}`, { transports });
      await next(socket.connect(), "connect");
      await socket.emitWithAck("join", ["crowd"]);
      if (i % 2) socket.disconnect();
      else socket.io.engine.close();
      socket.disconnect();
    }),
  );
  const names = () => observer.emitWithAck("namespaces");
  await eventually(async () => (await names()).every((name) => !name.startsWith("/dyn-")), "all of them gone");
  observer.disconnect();
  await subject.stop();
});
