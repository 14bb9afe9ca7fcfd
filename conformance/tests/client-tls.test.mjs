// The official client over TLS: https, wss, and the way from one to the other.
//
// in:  the fixture with a certificate that it has signed itself, and prints
// out: what the client sees
// odd: the client is told by `ca` whom to believe, as a program would be; one that is not told does not come in
import assert from "node:assert/strict";
import { get } from "node:http";
import { after, before, describe, test } from "node:test";
import { client, closeAll, connected, reasonOf, refused } from "../support/client.mjs";
import { start } from "../support/subject.mjs";
import { eventually, next } from "../support/wait.mjs";

const MODES = {
  "polling only": ["polling"],
  "websocket only": ["websocket"],
  "with upgrade": ["polling", "websocket"],
};

let subject;
let ca;

before(async () => {
  subject = await start("fixture", "--tls");
  const [, base64] = (await subject.line("authority ")).split(" ");
  ca = `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
});

after(async () => {
  closeAll();
  await subject.stop();
});

for (const [mode, transports] of Object.entries(MODES)) {
  describe(mode, () => {
    const last = transports.at(-1);
    const open = (namespace, options) => connected(subject, namespace, { transports, ca, ...options });
    const onLast = ({ io: { engine } }) => eventually(() => engine.transport.name === last && !engine.upgrading, last);

    test("a client comes in over TLS, and the server knows that it is secure", async () => {
      const socket = await open("/custom");
      await onLast(socket);
      const { secure, namespace } = await socket.emitWithAck("whoami");
      assert.deepEqual({ secure, namespace }, { secure: true, namespace: "/custom" });
    });

    test("events in both directions keep their order over TLS, also while the transport changes", async () => {
      const socket = await open();
      const heard = [];
      socket.on("message-back", (n) => heard.push(n));
      for (let n = 0; n < 200; n++) socket.emit("message", n);
      await socket.emitWithAck("message-with-ack");
      await onLast(socket);
      for (let n = 200; n < 400; n++) socket.emit("message", n);
      await socket.emitWithAck("message-with-ack");
      assert.deepEqual(
        heard,
        Array.from({ length: 400 }, (_, n) => n),
      );
    });

    test("texts and bytes of more than one record come back over TLS as they were", async () => {
      const socket = await open();
      await onLast(socket);
      for (const length of [1, 16_383, 16_384, 16_385, 600_000]) {
        const bytes = Buffer.alloc(length, "roomcast");
        assert.deepEqual(await socket.emitWithAck("message-with-ack", bytes), bytes, `${length} bytes`);
        const text = "ü".repeat(length / 2);
        assert.equal(await socket.emitWithAck("message-with-ack", text), text, `${length / 2} characters`);
      }
    });

    test("both sides can end a session over TLS, and each is told why", async () => {
      const observer = await open();
      const leaving = await open();
      await onLast(leaving);
      const { id } = leaving;
      leaving.disconnect();
      assert.equal(await reasonOf(observer, id), "client namespace disconnect");
      const sent = await open("/", { reconnection: false });
      await onLast(sent);
      const left = next(sent, "disconnect");
      sent.emit("disconnect-me", true);
      assert.equal((await left)[0], "io server disconnect");
    });

    test("a client that does not know who has signed the certificate does not come in", async () => {
      const error = await refused(subject, "/", { transports, reconnection: false });
      assert.ok(error instanceof Error);
      await open();
    });
  });
}

test("a request without TLS gets no answer that could be taken for one, and harms nobody", async () => {
  const plain = await new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port: subject.port, path: "/socket.io/?EIO=4&transport=polling" });
    request.once("response", ({ statusCode }) => resolve(statusCode));
    request.once("error", () => resolve("cut"));
  });
  assert.equal(plain, "cut");
  const socket = client(subject, "/", { transports: ["websocket"], ca });
  const connect = next(socket, "connect");
  socket.connect();
  await connect;
});
