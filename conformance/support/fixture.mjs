// A fixture for the tests of a whole file, or of a block.
//
// in:  options of the fixture
// out: a subject, started before the tests and stopped behind them
import { after, before, describe } from "node:test";
import { closeAll, connected } from "./client.mjs";
import { start } from "./subject.mjs";

/** A fixture, and an official client beside the tests that reads its log. */
export async function startObserved(...options) {
  const subject = await start("fixture", ...options);
  const observer = await connected(subject, "/", { transports: ["websocket"] });
  return { subject, observer };
}

/** Closes all clients, then stops a server. */
export async function stop(subject) {
  closeAll();
  await subject.stop();
}

/** Runs a block of tests against a fixture with these options. */
export function withFixture(title, options, body) {
  describe(title, () => {
    let subject;
    before(async () => (subject = await start("fixture", ...options)));
    after(() => subject.stop());
    body(() => subject);
  });
}
