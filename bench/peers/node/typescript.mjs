// A hook of Node's module loader that takes the types out of packages which are published as TypeScript.
//
// Comes in: the address of a module. Goes out: for TypeScript its text without the types, for everything else what Node does anyhow.
// What is odd: Node itself does so only in later versions, and in none for packages.

import { readFile } from "node:fs/promises";
import swc from "@swc/wasm-typescript";

export async function load(url, context, next) {
  if (!url.endsWith(".ts")) return next(url, context);
  const source = await readFile(new URL(url), "utf8");
  return { format: "module", source: swc.transformSync(source, { mode: "strip-only" }).code, shortCircuit: true };
}
