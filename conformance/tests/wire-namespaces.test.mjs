// Joining and leaving namespaces, and acknowledgements, packet by packet over WebSocket.
//
// in:  the fixture, raw WebSockets; an observer that reads the fixture's log
// out: one test per rule
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { reasonOf } from "../support/client.mjs";
import { startObserved, stop } from "../support/fixture.mjs";
import { rustOnly } from "../support/subject.mjs";
import { Wire } from "../support/wire.mjs";

const TWO_SOCKETS = rustOnly("a CONNECT while another is pending makes a second socket there");

let subject;
let observer;
before(async () => ({ subject, observer } = await startObserved()));
after(() => stop(subject));

const joined = () => Wire.joined(subject);

const BYTES = Buffer.from([1, 2, 3]);
const PLACE = '{"_placeholder":true,"num":0}';

describe("namespaces", () => {
  for (const name of ["/nope", "/x?y=1", "/dyn-", "/dyn-1x", "/fn", "/__proto__"]) {
    test(`${name} is an invalid namespace, and the connection stays open`, async () => {
      const wire = await joined();
      wire.send(`40${name},`);
      assert.equal(await wire.next(), `44${name},{"message":"Invalid namespace"}`);
      await wire.livesOn();
    });
  }

  test("a name without slash does not reach another namespace", async () => {
    const wire = await Wire.session(subject);
    wire.send("40custom,");
    await wire.end();
  });

  test("the comma may be missing at the end", async () => {
    const wire = await joined();
    wire.send("40/custom");
    assert.match(await wire.next(), /^40\/custom,\{"sid":"[A-Za-z0-9_-]{20}"\}$/);
    assert.equal(await wire.next(), '42/custom,["greeting","hello"]');
    wire.send("41/custom");
    await wire.livesOn();
  });

  test("a refusal carries message and data, or only the message", async () => {
    const wire = await joined();
    wire.send('40/auth,{"token":"wrong"}');
    assert.equal(await wire.next(), '44/auth,{"message":"no entry","data":{"retry":false}}');
    wire.send('40/auth,{"token":"plain"}');
    assert.equal(await wire.next(), '44/auth,{"message":"plain refusal"}');
    await wire.connect("/auth", { token: "secret" });
    await wire.livesOn();
  });

  test("two CONNECTs while the first is pending make one socket at most", { skip: TWO_SOCKETS }, async () => {
    const wire = await joined();
    wire.send("40/slow-mw,", "40/slow-mw,");
    let replies = 0;
    for (;;) {
      const message = await wire.next().catch(() => null);
      if (message === null || message.startsWith("42/slow-mw,")) break;
      if (message.startsWith("40/slow-mw,")) replies++;
    }
    assert.ok(replies <= 1, `${replies} replies`);
    wire.close();
  });

  test("who goes away during the middlewares never gets a connection", async () => {
    const connections = () => observer.emitWithAck("connections", "/slow-mw");
    const before = await connections();
    const wire = await joined();
    wire.send("40/slow-mw,");
    wire.ws.close();
    assert.equal(await reasonOf(observer, wire.id), "transport close");
    const patient = await joined();
    await patient.connect("/slow-mw");
    assert.match(await patient.next(), /^42\/slow-mw,\["order"/);
    await patient.livesOn();
    assert.equal(await connections(), before + 1, "the patient one only");
  });

  test("ids are unlike the session's, and new for every namespace", async () => {
    const wire = await joined();
    const other = await wire.connect("/auth", { token: "secret" });
    assert.equal(new Set([wire.sid, wire.id, other]).size, 3);
    for (const id of [wire.id, other]) assert.match(id, /^[A-Za-z0-9_-]{20}$/);
    wire.close();
  });
});

describe("acknowledgements", () => {
  test("an ack comes back under its id, in its namespace, with no arguments as an empty list", async () => {
    const wire = await joined();
    await wire.connect("/auth", { token: "secret" });
    wire.send('42/auth,0["message-with-ack"]', '4218["message-with-ack",null,[],{}]');
    assert.equal(await wire.next(), "43/auth,0[]");
    assert.equal(await wire.next(), "4318[null,[],{}]");
    wire.close();
  });

  test("a server question is answered once; a second answer and a stranger's are ignored", async () => {
    const wire = await joined();
    wire.send('425["ask",{"event":"question","value":[1]}]');
    const question = await wire.next();
    const [, id] = /^42(\d+)\["question",\[1\]\]$/.exec(question);
    wire.send(`43${Number(id) + 1}["stranger"]`, `43${id}["first","more"]`, `43${id}["second"]`);
    assert.equal(await wire.next(), '435[{"ok":true,"value":"first"}]');
    await wire.livesOn();
  });

  test("a server question may be answered with an attachment", async () => {
    const wire = await joined();
    wire.send('425["ask",{"event":"question","value":1}]');
    const [, id] = /^42(\d+)/.exec(await wire.next());
    wire.send(`461-${id}[${PLACE}]`, BYTES);
    assert.equal(await wire.next(), `461-5[{"ok":true,"value":${PLACE}}]`);
    assert.deepEqual(await wire.next(), BYTES);
    wire.close();
  });
});
