// The echo server of the Engine.IO protocol suite, on the official engine.io package.
//
// in:  `engine-suite.mjs PORT [--eio3]`; with the option, clients of revision 3 as well
// out: a line `listening on 127.0.0.1:PORT`; an Engine.IO server on /engine.io/ that sends every message back
import { createServer } from "node:http";
import { Server } from "engine.io";

const allowEIO3 = process.argv.includes("--eio3");
const engine = new Server({
  pingInterval: 300,
  pingTimeout: 200,
  maxHttpBufferSize: 1e6,
  cors: { origin: "*" },
  allowEIO3,
});
engine.on("connection", (session) => session.on("data", (data) => session.send(data)));

const http = createServer((_, response) => response.writeHead(404).end());
engine.attach(http, { path: "/engine.io/" });
http.listen(Number(process.argv[2]), "127.0.0.1", () => console.log(`listening on 127.0.0.1:${http.address().port}`));
