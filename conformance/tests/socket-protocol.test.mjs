// The Socket.IO v5 protocol against the server `protocol-suite`.
//
// in:  the server, raw WebSockets
// out: one test per rule; the engine rules are run again, because they must hold below Socket.IO too
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { engineRules } from "../support/engine-rules.mjs";
import { start } from "../support/subject.mjs";
import { Wire } from "../support/wire.mjs";

let subject;
before(async () => (subject = await start("protocol-suite")));
after(() => subject.stop());

describe("Engine.IO v4 below Socket.IO", { concurrency: 4 }, () => engineRules(() => subject, { rounds: 2 }));

describe("Socket.IO v5", { concurrency: 4 }, () => {
  connecting();
  leaving();
  messages();
  violations();
});

function connecting() {
  const cases = [
    ["40", "", {}],
    ['40{"token":"123"}', "", { token: "123" }],
    ["40/custom,", "/custom,", {}],
    ['40/custom,{"token":"abc"}', "/custom,", { token: "abc" }],
  ];
  for (const [packet, prefix, auth] of cases) {
    test(`${packet} is answered with a new id, and the auth payload has arrived`, async () => {
      const wire = await Wire.session(subject);
      wire.send(packet);
      const reply = await wire.next();
      assert.ok(reply.startsWith(`40${prefix}{`), reply);
      const body = JSON.parse(reply.slice(2 + prefix.length));
      assert.deepEqual(Object.keys(body), ["sid"]);
      assert.notEqual(body.sid, wire.sid);
      assert.equal(await wire.next(), `42${prefix}${JSON.stringify(["auth", auth])}`);
      wire.close();
    });
  }

  test("an unknown namespace is refused", async () => {
    const wire = await Wire.session(subject);
    wire.send("40/random");
    assert.equal(await wire.next(), '44/random,{"message":"Invalid namespace"}');
    wire.close();
  });

  test("a first packet that is none closes the connection", async () => {
    const wire = await Wire.session(subject);
    wire.send("4abc");
    await wire.end();
  });

  test("a connection that joins no namespace is closed after connectTimeout", async () => {
    const wire = await Wire.session(subject);
    const opened = performance.now();
    await wire.end();
    const age = performance.now() - opened;
    assert.ok(age >= 900 && age < 2000, `closed after ${age} ms`);
  });
}

function leaving() {
  test("leaving a namespace keeps the connection", async () => {
    const wire = await joined({ answerPings: false });
    wire.send("41");
    assert.equal(await wire.next(), "2");
    wire.close();
  });

  test("leaving one namespace leaves the other", async () => {
    const wire = await joined();
    wire.send("40/custom");
    assert.match(await wire.next(), /^40\/custom,/);
    assert.equal(await wire.next(), '42/custom,["auth",{}]');
    wire.send("41/custom", '42["message","still here"]');
    assert.equal(await wire.next(), '42["message-back","still here"]');
    wire.close();
  });
}

function messages() {
  const args = '1,"2",{"3":[true]}';
  const places = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}';
  const attachments = [Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6])];

  test("an event is sent back", async () => {
    const wire = await joined();
    wire.send(`42["message",${args}]`);
    assert.equal(await wire.next(), `42["message-back",${args}]`);
    wire.close();
  });

  test("an event with two attachments is sent back", async () => {
    const wire = await joined();
    wire.send(`452-["message",${places}]`, ...attachments);
    assert.equal(await wire.next(), `452-["message-back",${places}]`);
    for (const attachment of attachments) assert.deepEqual(await wire.next(), attachment);
    wire.close();
  });

  test("an event is acknowledged", async () => {
    const wire = await joined();
    wire.send(`42456["message-with-ack",${args}]`);
    assert.equal(await wire.next(), `43456[${args}]`);
    wire.close();
  });

  test("an event with two attachments is acknowledged with them", async () => {
    const wire = await joined();
    wire.send(`452-789["message-with-ack",${places}]`, ...attachments);
    assert.equal(await wire.next(), `462-789[${places}]`);
    for (const attachment of attachments) assert.deepEqual(await wire.next(), attachment);
    wire.close();
  });
}

function violations() {
  for (const packet of ["4abc", "42{}", '42abc["message-with-ack",1]']) {
    test(`${packet} closes a joined connection`, async () => {
      const wire = await joined();
      wire.send(packet);
      await wire.end();
    });
  }
}

/** A session that has joined `/` and has read its `auth` event. */
async function joined(options) {
  const wire = await Wire.session(subject, options);
  await wire.connect();
  assert.equal(await wire.next(), '42["auth",{}]');
  return wire;
}
