// The client's files below the path.
//
// in:  the fixture, with the official bundles (Rust: from their folder) and without them, raw HTTP
// out: one test per rule
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { start } from "../support/subject.mjs";
import { request } from "../support/wire.mjs";

const resolve = createRequire(import.meta.url).resolve;
const FOLDER = dirname(resolve("socket.io-client/dist/socket.io.js"));
const { version } = JSON.parse(readFileSync(join(FOLDER, "..", "package.json")));
const ETAG = `"${version}"`;
const NO_FILE = '{"code":0,"message":"Transport unknown"}';
const SCRIPT = "application/javascript; charset=utf-8";
const MAP = "application/json; charset=utf-8";

describe("the official bundles", () => {
  let subject;
  before(async () => (subject = await start("fixture", "--client-folder", FOLDER)));
  after(() => subject.stop());
  const get = (name, headers, method) => request(subject, { path: `/socket.io/${name}`, headers, method });

  for (const name of ["socket.io.js", "socket.io.min.js", "socket.io.msgpack.min.js", "socket.io.esm.min.js"]) {
    for (const file of [name, `${name}.map`]) {
      test(`${file} is served as it is`, async () => {
        const answer = await get(file);
        assert.equal(answer.status, 200);
        assert.equal(answer.headers["content-type"], file.endsWith(".map") ? MAP : SCRIPT);
        assert.equal(answer.headers["cache-control"], "public, max-age=0");
        assert.equal(answer.headers.etag, ETAG);
        assert.equal(answer.headers["x-sourcemap"], undefined);
        assert.equal(answer.headers["access-control-allow-origin"], undefined);
        assert.ok(answer.bytes.equals(readFileSync(join(FOLDER, file))));
      });
    }
  }

  test("a query does not matter, nor does the method", async () => {
    assert.equal((await get("socket.io.js?buster=1")).headers.etag, ETAG);
    for (const method of ["POST", "DELETE", "OPTIONS"]) {
      assert.equal((await get("socket.io.js", {}, method)).status, 200, method);
    }
    const head = await get("socket.io.js", {}, "HEAD");
    assert.deepEqual([head.status, head.text, head.headers.etag], [200, "", ETAG]);
  });

  const decoders = { br: brotliDecompressSync, gzip: gunzipSync, deflate: inflateSync };
  const offers = [
    ["br", "br"],
    ["gzip", "gzip"],
    ["deflate", "deflate"],
    ["br;q=0.5, gzip", "gzip"],
    ["gzip;q=0.9, deflate, br;q=0.1", "deflate"],
    ["*", "br"],
    ["identity", undefined],
    ["gzip;q=0", undefined],
  ];
  for (const [offered, chosen] of offers) {
    test(`of "${offered}" it is ${chosen ?? "none"}`, async () => {
      const answer = await get("socket.io.min.js", { "accept-encoding": offered });
      assert.equal(answer.headers["content-encoding"], chosen);
      const plain = chosen ? decoders[chosen](answer.bytes) : answer.bytes;
      assert.ok(plain.equals(readFileSync(join(FOLDER, "socket.io.min.js"))));
    });
  }

  for (const known of [ETAG, `W/${ETAG}`]) {
    test(`who has ${known} gets a 304 without a body`, async () => {
      const answer = await get("socket.io.js", { "if-none-match": known });
      assert.deepEqual([answer.status, answer.text], [304, ""]);
    });
  }

  for (const known of [version, '"0.0.1"', `"0.0.1", ${ETAG}`]) {
    test(`who has ${known} gets the file`, async () => {
      assert.equal((await get("socket.io.js", { "if-none-match": known })).status, 200);
    });
  }

  for (const name of ["nothing.js", "socket.io.jsx", "socket.io.js/", "../package.json", "below/socket.io.js"]) {
    test(`${name} is the engine's to refuse`, async () => {
      const answer = await get(name);
      assert.deepEqual([answer.status, answer.text], [400, NO_FILE]);
    });
  }

  test("another path is not found", async () => {
    assert.equal((await request(subject, { path: "/socket.io.js" })).status, 404);
  });
});

test("nothing is served if the server is told so", async () => {
  const subject = await start("fixture", "--no-serve-client");
  try {
    const answer = await request(subject, { path: "/socket.io/socket.io.js" });
    assert.deepEqual([answer.status, answer.text], [400, NO_FILE]);
  } finally {
    await subject.stop();
  }
});
