// What the program does in the way of requests: engine middlewares, header events, ids, the first packet.
//
// in:  the fixture with several sets of options, raw HTTP and WebSockets
// out: one test per rule
// odd: a middleware sees every request of the engine, upgrades too, but neither files of the client nor preflights
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { withFixture } from "../support/fixture.mjs";
import { rustOnly, isReference, start } from "../support/subject.mjs";
import { SEPARATOR, Polling, Wire, exchange, request, upgradeRequest } from "../support/wire.mjs";

const V4 = { EIO: "4", transport: "polling" };
const ID = "AAAAAAAAAAAAAAAA";
let ids = 0;
/** An id that no session has had. */
const freshId = () => `${ID}${String(ids++).padStart(4, "0")}`;

withFixture("engine middlewares", ["--middleware", "header:x-a=first", "--middleware", "later:x-a=second", "--middleware", "header:x-b=third"], (subject) => {
  test("run in order, also async ones, and set headers of polls and POSTs", async () => {
    const session = await Polling.open(subject());
    const posted = await session.post("40");
    const polled = await session.get();
    for (const answer of [session.opening, posted, polled]) {
      assert.equal(answer.headers["x-a"], "first, second");
      assert.equal(answer.headers["x-b"], "third");
    }
  });

  test("set headers of the 101, for a new session and for an upgrade", async () => {
    const session = await Polling.open(subject());
    for (const query of [{}, { sid: session.sid }]) {
      const wire = await Wire.open(subject(), { query });
      assert.equal(wire.response.headers["x-a"], "first, second");
      assert.equal(wire.response.headers["x-b"], "third");
      wire.close();
    }
  });

  test("come before the request is verified: refusals have their headers, too", async () => {
    const answer = await request(subject(), { query: { ...V4, transport: "tobi" } });
    assert.deepEqual([answer.status, answer.headers["x-a"]], [400, "first, second"]);
    assert.equal(answer.headers["content-type"], "application/json");
  });

  test("do not see requests for the client's files", async () => {
    const answer = await request(subject(), { path: "/socket.io/socket.io.js" });
    assert.deepEqual([answer.status, answer.headers["x-a"]], [200, undefined]);
  });
});

withFixture("an engine middleware that answers", ["--middleware", "header:x-a=before", "--middleware", "end:503", "--middleware", "header:x-a=after"], (subject) => {
  test("has the last word over HTTP", async () => {
    const answer = await request(subject(), { query: V4 });
    assert.deepEqual([answer.status, answer.text, answer.headers["x-a"]], [503, "ended", "before"]);
  });

  test("makes a WebSocket fail, and no session", async () => {
    const refusal = await Wire.open(subject()).then(() => null, (error) => error);
    assert.ok(refusal instanceof Error);
    // The reference only ends the connection.
    if (!isReference) assert.deepEqual([refusal.status, refusal.text], [503, "ended"]);
  });
});

withFixture("an engine middleware that fails", ["--middleware", "header:x-a=before", "--middleware", "fail", "--refusals"], (subject) => {
  const refused = { code: 3, message: "Bad request" };

  test("refuses a request with code 3", async () => {
    const answer = await request(subject(), { query: V4 });
    assert.deepEqual([answer.status, answer.text], [400, JSON.stringify(refused)]);
    assert.equal(answer.headers["x-a"], "before");
    const line = JSON.stringify({ ...refused, name: "MIDDLEWARE_FAILURE", context: {} });
    await subject().line(`refused ${line}`);
  });

  test("refuses a WebSocket with code 3", async () => {
    const answer = await exchange(subject(), upgradeRequest(subject(), { ...V4, transport: "websocket" }));
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.equal(answer.split("\r\n\r\n")[1], "Bad request");
  });
});

describe("an engine middleware that panics", { skip: rustOnly("its process would end") }, () => {
  test("refuses that request and no other", async () => {
    const subject = await start("fixture", "--middleware", "panic", "--middleware", "header:x-a=after");
    try {
      const session = await Polling.open(subject);
      const answer = await request(subject, { query: { ...V4, panic: "1" } });
      assert.deepEqual([answer.status, answer.text], [400, '{"code":3,"message":"Bad request"}']);
      await session.connect();
    } finally {
      await subject.stop();
    }
  });
});

withFixture("the header events", ["--headers", "--cookie"], (subject) => {
  test("initial_headers comes once per session, headers with every answer", async () => {
    const session = await Polling.open(subject());
    const posted = await session.post("40");
    const polled = await session.get();
    const { headers } = session.opening;
    assert.deepEqual([headers["x-initial"], headers["x-each"], headers["x-transport"]], ["yes", "yes", "polling"]);
    for (const answer of [posted, polled]) {
      assert.deepEqual([answer.headers["x-initial"], answer.headers["x-each"]], [undefined, "yes"]);
      assert.deepEqual(answer.headers["set-cookie"], ["x-each=1"]);
    }
  });

  test("cookies are added behind the engine's own", async () => {
    const { opening, sid } = await Polling.open(subject());
    const own = `io=${sid}; Path=/; HttpOnly; SameSite=Lax`;
    assert.deepEqual(opening.headers["set-cookie"], [own, "x-initial=1", "x-each=1"]);
  });

  test("both come with the 101 of a new session, headers alone with that of an upgrade", async () => {
    const direct = await Wire.open(subject());
    assert.deepEqual([direct.response.headers["x-initial"], direct.response.headers["x-each"]], ["yes", "yes"]);
    assert.equal(direct.response.headers["x-transport"], "websocket");
    direct.close();
    const { sid } = await Polling.open(subject());
    const upgrade = await Wire.open(subject(), { query: { sid } });
    assert.deepEqual([upgrade.response.headers["x-initial"], upgrade.response.headers["x-each"]], [undefined, "yes"]);
    upgrade.close();
  });

  test("refusals do not raise them", async () => {
    const answer = await request(subject(), { query: { ...V4, transport: "tobi" } });
    assert.deepEqual([answer.headers["x-initial"], answer.headers["x-each"]], [undefined, undefined]);
  });
});

withFixture("an initial packet", ["--initial-packet", "0{}"], (subject) => {
  test("is behind the open packet in the answer that opens a polling session", async () => {
    const { opening } = await Polling.open(subject());
    assert.equal(opening.text.split(SEPARATOR)[1], "40{}");
  });

  test("is the first message of a WebSocket", async () => {
    const wire = await Wire.session(subject());
    assert.equal(await wire.next(), "40{}");
    wire.close();
  });
});

for (const kind of ["sync", "async"]) {
  withFixture(`ids of an own making, ${kind}`, ["--generate-id", kind, "--refusals"], (subject) => {
    test("name the sessions of both transports", async () => {
      const polled = freshId();
      const session = await Polling.open(subject(), { query: { id: polled } });
      assert.equal(session.sid, polled);
      await session.connect();
      const direct = freshId();
      const wire = await Wire.session(subject(), { query: { id: direct } });
      assert.equal(wire.sid, direct);
      await wire.connect();
      wire.close();
    });

    // The reference takes any text and forgets the session that had it.
    test("are 20 characters, of one session at a time", { skip: rustOnly("any text is an id") }, async () => {
      const id = freshId();
      const first = await Polling.open(subject(), { query: { id } });
      for (const taken of [id, "short", `${id}x`, "AAAA AAAA AAAA AAAA "]) {
        const answer = await request(subject(), { query: { ...V4, id: taken } });
        assert.deepEqual([answer.status, answer.text], [400, '{"code":3,"message":"Bad request"}'], taken);
      }
      const refusal = await Wire.open(subject(), { query: { id } }).catch((error) => error);
      assert.deepEqual([refusal.status, refusal.text], [400, "Bad request"]);
      await first.connect();
    });
  });
}

withFixture("ids that cannot be made", ["--generate-id", "fail", "--refusals"], (subject) => {
  const line = 'refused {"code":3,"message":"Bad request","name":"ID_GENERATION_ERROR","context":{}}';

  test("refuse a polling session with code 3", async () => {
    const answer = await request(subject(), { query: V4 });
    assert.deepEqual([answer.status, answer.text], [400, '{"code":3,"message":"Bad request"}']);
    await subject().line(line);
  });

  test("refuse a WebSocket", async () => {
    const answer = await exchange(subject(), upgradeRequest(subject(), { ...V4, transport: "websocket" }));
    assert.ok(answer.includes("Bad request"), answer);
    // The reference has granted it before.
    if (!isReference) assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
  });
});
