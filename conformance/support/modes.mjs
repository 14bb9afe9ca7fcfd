// The same client tests on each way a client may connect.
//
// in:  a function that registers tests, given a way to open clients
// out: the tests once for each: polling only, websocket only, with upgrade, and the same two with WebTransport
// odd: a client "with upgrade" is used at once, so that the tests run while the upgrade is going on; `stay()` waits until
//      it is through, for tests that depend on the transport
import { after, before, describe } from "node:test";
import { closeAll, client, connected, refused } from "./client.mjs";
import { start } from "./subject.mjs";
import { eventually } from "./wait.mjs";
import { missing, trust, WebTransport } from "./web-transport.mjs";

const MODES = {
  "polling only": ["polling"],
  "websocket only": ["websocket"],
  "with upgrade": ["polling", "websocket"],
  "webtransport only": ["webtransport"],
  "with upgrade to webtransport": ["polling", "websocket", "webtransport"],
};

// What the official client takes from the browser.
if (!missing) globalThis.WebTransport ??= WebTransport;

/** A fixture with those transports, and what its clients need to be told. */
async function house(transports) {
  if (!transports.includes("webtransport")) return { subject: await start("fixture"), options: { transports } };
  const subject = await start("fixture", "--transports", "polling,websocket,webtransport");
  const [, hash] = (await subject.line("certificate ")).split(" ");
  return { subject, options: { transports, transportOptions: { webtransport: trust(hash) } } };
}

/** Registers `body` once per mode, each against a fixture of its own. */
export function inEachMode(body) {
  for (const [mode, transports] of Object.entries(MODES)) {
    const last = transports.at(-1);
    describe(mode, { skip: last === "webtransport" && missing }, () => {
      let here;
      before(async () => (here = await house(transports)));
      after(async () => {
        closeAll();
        await here.subject.stop();
      });
      body({
        last,
        transports,
        subject: () => here.subject,
        /** A house of one's own: `subject`, and the `options` of its clients. */
        another: () => house(transports),
        /** A client that is connected. */
        open: (namespace, options) => connected(here.subject, namespace, { ...here.options, ...options }),
        /** A client that is not connected yet. */
        prepare: (namespace, options) => client(here.subject, namespace, { ...here.options, ...options }),
        /** The error of a client that must not get in. */
        refused: (namespace, options) => refused(here.subject, namespace, { ...here.options, ...options }),
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
