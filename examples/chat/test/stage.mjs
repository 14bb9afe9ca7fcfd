// What: everything a scenario needs around it: the server under test, which can be killed and started again, and the
// windows of the people who chat.
// In: CHAT_BIN (a chat server started as `CHAT_BIN PORT`; the mock server if not set), CLIENT_SCRIPT (for the mock server), CHROMIUM, ARTIFACTS.
// Out: `Subject`, `enter`, `say`, and small questions about a window. Nothing here sleeps: every wait is for a condition.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const CHAT_BIN = process.env.CHAT_BIN;
/** The subject is expected to serve a client that is not the official one. */
export const OWN_CLIENT = CHAT_BIN !== undefined || process.env.CLIENT_SCRIPT !== undefined;
export const ARTIFACTS = process.env.ARTIFACTS ?? fileURLToPath(new URL("../../../artifacts/", import.meta.url));
mkdirSync(ARTIFACTS, { recursive: true });

const OFFICIAL_CLIENT = new URL("../node_modules/socket.io-client/dist/socket.io.js", import.meta.url);
export const officialClient = readFileSync(OFFICIAL_CLIENT, "utf8");

export const BROWSER = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
};

/** The chat server under test, always on the same port. */
export class Subject {
  static async start(...options) {
    const subject = new Subject();
    subject.options = options;
    subject.port = await freePort();
    subject.url = `http://localhost:${subject.port}/`;
    await subject.start();
    return subject;
  }

  async start() {
    const mock = fileURLToPath(new URL("mock-server.mjs", import.meta.url));
    const command = CHAT_BIN === undefined ? [process.execPath, mock] : [CHAT_BIN];
    this.child = spawn(command[0], [...command.slice(1), String(this.port), ...this.options], { stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface({ input: this.child.stdout })) {
      if (line.includes(`listening on :${this.port}`)) break;
    }
    assert.equal(this.child.exitCode, null, "the server ended before it listened");
    this.child.stdout.resume();
  }

  /** Ends it as a crash would: no goodbye to anybody. */
  async kill() {
    const gone = once(this.child, "exit");
    process.kill(this.child.pid, "SIGKILL");
    await gone;
  }
}

/** Opens a window of its own (own storage, own connection) and walks in with a nickname. */
export async function enter(browser, subject, nickname, { hash = "", official = false, options = {} } = {}) {
  const context = await browser.newContext({ viewport: { width: 1180, height: 760 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.failures = [];
  page.on("pageerror", (error) => page.failures.push(error));
  if (official) {
    await page.route("**/socket.io/socket.io.js", (route) => {
      return route.fulfill({ contentType: "text/javascript", body: officialClient });
    });
  }
  await page.goto(subject.url + hash);
  await page.getByLabel("Nickname").fill(nickname);
  await page.getByRole("button", { name: "Join the chat" }).click();
  await isOnline(page);
  return page;
}

export const isOnline = (page) => page.locator("#connection", { hasText: "Online" }).waitFor();
export const isReconnecting = (page) => page.locator("#connection", { hasText: "Reconnecting…" }).waitFor();

/** Everybody knows that `count` people are here. */
export async function hasCount(page, count) {
  const text = count === 1 ? "Only you are here" : `${count} people here`;
  await page.locator("#count").getByText(text, { exact: true }).waitFor();
}

export const noticed = (page, text) => page.locator(".notice").getByText(text, { exact: true }).last().waitFor();

/** The messages of this window that say exactly this. */
export function messages(page, text) {
  return page.locator(".message").filter({ has: page.getByText(text, { exact: true }) });
}

/** `reader` shows what `writer` said, with the writer's name, and in the room if there is one. */
export async function heard(reader, text, badge = null) {
  const message = messages(reader, text).first();
  await message.waitFor();
  assert.deepEqual(await message.locator(".badge").allTextContents(), badge === null ? [] : [badge]);
}

export async function write(page, text) {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByLabel("Message", { exact: true }).press("Enter");
}

/** Writes, and comes back when the server has taken the message (patient with the limit of the server). */
export async function say(page, text) {
  await write(page, text);
  await isSent(page, text);
}

export async function isSent(page, text) {
  const message = messages(page, text).last();
  for (;;) {
    const settled = message.and(page.locator('[data-state="sent"], [data-state="unsent"]'));
    await settled.waitFor();
    if ((await message.getAttribute("data-state")) === "sent") return;
    await message.getByRole("button", { name: "Send again" }).click();
  }
}

export async function sendTo(page, label) {
  await page.getByLabel("Send to").selectOption({ label });
}

export async function joinRoom(page, room) {
  await page.getByLabel("Join a room").fill(room);
  await page.getByRole("button", { name: "Join", exact: true }).click();
  await isInRoom(page, room);
}

/** Not only asked for: the server has answered. */
export async function isInRoom(page, room) {
  await page.locator('#places li[data-state="joined"]').getByText(room, { exact: true })
    .waitFor({ state: "attached" });   // on a phone the list is behind the menu
}

async function freePort() {
  const probe = createServer().listen(0);
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}
