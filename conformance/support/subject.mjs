// Starts and stops the server under test.
//
// in:  the name of a server (`fixture`, `protocol-suite`, `engine-suite`) and its command line options
// out: its port, its output lines, and a way to stop it
// odd: SUBJECT chooses between the official packages (`reference`, the default) and ours (`rust`, binaries in BIN_DIR).
//      Everything is started on port 0; the line that contains `listening on` ends with the real port.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DEADLINE, eventually, within } from "./wait.mjs";

export const SUBJECT = process.env.SUBJECT ?? "reference";
export const isReference = SUBJECT === "reference";
if (!["reference", "rust"].includes(SUBJECT)) throw new Error(`SUBJECT is "${SUBJECT}", not reference or rust`);
if (!isReference && !process.env.BIN_DIR) throw new Error("SUBJECT=rust needs BIN_DIR, the folder of the binaries");

/** For tests that only the Rust server can pass: the value of node:test's `skip`. */
export const rustOnly = (reason) => (isReference ? `not in the reference: ${reason}` : false);

const REFERENCE = join(dirname(fileURLToPath(import.meta.url)), "..", "reference");
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts `name` and waits until it listens. */
export async function start(name, ...options) {
  const args = ["0", ...options.map(String)];
  const child = isReference
    ? spawn(process.execPath, [join(REFERENCE, `${name}.mjs`), ...args])
    : spawn(join(process.env.BIN_DIR, name), args);
  running.add(child);

  const lines = [];
  const errors = [];
  let listening;
  const port = new Promise((resolve, reject) => {
    listening = resolve;
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${name} ended with ${code}: ${errors.join("\n")}`)));
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    const digits = /listening on .*:(\d+)/.exec(line);
    if (digits) listening(Number(digits[1]));
  });
  createInterface({ input: child.stderr }).on("line", (line) => errors.push(line));
  const exited = new Promise((resolve) => {
    child.once("exit", (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });

  return {
    name,
    lines,
    errors,
    exited,
    port: await within(port, `${name} listening`, 10_000),
    path: name === "engine-suite" ? "/engine.io/" : "/socket.io/",
    get url() {
      return `${options.includes("--tls") ? "https" : "http"}://127.0.0.1:${this.port}`;
    },
    /** Waits for a line of output that contains `text`. */
    line: (text) => eventually(() => lines.find((line) => line.includes(text)), `line "${text}"`),
    /** Ends this process only. */
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      await within(exited, `${name} stopping`, DEADLINE).catch(() => child.kill("SIGKILL"));
    },
  };
}
