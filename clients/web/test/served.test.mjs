/** The two forms that go over the wire: what they weigh, that they are the same program, and that a server sends them. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { get } from "node:http";
import vm from "node:vm";
import { gunzipSync, gzipSync } from "node:zlib";
import { classicForm, moduleForm } from "../serve.mjs";
import { servesClient, startFixture } from "./fixture.mjs";

const LIMIT = 5000;
const source = await readFile(new URL("../roomcast.js", import.meta.url), "utf8");

for (const [name, form] of Object.entries({ moduleForm, classicForm })) {
  test(`the ${name} weighs at most ${LIMIT} bytes after gzip -9`, (t) => {
    const size = gzipSync(form(source), { level: 9 }).length;
    t.diagnostic(`${name}: ${size} bytes, with comments ${gzipSync(source, { level: 9 }).length}`);
    assert.ok(size <= LIMIT, `${size} bytes`);
  });
}

test("the classic form is a script that defines a global io and nothing else", () => {
  const context = vm.createContext({ Map, Symbol });
  const before = Object.keys(context);
  vm.runInContext(classicForm(source), context);
  assert.deepEqual(Object.keys(context).filter((key) => !before.includes(key)), ["io"]);
  const { io } = context;
  assert.deepEqual([io.io, io.connect, typeof io.Manager, typeof io.Socket], [io, io, "function", "function"]);
});

test("the module form exports what the source exports", async () => {
  const served = await import(`data:text/javascript,${encodeURIComponent(moduleForm(source))}`);
  const { default: io, ...names } = await import("../roomcast.js");
  assert.deepEqual(Object.keys(served).sort(), ["default", ...Object.keys(names)].sort());
  assert.equal(served.default.toString(), moduleForm(source).match(/^function io[^]*?^}$/m)[0]);
  assert.equal(typeof io, "function");
});

test("the source keeps the promises that serving by lines needs", () => {
  const lines = source.trimEnd().split("\n");
  assert.equal(lines.filter((line) => line.endsWith("// module-only")).length, 1);
  assert.match(lines.at(-1), /^export \{.*\}; \/\/ module-only$/);
  for (const line of lines) {
    assert.equal((line.match(/`/g) ?? []).length % (/^\s*(\*|\/)/.test(line) ? 1 : 2), 0, `a string spans lines: ${line}`);
  }
});

test("the server sends the same two forms, gzipped and small", { skip: !servesClient && "the official server has its own client" }, async (t) => {
  const server = await startFixture();
  t.after(() => server.close());
  const load = async (name, headers) => {
    const [response] = await once(get(`${server.url}/socket.io/${name}`, { headers, agent: false }), "response");
    return { response, body: Buffer.concat(await response.toArray()) };
  };
  for (const [name, form] of [["socket.io.js", classicForm], ["socket.io.esm.min.js", moduleForm]]) {
    const plain = await load(name);
    assert.equal(plain.response.statusCode, 200);
    // a module is refused by browsers without it
    assert.match(plain.response.headers["content-type"], /^(text|application)\/javascript\b/);
    assert.equal(plain.body.toString(), form(source));
    const packed = await load(name, { "accept-encoding": "gzip" });
    assert.equal(packed.response.headers["content-encoding"], "gzip");
    assert.equal(gunzipSync(packed.body).toString(), form(source));
    t.diagnostic(`${name}: ${packed.body.length} bytes`);
    assert.ok(packed.body.length <= LIMIT, `${packed.body.length} bytes`);
  }
});
