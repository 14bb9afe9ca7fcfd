/**
 * The server that most tests talk to, and the link they cut it off with.
 * In: the environment variable ROOMCAST_URL, the base URL of a running server that keeps the contract
 * below; without it an official Socket.IO server is started here. Out: `startFixture()`, `startLink()`.
 *
 * The contract. Settings: path /socket.io, polling and websocket, CORS for any origin, pingInterval 300,
 * pingTimeout 2700, connection state recovery on. Namespaces `/`, `/chat`, `/other` answer alike; `/guarded`
 * refuses with the message "not authorized" and the data {"code":42} unless auth.token is "secret";
 * `/absent` does not exist. Events:
 *
 * | event              | what the server does                                                       |
 * |--------------------|----------------------------------------------------------------------------|
 * | echo ...args       | emits "echo" with the same arguments                                       |
 * | message ...args    | emits "message" with the same arguments                                    |
 * | ack ...args, ack   | acknowledges with the same arguments                                       |
 * | silent ack         | never acknowledges                                                         |
 * | handshake ack      | acknowledges with {auth, query, nsp}; query is that of the HTTP request     |
 * | question           | emits "question" 7 with an ack; emits "answer" with what it is acknowledged |
 * | join room, ack     | joins the room, then acknowledges                                          |
 * | publish room, v    | emits "published" v to the room                                            |
 * | present id, ack    | acknowledges whether the namespace has a connected socket of that id       |
 * | leave              | disconnects this socket from its namespace                                 |
 * | drop               | closes the connection under the socket                                     |
 *
 * Odd: with recovery the server appends an offset to events, so tests compare the leading arguments only.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";

/** Starts an official server in a process of its own, on a port of 127.0.0.1; 0 takes a free one. */
export const startOfficial = async (port = 0) => {
  const child = fork(new URL("./official.mjs", import.meta.url), [String(port)]);
  const [url] = await once(child, "message");
  return {
    url,
    port: +new URL(url).port,
    close: async () => {
      child.kill();
      await once(child, "exit");
    },
  };
};

/** The server under test: `{ url, close() }`. */
export const startFixture = async () =>
  process.env.ROOMCAST_URL ? { url: new URL(process.env.ROOMCAST_URL).origin, close: async () => {} } : startOfficial();

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
