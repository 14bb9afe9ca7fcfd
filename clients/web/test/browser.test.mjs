/**
 * Both served forms in a real browser: Chromium, at CHROMIUM or in a usual place.
 * In: the scripts as the server under test serves them; the official one does not, so the page's own site does.
 * Odd: the page and the Socket.IO server have different origins, so the server's CORS is in play too.
 */
import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { classicForm, moduleForm } from "../serve.mjs";
import { servesClient, startFixture } from "./fixture.mjs";

const places = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = places.find((path) => path && existsSync(path));
const skip = executablePath ? false : "no Chromium was found; set CHROMIUM to its path";

const source = await readFile(new URL("../roomcast.js", import.meta.url), "utf8");
/** What the page's site serves; the scripts come from `base`. */
const pagesWith = (base) => ({
  "/classic": ["text/html", `<!doctype html><script src="${base}/socket.io/socket.io.js"></script>`],
  "/module": [
    "text/html",
    `<!doctype html><script type="module">import { io } from "${base}/socket.io/socket.io.esm.min.js"; globalThis.io = io;</script>`,
  ],
  ...(!base && {
    "/socket.io/socket.io.js": ["text/javascript", classicForm(source)],
    "/socket.io/socket.io.esm.min.js": ["text/javascript", moduleForm(source)],
  }),
});

/** Runs in the page. */
const visit = async ({ url, transport }) => {
  const socket = globalThis.io(url, { transports: [transport], forceNew: true });
  const used = await new Promise((resolve, reject) => {
    socket.on("connect", () => resolve(socket.io.engine.transport.name)).on("connect_error", reject);
  });
  const [echo, buffer] = await Promise.all([
    new Promise((resolve) => socket.emit("echo", "hello").once("echo", resolve)),
    socket.emitWithAck("ack", new Uint16Array([1, 2])),
    socket.io.socket("/chat").emitWithAck("ack"),
  ]);
  const blob = await socket.emitWithAck("ack", new Blob(["hi"]));
  const back = new Promise((resolve) => socket.io.once("reconnect", resolve));
  socket.emit("drop");
  await back;
  const after = await socket.emitWithAck("ack", "again");
  socket.io.close();
  const bytes = (value) => value instanceof ArrayBuffer && [...new Uint8Array(value)];
  return { used, echo, buffer: bytes(buffer), blob: bytes(blob), after };
};

describe("in Chromium", { skip }, () => {
  let server, browser, profile, site, origin;

  before(async () => {
    server = await startFixture();
    const pages = pagesWith(servesClient ? server.url : "");
    site = createServer((request, response) => {
      const [type, body] = pages[request.url] ?? ["text/plain", ""];
      response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(body);
    }).listen(0, "127.0.0.1");
    await once(site, "listening");
    origin = `http://127.0.0.1:${site.address().port}`;
    profile = await mkdtemp(join(tmpdir(), "roomcast-web-"));
    browser = await chromium.launchPersistentContext(profile, {
      executablePath,
      headless: true,
      args: [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
      ],
    });
  });

  after(async () => {
    await browser?.close();
    site?.closeAllConnections();
    site?.close();
    await server?.close();
    if (profile) await rm(profile, { recursive: true, force: true });
  });

  for (const form of ["classic", "module"]) {
    for (const transport of ["websocket", "polling"]) {
      test(`the ${form} form echoes, takes binary and reconnects over ${transport}`, async () => {
        const page = await browser.newPage();
        const errors = [];
        page.on("pageerror", (error) => errors.push(String(error)));
        await page.goto(`${origin}/${form}`);
        await page.waitForFunction(() => globalThis.io);
        assert.deepEqual(await page.evaluate(visit, { url: server.url, transport }), {
          used: transport, echo: "hello", buffer: [1, 0, 2, 0], blob: [104, 105], after: "again",
        });
        assert.deepEqual(errors, []);
        await page.close();
      });
    }
  }

  test("in a page, io() and io('/chat') mean the page's origin", async () => {
    const page = await browser.newPage();
    await page.goto(`${origin}/classic`);
    const found = await page.evaluate(() => {
      const make = (...args) => globalThis.io(...args, { autoConnect: false });
      const all = [make(), make("/chat"), make("example.com/a?b=c"), make("https://example.com:443/x")];
      return all.map(({ io, nsp }) => [io.uri, nsp]);
    });
    assert.deepEqual(found, [[origin, "/"], [origin, "/chat"], ["http://example.com", "/a"], ["https://example.com", "/x"]]);
    await page.close();
  });
});
