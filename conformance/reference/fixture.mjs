// The fixture on the official socket.io package (the contract: ../FIXTURE.md).
//
// in:  `fixture.mjs PORT [options]`
// out: a line `listening on 127.0.0.1:PORT`, and a line for each socket that leaves
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { setImmediate as tick, setTimeout as sleep } from "node:timers/promises";
import { Server } from "socket.io";
import { addFeatures } from "./features.mjs";
import { readCommandLine } from "./options.mjs";

const { port, options, setups, tls } = readCommandLine(process.argv.slice(2));
const elsewhere = (_, response) => response.writeHead(404).end();
const http = tls ? await secureServer() : createServer(elsewhere);
const io = new Server(http, options);
for (const setUp of setups) setUp(io);

const announced = [];
io.on("new_namespace", (namespace) => announced.push(namespace.name));

io.of("/auth").use((socket, next) => {
  const token = socket.handshake.auth.token;
  if (token === "secret") return next();
  if (token === "plain") return next(new Error("plain refusal"));
  socket.join("limbo");
  next(Object.assign(new Error("no entry"), { data: { retry: false } }));
});

const slow = io.of("/slow-mw");
slow.use(async (socket, next) => {
  const connected = socket.connected;
  await sleep(20);
  socket.data.order = { notes: ["first"], connected };
  next();
});
slow.use(async (socket, next) => {
  await tick();
  socket.data.order.notes.push("second");
  socket.join("early");
  next();
});

const whisper = io.of("/whisper");
whisper.use((socket, next) => {
  socket.emit("whisper", "from a middleware");
  next();
});

const dyn = io.of(/^\/dyn-\d+$/);
const decided = io.of(async (name, auth, next) => {
  if (!name.startsWith("/fn-")) return next(null, false);
  await sleep(20);
  next(null, auth.allow === true);
});

const connections = new Map();
let end = () => {};
const closeServer = () => io.close().then(() => end());
const shared = { io, log: new Map(), remembered: new Map(), connections, announced, dyn, closeServer };
const everywhere = [io.of("/"), io.of("/custom"), io.of("/auth"), slow, whisper, dyn, decided];
for (const namespace of everywhere) {
  namespace.on("connection", (socket) => {
    const name = socket.nsp.name;
    connections.set(name, (connections.get(name) ?? 0) + 1);
    if (name === "/custom") socket.emit("greeting", "hello");
    if (name === "/slow-mw") {
      socket.data.order.notes.push("connection");
      socket.emit("order", socket.data.order);
    }
    addFeatures(socket, shared);
  });
}

async function secureServer() {
  const { certificate, der } = await import("./certificate.mjs");
  const own = await certificate();
  console.log(`authority ${der(own.cert).toString("base64")}`);
  return createSecureServer(own, elsewhere);
}

http.listen(port, "127.0.0.1", async () => {
  const { port } = http.address();
  console.log(`listening on 127.0.0.1:${port}`);
  if (!options.transports?.includes("webtransport")) return;
  // Only here: its package is large.
  const { serveWebTransport } = await import("./web-transport.mjs");
  end = await serveWebTransport(io, port);
});
