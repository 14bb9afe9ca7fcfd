// WebTransport for the official server, which wants sessions from whoever speaks HTTP/3.
//
// in:  the server, the port of its TCP side
// out: sessions on UDP, and a line with the hash of a certificate that clients take by it
// odd: the package cannot stop to listen while it waits for a session, so the process would not end by itself
import { createHash, X509Certificate } from "node:crypto";
import { generate } from "selfsigned";
import { missing, OrderlySession, Server } from "../support/web-transport.mjs";

const DAY = 24 * 3600 * 1000;

/** Browsers take a certificate by its hash if its curve is P-256 and it holds for two weeks at most. */
async function certificate() {
  const now = Date.now();
  const validity = { notBeforeDate: new Date(now - DAY), notAfterDate: new Date(now + 10 * DAY) };
  const key = { keyType: "ec", curve: "P-256", algorithm: "sha256" };
  const { cert, private: secret } = await generate([{ name: "commonName", value: "localhost" }], { ...key, ...validity });
  return { cert: Buffer.from(cert), key: Buffer.from(secret) };
}

/** Listens; gives a function that waits for the end of all sessions, and then ends the process. */
export async function serveWebTransport(io, port) {
  if (missing) throw new Error(missing);
  const { cert, key } = await certificate();
  const server = Server.bind(`127.0.0.1:${port}`, cert, key);
  console.log(`certificate ${createHash("sha256").update(new X509Certificate(cert).raw).digest("base64")}`);
  const ends = new Set();
  const take = async (request) => {
    const { pathname } = new URL(await request.url);
    if (pathname !== `${io.path()}/`) return request.reject(404);
    const session = new OrderlySession(await request.ok());
    const end = session.closed.then(() => ends.delete(end));
    ends.add(end);
    await io.engine.onWebTransportSession(session);
  };
  (async () => {
    for (let request = await server.accept(); request; request = await server.accept()) {
      // Fails if the client is gone before it has said anything.
      take(request).catch(() => {});
    }
  })();
  return () => Promise.all(ends).then(() => process.exit());
}
