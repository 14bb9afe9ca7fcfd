// WebTransport for the official server on Node.js, which takes sessions from whoever speaks HTTP/3.
//
// Comes in: the server, a port, paths of certificate and key. Goes out: sessions on that port of UDP. What is odd: the package
// is TypeScript for Node 22.

import { readFileSync } from "node:fs";
import { register } from "node:module";

Promise.withResolvers ??= function withResolvers() {
  let settle;
  const promise = new this((resolve, reject) => (settle = { resolve, reject }));
  return { promise, ...settle };
};
register("./typescript.mjs", import.meta.url);
const { Server } = await import("@moq/web-transport");

/** Listens, then serves for ever. */
export function serveWebTransport(io, port, paths) {
  const server = Server.bind(`127.0.0.1:${port}`, readFileSync(paths.cert), readFileSync(paths.key));
  const take = async (request) => io.engine.onWebTransportSession(await request.ok());
  (async () => {
    for (let request = await server.accept(); request; request = await server.accept()) {
      // Fails if the client is gone before it has said anything.
      take(request).catch(() => {});
    }
  })();
}
