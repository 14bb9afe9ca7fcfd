// The same client tests on each way a client may connect.
//
// in:  a function that registers tests, given a way to open clients
// out: the tests three times: polling only, websocket only, with upgrade
// odd: a client "with upgrade" is used at once, so that the tests run while the upgrade is going on; `stay()` waits until
//      it is through, for tests that depend on the transport
import { after, before, describe } from "node:test";
import { closeAll, client, connected, refused } from "./client.mjs";
import { start } from "./subject.mjs";
import { eventually } from "./wait.mjs";

const MODES = {
  "polling only": ["polling"],
  "websocket only": ["websocket"],
  "with upgrade": ["polling", "websocket"],
};

/** Registers `body` once per mode, each against a fixture of its own. */
export function inEachMode(body) {
  for (const [mode, transports] of Object.entries(MODES)) {
    describe(mode, () => {
      let subject;
      before(async () => (subject = await start("fixture")));
      after(async () => {
        closeAll();
        await subject.stop();
      });
      const last = transports.at(-1);
      body({
        last,
        transports,
        subject: () => subject,
        /** A client that is connected. */
        open: (namespace, options) => connected(subject, namespace, { transports, ...options }),
        /** A client that is not connected yet. */
        prepare: (namespace, options) => client(subject, namespace, { transports, ...options }),
        /** The error of a client that must not get in. */
        refused: (namespace, options) => refused(subject, namespace, { transports, ...options }),
        /** Waits until the client is on its last transport. */
        async stay(socket) {
          await eventually(() => socket.io.engine.transport.name === last && !socket.io.engine.upgrading, "upgrade");
          return socket;
        },
      });
    });
  }
}

/** Collects what `socket` hears: a list of `[event, ...args]`. */
export function listen(socket) {
  const heard = [];
  socket.onAny((...args) => heard.push(args));
  return heard;
}
