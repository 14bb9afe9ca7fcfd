// Handlers on the server: catch-all, middleware of packets, once, off, several, errors. With the official client.
//
// in:  the fixture, socket.io-client
// out: one test per feature and mode
import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../support/client.mjs";
import { inEachMode, listen } from "../support/modes.mjs";
import { isReference } from "../support/subject.mjs";

inEachMode(({ open }) => {
  test("catch-all handlers see what comes in and what goes out, until they are removed", async () => {
    const socket = await open();
    const other = await open();
    await socket.emitWithAck("watch", true);
    socket.emit("message", 1);
    socket.emit("nobody-home");
    socket.emit("blocked");
    await settled(socket);
    await other.emitWithAck("cast", { rooms: [socket.id] }, "broadcast", 1);
    const seen = await socket.emitWithAck("seen");
    assert.deepEqual(seen.incoming, ["message", "nobody-home", "blocked", "message-with-ack", "seen"]);
    assert.deepEqual(seen.outgoing, ["message-back", "broadcast"]);

    await socket.emitWithAck("watch", false);
    socket.emit("message", 2);
    const after = await socket.emitWithAck("seen");
    assert.deepEqual(after.incoming, [...seen.incoming, "watch"]);
    assert.deepEqual(after.outgoing, seen.outgoing);
  });

  test("a packet refused by the middleware reaches no handler, and is noted as an error", async () => {
    const socket = await open();
    // The reference lets who asked wait for ever; ours says why.
    if (isReference) await assert.rejects(socket.timeout(50).emitWithAck("blocked"));
    else assert.deepEqual(await socket.emitWithAck("blocked"), { error: "blocked" });
    const log = await socket.emitWithAck("log", socket.id);
    assert.deepEqual(log, [{ event: "error", message: "blocked" }]);
  });

  test("the middleware may change a packet", async () => {
    const socket = await open();
    assert.equal(await socket.emitWithAck("rewrite", "original"), "changed");
  });

  test("a handler for one call is called once", async () => {
    const socket = await open();
    const heard = listen(socket);
    await socket.emitWithAck("arm");
    socket.emit("once-me").emit("once-me").emit("armed").emit("armed");
    await settled(socket);
    assert.deepEqual(heard.flat(), ["once-hit", "armed-hit", "armed-hit"]);
  });

  test("a handler that was removed is not called", async () => {
    const socket = await open();
    const heard = listen(socket);
    await socket.emitWithAck("arm");
    await socket.emitWithAck("disarm");
    socket.emit("armed");
    await settled(socket);
    assert.deepEqual(heard, []);
  });

  test("a handler may be removed and set again", async () => {
    const socket = await open();
    const heard = listen(socket);
    for (const event of ["arm", "disarm", "arm"]) await socket.emitWithAck(event);
    socket.emit("armed");
    await settled(socket);
    assert.deepEqual(heard.flat(), ["armed-hit"]);
  });

  test("several handlers of one event are called in the order of their registration", async () => {
    const socket = await open();
    const heard = listen(socket);
    socket.emit("multi");
    await settled(socket);
    assert.deepEqual(heard.flat(), ["multi-1", "multi-2"]);
  });

  test("an event named error is an event like others and ends nothing", async () => {
    const socket = await open();
    socket.emit("error", "from the client");
    const log = await socket.emitWithAck("log", socket.id);
    assert.deepEqual(log, [{ event: "error", message: "from the client" }]);
    assert.equal(socket.connected, true);
  });

  for (const name of ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]) {
    test(`the server cannot emit the reserved name ${name}`, async () => {
      const socket = await open();
      const outcome = await socket.emitWithAck("emit-reserved", name);
      assert.equal(outcome.ok, false);
      assert.match(outcome.error, /reserved/);
      await settled(socket);
    });
  }

  test("arguments of the wrong kind do no harm to the connection", async () => {
    const socket = await open();
    const heard = listen(socket);
    for (const args of [[], ["x"], [1], [1, 2], [{}, []], [null, null], [1, "a", "more"], [Buffer.from([1])]]) {
      socket.emit("typed", ...args);
    }
    assert.equal(await socket.emitWithAck("typed", 1, "a"), "1:a");
    assert.deepEqual(heard, []);
  });

  test("data of a socket belongs to that socket", async () => {
    const [a, b] = [await open(), await open()];
    await a.emitWithAck("set-data", { name: "a", list: [1] });
    await b.emitWithAck("set-data", "b");
    assert.deepEqual((await a.emitWithAck("whoami")).data, { name: "a", list: [1] });
    assert.equal((await b.emitWithAck("whoami")).data, "b");
  });

  test("an event whose sender did not ask is not acknowledged", async () => {
    const socket = await open();
    const packets = [];
    socket.io.on("packet", (packet) => packets.push(packet.type));
    socket.emit("message-with-ack", 1);
    await settled(socket);
    assert.deepEqual(packets.filter((type) => type === 3).length, 1, "one ack: that of the round trip");
  });
});
