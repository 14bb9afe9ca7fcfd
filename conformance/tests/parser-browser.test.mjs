// The official browser bundle with MessagePack inside, in Chromium.
//
// in:  the fixture with `--parser msgpack`, a page that loads `socket.io.msgpack.min.js`; CHROMIUM, or a usual place
// out: what the page got back, on each transport
// odd: the page has an origin of its own, so the server's CORS is in play, too
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { start } from "../support/subject.mjs";

const places = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = places.find((path) => path && existsSync(path));
const skip = executablePath ? false : "no Chromium was found; set CHROMIUM to its path";

const client = dirname(createRequire(import.meta.url).resolve("socket.io-client/package.json"));
const bundle = await readFile(join(client, "dist", "socket.io.msgpack.min.js"));

/** Runs in the page. */
const visit = async ({ url, transports }) => {
  const socket = globalThis.io(url, { transports, forceNew: true, auth: { token: "t" } });
  await new Promise((resolve, reject) => socket.on("connect", resolve).on("connect_error", reject));
  const bytes = (value) => value instanceof ArrayBuffer && [...new Uint8Array(value)];
  const echo = new Promise((resolve) => socket.once("message-back", (...args) => resolve(args)));
  socket.emit("message", "zażółć 💥", { list: [1, -1.5, null, true] }, undefined);
  socket.on("question", (value, answer) => answer({ ...value, answered: true }));
  // Views of buffers are objects with numbered keys to this bundle.
  const [buffer, { deep }] = await new Promise((resolve) => {
    const make = (...values) => new Uint8Array(values).buffer;
    socket.emit("message-with-ack", make(1, 2, 3), { deep: [make()] }, (...all) => resolve(all));
  });
  const asked = await socket.emitWithAck("ask", { event: "question", value: { n: 1 } });
  const { auth } = await socket.emitWithAck("whoami");
  const refused = await new Promise((resolve) => socket.io.socket("/auth").on("connect_error", resolve).connect());
  const transport = socket.io.engine.transport.name;
  const seen = { echo: await echo, buffer: bytes(buffer), deep: deep.map(bytes), asked, auth };
  socket.io.engine.close();
  return { ...seen, refused: [refused.message, refused.data], transport };
};

describe("in Chromium", { skip }, () => {
  let subject, site, browser, page;
  before(async () => {
    subject = await start("fixture", "--parser", "msgpack", "--cors", "*");
    site = createServer((request, response) => {
      if (request.url === "/bundle.js") return response.setHeader("content-type", "text/javascript").end(bundle);
      response.setHeader("content-type", "text/html").end('<!doctype html><script src="/bundle.js"></script>');
    });
    await once(site.listen(0, "127.0.0.1"), "listening");
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] });
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${site.address().port}/`);
  });
  after(async () => {
    await browser?.close();
    site?.close();
    await subject?.stop();
  });

  for (const transports of [["polling"], ["websocket"]]) {
    test(`the official MessagePack bundle works over ${transports[0]}`, async () => {
      const seen = await page.evaluate(visit, { url: subject.url, transports });
      const [text, value, nothing] = seen.echo;
      assert.deepEqual([text, value, nothing ?? null], ["zażółć 💥", { list: [1, -1.5, null, true] }, null]);
      assert.deepEqual([seen.buffer, seen.deep], [[1, 2, 3], [[]]]);
      assert.deepEqual(seen.asked, { ok: true, value: { n: 1, answered: true } });
      assert.deepEqual(seen.auth, { token: "t" });
      assert.deepEqual(seen.refused, ["no entry", { retry: false }]);
      assert.equal(seen.transport, transports[0]);
    });
  }
});
