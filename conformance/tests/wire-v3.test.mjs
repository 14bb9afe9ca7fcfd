// Engine.IO 3 below Socket.IO 2, byte by byte, and polling by scripts (JSONP) in both revisions.
//
// in:  the fixture with `--allow-eio3`, raw HTTP and raw WebSockets
// out: one test per rule
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { after, before, describe, test } from "node:test";
import { PollingV3, encode, encodeBinary } from "../support/payload-v3.mjs";
import { rustOnly, start } from "../support/subject.mjs";
import { Polling, SEPARATOR, Wire, exchange, request, upgradeRequest } from "../support/wire.mjs";

let subject;
let strict;
before(async () => {
  subject = await start("fixture", "--allow-eio3", "--cors", "*", "--max-payload", 10_000);
  strict = await start("fixture");
});
after(() => Promise.all([subject.stop(), strict.stop()]));

const V3 = { EIO: "3" };
const open = (query) => PollingV3.open(subject, { query });
const wireOf = (query) => Wire.session(subject, { query: { ...V3, ...query }, answerPings: false });
const body = ({ status, text }) => [status, text];
const BYTES = Buffer.from([1, 2, 3]);
const READS_ALL_FIRST = rustOnly("a body of bytes is read to its end before its packets are handled");
const WRITES_INTO_IT = rustOnly("the refusal is written into the open websocket");

describe("who may come in", { concurrency: true }, () => {
  for (const EIO of ["3", "5", "", null]) {
    test(`EIO ${EIO} is refused with code 5 by a server that does not allow it`, async () => {
      const answer = await request(strict, { query: { EIO, transport: "polling" } });
      assert.deepEqual(body(answer), [400, '{"code":5,"message":"Unsupported protocol version"}']);
    });
  }

  test("a websocket of revision 3 is refused before the handshake", { skip: WRITES_INTO_IT }, async () => {
    const answer = await exchange(strict, upgradeRequest(strict, { EIO: "3", transport: "websocket" }));
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.match(answer, /\r\n\r\nUnsupported protocol version$/);
  });

  const MISMATCH = [400, '{"code":3,"message":"Bad request"}'];
  test("a session of one revision refuses requests of the other, and lives on", async () => {
    const old = await open();
    const today = await Polling.open(subject);
    const ask = (sid, EIO) => request(subject, { query: { EIO, transport: "polling", sid } });
    assert.deepEqual(body(await ask(old.sid, "4")), MISMATCH);
    assert.deepEqual(body(await ask(today.sid, "3")), MISMATCH);
    assert.deepEqual(body(await ask(today.sid, null)), MISMATCH);
    for (const [session, EIO] of [
      [old, "4"],
      [today, "3"],
    ]) {
      const upgrade = upgradeRequest(subject, { EIO, transport: "websocket", sid: session.sid });
      assert.match(await exchange(subject, upgrade), /^HTTP\/1\.1 400 Bad Request\r\n[^]*\r\n\r\nBad request$/);
    }
    assert.equal(await old.packet(), "40");
    await old.send("2");
    assert.equal(await old.packet(), "3");
    await today.connect();
  });
});

describe("the first packets", { concurrency: true }, () => {
  test("the answer to the handshake holds the open packet alone, the next one the connect", async () => {
    const session = await open();
    assert.equal(session.opening.text, encode(`0${JSON.stringify(session.handshake)}`));
    assert.deepEqual(body(await session.get()), [200, "2:40"]);
  });

  test("a websocket gets the open packet and then the connect, without an id", async () => {
    const wire = await wireOf();
    assert.equal(await wire.next(), "40");
    wire.send("40/custom");
    assert.deepEqual([await wire.next(), await wire.next()], ["40/custom,", '42/custom,["greeting","hello"]']);
    wire.close();
  });

  test("refusals are bare values, but for that of an unknown namespace", async () => {
    const wire = await wireOf();
    assert.equal(await wire.next(), "40");
    for (const [asked, answer] of [
      ["40/auth?token=plain,", '44/auth,"plain refusal"'],
      ["40/auth", '44/auth,{"retry":false}'],
      ["40/nowhere?a=1", '44/nowhere,{"message":"Invalid namespace"}'],
    ]) {
      wire.send(asked);
      assert.equal(await wire.next(), answer);
    }
    wire.close();
  });

  test("an event before the connect closes the connection, and a second connect as well", async () => {
    const wire = await wireOf();
    assert.equal(await wire.next(), "40");
    wire.send("40");
    await wire.end();
    const session = await open();
    assert.equal(await session.packet(), "40");
    await session.send('42/custom,["message"]');
    assert.deepEqual(body(await session.get()).at(0), 200);
    assert.equal((await session.get()).status, 400);
  });
});

describe("bytes", { concurrency: true }, () => {
  const EVENT = '451-["message",{"_placeholder":true,"num":0}]';
  const BACK = '451-["message-back",{"_placeholder":true,"num":0}]';

  test("a body of bytes is read, whatever the client asked for", async () => {
    for (const query of [{}, { b64: "1" }]) {
      const session = await open(query);
      assert.equal(await session.packet(), "40");
      const headers = { "content-type": "application/octet-stream" };
      assert.deepEqual(body(await session.post(encodeBinary(EVENT, BYTES), { headers })), [200, "ok"]);
      const answer = await session.get();
      const expected = query.b64 ? Buffer.from(encode(BACK, BYTES)) : encodeBinary(BACK, BYTES);
      assert.deepEqual(answer.bytes, expected);
    }
  });

  test("a body of bytes in revision 4 is refused and ends the session", async () => {
    const session = await Polling.open(subject);
    const headers = { "content-type": "application/octet-stream" };
    assert.deepEqual(body(await session.post(Buffer.from("6"), { headers })), [400, ""]);
    assert.equal((await session.get()).status, 400);
  });

  test("good packets in front of broken bytes are handled", { skip: READS_ALL_FIRST }, async () => {
    const session = await open();
    assert.equal(await session.packet(), "40");
    const observer = await Wire.session(subject);
    const id = await observer.connect();
    const headers = { "content-type": "application/octet-stream" };
    const good = `42["cast",{"rooms":["${id}"],"from":"namespace"},"heard",1]`;
    await session.post(Buffer.concat([encodeBinary(good), Buffer.from([0, 1, 255])]), { headers });
    assert.equal(await observer.next(), '42["heard",1]');
    assert.equal((await session.get()).status, 400);
    observer.close();
  });

  test("a websocket with `b64` gets text, and is understood both ways", async () => {
    const wire = await wireOf({ b64: "1" });
    assert.equal(await wire.next(), "40");
    wire.send(EVENT, `b4${BYTES.toString("base64")}`);
    assert.deepEqual([await wire.next(), await wire.next()], [BACK, `b4${BYTES.toString("base64")}`]);
    wire.send(EVENT, Buffer.concat([Buffer.from([4]), BYTES]));
    assert.deepEqual([await wire.next(), await wire.next()], [BACK, `b4${BYTES.toString("base64")}`]);
    wire.close();
  });

  test("a large answer is compressed, bytes as well", async () => {
    const session = await open();
    assert.equal(await session.packet(), "40");
    const headers = { "accept-encoding": "gzip" };
    const large = Buffer.alloc(3000, 7);
    await session.send(EVENT, large);
    const answer = await session.get({ headers });
    assert.deepEqual([answer.headers["content-encoding"], answer.headers["content-type"]], ["gzip", "application/octet-stream"]);
    assert.deepEqual(gunzipSync(answer.bytes), encodeBinary(BACK, large));
  });
});

describe("scripts", { concurrency: true }, () => {
  const script = (text) => {
    const [, index, argument] = /^___eio\[(\d*)\]\((".*")\);$/s.exec(text);
    return [index, JSON.parse(argument)];
  };
  const form = (text) => `d=${encodeURIComponent(text.replaceAll("\\n", "\\\\n").replaceAll("\n", "\\n"))}`;
  const headers = { "content-type": "application/x-www-form-urlencoded" };

  for (const [name, extra] of Object.entries({ 3: { EIO: "3", j: "7", b64: "1" }, 4: { EIO: "4", j: "7" } })) {
    test(`a session of revision ${name} may be polled by scripts`, async () => {
      const opening = await request(subject, { query: { transport: "polling", ...extra } });
      assert.equal(opening.headers["content-type"], "text/plain; charset=UTF-8");
      assert.equal(opening.headers["access-control-allow-origin"], "*");
      assert.equal(opening.headers["content-length"], `${opening.bytes.length}`);
      const [index, payload] = script(opening.text);
      assert.equal(index, "7");
      const { sid } = JSON.parse(payload.slice(payload.indexOf("{")));
      const query = { transport: "polling", ...extra, sid };
      const post = (...packets) => {
        const text = extra.EIO === "3" ? encode(...packets) : packets.join(SEPARATOR);
        return request(subject, { method: "POST", query, headers, body: form(text) });
      };
      const poll = async () => script((await request(subject, { query })).text)[1];
      const expected = (...packets) => (extra.EIO === "3" ? encode(...packets) : packets.join(SEPARATOR));

      if (extra.EIO === "4") assert.deepEqual(body(await post("40")), [200, "ok"]);
      assert.match(await poll(), extra.EIO === "3" ? /^2:40$/ : /^40\{/);

      const value = 'line\nfeed "quoted" \\n é 🦀 \u2028\u2029';
      assert.deepEqual(body(await post(`42${JSON.stringify(["message", value])}`)), [200, "ok"]);
      const answer = await request(subject, { query });
      assert.ok(!/[\u2028\u2029]/.test(answer.text), "no line end of scripts");
      assert.equal(script(answer.text)[1], expected(`42${JSON.stringify(["message-back", value])}`));

      // Bytes are base64 in a script.
      const bytes = extra.EIO === "3" ? BYTES : `b${BYTES.toString("base64")}`;
      await post('451-["message",{"_placeholder":true,"num":0}]', bytes);
      assert.equal(await poll(), expected('451-["message-back",{"_placeholder":true,"num":0}]', bytes));

      const last = poll();
      await post("6");
      await post("1");
      assert.equal(await last, expected("6"));
    });
  }

  test("of the index only digits come back", async () => {
    const answer = await request(subject, { query: { EIO: "4", transport: "polling", j: "1];alert(2)//" } });
    assert.match(answer.text, /^___eio\[12\]\("0\{/);
  });

  test("a form without packets is answered ok and nothing happens", async () => {
    const session = await Polling.open(subject, { query: { j: "0" } }).catch(() => null);
    assert.equal(session, null, "a script is no payload");
    const opening = await request(subject, { query: { EIO: "4", transport: "polling", j: "0" } });
    const { sid } = JSON.parse(script(opening.text)[1].slice(1));
    const query = { EIO: "4", transport: "polling", j: "0", sid };
    for (const sent of ["", "e=1", "d=4a&d=4b"]) {
      assert.deepEqual(body(await request(subject, { method: "POST", query, headers, body: sent })), [200, "ok"], sent);
    }
    assert.deepEqual(body(await request(subject, { method: "POST", query, headers, body: form("40") })), [200, "ok"]);
    assert.match(script((await request(subject, { query })).text)[1], /^40\{/);
  });

  test("a refusal is no script", async () => {
    const answer = await request(subject, { query: { EIO: "4", transport: "polling", j: "0", sid: "unknown" } });
    assert.deepEqual(body(answer), [400, '{"code":1,"message":"Session ID unknown"}']);
  });

  test("a large script is compressed", async () => {
    const opening = await request(subject, { query: { EIO: "3", transport: "polling", j: "0" } });
    const payload = script(opening.text)[1];
    const { sid } = JSON.parse(payload.slice(payload.indexOf("{")));
    const query = { EIO: "3", transport: "polling", j: "0", sid };
    await request(subject, { query });
    const text = encode(`42["message","${"x".repeat(3000)}"]`);
    await request(subject, { method: "POST", query, headers, body: form(text) });
    const answer = await request(subject, { query, headers: { "accept-encoding": "gzip" } });
    assert.equal(answer.headers["content-encoding"], "gzip");
    assert.equal(script(gunzipSync(answer.bytes).toString())[1], encode(`42["message-back","${"x".repeat(3000)}"]`));
  });
});

describe("bounds", () => {
  test("a body over the limit is refused and the session lives on", async () => {
    const session = await open();
    assert.equal(await session.packet(), "40");
    assert.equal((await session.send(`4${"x".repeat(20_000)}`)).status, 413);
    await session.send("2");
    assert.equal(await session.packet(), "3");
  });

  test("a flood of pings is answered", async () => {
    const session = await open();
    assert.equal(await session.packet(), "40");
    await session.post("1:2".repeat(3000));
    assert.equal(await session.packet(), "3");
    await session.send('42["message",1]');
    while (session.waiting[0] === "3") session.waiting.shift();
    assert.equal(await session.packet(), '42["message-back",1]');
  });
});
