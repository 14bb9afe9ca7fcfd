/** What happens to clients when their server dies and another comes up on its port. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { client, connected, next } from "./client.mjs";
import { startServer } from "./fixture.mjs";

for (const transport of ["websocket", "polling"]) {
  test(`over ${transport} a restarted server gets its clients and what they buffered back`, async (t) => {
    let server = await startServer();
    t.after(() => server.close());
    const main = await connected(client(t, server.url, { transports: [transport] }));
    const chat = await connected(main.io.socket("/chat"));
    const { id } = main;
    const gone = Promise.all([next(main, "disconnect"), next(chat, "disconnect")]);
    await server.close();
    for (const [reason] of await gone) assert.match(reason, /^transport (close|error)$/);
    const answer = chat.emitWithAck("ack", "kept");
    server = await startServer(server.port);
    await Promise.all([connected(main), connected(chat)]);
    assert.equal(await answer, "kept");
    assert.equal(main.recovered, false, "another server knows nothing of the session");
    assert.notEqual(main.id, id);
  });
}
