/**
 * The server that most tests talk to, and the link they cut it off with.
 * In: the environment variable SUBJECT, "official" (the default) or "rust", whose binary is WEB_FIXTURE_BIN; or
 * ROOMCAST_URL, the base URL of a server that runs already. Out: `startServer()`, `startFixture()`, `recovers()`,
 * `startLink()`. All servers keep the contract below.
 *
 * The contract. Settings: path /socket.io, polling and websocket, CORS for any origin, pingInterval 300,
 * pingTimeout 2700, connection state recovery on if the server has it. Namespaces `/`, `/chat`, `/other` answer alike; `/guarded`
 * refuses with the message "not authorized" and the data {"code":42} unless auth.token is "secret";
 * `/absent` does not exist. Any server but the official one also serves both forms of Roomcast's client. Events:
 *
 * | event              | what the server does                                                       |
 * |--------------------|----------------------------------------------------------------------------|
 * | echo ...args       | emits "echo" with the same arguments                                       |
 * | message ...args    | emits "message" with the same arguments                                    |
 * | ack ...args, ack   | acknowledges with the same arguments                                       |
 * | silent ack         | never acknowledges                                                         |
 * | handshake ack      | acknowledges with {auth, query, nsp}; query is that of the HTTP request     |
 * | question           | emits "question" 7 with an ack; emits "answer" with the ack's first argument |
 * | join room, ack     | joins the room, then acknowledges                                          |
 * | publish room, v    | emits "published" v to the room                                            |
 * | present id, ack    | acknowledges whether the namespace has a connected socket of that id       |
 * | leave              | disconnects this socket from its namespace                                 |
 * | drop               | closes the connection under the socket                                     |
 *
 * Odd: with recovery the server appends an offset to events, so tests compare the leading arguments only.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";

const { SUBJECT = "official", WEB_FIXTURE_BIN = "", ROOMCAST_URL } = process.env;
const commands = {
  official: [process.execPath, fileURLToPath(new URL("./official.mjs", import.meta.url))],
  rust: [WEB_FIXTURE_BIN],
};
if (!commands[SUBJECT]) throw new Error(`SUBJECT is "${SUBJECT}", not official or rust`);
if (SUBJECT === "rust" && !WEB_FIXTURE_BIN) throw new Error("SUBJECT=rust needs WEB_FIXTURE_BIN, the path of the binary");

/** Whether the server under test serves our client, and not the official one. */
export const servesClient = SUBJECT === "rust" || !!ROOMCAST_URL;

/** Starts a server in a process of its own, on a port of 127.0.0.1; 0 takes a free one. */
export const startServer = async (port = 0) => {
  const [command, ...args] = commands[SUBJECT];
  const child = spawn(command, [...args, String(port)], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const kill = () => child.kill();
  process.once("exit", kill);
  const url = await new Promise((resolve, reject) => {
    child.once("error", reject);
    exited.then((code) => reject(new Error(`the server ended with ${code} before it listened`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [, address] = /^listening on (\S+)$/.exec(line) ?? [];
      if (address) resolve(`http://${address}`);
    });
  });
  return {
    url,
    port: +new URL(url).port,
    close: async () => {
      kill();
      await exited;
      process.removeListener("exit", kill);
    },
  };
};

/** The server under test: `{ url, close() }`. */
export const startFixture = async () =>
  ROOMCAST_URL ? { url: new URL(ROOMCAST_URL).origin, close: async () => {} } : startServer();

/** Whether a server has connection state recovery: its CONNECT reply says so by a `pid`. */
export const recovers = async (url) => {
  const ws = new WebSocket(`${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`);
  try {
    return await new Promise((resolve, reject) => {
      ws.on("error", reject).on("close", () => reject(new Error("closed before the CONNECT reply")));
      ws.on("message", (data) => {
        const text = data.toString();
        if (text[0] === "0") ws.send("40");
        if (text.startsWith("40")) resolve("pid" in JSON.parse(text.slice(2)));
      });
    });
  } finally {
    ws.close();
  }
};

/** A TCP link to the server that can be cut, shut and frozen, so that no server has to be restarted. */
export const startLink = async (target) => {
  const { hostname, port } = new URL(target);
  const pairs = new Set();
  let open = true, frozen = false;
  const link = createServer((near) => {
    near.on("error", () => {});
    if (!open) return near.destroy();
    const far = connect(+port, hostname);
    const pair = [near, far];
    pairs.add(pair);
    far.on("error", () => {});
    for (const [from, to] of [pair, [far, near]]) {
      from.on("data", (data) => frozen || to.write(data));
      from.on("close", () => {
        pairs.delete(pair);
        to.destroy();
      });
    }
  }).listen(0, "127.0.0.1");
  await once(link, "listening");
  const cut = () => pairs.forEach(([near, far]) => {
    near.destroy();
    far.destroy();
  });
  return {
    url: `http://127.0.0.1:${link.address().port}`,
    /** Breaks what is open. */
    cut,
    /** Breaks what is open and refuses what comes. */
    shut() {
      open = false;
      cut();
    },
    /** Lets bytes through again. */
    reopen() {
      open = true;
      frozen = false;
    },
    /** Swallows all bytes without closing anything. */
    freeze: () => (frozen = true),
    close() {
      cut();
      link.close();
    },
  };
};
