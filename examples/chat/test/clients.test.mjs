// What: clients of every generation and of another language, and the page in a browser, in one room of one server.
// In: the server under test (see stage.mjs), told to take clients of Socket.IO 2; PYTHON (see people.mjs).
// Out: pass or fail. Odd: what somebody says is heard by all others before the next one speaks, so that the order of
// the evening is known, and that nobody heard anything twice can be counted at its end.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { Python, Script, Window } from "./people.mjs";
import { BROWSER, Subject } from "./stage.mjs";

const ROOM = "all";
const POLLING = ["polling"];
const WEBSOCKET = ["websocket"];
const BOTH = ["polling", "websocket"];

const said = (client) => `Hello from ${client}, grüße, 你好 💥`;
const people = new Map();
let browser, subject;

before(async () => {
  subject = await Subject.start("--allow-eio3");
  browser = await chromium.launch(BROWSER);
});

after(async () => {
  for (const person of people.values()) await person.leave().catch(() => {});
  Python.endAll();
  await browser?.close();
  await subject?.kill();
});

const CLIENTS = {
  "JavaScript 2.5, polling": (name) => Script.enter(subject, "mixed", name, 2, POLLING),
  "JavaScript 2.5, websocket": (name) => Script.enter(subject, "mixed", name, 2, WEBSOCKET),
  "JavaScript 2.5, both": (name) => Script.enter(subject, "mixed", name, 2, BOTH),
  "JavaScript 3.1, both": (name) => Script.enter(subject, "mixed", name, 3, BOTH),
  "JavaScript 4.8, polling": (name) => Script.enter(subject, "mixed", name, 4, POLLING),
  "JavaScript 4.8, both": (name) => Script.enter(subject, "mixed", name, 4, BOTH),
  "Python, polling": (name) => Python.enter(subject, "mixed", name, "polling"),
  "Python, both": (name) => Python.enter(subject, "mixed", name, "polling,websocket"),
  "a browser": (name) => Window.enter(browser, subject, "mixed", name),
};

for (const [client, enter] of Object.entries(CLIENTS)) {
  test(`${client}: comes in, is announced to those who are there, joins the room`, async () => {
    const name = client.slice(0, 24); // as long as the page lets a nickname be
    const person = await enter(name);
    await Promise.all([...people.values()].map((other) => other.sees("joined", name)));
    await person.join(ROOM);
    people.set(client, person);
  });
}

for (const client of Object.keys(CLIENTS)) {
  test(`${client}: what it says in the room is heard by all others`, async () => {
    const speaker = people.get(client);
    const { nickname } = speaker;
    const text = said(client);
    await speaker.say(text, ROOM);
    const others = [...people.values()].filter((person) => person.nickname !== nickname);
    await Promise.all(others.map((person) => person.heard(nickname, text, ROOM)));
  });
}

test("nobody has heard anything twice, nor what he said himself", async () => {
  for (const [client, { nickname }] of people) {
    const text = said(client);
    for (const person of people.values()) {
      const own = person.nickname === nickname;
      const shown = own && person instanceof Window ? 1 : own ? 0 : 1;
      assert.equal(await person.count(nickname, text, ROOM), shown, `${person.nickname}: ${text}`);
    }
  }
});

test("each is on the transport it should be", async () => {
  for (const [client, person] of people) {
    if (person instanceof Window) continue;
    const wanted = client.endsWith("polling") ? "polling" : "websocket";
    assert.equal(await person.transport(), wanted, client);
  }
});

test("who leaves is missed by the others", async () => {
  for (const [client, person] of people) {
    people.delete(client);
    await person.leave();
    await Promise.all([...people.values()].map((other) => other.sees("left", person.nickname)));
  }
});
