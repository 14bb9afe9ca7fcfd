// CORS with every option of npm's `cors` package.
//
// in:  the fixture with `--cors-options`, raw HTTP
// out: one test per option
// odd: in a list of origins a star stands for letters, digits, hyphens and dots; the reference gets a pattern for it
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { isReference, start } from "../support/subject.mjs";
import { Polling, Wire, request } from "../support/wire.mjs";

const V4 = { EIO: "4", transport: "polling" };
const SHOP = "http://shop.example";
const EVIL = "http://evil.example";

/** Runs a block of tests against a fixture with these options. */
function withCors(title, options, body) {
  describe(title, () => {
    let subject;
    before(async () => (subject = await start("fixture", "--cors-options", JSON.stringify(options))));
    after(() => subject.stop());
    body(() => subject);
  });
}

const preflight = (subject, origin, path) =>
  request(subject, {
    method: "OPTIONS",
    query: V4,
    path,
    headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "x-test" },
  });
const open = (subject, origin) => request(subject, { query: V4, headers: origin ? { origin } : {} });
const allow = (answer, name) => answer.headers[`access-control-allow-${name}`];

withCors("an origin that is named back", { origin: true, credentials: true }, (subject) => {
  test("every origin is", async () => {
    for (const origin of [SHOP, EVIL]) {
      for (const answer of [await preflight(subject(), origin), await open(subject(), origin)]) {
        assert.deepEqual([allow(answer, "origin"), allow(answer, "credentials")], [origin, "true"]);
        assert.match(answer.headers.vary, /Origin/);
      }
    }
    assert.equal(allow(await open(subject(), null), "origin"), undefined);
  });
});

withCors("a list of origins", { origin: [SHOP, "https://*.shop.example"], credentials: true }, (subject) => {
  test("its own are named back", async () => {
    for (const origin of [SHOP, "https://a.shop.example", "https://a.b.shop.example"]) {
      assert.equal(allow(await open(subject(), origin), "origin"), origin);
      assert.equal(allow(await preflight(subject(), origin), "origin"), origin);
    }
  });

  test("others get a 204 and a session, but no origin", async () => {
    for (const origin of [EVIL, "https://shop.example", "https://evil.example/.shop.example", "null"]) {
      const answer = await preflight(subject(), origin);
      assert.deepEqual([answer.status, allow(answer, "origin")], [204, undefined]);
      const opened = await open(subject(), origin);
      assert.deepEqual([opened.status, allow(opened, "origin")], [200, undefined]);
    }
  });
});

withCors("a list of one origin", { origin: [SHOP] }, (subject) => {
  test("is named to that one only", async () => {
    assert.equal(allow(await open(subject(), SHOP), "origin"), SHOP);
    assert.equal(allow(await open(subject(), EVIL), "origin"), undefined);
  });
});

withCors("a function for origins", { origin: { endsWith: ".example" } }, (subject) => {
  test("decides who is named back", async () => {
    assert.equal(allow(await open(subject(), SHOP), "origin"), SHOP);
    assert.equal((await preflight(subject(), SHOP)).status, 204);
  });

  test("others are answered as if there were no CORS", async () => {
    const opened = await open(subject(), "http://shop.test");
    assert.deepEqual([opened.status, allow(opened, "origin")], [200, undefined]);
    const refused = await preflight(subject(), "http://shop.test");
    assert.deepEqual([refused.status, refused.text], [400, '{"code":2,"message":"Bad handshake method"}']);
    assert.equal(allow(refused, "methods"), undefined);
  });
});

const FULL = {
  origin: SHOP,
  methods: ["GET", "POST"],
  allowedHeaders: ["x-one", "x-two"],
  exposedHeaders: ["x-three", "x-four"],
  credentials: true,
  maxAge: 123,
  optionsSuccessStatus: 200,
};
withCors("all options", FULL, (subject) => {
  test("a preflight has them", async () => {
    const answer = await preflight(subject(), EVIL);
    assert.deepEqual([answer.status, answer.text, answer.headers["content-length"]], [200, "", "0"]);
    assert.equal(allow(answer, "origin"), SHOP);
    assert.equal(allow(answer, "methods"), "GET,POST");
    assert.equal(allow(answer, "headers"), "x-one,x-two");
    assert.equal(allow(answer, "credentials"), "true");
    assert.equal(answer.headers["access-control-max-age"], "123");
    assert.equal(answer.headers["access-control-expose-headers"], "x-three,x-four");
    assert.doesNotMatch(answer.headers.vary, /Request-Headers/);
  });

  test("other answers have origin, credentials and exposed headers, refusals and the 101 too", async () => {
    const refused = await request(subject(), { query: { ...V4, transport: "tobi" }, headers: { origin: SHOP } });
    const wire = await Wire.open(subject(), { headers: { origin: SHOP } });
    for (const answer of [await open(subject(), SHOP), refused, wire.response]) {
      assert.equal(allow(answer, "origin"), SHOP);
      assert.equal(allow(answer, "credentials"), "true");
      assert.equal(answer.headers["access-control-expose-headers"], "x-three,x-four");
      for (const name of ["methods", "headers"]) assert.equal(allow(answer, name), undefined);
      assert.equal(answer.headers["access-control-max-age"], undefined);
    }
    wire.close();
  });

  test("the client's files have them as well, and preflights of their own", async () => {
    const path = "/socket.io/socket.io.js";
    const file = await request(subject(), { path, headers: { origin: SHOP } });
    assert.deepEqual([file.status, allow(file, "origin")], [200, SHOP]);
    const asked = await preflight(subject(), SHOP, path);
    assert.deepEqual([asked.status, allow(asked, "methods")], [200, "GET,POST"]);
  });
});

withCors("preflights that go on", { origin: SHOP, preflightContinue: true }, (subject) => {
  test("are refused by the engine, with their headers", async () => {
    const answer = await preflight(subject(), SHOP);
    assert.deepEqual([answer.status, answer.text], [400, '{"code":2,"message":"Bad handshake method"}']);
    assert.deepEqual([allow(answer, "origin"), allow(answer, "headers")], [SHOP, "x-test"]);
  });
});

withCors("an official client across origins", { origin: [SHOP], credentials: true }, (subject) => {
  test("polls with the headers on every answer", async () => {
    const session = await Polling.open(subject(), { headers: { origin: SHOP } });
    const posted = await session.post("40", { headers: { origin: SHOP } });
    const polled = await session.get({ headers: { origin: SHOP } });
    for (const answer of [session.opening, posted, polled]) assert.equal(allow(answer, "origin"), SHOP);
  });
});
