// CORS, the session cookie and HTTP compression.
//
// in:  the fixture with several sets of options, raw HTTP
// out: one test per rule
// odd: CORS never refuses anybody here; it only says what a browser may read
import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync, inflateSync } from "node:zlib";
import { withFixture } from "../support/fixture.mjs";
import { isReference } from "../support/subject.mjs";
import { Polling, Wire, request } from "../support/wire.mjs";

const V4 = { EIO: "4", transport: "polling" };
const ORIGIN = "http://shop.example";
const METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE";

const preflight = (subject, origin) =>
  request(subject, {
    method: "OPTIONS",
    query: V4,
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type,x-test",
    },
  });

const allow = (answer, name) => answer.headers[`access-control-allow-${name}`];

withFixture("CORS for any origin", ["--cors", "*"], (subject) => {
  test("a preflight is answered 204 with nothing in it", async () => {
    const answer = await preflight(subject(), ORIGIN);
    assert.deepEqual([answer.status, answer.text], [204, ""]);
    assert.equal(allow(answer, "origin"), "*");
    assert.equal(allow(answer, "methods"), METHODS);
    assert.equal(allow(answer, "headers"), "content-type,x-test");
    assert.equal(allow(answer, "credentials"), undefined);
    // RFC 9110 forbids it in a 204; hyper takes it out.
    assert.equal(answer.headers["content-length"], isReference ? "0" : undefined);
    assert.match(answer.headers.vary, /Access-Control-Request-Headers/i);
  });

  test("real requests get the origin alone, also when they are refused", async () => {
    const session = await Polling.open(subject(), { headers: { origin: ORIGIN } });
    const posted = await session.post("40", { headers: { origin: ORIGIN } });
    const polled = await session.get({ headers: { origin: ORIGIN } });
    const refused = await request(subject(), { query: { ...V4, transport: "tobi" }, headers: { origin: ORIGIN } });
    const mismatch = await request(subject(), {
      query: { ...V4, transport: "websocket" },
      headers: { origin: ORIGIN },
    });
    assert.deepEqual([refused.status, mismatch.status], [400, 400]);
    for (const answer of [session.opening, posted, polled, refused, mismatch]) {
      assert.equal(allow(answer, "origin"), "*");
      assert.equal(allow(answer, "methods"), undefined);
    }
  });
});

withFixture("CORS for one origin with credentials", ["--cors", ORIGIN, "--cors-credentials"], (subject) => {
  test("a preflight names the origin and allows credentials", async () => {
    const answer = await preflight(subject(), ORIGIN);
    assert.equal(answer.status, 204);
    assert.equal(allow(answer, "origin"), ORIGIN);
    assert.equal(allow(answer, "credentials"), "true");
    assert.equal(allow(answer, "methods"), METHODS);
    assert.match(answer.headers.vary, /Origin/i);
  });

  test("a handshake names the origin and allows credentials", async () => {
    const { opening } = await Polling.open(subject(), { headers: { origin: ORIGIN } });
    assert.equal(allow(opening, "origin"), ORIGIN);
    assert.equal(allow(opening, "credentials"), "true");
    assert.match(opening.headers.vary, /Origin/i);
  });

  test("another origin still gets a session; the browser is told whose it is", async () => {
    const { opening } = await Polling.open(subject(), { headers: { origin: "http://evil.example" } });
    assert.notEqual(allow(opening, "origin"), "http://evil.example");
    const wire = await Wire.session(subject(), { headers: { origin: "http://evil.example" } });
    await wire.connect();
    wire.close();
  });

  test("the 101 of a websocket carries the headers too", async () => {
    const wire = await Wire.open(subject(), { headers: { origin: ORIGIN } });
    assert.equal(wire.response.headers["access-control-allow-origin"], ORIGIN);
    wire.close();
  });
});

withFixture("no CORS", [], (subject) => {
  test("there are no such headers, whatever the origin", async () => {
    const { opening } = await Polling.open(subject(), { headers: { origin: ORIGIN } });
    assert.equal(allow(opening, "origin"), undefined);
    assert.equal((await preflight(subject(), ORIGIN)).status, 400);
  });

  test("there is no cookie", async () => {
    assert.equal((await Polling.open(subject())).opening.headers["set-cookie"], undefined);
  });
});

const COOKIES = [
  [
    { name: "node", path: "/custom", domain: "example.com", maxAge: 3600, expires: 1445412480999, secure: true },
    "node=SID; Max-Age=3600; Domain=example.com; Path=/custom; Expires=Wed, 21 Oct 2015 07:28:00 GMT; HttpOnly; Secure; SameSite=Lax",
  ],
  [
    { secure: true, partitioned: true, priority: "high", sameSite: "none" },
    "io=SID; Path=/; HttpOnly; Secure; Partitioned; Priority=High; SameSite=None",
  ],
  [{ httpOnly: false, priority: "low", sameSite: "strict" }, "io=SID; Path=/; Priority=Low; SameSite=Strict"],
];

for (const [options, header] of COOKIES) {
  const names = Object.keys(options).join(", ");
  withFixture(`a session cookie with ${names}`, ["--cookie-options", JSON.stringify(options)], (subject) => {
    test("has its attributes in the order of npm's cookie", async () => {
      const session = await Polling.open(subject());
      assert.deepEqual(session.opening.headers["set-cookie"], [header.replace("SID", session.sid)]);
    });
  });
}

withFixture("the session cookie", ["--cookie"], (subject) => {
  test("is set by the handshake and by nothing after it", async () => {
    const session = await Polling.open(subject());
    assert.deepEqual(session.opening.headers["set-cookie"], [`io=${session.sid}; Path=/; HttpOnly; SameSite=Lax`]);
    const posted = await session.post("40");
    const polled = await session.get();
    for (const answer of [posted, polled]) assert.equal(answer.headers["set-cookie"], undefined);
  });

  test("is not set by a websocket", async () => {
    const wire = await Wire.open(subject());
    assert.equal(wire.response.headers["set-cookie"], undefined);
    wire.close();
  });
});

withFixture("HTTP compression", [], (subject) => {
  const big = async (n, encodings, compress = true) => {
    const session = await Polling.open(subject());
    await session.connect();
    await session.post(`42["big",${n},${compress}]`);
    return session.get({ headers: encodings === null ? {} : { "accept-encoding": encodings } });
  };
  const expected = (n) => `42["big","${"x".repeat(n)}"]`;

  for (const offered of ["gzip, deflate", "gzip", "deflate;q=0.5, gzip", "br, gzip;q=0.8"]) {
    test(`a big answer is gzip when "${offered}" is offered`, async () => {
      const answer = await big(5000, offered);
      assert.equal(answer.headers["content-encoding"], "gzip");
      assert.equal(gunzipSync(answer.bytes).toString(), expected(5000));
      assert.equal(answer.headers["content-type"], "text/plain; charset=UTF-8");
    });
  }

  test("a big answer is deflate when only that is offered", async () => {
    const answer = await big(5000, "deflate");
    assert.equal(answer.headers["content-encoding"], "deflate");
    assert.equal(inflateSync(answer.bytes).toString(), expected(5000));
  });

  for (const offered of [null, "br", "gzip;q=0", "identity"]) {
    test(`nothing is compressed when ${JSON.stringify(offered)} is offered`, async () => {
      const answer = await big(5000, offered);
      assert.equal(answer.headers["content-encoding"], undefined);
      assert.equal(answer.text, expected(5000));
    });
  }

  test("a small answer is not compressed", async () => {
    const answer = await big(100, "gzip");
    assert.equal(answer.headers["content-encoding"], undefined);
    assert.equal(answer.text, expected(100));
  });

  test("a big answer whose only packet declines is not compressed", async () => {
    const answer = await big(5000, "gzip", false);
    assert.equal(answer.headers["content-encoding"], undefined);
    assert.equal(answer.text, expected(5000));
  });
});

withFixture("HTTP compression off", ["--no-compression"], (subject) => {
  test("nothing is compressed", async () => {
    const session = await Polling.open(subject());
    await session.connect();
    await session.post('42["big",5000,true]');
    const answer = await session.get({ headers: { "accept-encoding": "gzip" } });
    assert.equal(answer.headers["content-encoding"], undefined);
  });
});
