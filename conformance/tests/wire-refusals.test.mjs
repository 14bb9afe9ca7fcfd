// What the program hears of refused requests, and what it refuses itself.
//
// in:  the fixture with `--refusals`, raw HTTP and upgrade requests
// out: one test per code
// odd: the event always says `Forbidden`, whatever text the client was told
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { isReference, start } from "../support/subject.mjs";
import { Polling, Wire, exchange, request, upgradeRequest } from "../support/wire.mjs";

const V4 = { EIO: "4", transport: "polling" };

describe("connection_error", () => {
  let subject;
  before(async () => (subject = await start("fixture", "--refusals")));
  after(() => subject.stop());

  const heard = (code, message, context, name = null) =>
    subject.line(`refused ${JSON.stringify({ code, message, name, context })}`);

  for (const transport of ["tobi", "constructor", "__proto__"]) {
    test(`code 0 has the transport ${transport}, over HTTP and over an upgrade`, async () => {
      await request(subject, { query: { ...V4, transport } });
      await heard(0, "Transport unknown", { transport });
      const before = subject.lines.length;
      await exchange(subject, upgradeRequest(subject, { ...V4, transport }));
      await heard(0, "Transport unknown", { transport });
      assert.ok(subject.lines.length > before);
    });
  }

  test("code 0 without a transport", async () => {
    await request(subject, { query: { EIO: "4" } });
    await heard(0, "Transport unknown", { transport: null });
  });

  test("code 1 has the session id", async () => {
    await request(subject, { query: { ...V4, sid: "nobody" } });
    await heard(1, "Session ID unknown", { sid: "nobody" });
  });

  for (const method of ["POST", "OPTIONS", "PUT"]) {
    test(`code 2 has the method ${method}`, async () => {
      await request(subject, { method, query: V4 });
      await heard(2, "Bad handshake method", { method });
    });
  }

  test("code 3 for a session on another transport has both, and the session lives on", async () => {
    const session = await Polling.open(subject);
    await request(subject, { query: { ...session.query, transport: "websocket" } });
    const context = { transport: "websocket", previousTransport: "polling" };
    await heard(3, "Bad request", context, "TRANSPORT_MISMATCH");
    await session.connect();
  });

  test("code 3 for a plain request to a WebSocket", async () => {
    await request(subject, { query: { ...V4, transport: "websocket" } });
    await heard(3, "Bad request", {}, "TRANSPORT_HANDSHAKE_ERROR");
  });

  test("code 3 for a session of another revision has both", async () => {
    const session = await Polling.open(subject);
    await request(subject, { query: { ...session.query, EIO: "3" } });
    await heard(3, "Bad request", { protocol: 3, previousProtocol: 4 }, "PROTOCOL_MISMATCH");
  });

  test("code 5 has the revision", async () => {
    await request(subject, { query: { ...V4, EIO: "3" } });
    await heard(5, "Unsupported protocol version", { protocol: 3 });
  });
});

test("connection_error for allowRequest says Forbidden, its context what the client was told", async () => {
  const subject = await start("fixture", "--refusals", "--allow-request-refuse", "not today");
  try {
    const answer = await request(subject, { query: V4 });
    assert.deepEqual([answer.status, answer.text], [403, '{"code":4,"message":"not today"}']);
    await subject.line('refused {"code":4,"message":"Forbidden","name":null,"context":{"message":"not today"}}');
  } finally {
    await subject.stop();
  }
});

describe("an async allowRequest", () => {
  let subject;
  before(async () => (subject = await start("fixture", "--allow-request-token", "secret")));
  after(() => subject.stop());

  test("lets in whom it likes, over both transports, and is not asked again", async () => {
    const session = await Polling.open(subject, { query: { token: "secret" } });
    session.extra = {};
    await session.connect();
    const wire = await Wire.session(subject, { query: { token: "secret" } });
    await wire.connect();
    wire.close();
  });

  test("refuses the others: 403 over HTTP, 400 over an upgrade", async () => {
    const answer = await request(subject, { query: { ...V4, token: "wrong" } });
    assert.deepEqual([answer.status, answer.text], [403, '{"code":4,"message":"Forbidden"}']);
    assert.equal(answer.headers["content-type"], "application/json");
    const upgrade = await exchange(subject, upgradeRequest(subject, { ...V4, transport: "websocket" }));
    assert.match(upgrade, /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.equal(upgrade.split("\r\n\r\n")[1], "Forbidden");
  });
});

describe("a path without a slash at its end", () => {
  let subject;
  before(async () => (subject = await start("fixture", "--no-trailing-slash")));
  after(() => subject.stop());
  const status = async (path) => (await request(subject, { path: `${path}?EIO=4&transport=polling` })).status;

  test("is matched as the beginning of a path", async () => {
    for (const path of ["/socket.io", "/socket.io/", "/socket.io/below", "/socket.iox"]) {
      assert.equal(await status(path), 200, path);
    }
    for (const path of ["/socket.i", "/x/socket.io"]) assert.equal(await status(path), 404, path);
  });

  test("has the client's files below it", async () => {
    assert.equal((await request(subject, { path: "/socket.io/socket.io.js" })).status, 200);
  });

  test("takes WebSockets", async () => {
    subject.path = "/socket.io";
    const wire = await Wire.session(subject);
    await wire.connect();
    wire.close();
  });
});
