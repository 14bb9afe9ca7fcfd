// The official client over WebTransport, in Chromium and in Node: new sessions, the upgrade, both ends.
//
// in:  the fixture with WebTransport on the UDP port of the same number; the client's own bundle in a page, its package in Node
// out: what the client sees, and what the server notes about it
// odd: what a test does with the client is a function of `tools` alone, because in Chromium its text is what gets there. The
//      page is any answer of the server, because a browser wants an origin on this machine.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { client, closeAll, connected, reasonOf } from "../support/client.mjs";
import { isReference, start } from "../support/subject.mjs";
import { missing, trust, WebTransport } from "../support/web-transport.mjs";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const BUNDLE = createRequire(import.meta.url).resolve("socket.io-client/dist/socket.io.js");

/** What the tests do with the client, wherever it runs; `io` makes one that is not connected yet. */
function makeTools(io, trust, hash) {
  const once = (emitter, event) =>
    new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no ${event}`)), 5000);
      emitter.once(event, (...args) => {
        clearTimeout(late);
        resolve(args);
      });
    });
  const open = ({ known = hash, ...options }) => {
    const socket = io({ ...options, transportOptions: { webtransport: trust(known) } });
    return new Promise((resolve, reject) => {
      socket.once("connect", () => resolve(socket));
      socket.once("connect_error", reject);
      socket.connect();
    });
  };
  return { once, open, direct: (options) => open({ transports: ["webtransport"], ...options }) };
}

/** The tests; `where` is in their names, `run` has a function and an argument, and gives what the function returns where the client is. */
function statements({ where, run, observer }) {
  test(`${where}: a session opens on it, without headers and query, and secure`, async () => {
    const { transport, about } = await run(async ({ direct }) => {
      const socket = await direct();
      const about = await socket.emitWithAck("whoami");
      const transport = socket.io.engine.transport.name;
      socket.disconnect();
      return { transport, about };
    });
    assert.equal(transport, "webtransport");
    const { header, query, secure, xdomain } = about;
    assert.deepEqual({ header, query, secure, xdomain }, { header: null, query: {}, secure: true, xdomain: false });
  });

  test(`${where}: text and binary values of every size come back, in order, and heartbeats go on between`, async () => {
    const wrong = await run(async ({ direct, once }) => {
      const socket = await direct();
      const wrong = [];
      const same = (a, b) =>
        typeof a === "string" ? a === b : b.byteLength === a.length && new Uint8Array(b).every((n, i) => n === a[i]);
      const heard = [];
      socket.on("message-back", (value) => heard.push(value));
      for (const length of [0, 1, 120, 125, 126, 65_536, 300_000]) {
        // An attachment without a byte has a test of its own.
        for (const value of ["é".repeat(length), new Uint8Array(length || 2).fill(7)]) {
          const back = await socket.emitWithAck("message-with-ack", value);
          if (!same(value, back)) wrong.push(`${typeof value} of ${length}`);
        }
      }
      for (let n = 0; n < 200; n++) socket.emit("message", n);
      await socket.emitWithAck("message-with-ack");
      if (heard.length !== 200 || heard.some((value, n) => value !== n)) wrong.push(`order: ${heard.length}`);
      await once(socket.io, "ping");
      await once(socket.io, "ping");
      if (!socket.connected) wrong.push("the heartbeat");
      socket.disconnect();
      return wrong;
    });
    assert.deepEqual(wrong, []);
  });

  test(`${where}: an attachment without a byte comes back, where the reference ends the session`, async () => {
    const seen = await run(async ({ direct, once }) => {
      const socket = await direct({ reconnection: false });
      const ended = once(socket, "disconnect").then(() => "the end");
      const back = socket.emitWithAck("message-with-ack", new Uint8Array(0)).then((value) => value.byteLength);
      const seen = await Promise.race([ended, back.catch(() => ended)]);
      socket.disconnect();
      await ended;
      return seen;
    });
    assert.equal(seen, isReference ? "the end" : 0);
  });

  for (const transports of [["polling", "webtransport"], ["polling", "websocket", "webtransport"]]) {
    test(`${where}: a client with ${transports.join(", ")} polls first, then moves to WebTransport`, async () => {
      const seen = await run(async ({ open, once }, transports) => {
        const socket = await open({ transports });
        const { engine } = socket.io;
        const names = [engine.transport.name];
        const heard = [];
        socket.on("message-back", (value) => heard.push(value));
        const upgraded = names[0] === "webtransport" ? Promise.resolve() : once(engine, "upgrade");
        for (let n = 0; n < 50; n++) socket.emit("message", n);
        await upgraded;
        for (let n = 50; n < 100; n++) socket.emit("message", n);
        await socket.emitWithAck("message-with-ack");
        names.push(engine.transport.name);
        socket.disconnect();
        return { names, inOrder: heard.length === 100 && heard.every((value, n) => value === n) };
      }, transports);
      assert.equal(seen.names[1], "webtransport");
      assert.ok(seen.inOrder);
    });
  }

  test(`${where}: a client that leaves is seen to leave, whichever way`, async () => {
    const ids = await run(async ({ direct }) => {
      const sockets = [await direct(), await direct()];
      const ids = sockets.map((socket) => socket.id);
      sockets[0].disconnect();
      sockets[1].io.reconnection(false);
      sockets[1].io.engine.close();
      return ids;
    });
    assert.equal(await reasonOf(observer(), ids[0]), "client namespace disconnect");
    assert.equal(await reasonOf(observer(), ids[1]), "transport close");
  });

  test(`${where}: a server that closes is seen to close, and a client that should comes back`, async () => {
    const reasons = await run(async ({ direct, once }) => {
      const reasons = [];
      const socket = await direct();
      const [first] = await Promise.all([once(socket, "disconnect"), socket.emit("disconnect-me", true)]);
      reasons.push(first[0]);
      socket.disconnect();
      const other = await direct();
      const [second] = await Promise.all([once(other, "disconnect"), other.emit("close-engine")]);
      reasons.push(second[0]);
      await once(other, "connect");
      other.disconnect();
      return reasons;
    });
    // The reference does not wait until what it wrote last is read, so a browser may not get to know that it should stay away.
    assert.match(reasons[0], isReference ? /^(io server disconnect|transport close)$/ : /^io server disconnect$/);
    // The whole connection goes: to the browser that is an error, where the end of a session alone would be none.
    assert.match(reasons[1], isReference ? /^transport close$/ : /^transport (close|error)$/);
  });

  test(`${where}: a client that does not know the certificate is told that it got no session`, async () => {
    const message = await run(async ({ direct }) => {
      const known = btoa("another certificate's hash maybe");
      return direct({ known, reconnection: false }).then(() => "connected", (error) => error.message);
    });
    assert.equal(message, "webtransport error");
  });
}

/** The fixture, and whoever asks it what it has seen. */
function house() {
  const house = {};
  before(async () => {
    const heartbeat = ["--ping-interval", 1000, "--ping-timeout", 2000];
    house.subject = await start("fixture", "--transports", "polling,websocket,webtransport", ...heartbeat);
    house.observer = await connected(house.subject, "/", { transports: ["websocket"] });
    house.hash = (await house.subject.line("certificate ")).split(" ")[1];
  });
  after(async () => {
    closeAll();
    await house.subject?.stop();
  });
  return house;
}

// The official server is on WebTransport for Node as well.
const noSubject = isReference ? missing : false;
const noBrowser = existsSync(CHROMIUM) ? false : `NO BROWSER AT ${CHROMIUM}: set CHROMIUM, WebTransport is not tested`;

describe("WebTransport in a browser", { skip: noSubject || noBrowser }, () => {
  const here = house();
  let browser;
  let page;

  /** A page in which there are the tools. */
  async function openPage() {
    const page = await browser.newPage();
    await page.goto(`${here.subject.url}/socket.io/`);
    await page.addScriptTag({ path: BUNDLE });
    const io = `(options) => io(${JSON.stringify(here.subject.url)}, { forceNew: true, autoConnect: false, ...options })`;
    await page.evaluate(`globalThis.tools = (${makeTools})(${io}, ${trust}, ${JSON.stringify(here.hash)})`);
    return page;
  }
  const runIn = (page, program, argument) => page.evaluate(`(${program})(tools, ${JSON.stringify(argument)})`);

  before(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
    page = await openPage();
  });
  after(() => browser?.close());

  statements({
    where: "Chromium",
    run: (program, argument) => runIn(page, program, argument),
    observer: () => here.observer,
  });

  test("a closed page ends its session", async () => {
    const other = await openPage();
    const id = await runIn(other, async ({ direct }) => (await direct()).id);
    await other.close();
    // The browser does not always find the time to say so.
    assert.match(await reasonOf(here.observer, id), /^(transport close|transport error|ping timeout)$/);
  });
});

describe("WebTransport in Node", { skip: missing }, () => {
  const here = house();
  let tools;

  before(() => {
    globalThis.WebTransport = WebTransport;
    tools = makeTools((options) => client(here.subject, "/", options), trust, here.hash);
  });
  after(() => delete globalThis.WebTransport);

  statements({
    where: "Node",
    run: (program, argument) => program(tools, argument),
    observer: () => here.observer,
  });
});
