// Who gets a session, and the exact answer for who does not.
//
// in:  the fixture with several sets of options
// out: one test per row of the error table, on plain HTTP and on upgrade requests
// odd: an error for a WebSocket that the reference finds only after its 101 must come before the 101 from ours
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { isReference, start } from "../support/subject.mjs";
import { Polling, Wire, exchange, request, target, tcp, allOf, upgradeRequest } from "../support/wire.mjs";
import { within } from "../support/wait.mjs";

const MESSAGES = [
  "Transport unknown",
  "Session ID unknown",
  "Bad handshake method",
  "Bad request",
  "Forbidden",
  "Unsupported protocol version",
];
const V4 = { EIO: "4" };

let subject;
before(async () => (subject = await start("fixture")));
after(() => subject.stop());

function assertRefused(answer, code, { status = 400, message = MESSAGES[code] } = {}) {
  assert.equal(answer.status, status);
  assert.equal(answer.text, JSON.stringify({ code, message }));
  assert.equal(answer.headers["content-type"], "application/json");
}

describe("over plain HTTP", () => {
  const UNKNOWN = ["tobi", "constructor", "__proto__", "webtransport", null];
  for (const transport of UNKNOWN) {
    test(`transport ${transport} is unknown`, async () => {
      assertRefused(await request(subject, { query: { ...V4, transport } }), 0);
    });
  }

  for (const sid of ["nobody", "__proto__", "x".repeat(5000)]) {
    test(`the session id ${sid.slice(0, 12)} is unknown`, async () => {
      assertRefused(await request(subject, { query: { ...V4, transport: "polling", sid } }), 1);
    });
  }

  test("an empty session id is none", async () => {
    assert.equal((await request(subject, { query: { ...V4, transport: "polling", sid: "" } })).status, 200);
  });

  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    test(`a handshake with ${method} is refused`, async () => {
      assertRefused(await request(subject, { method, query: { ...V4, transport: "polling" } }), 2);
    });
  }

  test("a handshake with HEAD is refused without a body", async () => {
    const answer = await request(subject, { method: "HEAD", query: { ...V4, transport: "polling" } });
    assert.deepEqual([answer.status, answer.text, answer.headers["content-type"]], [400, "", "application/json"]);
  });

  for (const EIO of [null, "3", "5", "abc", "44"]) {
    test(`EIO ${EIO} is not supported`, async () => {
      assertRefused(await request(subject, { query: { EIO, transport: "polling" } }), 5);
    });
  }

  test("a known session with another EIO is refused", async () => {
    const session = await Polling.open(subject);
    const answer = await request(subject, { query: { ...session.query, EIO: "3" } });
    assertRefused(answer, 3);
    await session.connect();
  });

  test("a websocket handshake without upgrade is refused", async () => {
    assertRefused(await request(subject, { query: { ...V4, transport: "websocket" } }), 3);
  });

  test("a polling session asked for as websocket without upgrade is refused and lives on", async () => {
    const session = await Polling.open(subject);
    assertRefused(await request(subject, { query: { ...session.query, transport: "websocket" } }), 3);
    await session.connect();
  });

  test("a websocket session asked for as polling is refused and lives on", async () => {
    const wire = await Wire.session(subject);
    assertRefused(await request(subject, { query: { ...V4, transport: "polling", sid: wire.sid } }), 3);
    await wire.connect();
    wire.close();
  });

  test("a living session refuses other methods with an empty 500 and lives on", async () => {
    const session = await Polling.open(subject);
    for (const method of ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]) {
      const answer = await request(subject, { method, query: session.query });
      assert.deepEqual([answer.status, answer.text], [500, ""], method);
    }
    await session.connect();
  });

  test("a request that closes its connection is no close of the session", async () => {
    const headers = { connection: "close" };
    const session = await Polling.open(subject, { headers });
    await session.post("40", { headers });
    assert.match((await session.get({ headers })).text, /^40/);
    await session.post('420["message-with-ack",1]', { headers });
    assert.equal((await session.get({ headers })).text, "430[1]");
  });

  test("query parameters of the client reach the program", async () => {
    const session = await Polling.open(subject, { query: { token: "a b", empty: "" } });
    await session.connect();
    await session.post('420["whoami"]');
    const [about] = JSON.parse((await session.packet()).slice(3));
    assert.deepEqual([about.query.token, about.query.empty], ["a b", ""]);
  });

  test("an Origin with control characters is a bad request without a body", async () => {
    const head = `GET ${target(subject, { ...V4, transport: "polling" })} HTTP/1.1\r\nHost: a\r\n`;
    const answer = await exchange(subject, `${head}Origin: http://a\u0001b\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.equal(answer.split("\r\n\r\n")[1], "");
  });

  test("query keys in any order and foreign keys are fine", async () => {
    const answer = await request(subject, { path: "/socket.io/?t=abc&transport=polling&x=1&EIO=4&x=%F0%9F%92%A5" });
    assert.equal(answer.status, 200);
  });

  test("a broken percent escape in the query does no harm", async () => {
    const answer = await request(subject, { path: "/socket.io/?EIO=4&transport=polling&x=%zz%" });
    assert.equal(answer.status, 200);
  });

  test("only the path and what is below it is Socket.IO's", async () => {
    const query = "?EIO=4&transport=polling";
    assert.equal((await request(subject, { path: `/socket.io/${query}` })).status, 200);
    assert.equal((await request(subject, { path: `/socket.io/below/${query}` })).status, 200);
    assert.equal((await request(subject, { path: `/socket.io${query}` })).status, 404);
    assert.equal((await request(subject, { path: `/${query}` })).status, 404);
  });
});

describe("over an upgrade request", () => {
  async function assertUpgradeRefused(query, message) {
    const answer = await exchange(subject, upgradeRequest(subject, query));
    const [head, body] = answer.split("\r\n\r\n");
    assert.match(head, /^HTTP\/1\.1 400 Bad Request/);
    assert.match(head, /\r\nconnection: close/i);
    assert.match(head, /\r\ncontent-type: text\/html/i);
    assert.match(head, new RegExp(`\r\ncontent-length: ${message.length}(\r\n|$)`, "i"));
    assert.equal(body, message);
  }

  for (const transport of ["tobi", "constructor", "__proto__", null]) {
    test(`transport ${transport} is unknown`, () => assertUpgradeRefused({ ...V4, transport }, MESSAGES[0]));
  }

  for (const sid of ["nobody", "__proto__"]) {
    test(`the session id ${sid} is unknown`, () =>
      assertUpgradeRefused({ ...V4, transport: "websocket", sid }, MESSAGES[1]));
  }

  test("a known session with another EIO is refused", async () => {
    const session = await Polling.open(subject);
    await assertUpgradeRefused({ EIO: "3", transport: "websocket", sid: session.sid }, MESSAGES[3]);
  });

  for (const EIO of [null, "3", "abc"]) {
    test(`EIO ${EIO} is not supported`, async () => {
      const query = { EIO, transport: "websocket" };
      if (!isReference) return assertUpgradeRefused(query, MESSAGES[5]);
      // The reference answers 101 and then writes the text of an error into the open WebSocket.
      const answer = await exchange(subject, upgradeRequest(subject, query));
      assert.ok(answer.includes(MESSAGES[5]), answer);
    });
  }

  test("an upgrade with the transport polling makes no session", async () => {
    const wire = await Wire.open(subject, { query: { transport: "polling" } }).catch(() => null);
    if (wire) await assert.rejects(wire.next());
  });

  for (const kind of ["a new session", "an upgrade"]) {
    test(`garbage right behind the handshake of ${kind} does no harm`, async () => {
      const query = { ...V4, transport: "websocket" };
      if (kind === "an upgrade") query.sid = (await Polling.open(subject)).sid;
      const socket = await tcp(subject);
      const answer = allOf(socket);
      socket.write(upgradeRequest(subject, query));
      socket.write(Buffer.alloc(64, 0xff));
      await within(answer, "end of the connection");
      await (await Polling.open(subject)).connect();
    });
  }
});

describe("with other options", () => {
  const withFixture = (options, body) => async () => {
    const other = await start("fixture", ...options);
    try {
      await body(other);
    } finally {
      await other.stop();
    }
  };
  const open = (other, transport) => request(other, { query: { ...V4, transport } });

  test(
    "allowRequest refuses with its own text: 403 over HTTP, 400 over an upgrade",
    withFixture(["--allow-request-refuse", "not today"], async (other) => {
      assertRefused(await open(other, "polling"), 4, { status: 403, message: "not today" });
      const answer = await exchange(other, upgradeRequest(other, { ...V4, transport: "websocket" }));
      assert.match(answer, /^HTTP\/1\.1 400 /);
      assert.equal(answer.split("\r\n\r\n")[1], "not today");
      // What is wrong with the request itself is found first.
      assertRefused(await open(other, "tobi"), 0);
      assertRefused(await request(other, { query: { ...V4, transport: "polling", sid: "nobody" } }), 1);
    }),
  );

  test(
    "polling alone offers no upgrade and does not know websocket",
    withFixture(["--transports", "polling"], async (other) => {
      assert.deepEqual((await Polling.open(other)).handshake.upgrades, []);
      assertRefused(await open(other, "websocket"), 0);
      const refusal = await Wire.open(other).catch((error) => error);
      assert.equal(refusal.status, 400);
      if (isReference) assert.equal(JSON.parse(refusal.text).code, 0);
    }),
  );

  test(
    "websocket alone does not know polling",
    withFixture(["--transports", "websocket"], async (other) => {
      assertRefused(await open(other, "polling"), 0);
      const wire = await Wire.session(other);
      assert.deepEqual(wire.handshake.upgrades, []);
      wire.close();
    }),
  );

  test(
    "options reach the handshake, in the order clients know, and the path can be moved",
    withFixture(
      ["--no-upgrades", "--ping-interval", 4000, "--ping-timeout", 3000, "--max-payload", 777, "--path", "/moved"],
      async (other) => {
        other.path = "/moved/";
        const answer = await open(other, "polling");
        const { sid } = JSON.parse(answer.text.slice(1));
        const rest = { upgrades: [], pingInterval: 4000, pingTimeout: 3000, maxPayload: 777 };
        assert.equal(answer.text, `0${JSON.stringify({ sid, ...rest })}`);
        assert.equal((await request(other, { path: "/socket.io/?EIO=4&transport=polling" })).status, 404);
      },
    ),
  );

  test(
    "a session that joins no namespace is closed after connectTimeout",
    withFixture(["--connect-timeout", 150], async (other) => {
      const joined = await Wire.session(other);
      await joined.connect();
      const idle = await Wire.session(other);
      await idle.end(2000);
      joined.send('420["message-with-ack",1]');
      assert.equal(await joined.next(), "430[1]");
      joined.close();
    }),
  );
});
