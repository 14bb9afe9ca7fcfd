// Origins that are refused: no page of another site can speak for its visitors.
//
// in:  the fixture with `--allowed-origins`, requests as browsers and others send them
// out: one test per kind of request
// odd: the reference has nothing of the kind; its CORS options refuse nobody
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { rustOnly, start } from "../support/subject.mjs";
import { Polling, Wire, exchange, request, upgradeRequest } from "../support/wire.mjs";

const V4 = { EIO: "4", transport: "polling" };
const OWN = "https://app.example";
const EVIL = "https://evil.example";
const FORBIDDEN = '{"code":4,"message":"Forbidden"}';

describe("an origin that is not on the list", { skip: rustOnly("it refuses no origin") }, () => {
  let subject;
  before(async () => {
    const origins = `${OWN},https://*.app.example`;
    subject = await start("fixture", "--allowed-origins", origins, "--cors", OWN, "--refusals");
  });
  after(() => subject.stop());

  for (const origin of [EVIL, "null", "http://app.example", "https://app.example.evil.example", ""]) {
    test(`${JSON.stringify(origin)} opens no session by polling`, async () => {
      const answer = await request(subject, { query: V4, headers: { origin } });
      assert.deepEqual([answer.status, answer.text], [403, FORBIDDEN]);
      assert.equal(answer.headers["access-control-allow-origin"], OWN);
    });

    test(`${JSON.stringify(origin)} opens no WebSocket`, async () => {
      const query = { ...V4, transport: "websocket" };
      const answer = await exchange(subject, upgradeRequest(subject, query, { Origin: origin }));
      assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
      assert.equal(answer.split("\r\n\r\n")[1], "Forbidden");
    });
  }

  test("is reported", async () => {
    await request(subject, { query: V4, headers: { origin: EVIL } });
    const context = { origin: EVIL };
    await subject.line(`refused ${JSON.stringify({ code: 4, message: "Forbidden", name: "FOREIGN_ORIGIN", context })}`);
  });

  test("can neither poll nor post nor upgrade a session of another", async () => {
    const session = await Polling.open(subject, { headers: { origin: OWN } });
    const headers = { origin: EVIL };
    for (const answer of [await session.get({ headers }), await session.post("40", { headers })]) {
      assert.deepEqual([answer.status, answer.text], [403, FORBIDDEN]);
    }
    const refusal = await Wire.open(subject, { query: { sid: session.sid }, headers }).catch((error) => error);
    assert.deepEqual([refusal.status, refusal.text], [400, "Forbidden"]);
    await session.connect();
  });

  test("is not said by a script that another site's page loads, which is refused all the same", async () => {
    const query = { ...V4, j: "0" };
    for (const headers of [{}, { "sec-fetch-site": "cross-site" }, { "sec-fetch-site": "same-site" }]) {
      assert.equal((await request(subject, { query, headers })).status, 403);
    }
    const own = await request(subject, { query, headers: { "sec-fetch-site": "same-origin" } });
    assert.equal(own.status, 200);
    const image = await request(subject, { query: V4, headers: { "sec-fetch-site": "cross-site" } });
    assert.equal(image.status, 403);
  });

  test("is one that is: the session opens, over both transports", async () => {
    for (const origin of [OWN, "https://a.app.example"]) {
      await (await Polling.open(subject, { headers: { origin } })).connect();
      const wire = await Wire.session(subject, { headers: { origin } });
      await wire.connect();
      wire.close();
    }
  });

  test("is the server's own, or there is none: the session opens", async () => {
    for (const headers of [{}, { origin: `http://127.0.0.1:${subject.port}` }]) {
      const wire = await Wire.session(subject, { headers });
      await wire.connect();
      wire.close();
    }
  });
});
