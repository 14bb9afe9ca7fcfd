// WebTransport for the official server, which wants sessions from whoever speaks HTTP/3.
//
// in:  the server, the port of its TCP side
// out: sessions on UDP, and a line with the hash of a certificate that clients take by it
// odd: the package cannot stop to listen while it waits for a session, so the process would not end by itself
import { createHash } from "node:crypto";
import { certificate, der } from "./certificate.mjs";
import { missing, OrderlySession, Server } from "../support/web-transport.mjs";

/** Listens; gives a function that waits for the end of all sessions, and then ends the process. */
export async function serveWebTransport(io, port) {
  if (missing) throw new Error(missing);
  const { cert, key } = await certificate();
  const server = Server.bind(`127.0.0.1:${port}`, cert, key);
  console.log(`certificate ${createHash("sha256").update(der(cert)).digest("base64")}`);
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
