// What: people who chat with one of the many clients there are, all with the same few abilities.
// In: a URL, a namespace, a nickname, and which client; PYTHON, an interpreter that has what python/requirements.txt says.
// Out: `join`, `say`, `heard`, `sees`, `leave`. Nothing here sleeps: every wait is for something that comes, and has a deadline.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as timeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { io as version4 } from "socket.io-client";
import version2 from "socket.io-client-2";
import { io as version3 } from "socket.io-client-3";
import { enter, heard, joinRoom, messages, noticed, say, sendTo } from "./stage.mjs";

const DEADLINE = 20_000;

/** Somebody whose events come one by one. */
class Person {
  #events = [];
  #waiting = new Set();

  constructor(nickname) {
    this.nickname = nickname;
  }

  note(...event) {
    this.#events.push(event);
    for (const look of this.#waiting) look();
  }

  /** The first event that is like `wanted` as far as that goes, also one that has come already. */
  async next(...wanted) {
    const like = (event) => wanted.every((part, index) => part === event[index]);
    const { promise, resolve } = withResolvers();
    const look = () => {
      const found = this.#events.find(like);
      if (found) resolve(found);
    };
    this.#waiting.add(look);
    look();
    const late = new AbortController();
    const failed = timeout(DEADLINE, undefined, late).then(
      () => {
        throw new Error(`${this.nickname} waits for ${JSON.stringify(wanted)}, got ${JSON.stringify(this.#events)}`);
      },
      () => promise,
    );
    try {
      return await Promise.race([promise, failed]);
    } finally {
      late.abort();
      this.#waiting.delete(look);
    }
  }

  /** How often a message came. */
  async count(...message) {
    return this.#events.filter((event) => String(event) === String(["message", ...message])).length;
  }

  heard = (from, text, room) => this.next("message", from, text, room);
  sees = (what, nickname) => this.next(what, nickname);
}

/** With a JavaScript client. */
export class Script extends Person {
  static async enter(subject, team, nickname, version, transports) {
    const person = new Script(nickname);
    const options = { transports, forceNew: true, reconnection: false };
    const url = `${subject.url}team/${team}`;
    // The clients of version 2 have no `auth`; what they say when they join a namespace stands in its query.
    if (version === 2) person.socket = version2(`${url}?nickname=${encodeURIComponent(nickname)}`, options);
    else person.socket = (version === 3 ? version3 : version4)(url, { ...options, auth: { nickname } });
    for (const event of ["connect", "message", "joined", "left", "welcome"]) {
      person.socket.on(event, (...args) => person.note(event, ...args));
    }
    await person.next("welcome");
    return person;
  }

  ask(...event) {
    const { promise, resolve } = withResolvers();
    this.socket.emit(...event, resolve);
    return promise;
  }

  join = (room) => this.ask("join", room);
  say = (text, room) => this.ask("message", text, room);
  transport = async () => this.socket.io.engine.transport.name;

  async leave() {
    this.socket.disconnect();
  }
}

/** With python-socketio. */
export class Python extends Person {
  static #children = new Set();

  /** Ends those who did not leave, or the test would wait for them. */
  static endAll() {
    for (const child of Python.#children) child.kill("SIGKILL");
  }

  static async enter(subject, team, nickname, transport) {
    const person = new Python(nickname);
    const script = fileURLToPath(new URL("python/person.py", import.meta.url));
    const args = [script, subject.url, `/team/${team}`, nickname, transport];
    person.child = spawn(process.env.PYTHON ?? "python3", args, { stdio: ["pipe", "pipe", "inherit"] });
    Python.#children.add(person.child);
    const ended = once(person.child, "exit").then(([code]) => person.note("ended", code));
    ended.catch((error) => person.note("ended", error.message));
    createInterface({ input: person.child.stdout }).on("line", (line) => person.note(...JSON.parse(line)));
    await Promise.race([person.next("welcome"), ended.then(() => Promise.reject(new Error("no python-socketio")))]);
    return person;
  }

  ask(event, ...args) {
    this.child.stdin.write(`${JSON.stringify([event, ...args])}\n`);
    return this.next("answered", event, ...args);
  }

  join = (room) => this.ask("join", room);
  say = (text, room) => this.ask("message", text, room);
  transport = async () => (await this.next("connected"))[1];

  async leave() {
    this.child.stdin.end();
    await this.next("ended", 0);
  }
}

/** With the page, in a browser. */
export class Window {
  static async enter(browser, subject, team, nickname) {
    const person = new Window();
    person.nickname = nickname;
    person.page = await enter(browser, subject, nickname, { hash: `#${team}` });
    return person;
  }

  join = (room) => joinRoom(this.page, room);
  heard = (_, text, room) => heard(this.page, text, `# ${room}`);
  sees = (what, nickname) => noticed(this.page, `${nickname} ${what}`);
  count = (_, text) => messages(this.page, text).count();
  leave = () => this.page.context().close();

  async say(text, room) {
    await sendTo(this.page, `# ${room}`);
    await say(this.page, text);
  }
}

function withResolvers() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}
