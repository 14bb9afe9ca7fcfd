// Long-polling to the byte: bodies, overlaps, aborts, limits, headers.
//
// in:  the fixture, raw HTTP; an observer that reads the fixture's log over a WebSocket
// out: one test per rule
// odd: "at the server" is always proven by a round trip on another connection, never by waiting
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { reasonOf, settled } from "../support/client.mjs";
import { startObserved, stop } from "../support/fixture.mjs";
import { eventually, within } from "../support/wait.mjs";
import { Polling, SEPARATOR, allOf, target, tcp } from "../support/wire.mjs";

const LIMIT = 20_000;

let subject;
let observer;
before(async () => ({ subject, observer } = await startObserved("--max-payload", LIMIT)));
after(() => stop(subject));

const joined = () => Polling.joined(subject);

/** Starts a poll and makes sure it is at the server. */
async function pending(session, options) {
  const poll = session.get(options);
  assert.equal((await session.post("6")).text, "ok");
  return { poll };
}

const assertGone = async (session) => {
  const answer = await session.get();
  assert.deepEqual([answer.status, answer.text], [400, '{"code":1,"message":"Session ID unknown"}']);
};

const inOnePayload = (...packets) => packets.join(SEPARATOR);

describe("answers", () => {
  test("a poll has its own headers", async () => {
    const session = await joined();
    await session.post('42["message","é"]');
    const answer = await session.get();
    assert.equal(answer.text, '42["message-back","é"]');
    assert.equal(answer.headers["content-type"], "text/plain; charset=UTF-8");
    assert.equal(answer.headers["content-length"], String(answer.bytes.length));
    assert.equal(answer.headers["cache-control"], "no-store");
  });

  test("a post is answered ok with its own headers", async () => {
    const session = await joined();
    const answer = await session.post('42["message"]');
    assert.deepEqual([answer.status, answer.text], [200, "ok"]);
    assert.equal(answer.headers["content-type"], "text/html");
    assert.equal(answer.headers["content-length"], "2");
    assert.equal(answer.headers["cache-control"], "no-store");
  });

  for (const agent of ["Mozilla/4.0 (compatible;MSIE 8.0; Windows NT 6.0)", "Mozilla/5.0 Trident/7.0; rv:11.0"]) {
    test(`the browser "${agent.slice(0, 24)}" is told to switch its filter off`, async () => {
      const session = await Polling.open(subject, { headers: { "user-agent": agent } });
      assert.equal(session.opening.headers["x-xss-protection"], "0");
    });
  }

  test("all that waits comes in one payload, in order, whatever its size", async () => {
    const session = await joined();
    await session.post('420["burst",5000]');
    const answer = await session.get();
    const numbers = Array.from({ length: 5000 }, (_, i) => `42["number",${i}]`);
    assert.equal(answer.text, [...numbers, "430[5000]"].join(SEPARATOR));
  });

  test("a pending poll is answered as soon as there is something to say", async () => {
    const session = await joined();
    const { poll } = await pending(session);
    observer.emit("cast", { rooms: [session.id] }, "hello", 1);
    assert.equal((await poll).text, '42["hello",1]');
  });

  test("attachments travel as base64 after their packet", async () => {
    const session = await joined();
    const packet = '451-["message",{"_placeholder":true,"num":0}]';
    await session.post(inOnePayload(packet, "bAQIDBA=="));
    const back = inOnePayload('451-["message-back",{"_placeholder":true,"num":0}]', "bAQIDBA==");
    assert.equal((await session.get()).text, back);
    await session.post(packet);
    await session.post("b/+8=");
    assert.match((await session.get()).text, /\x1eb\/\+8=$/, "also over two posts");
  });

  test("base64 without its padding is understood", async () => {
    const session = await joined();
    await session.post(inOnePayload('451-["message",{"_placeholder":true,"num":0}]', "bAQIDBA"));
    assert.match((await session.get()).text, /\x1ebAQIDBA==$/);
  });
});

describe("overlaps and aborts", () => {
  test("a second poll ends the session as a transport error", async () => {
    const session = await joined();
    const { poll } = await pending(session);
    const second = await session.get();
    assert.deepEqual([second.status, second.text], [400, ""]);
    const first = await poll;
    assert.deepEqual([first.status, first.text], [200, "1"]);
    assert.equal(await reasonOf(observer, session.id), "transport error");
    await assertGone(session);
  });

  test("an aborted poll ends the session as a transport error", async () => {
    const session = await joined();
    const abort = new AbortController();
    const { poll } = await pending(session, { signal: abort.signal });
    abort.abort();
    await assert.rejects(poll);
    assert.equal(await reasonOf(observer, session.id), "transport error");
    await assertGone(session);
  });

  test("a poll on a connection that is closed afterwards harms nothing", async () => {
    const session = await joined();
    for (let round = 0; round < 3; round++) {
      await session.post('42["message"]', { headers: { connection: "close" } });
      assert.equal((await session.get({ headers: { connection: "close" } })).text, '42["message-back"]');
    }
  });

  test("a second post while one is being read ends the session as a transport error", async () => {
    const session = await joined();
    const half = await halfPost(session);
    const second = await session.post("6");
    assert.equal(second.status, 400);
    assert.equal(await reasonOf(observer, session.id), "transport error");
    half.destroy();
  });

  test("a post aborted inside its body ends the session as a transport error", async () => {
    const session = await joined();
    const half = await halfPost(session);
    half.destroy();
    assert.equal(await reasonOf(observer, session.id), "transport error");
    await assertGone(session);
  });

  /** A POST of which the server has read the head but not the whole body. */
  async function halfPost(session) {
    const socket = await tcp(subject);
    socket.on("error", () => {});
    socket.write(`${postHead(session)}Content-Length: 100\r\n\r\n42["mess`);
    await settled(observer);
    return socket;
  }
});

describe("bodies", () => {
  test("a bad packet ends the session as a parse error, and what follows it is dropped", async () => {
    const session = await joined();
    const cast = (word) => `42["cast",{"rooms":["${observer.id}"]},"word","${word}"]`;
    const words = [];
    observer.on("word", (word) => words.push(word));
    const answer = await session.post(inOnePayload(cast("before"), "x", cast("after")));
    assert.deepEqual([answer.status, answer.text], [200, "ok"]);
    assert.equal(await reasonOf(observer, session.id), "parse error");
    await settled(observer);
    // The packet before it was processed by the engine; whether its handler still runs is a matter of luck.
    assert.ok(!words.includes("after"));
    await assertGone(session);
  });

  test("an empty body is a parse error", async () => {
    const session = await joined();
    await session.post("").catch(() => null);
    assert.equal(await reasonOf(observer, session.id), "parse error");
  });

  test("octet-stream is refused and ends the session", async () => {
    const session = await joined();
    const answer = await session.post('42["message"]', { headers: { "content-type": "application/octet-stream" } });
    assert.deepEqual([answer.status, answer.text], [400, ""]);
    await reasonOf(observer, session.id);
    await assertGone(session);
  });

  test("a body over the limit is answered 413 and the session stays usable", async () => {
    const session = await joined();
    const answer = await session.post(`42["message","${"x".repeat(LIMIT)}"]`);
    assert.deepEqual([answer.status, answer.text], [413, ""]);
    await session.post('42["message","small"]');
    assert.equal((await session.get()).text, '42["message-back","small"]');
  });

  test("a chunked body over the limit is not delivered", async () => {
    const session = await joined();
    const chunks = Array.from({ length: 8 }, () => "x".repeat(LIMIT / 4));
    await session.post(['42["message","', ...chunks, '"]']).catch(() => null);
    const answer = await session.post('42["message","small"]');
    if (answer.status === 200) assert.equal((await session.get()).text, '42["message-back","small"]');
  });

  test("a body of exactly the limit passes", async () => {
    const session = await joined();
    const frame = '42["message",""]'.length;
    const text = "x".repeat(LIMIT - frame);
    assert.equal((await session.post(`42["message","${text}"]`)).status, 200);
    assert.equal((await session.get()).text, `42["message-back","${text}"]`);
  });

  test("a chunked body is read to its end", async () => {
    const session = await joined();
    const answer = await session.post(['42["mess', 'age","a', 'b"]']);
    assert.equal(answer.text, "ok");
    assert.equal((await session.get()).text, '42["message-back","ab"]');
  });

  test("a body that is split inside a character is put together again", async () => {
    const session = await joined();
    const body = Buffer.from('42["message","a€b💥"]');
    const socket = await tcp(subject);
    const answer = allOf(socket);
    socket.write(`${postHead(session)}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`);
    for (const byte of body) {
      socket.write(Buffer.from([byte]));
      await settled(observer);
    }
    assert.match(await within(answer, "answer"), /^HTTP\/1\.1 200 /);
    assert.equal((await session.get()).text, '42["message-back","a€b💥"]');
  });

  test("bytes that are no UTF-8 are replaced, not refused", async () => {
    const session = await joined();
    await session.post(Buffer.concat([Buffer.from('42["message","'), Buffer.from([0xff]), Buffer.from('"]')]));
    assert.equal((await session.get()).text, '42["message-back","\ufffd"]');
  });
});

describe("closing", () => {
  test("a close packet answers the pending poll with a noop: transport close", async () => {
    const session = await joined();
    const { poll } = await pending(session);
    await session.post("1");
    assert.equal((await poll).text, "6");
    assert.equal(await reasonOf(observer, session.id), "transport close");
    await assertGone(session);
  });

  test("what follows a close packet in its payload is ignored", async () => {
    const session = await joined();
    const words = [];
    observer.on("late-word", (word) => words.push(word));
    await session.post(inOnePayload("1", `42["cast",{"rooms":["${observer.id}"]},"late-word",1]`));
    await reasonOf(observer, session.id);
    await settled(observer);
    assert.deepEqual(words, []);
  });

  test("disconnect with close says goodbye, then closes", async () => {
    const session = await joined();
    await session.post('42["disconnect-me",true]');
    const packets = [];
    await eventually(async () => {
      const answer = await session.get();
      if (answer.status === 200) packets.push(...answer.text.split(SEPARATOR));
      return answer.status === 400;
    }, "end of the session");
    assert.deepEqual(
      packets.filter((packet) => packet !== "6"),
      ["41", "1"],
    );
    assert.equal(await reasonOf(observer, session.id), "server namespace disconnect");
  });

  const VIOLATIONS = { "a second CONNECT": "40", "an EVENT for another namespace": '42/x,["a"]', garbage: "4abc" };
  for (const [what, packet] of Object.entries(VIOLATIONS)) {
    test(`${what} is answered with a close packet at the next poll`, async () => {
      const session = await joined();
      await session.post(packet);
      assert.equal((await session.get()).text, inOnePayload("6", "1"));
      await assertGone(session);
    });
  }

  test("an EVENT in the payload of its CONNECT is too early and closes the connection", async () => {
    const session = await Polling.open(subject);
    await session.post(inOnePayload("40", '42["message"]'));
    const packets = [];
    await eventually(async () => {
      const answer = await session.get();
      if (answer.status === 200) packets.push(...answer.text.split(SEPARATOR));
      return answer.status === 400;
    }, "end of the session");
    assert.equal(packets.at(-1), "1");
    assert.ok(!packets.some((packet) => packet.startsWith("42")), packets.join(" "));
  });
});

function postHead(session) {
  return `POST ${target(subject, session.query)} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain;charset=UTF-8\r\n`;
}
