// The official server on Bun, with the engine made for it.
//
// Comes in: `bun server.mjs PORT`. Goes out: a line that begins `listening on`. What is odd: nothing.

import { Server as Engine } from "@socket.io/bun-engine";
import { Server } from "socket.io";
import { declare, MAX_PAYLOAD, milliseconds, tls } from "../events.mjs";

const port = Number(process.argv[2]);
const io = new Server();
const engine = new Engine({
  path: "/socket.io/",
  pingInterval: milliseconds("PING_INTERVAL", 25),
  pingTimeout: milliseconds("PING_TIMEOUT", 20),
  maxHttpBufferSize: MAX_PAYLOAD,
});
io.bind(engine);
declare(io);

const paths = tls();
const secure = paths && { cert: Bun.file(paths.cert), key: Bun.file(paths.key) };
const server = Bun.serve({
  hostname: "127.0.0.1",
  port,
  ...engine.handler(),
  ...(secure && { tls: secure }),
});
console.log(`listening on 127.0.0.1:${server.port}`);
