// The official server on Node.js: on `ws`, or with `--engine uws` on uWebSockets.js.
//
// Comes in: `node server.mjs PORT [--engine ws|uws]`. Goes out: a line that begins `listening on`. What is odd: where uWebSockets.js
// is not installed (see ../README.md), `--engine uws` ends with exit code 3, which the runner takes for "not here".

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { parseArgs } from "node:util";
import { Server } from "socket.io";
import { declare, MAX_PAYLOAD, milliseconds, tls } from "../events.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { engine: { type: "string", default: "ws" } },
});
const port = Number(positionals[0]);
const options = {
  pingInterval: milliseconds("PING_INTERVAL", 25),
  pingTimeout: milliseconds("PING_TIMEOUT", 20),
  maxHttpBufferSize: MAX_PAYLOAD,
};
if (process.env.DEFLATE) options.perMessageDeflate = true;
if (process.env.RECOVERY) options.connectionStateRecovery = {};
if (process.env.PARSER === "msgpack") options.parser = (await import("socket.io-msgpack-parser")).default;
const paths = tls();
const webtransport = process.env.WEBTRANSPORT && paths;
if (webtransport) options.transports = ["polling", "websocket", "webtransport"];

if (values.engine === "uws") {
  const { App, SSLApp } = await import("uWebSockets.js").then(
    (module) => module.default,
    () => {
      console.error("uWebSockets.js is not installed");
      process.exit(3);
    },
  );
  const app = paths ? SSLApp({ cert_file_name: paths.cert, key_file_name: paths.key }) : App();
  const io = new Server(options);
  io.attachApp(app);
  declare(io);
  app.listen("127.0.0.1", port, (token) => {
    if (!token) process.exit(1);
    console.log(`listening on 127.0.0.1:${port}`);
  });
} else {
  const server = paths
    ? createSecureServer({ cert: readFileSync(paths.cert), key: readFileSync(paths.key) })
    : createServer();
  const io = new Server(server, options);
  // Its documentation on memory: the first request of a session need not be kept.
  io.engine.on("connection", (session) => {
    session.request = null;
  });
  declare(io);
  if (webtransport) {
    const { serveWebTransport } = await import("./webtransport.mjs");
    serveWebTransport(io, port, paths);
  }
  server.listen(port, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${port}`));
}
