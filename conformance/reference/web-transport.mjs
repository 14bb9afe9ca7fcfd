// WebTransport for the official server, which wants sessions from whoever speaks HTTP/3.
//
// in:  the server, the port of its TCP side
// out: sessions on UDP, and a line with the hash of a certificate that clients take by it
// odd: the package cannot stop to listen while it waits for a session, so the process does not end by itself
import { createHash } from "node:crypto";
import { certificate, der } from "./certificate.mjs";
import { missing, OrderlySession, Server } from "../support/web-transport.mjs";

export async function serveWebTransport(io, port) {
  if (missing) throw new Error(missing);
  const { cert, key } = await certificate();
  const server = Server.bind(`127.0.0.1:${port}`, cert, key);
  console.log(`certificate ${createHash("sha256").update(der(cert)).digest("base64")}`);
  const take = async (request) => {
    const { pathname } = new URL(await request.url);
    if (pathname !== `${io.path()}/`) return request.reject(404);
    await io.engine.onWebTransportSession(new OrderlySession(await request.ok()));
  };
  for (let request = await server.accept(); request; request = await server.accept()) {
    // Fails if the client is gone before it has said anything.
    take(request).catch(() => {});
  }
}
