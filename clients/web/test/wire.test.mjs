/** The bytes: what the client sends, what it takes, and what it makes of bytes no server should send. */
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { WebSocket } from "ws";
import { client, connected, next } from "./client.mjs";
import { OPEN, startPollingScript, startWebSocketScript } from "./scripted.mjs";

/** A connected socket and the scripted end of its connection. */
const pair = async (t, nsp = "/", opts, reply = `40${nsp === "/" ? "" : nsp + ","}{"sid":"one"}`) => {
  const server = await startWebSocketScript(t);
  const socket = client(t, server.url + nsp, { transports: ["websocket"], ...opts });
  const peer = await server.next();
  peer.send(OPEN);
  const join = await peer.take();
  peer.send(reply);
  await connected(socket);
  return { server, socket, peer, join };
};

describe("what is sent", () => {
  test("packets have the form of Socket.IO v5", async (t) => {
    const { socket, peer, join } = await pair(t, "/", { auth: { a: 1 } });
    assert.equal(join, '40{"a":1}');
    const sent = async (send) => (send(), await peer.take());
    assert.equal(await sent(() => socket.emit("a", 1, { b: [null] })), '42["a",1,{"b":[null]}]');
    assert.equal(await sent(() => socket.emit(3)), "42[3]");
    assert.equal(await sent(() => socket.emit("q", () => {})), '420["q"]');
    assert.equal(await sent(() => socket.emit("q", () => {})), '421["q"]');
    assert.equal(
      await sent(() => socket.emit("b", new Uint8Array([1]), { c: new Uint8Array([2]).buffer })),
      '452-["b",{"_placeholder":true,"num":0},{"c":{"_placeholder":true,"num":1}}]');
    assert.deepEqual([...(await peer.take())], [1]);
    assert.deepEqual([...(await peer.take())], [2]);
    socket.on("ask", (ack) => ack(1, new Uint8Array([7])));
    assert.equal(await sent(() => peer.send('4299999999999999999999["ask"]')), '461-99999999999999999999[1,{"_placeholder":true,"num":0}]');
    assert.deepEqual([...(await peer.take())], [7]);
    assert.equal(await sent(() => peer.send("2")), "3");
    assert.equal(await sent(() => socket.disconnect()), "41");
  });

  test("packets of other namespaces name them", async (t) => {
    const { socket, peer, join } = await pair(t, "/shop");
    assert.equal(join, "40/shop,{}");
    socket.emit("a", () => {});
    assert.equal(await peer.take(), '42/shop,0["a"]');
    socket.disconnect();
    assert.equal(await peer.take(), "41/shop,");
  });

  test("a namespace may hold letters of any script", async (t) => {
    const { socket, join } = await pair(t, "/\u65e5\u672c");
    assert.equal(socket.nsp, "/\u65e5\u672c");
    assert.equal(join, "40/\u65e5\u672c,{}");
  });

  test("a reconnection offers pid and last offset under the user's auth", async (t) => {
    const server = await startWebSocketScript(t);
    const socket = client(t, server.url, { transports: ["websocket"], auth: { token: 1 } });
    let peer = await server.next();
    const delivered = next(socket, "b");
    peer.send(OPEN, '40{"sid":"one","pid":"secret"}', '42["a","x","offset-1"]', '42["b",2]');
    assert.equal(await peer.take(), '40{"token":1}');
    await delivered;
    peer.ws.close();
    peer = await server.next();
    const order = [];
    socket.onAny((event) => order.push(event)).on("connect", () => order.push("connect", socket.recovered));
    // another loss before the CONNECT reply: the event was not delivered, so its offset does not count
    peer.send(OPEN, '42["c","offset-2"]');
    assert.equal(await peer.take(), '40{"pid":"secret","offset":"offset-1","token":1}');
    peer.ws.close();
    peer = await server.next();
    peer.send(OPEN, '42["c","offset-2"]');
    assert.equal(await peer.take(), '40{"pid":"secret","offset":"offset-1","token":1}');
    peer.send('42["d","offset-3"]', '40{"sid":"one","pid":"secret"}');
    await next(socket, "connect");
    assert.deepEqual(order, ["c", "d", "connect", true]);
    peer.ws.close();
    peer = await server.next();
    peer.send(OPEN);
    assert.equal(await peer.take(), '40{"pid":"secret","offset":"offset-3","token":1}');
  });

  test("a namespace left before its answer came is left when it comes", async (t) => {
    const { socket, peer } = await pair(t);
    const chat = socket.io.socket("/chat");
    assert.equal(await peer.take(), "40/chat,{}");
    chat.disconnect();
    peer.send('40/chat,{"sid":"ghost"}');
    assert.equal(await peer.take(), "41/chat,");
    assert.equal(chat.connected, false);
    const back = next(chat, "connect");
    chat.connect();
    assert.equal(await peer.take(), "40/chat,{}");
    peer.send('40/chat,{"sid":"two"}');
    await back;
    assert.equal(chat.id, "two");
  });

  test("an ack of an earlier session is not sent to the next", async (t) => {
    const { server, socket, peer } = await pair(t);
    const asked = next(socket, "ask");
    peer.send('420["ask"]');
    const [ack] = await asked;
    peer.ws.close();
    const again = await server.next();
    again.send(OPEN, '40{"sid":"two"}');
    await next(socket, "connect");
    ack("late");
    socket.emit("marker");
    assert.equal(await again.take(), "40{}");
    assert.equal(await again.take(), '42["marker"]');
  });
});

describe("what waits", () => {
  const LIMIT = 10_000;

  test("offline, 10,000 emits wait, and the next one throws", async (t) => {
    const server = await startWebSocketScript(t);
    const socket = client(t, server.url, { transports: ["websocket"], autoConnect: false });
    for (let n = 0; n < LIMIT; n++) socket.emit("n", n);
    const full = { message: "queue full" };
    assert.throws(() => socket.emit("more"), full);
    const called = t.mock.fn();
    assert.throws(() => socket.timeout(1).emit("more", called), full);
    await assert.rejects(socket.emitWithAck("more"), full);
    socket.volatile.emit("dropped");
    socket.connect();
    const peer = await server.next();
    peer.send(OPEN, '40{"sid":"one"}');
    await next(socket, "connect");
    socket.emit("last");
    assert.equal(await peer.take(), "40{}");
    for (let n = 0; n < LIMIT; n++) assert.equal(await peer.take(), `42["n",${n}]`);
    assert.equal(await peer.take(), '42["last"]');
    assert.equal(called.mock.callCount(), 0, "an emit that throws does not call its ack as well");
  });

  test("an emit that times out makes room for another", async (t) => {
    const socket = client(t, "http://x", { WebSocket, autoConnect: false });
    for (let n = 1; n < LIMIT; n++) socket.emit("n");
    const timedOut = assert.rejects(socket.timeout(1).emitWithAck("n"), { message: "operation has timed out" });
    assert.throws(() => socket.emit("n"));
    await timedOut;
    socket.emit("n");
  });

  for (const [count, reason] of [[LIMIT, null], [LIMIT + 1, "parse error"]]) {
    test(`${count} events before the CONNECT reply are ${reason ? `a ${reason}, and no recovery is asked for again` : "delivered after it"}`, async (t) => {
      const { server, socket, peer } = await pair(t, "/", {}, '40{"sid":"one","pid":"secret"}');
      let gone = next(socket, "disconnect");
      peer.ws.close();
      await gone;
      const got = [];
      socket.on("early", (n) => got.push(n));
      const again = await server.next();
      again.send(OPEN);
      assert.match(await again.take(), /^40\{"pid":"secret"/);
      gone = next(socket, "disconnect");
      for (let n = 0; n < count; n++) again.send(`42["early",${n}]`);
      if (!reason) {
        again.send('40{"sid":"one","pid":"secret"}');
        await next(socket, "connect");
        assert.deepEqual(got, [...Array(count).keys()]);
        return;
      }
      assert.equal((await gone)[0], reason);
      assert.deepEqual(got, []);
      const fresh = await server.next();
      fresh.send(OPEN);
      assert.equal(await fresh.take(), "40{}");
    });
  }
});

describe("what is taken", () => {
  test("odd but allowed packets", async (t) => {
    const { socket, peer } = await pair(t);
    const got = [];
    socket.onAny((...args) => got.push(args));
    peer.send("6", "42", "43[]", "4377[1]", '42/nobody,["x"]', "43/nobody,0[]", '42["error",1]', '42[7,"n"]', '42["\\ud83d"]');
    peer.send('451-["bin",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]', "bAQI=");
    peer.send('451-["spare"]', Buffer.from([1]), '42["end"]');
    await next(socket, "end");
    assert.deepEqual(got.shift(), []);
    assert.deepEqual(got.shift(), ["error", 1]);
    assert.deepEqual(got.shift(), [7, "n"]);
    assert.deepEqual(got.shift(), ["\ud83d"]);
    const [event, ...buffers] = got.shift();
    assert.equal(event, "bin");
    for (const buffer of buffers) assert.deepEqual([...new Uint8Array(buffer)], [1, 2]);
    assert.deepEqual(got, [["spare"], ["end"]]);
  });

  test("a peer cannot reach a prototype", async (t) => {
    const { socket, peer } = await pair(t);
    const text = next(socket, "text"), binary = next(socket, "binary");
    peer.send('42["__proto__",1]', '42["constructor",1]', '42["text",{"__proto__":{"evil":1},"constructor":{"prototype":{"evil":1}}}]');
    peer.send('451-["binary",{"__proto__":{"evil":1},"a":{"_placeholder":true,"num":0}}]', Buffer.from([1]));
    for (const [value] of [await text, await binary]) {
      assert.ok(Object.hasOwn(value, "__proto__"));
      assert.equal(Object.getPrototypeOf(value), Object.prototype);
    }
    assert.equal({}.evil, undefined);
  });

  test("a close packet is a transport close that says who did it", async (t) => {
    const { socket, peer } = await pair(t);
    const gone = next(socket, "disconnect");
    peer.send("1");
    assert.deepEqual(await gone, ["transport close", { description: "transport closed by the server" }]);
  });

  test("a CONNECT without an id is a connect_error", async (t) => {
    const server = await startWebSocketScript(t);
    const socket = client(t, server.url, { transports: ["websocket"] });
    (await server.next()).send(OPEN, "40");
    assert.equal((await next(socket, "connect_error"))[0].message, "no sid");
    assert.equal(socket.active, false);
  });

  test("a heartbeat that no timer can wait for does not end the session", async (t) => {
    const server = await startWebSocketScript(t);
    const socket = client(t, server.url, { transports: ["websocket"] });
    const peer = await server.next();
    peer.send('0{"sid":"x","pingInterval":1e300,"pingTimeout":1}', '40{"sid":"one"}');
    await next(socket, "connect");
    peer.send('42["on"]');
    await next(socket, "on");
  });

  for (const handshake of ["", "0", "0{", "0null", '0{"sid":"x"}', '0{"pingInterval":1,"pingTimeout":1}', '40{"sid":"one"}', "<html>"]) {
    test(`a handshake ${JSON.stringify(handshake)} is a connect_error, and is tried again`, async (t) => {
      const server = await startWebSocketScript(t);
      const socket = client(t, server.url, { transports: ["websocket"] });
      const refused = next(socket, "connect_error");
      (await server.next()).send(handshake);
      assert.ok((await refused)[0] instanceof Error);
      assert.equal(socket.active, true);
      (await server.next()).send(OPEN, '40{"sid":"one"}');
      await connected(socket);
    });
  }

  const bin = (num) => [`451-["a",{"_placeholder":true,"num":${num}}]`, Buffer.from([1])];
  const deep = `451-["a",${"[".repeat(200_000)}${"]".repeat(200_000)}]`;
  const garbage = {
    "an empty message": [""],
    "an unknown engine packet": ["9"],
    "a second handshake": [OPEN],
    "an empty packet": ["4"],
    "an unknown packet": ["47"],
    "an event that is an object": ["42{}"],
    "an event that is a string": ['42"abc"'],
    "an event without a name": ["42[]"],
    "an event named null": ["42[null]"],
    "an event cut off": ['42["a"'],
    "an event with more behind it": ['42["a"]x'],
    "an event with a reserved name": ['42["disconnect"]'],
    "an ack that is no array": ["430{}"],
    "a disconnect with a payload": ["41{}"],
    "a connect with an array": ['40["a"]'],
    "a connect_error with an array": ["44[]"],
    "no attachments announced": ['450-["a"]'],
    "too many attachments announced": ['4511-["a"]'],
    "a huge number of attachments announced": ['4599999999999999999999-["a"]'],
    "attachments not announced": ['451["a"]'],
    "an attachment without a packet": [Buffer.from([1])],
    "a text in place of an attachment": ['451-["a",{"_placeholder":true,"num":0}]', '42["b"]'],
    "an attachment that is not base64": ['451-["a",{"_placeholder":true,"num":0}]', "b*"],
    "binary data of a broken packet": ['451-["a"', Buffer.from([1])],
    "deep nesting": [deep, Buffer.from([1])],
    ...Object.fromEntries(["1", "-1", "0.5", '"0"', '"length"', '"constructor"', "null", "1e999", "[0]"].map((num) => [`placeholder ${num}`, bin(num)])),
  };
  for (const [name, messages] of Object.entries(garbage)) {
    test(`${name} is a parse error, and the client reconnects`, async (t) => {
      const { server, socket, peer } = await pair(t);
      socket.onAny(() => assert.fail("garbage was delivered"));
      const gone = next(socket, "disconnect");
      peer.send(...messages, '42["behind"]');
      const [reason, error] = await gone;
      assert.equal(reason, "parse error");
      assert.ok(error instanceof Error);
      (await server.next()).send(OPEN, '40{"sid":"two"}');
      await connected(socket);
    });
  }
});

describe("polling", () => {
  /** A session over the scripted server, with one GET waiting. */
  const session = async (t, maxPayload) => {
    const server = await startPollingScript(t);
    const socket = client(t, server.url, { transports: ["polling"] });
    const first = await server.next();
    assert.deepEqual([first.method, first.query.get("EIO"), first.query.get("transport"), first.query.has("sid")], ["GET", "4", "polling", false]);
    first.answer(OPEN.replace("1000000", maxPayload));
    const requests = [await server.next(), await server.next()];
    const get = requests.find(({ method }) => method === "GET"), post = requests.find(({ method }) => method === "POST");
    assert.deepEqual([get.query.get("sid"), post.query.get("sid"), post.body], ["engine", "engine", "40{}"]);
    return { server, socket, get, post };
  };

  test("one POST at a time carries as many packets as maxPayload allows, in bytes", async (t) => {
    const { server, socket, get, post } = await session(t, 24);
    get.answer('40{"sid":"one"}');
    await connected(socket);
    const waiting = await server.next();
    socket.emit("a");
    socket.emit("b");
    // 7 + 1 + 7 + 1 + 7 = 23 bytes
    socket.emit("c");
    // 9 characters, 11 bytes
    socket.emit("\u00e9\u00e9\u00e9");
    // goes alone, whatever its size
    socket.emit("x".repeat(30));
    socket.emit("d");
    socket.emit("e", new Uint8Array(3));
    post.answer("ok");
    const bodies = [];
    for (let n = 0; n < 5; n++) {
      const { method, body, answer } = await server.next();
      assert.equal(method, "POST");
      bodies.push(body);
      answer("ok");
    }
    assert.deepEqual(bodies, [
      '42["a"]\x1e42["b"]\x1e42["c"]',
      '42["\u00e9\u00e9\u00e9"]',
      `42["${"x".repeat(30)}"]`,
      '42["d"]',
      '451-["e",{"_placeholder":true,"num":0}]',
    ]);
    const last = await server.next();
    assert.equal(last.body, "bAAAA");
    last.answer("ok");
    waiting.answer('42["bye"]');
    await next(socket, "bye");
  });

  test("a close says so after all else, and does not cut its GET off", async (t) => {
    const { server, socket, get, post } = await session(t, 1000);
    get.answer('40{"sid":"one"}');
    await connected(socket);
    const waiting = await server.next();
    socket.emit("a");
    socket.disconnect();
    post.answer("ok");
    const data = await server.next();
    assert.equal(data.body, '42["a"]\x1e41');
    data.answer("ok");
    const bye = await server.next();
    assert.equal(bye.body, "1");
    assert.equal(waiting.aborted(), false);
    waiting.answer("6");
    bye.answer("ok");
  });

  test("a packet after a bad one in a payload is not read", async (t) => {
    const { socket, get } = await session(t, 1000);
    const got = [];
    socket.onAny((event) => got.push(event));
    const gone = next(socket, "disconnect");
    get.answer('40{"sid":"one"}\x1e42["a"]\x1e9\x1e42["b"]');
    assert.equal((await gone)[0], "parse error");
    assert.deepEqual(got, ["a"]);
  });

  for (const which of ["get", "post"]) {
    test(`a ${which} that is refused is a transport error with its status`, async (t) => {
      const { socket, ...requests } = await session(t, 1000);
      const gone = next(socket, "disconnect");
      requests[which].answer("", 400);
      const [reason, error] = await gone;
      assert.deepEqual([reason, error.message, error.description], ["transport error", "polling error", 400]);
    });
  }
});

describe("time", () => {
  /** Never opens. */
  class Closed {
    constructor() {
      queueMicrotask(() => this.onerror(new Error("refused")));
    }
    close() {}
  }

  for (const [random, expected] of [[1, [1000, 2000, 4000, 5000, 5000]], [0.5, [500, 1000, 2000, 2500, 2500]], [0, [0, 0, 0, 0, 0]]]) {
    test(`delays have full jitter below a doubling bound, with random ${random}`, async (t) => {
      const delays = [];
      t.mock.method(Math, "random", () => random);
      t.mock.method(globalThis, "setTimeout", (fn, delay) => void (delays.push(delay), queueMicrotask(fn)));
      const socket = client(t, "http://x", {
        WebSocket: Closed, transports: ["websocket"], timeout: false,
        reconnectionAttempts: 5, reconnectionDelay: 1000, reconnectionDelayMax: 5000,
      });
      await next(socket.io, "reconnect_failed");
      assert.deepEqual(delays, expected);
    });
  }

  test("the deadline counts pings only", async (t) => {
    const server = await startWebSocketScript(t);
    const socket = client(t, server.url, { transports: ["websocket"] });
    const peer = await server.next();
    const gone = next(socket, "disconnect");
    peer.send('0{"sid":"x","pingInterval":20,"pingTimeout":20}', '40{"sid":"one"}');
    const chatter = setInterval(() => peer.send('42["chatter"]'), 5);
    t.after(() => clearInterval(chatter));
    assert.equal((await gone)[0], "ping timeout");
  });

  test("what is emitted on a connection that slept too long waits for the next", async (t) => {
    const { server, socket, peer } = await pair(t);
    const now = Date.now();
    const clock = t.mock.method(Date, "now", () => now + 60_000);
    socket.emit("kept");
    clock.mock.restore();
    peer.ws.close();
    const again = await server.next();
    again.send(OPEN, '40{"sid":"two"}');
    assert.equal(await again.take(), "40{}");
    assert.equal(await again.take(), '42["kept"]');
  });

  test("an auth function that answers too late does not reach the next connection", async (t) => {
    const server = await startWebSocketScript(t);
    const answers = [];
    client(t, server.url, { transports: ["websocket"], auth: (send) => answers.push(send) });
    const peer = await server.next();
    peer.send(OPEN, "1");
    const again = await server.next();
    again.send(OPEN, "2");
    assert.equal(await again.take(), "3");
    answers[0]({ n: 0 });
    answers[1]({ n: 1 });
    assert.equal(await again.take(), '40{"n":1}');
  });
});
