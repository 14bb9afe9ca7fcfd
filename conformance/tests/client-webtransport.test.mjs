// The official client over WebTransport, in Chromium: new sessions, the upgrade, both ends.
//
// in:  the fixture with WebTransport on the UDP port of the same number; the client's own bundle in a page
// out: what the client sees, and what the server notes about it
// odd: the page is any answer of the server, because a browser wants an origin on this machine. In Node the official client
//      needs a native part that is no npm package but a download from elsewhere, so it is not tried; for the same reason the
//      reference cannot be the subject here.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { closeAll, connected, reasonOf } from "../support/client.mjs";
import { rustOnly, start } from "../support/subject.mjs";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const BUNDLE = createRequire(import.meta.url).resolve("socket.io-client/dist/socket.io.js");

const skip =
  rustOnly("its HTTP/3 is a native package that npm cannot install from its registry") ||
  (existsSync(CHROMIUM) ? false : `NO BROWSER AT ${CHROMIUM}: set CHROMIUM, WebTransport is not tested`);

describe("WebTransport in a browser", { skip }, () => {
  let subject;
  let observer;
  let browser;
  let page;

  before(async () => {
    const heartbeat = ["--ping-interval", 1000, "--ping-timeout", 2000];
    subject = await start("fixture", "--transports", "polling,websocket,webtransport", ...heartbeat);
    observer = await connected(subject, "/", { transports: ["websocket"] });
    const hash = (await subject.line("certificate ")).split(" ")[1];
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
    page = await browser.newPage();
    await page.goto(`${subject.url}/socket.io/`);
    await page.addScriptTag({ path: BUNDLE });
    await page.evaluate(
      ({ url, hash }) => {
        const value = Uint8Array.from(atob(hash), (character) => character.charCodeAt(0));
        const webtransport = { serverCertificateHashes: [{ algorithm: "sha-256", value }] };
        window.once = (emitter, event) =>
          new Promise((resolve, reject) => {
            emitter.once(event, (...args) => resolve(args));
            setTimeout(() => reject(new Error(`no ${event}`)), 5000);
          });
        window.open = async (options) => {
          const socket = window.io(url, { forceNew: true, transportOptions: { webtransport }, ...options });
          await Promise.race([
            window.once(socket, "connect"),
            window.once(socket, "connect_error").then(([error]) => Promise.reject(error), () => {}),
          ]);
          return socket;
        };
        window.direct = () => window.open({ transports: ["webtransport"] });
      },
      { url: subject.url, hash },
    );
  });

  after(async () => {
    await browser?.close();
    closeAll();
    await subject?.stop();
  });

  test("a session opens on it, without headers and query, and secure", async () => {
    const { transport, about } = await page.evaluate(async () => {
      const socket = await window.direct();
      const about = await socket.emitWithAck("whoami");
      const transport = socket.io.engine.transport.name;
      socket.disconnect();
      return { transport, about };
    });
    assert.equal(transport, "webtransport");
    const { header, query, secure, xdomain } = about;
    assert.deepEqual({ header, query, secure, xdomain }, { header: null, query: {}, secure: true, xdomain: false });
  });

  test("text and binary values of every size come back, in order, and heartbeats go on between", async () => {
    const wrong = await page.evaluate(async () => {
      const socket = await window.direct();
      const wrong = [];
      const same = (a, b) =>
        typeof a === "string" ? a === b : b.byteLength === a.length && new Uint8Array(b).every((n, i) => n === a[i]);
      const heard = [];
      socket.on("message-back", (value) => heard.push(value));
      for (const length of [0, 1, 120, 125, 126, 65_536, 300_000]) {
        for (const value of ["é".repeat(length), new Uint8Array(length).fill(7)]) {
          const back = await socket.emitWithAck("message-with-ack", value);
          if (!same(value, back)) wrong.push(`${typeof value} of ${length}`);
        }
      }
      for (let n = 0; n < 200; n++) socket.emit("message", n);
      await socket.emitWithAck("message-with-ack");
      if (heard.length !== 200 || heard.some((value, n) => value !== n)) wrong.push(`order: ${heard.length}`);
      await window.once(socket.io, "ping");
      await window.once(socket.io, "ping");
      if (!socket.connected) wrong.push("the heartbeat");
      socket.disconnect();
      return wrong;
    });
    assert.deepEqual(wrong, []);
  });

  for (const transports of [["polling", "webtransport"], ["polling", "websocket", "webtransport"]]) {
    test(`a client with ${transports.join(", ")} polls first, then moves to WebTransport`, async () => {
      const seen = await page.evaluate(async (transports) => {
        const socket = await window.open({ transports });
        const { engine } = socket.io;
        const names = [engine.transport.name];
        const heard = [];
        socket.on("message-back", (value) => heard.push(value));
        const upgraded = names[0] === "webtransport" ? Promise.resolve() : window.once(engine, "upgrade");
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

  test("a client that leaves is seen to leave, whichever way", async () => {
    const ids = await page.evaluate(async () => {
      const sockets = [await window.direct(), await window.direct()];
      const ids = sockets.map((socket) => socket.id);
      sockets[0].disconnect();
      sockets[1].io.reconnection(false);
      sockets[1].io.engine.close();
      return ids;
    });
    assert.equal(await reasonOf(observer, ids[0]), "client namespace disconnect");
    assert.equal(await reasonOf(observer, ids[1]), "transport close");
  });

  test("a server that closes is seen to close, and a client that should comes back", async () => {
    const reasons = await page.evaluate(async () => {
      const reasons = [];
      const socket = await window.direct();
      const [first] = await Promise.all([window.once(socket, "disconnect"), socket.emit("disconnect-me", true)]);
      reasons.push(first[0]);
      const other = await window.direct();
      const [second] = await Promise.all([window.once(other, "disconnect"), other.emit("close-engine")]);
      reasons.push(second[0]);
      await window.once(other, "connect");
      other.disconnect();
      return reasons;
    });
    // The whole connection goes: to the browser that is an error, where the end of a session alone would be none.
    assert.equal(reasons[0], "io server disconnect");
    assert.match(reasons[1], /^transport (close|error)$/);
  });

  test("a closed page ends its session", async () => {
    const other = await browser.newPage();
    await other.goto(`${subject.url}/socket.io/`);
    await other.addScriptTag({ path: BUNDLE });
    const hash = (await subject.line("certificate ")).split(" ")[1];
    const id = await other.evaluate(
      async ({ url, hash }) => {
        const value = Uint8Array.from(atob(hash), (character) => character.charCodeAt(0));
        const webtransport = { serverCertificateHashes: [{ algorithm: "sha-256", value }] };
        const socket = window.io(url, { transports: ["webtransport"], transportOptions: { webtransport } });
        await new Promise((resolve) => socket.once("connect", resolve));
        return socket.id;
      },
      { url: subject.url, hash },
    );
    await other.close();
    // The browser does not always find the time to say so.
    assert.match(await reasonOf(observer, id), /^(transport close|transport error|ping timeout)$/);
  });
});
