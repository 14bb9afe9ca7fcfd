// What the server makes of good, odd and bad Socket.IO packets, row by row, over WebSocket.
//
// in:  the fixture, raw WebSockets; an observer that reads the fixture's log
// out: one test per row
// odd: rows where a strict parser may close what the reference lets pass accept both ends; they say so
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { reasonOf } from "../support/client.mjs";
import { startObserved, stop } from "../support/fixture.mjs";
import { Wire } from "../support/wire.mjs";

let subject;
let observer;
before(async () => ({ subject, observer } = await startObserved()));
after(() => stop(subject));

const joined = () => Wire.joined(subject);

/** A protocol violation ends the connection; both names are given to it, depending on what was still unsent. */
async function assertViolation(wire) {
  await wire.end();
  await assert.rejects(wire.next(), "nothing may be sent before the end");
  const reason = await reasonOf(observer, wire.id);
  assert.ok(["forced close", "forced server close"].includes(reason), reason);
}

const BYTES = Buffer.from([1, 2, 3]);
const PLACE = '{"_placeholder":true,"num":0}';

describe("violations close the connection", () => {
  const rows = {
    "a second CONNECT": ["40"],
    "a CONNECT whose payload is a list": ["40/custom,[]"],
    "a CONNECT whose payload is a text": ['40/custom,"x"'],
    "a CONNECT whose payload is a boolean": ["40/custom,true"],
    "a type that is a letter": ["4abc"],
    "a type that is too high": ["47"],
    "no type at all": ["4"],
    "an EVENT with an object": ["42{}"],
    "an EVENT with an empty list": ["42[]"],
    "an EVENT without a name": ["42[null]"],
    "an EVENT named by an object": ["42[{}]"],
    "an EVENT named by a boolean": ["42[true]"],
    "an EVENT with broken JSON": ['42["a"'],
    "an EVENT with something behind its JSON": ['42["a"]x'],
    "an EVENT with letters where its id should be": ['42abc["x"]'],
    "an EVENT for a namespace not joined": ['42/custom,["a"]'],
    "an EVENT for a namespace that does not exist": ['42/nope,["a"]'],
    "an ACK for a namespace not joined": ["43/custom,1[]"],
    "an ACK with an object": ["439{}"],
    "a DISCONNECT for a namespace not joined": ["41/custom,"],
    "a DISCONNECT with a payload": ["41{}"],
    "a CONNECT_ERROR from a client": ['44{"message":"x"}'],
    "a CONNECT_ERROR without payload": ["44"],
    "an attachment without a packet": [BYTES],
    "a text where an attachment is due": [`451-["message",${PLACE}]`, '42["message"]'],
    "a placeholder out of range": ['451-["message",{"_placeholder":true,"num":1}]', BYTES],
    "a placeholder below zero": ['451-["message",{"_placeholder":true,"num":-1}]', BYTES],
    "a placeholder that is no number": ['451-["message",{"_placeholder":true,"num":"0"}]', BYTES],
    "a placeholder without a number": ['451-["message",{"_placeholder":true}]', BYTES],
    "no attachments at all": ['450-["message"]'],
    "attachments without a dash": ['451["message"]'],
    "attachments that are no number": ['45x-["message"]'],
    "attachments without a count": ['45-["message"]'],
    "a bare binary event": ["45"],
    "attachments in millions": ['459999999999999999999-["message"]'],
    "eleven attachments": ['4511-["message"]'],
  };
  for (const name of ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]) {
    rows[`the reserved name ${name}`] = [`42["${name}"]`];
  }
  for (const [what, messages] of Object.entries(rows)) {
    test(`${what}: ${messages.filter((message) => typeof message === "string").join(" ")}`, async () => {
      const wire = await joined();
      wire.send(...messages);
      await assertViolation(wire);
    });
  }

  for (const packet of ['42["a"]', "41", "430[]", "4", "44{}", BYTES]) {
    test(`before any CONNECT: ${packet}`, async () => {
      const wire = await Wire.session(subject);
      wire.send(packet);
      await wire.end();
      await assert.rejects(wire.next());
    });
  }

  test("a violation in one namespace ends all of them", async () => {
    const wire = await joined();
    const other = await wire.connect("/auth", { token: "secret" });
    wire.send("42/auth,{}");
    await assertViolation(wire);
    assert.match(await reasonOf(observer, other), /^forced (server )?close$/);
  });

  test("a packet of a namespace that was left, sent later", async () => {
    const wire = await joined();
    await wire.connect("/auth", { token: "secret" });
    wire.send("41");
    assert.equal(await reasonOf(observer, wire.id), "client namespace disconnect");
    wire.send('42["a"]');
    await wire.end();
  });

  test("a second DISCONNECT, sent later", async () => {
    const wire = await joined();
    await wire.connect("/auth", { token: "secret" });
    wire.send("41/");
    assert.equal(await reasonOf(observer, wire.id), "client namespace disconnect");
    wire.send("41/");
    await wire.end();
  });

  test("a decoder error is noted as an error of the sockets", async () => {
    const wire = await joined();
    wire.send("42{}");
    await assertViolation(wire);
    const log = await observer.emitWithAck("log", wire.id);
    assert.equal(log[0].event, "error");
  });
});

describe("odd packets that keep the connection", () => {
  const rows = {
    "an EVENT without payload": ["42"],
    "an EVENT without payload but with an id": ["4212"],
    "an EVENT whose name is a number": ['42[3,"x"]'],
    "an EVENT that nobody handles": ['42["nobody-home",1]'],
    "an EVENT named error": ['42["error","x"]'],
    "an EVENT named by an empty text": ['42[""]'],
    "an EVENT named __proto__": ['42["__proto__"]'],
    "an ACK without id": ["43[]"],
    "an ACK with an unknown id": ["439[]"],
    "an ACK with nothing else": ["43"],
    "a binary ACK with an unknown id": [`461-7[${PLACE}]`, BYTES],
    "attachments but no payload": ["451-", BYTES],
    "an attachment without placeholder": ['451-["nobody-home"]', BYTES],
    "one attachment used twice": [`451-["nobody-home",${PLACE},${PLACE}]`, BYTES],
  };
  for (const [what, messages] of Object.entries(rows)) {
    test(`${what}: ${messages.filter((message) => typeof message === "string").join(" ")}`, async () => {
      const wire = await joined();
      wire.send(...messages);
      await wire.livesOn();
    });
  }

  const QUIRKS = [
    ['42 ["message-with-ack"]'],
    ['42 7["message-with-ack"]'],
    ['42["x",{"_placeholder":true,"num":0}]'],
    ['451-["x",{"_placeholder":true,"num":0.5}]', BYTES],
    ["43123456789012345678901234567890[]"],
    ['42123456789012345678901234567890["x"]'],
    ["40/custom,1"],
  ];
  for (const messages of QUIRKS) {
    test(`a strict parser may close for ${messages[0]}`, async () => {
      const wire = await joined();
      wire.send(...messages);
      wire.send('42999["message-with-ack","alive"]');
      for (;;) {
        const message = await wire.next().catch(() => null);
        if (message === null || message === '43999["alive"]') break;
      }
      wire.close();
      await (await joined()).livesOn();
    });
  }

  test("a DISCONNECT and a packet of that namespace in one burst: the second is dropped or closes", async () => {
    const wire = await joined();
    wire.send("41", '42["cast",{"from":"namespace"},"ghost",1]');
    assert.equal(await reasonOf(observer, wire.id), "client namespace disconnect");
    wire.close();
  });
});

describe("values keep their form", () => {
  const VALUES = [
    '"\\ud83d"',
    '"é€💥\\u0000\\u001e"',
    '{"z":1,"a":2,"m":{"b":1,"a":2}}',
    '{"a\\"b":1,"":2}',
    "[1.5,-0.1,1e-7,5e-324,0.30000000000000004]",
    "[9007199254740991,-9007199254740991]",
    "[[[[[[[[1]]]]]]]]",
    "[null,true,false,[],{}]",
  ];
  for (const value of VALUES) {
    test(`${value} comes back as the same value`, async () => {
      const wire = await joined();
      wire.send(`42["message",${value}]`);
      const back = await wire.next();
      assert.ok(back.startsWith('42["message-back",'), back);
      assert.deepEqual(JSON.parse(back.slice(2))[1], JSON.parse(value));
      assert.equal(
        JSON.stringify(JSON.parse(back.slice(2))[1]),
        JSON.stringify(JSON.parse(value)),
        "also in its order",
      );
      await wire.livesOn();
    });
  }

  test("a number beyond 64 bits comes back as the same double", async () => {
    const wire = await joined();
    wire.send('42["message",123456789012345680000]');
    assert.deepEqual(JSON.parse((await wire.next()).slice(2)), ["message-back", 123456789012345680000]);
    wire.close();
  });

  test("deep nesting does no harm to the process", async () => {
    const wire = await joined();
    wire.send(`42["nobody-home",${"[".repeat(2000)}${"]".repeat(2000)}]`);
    wire.send('42999["message-with-ack"]');
    await wire.next().catch(() => null);
    wire.close();
    await (await joined()).livesOn();
  });
});
