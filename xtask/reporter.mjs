// A reporter of `node --test` that notes each test in one line: outcome, file, name; what `cargo xtask parity` reads.
//
// in:  the events of the runner
// out: lines of three fields, separated by tabs, as xtask/src/record.rs writes them for Rust
// odd: a `describe` is no test; its tests are noted by their own names, so one name may stand there once per mode
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

export default async function* report(events) {
  for await (const { type, data } of events) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    if (data.details?.type === "suite" || data.file === undefined) continue;
    const leftOut = data.skip !== undefined || data.todo !== undefined;
    const outcome = leftOut ? "skipped" : type === "test:pass" ? "passed" : "failed";
    yield `${outcome}\t${relative(root, data.file)}\t${data.name.replaceAll(/\s+/g, " ")}\n`;
  }
}
