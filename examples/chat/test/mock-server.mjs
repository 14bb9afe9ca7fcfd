// What: the chat's contract on the official JavaScript server, so that the page can be built and tested without the Rust one.
// In: a port (3000 if none), `--allow-eio3` to take clients of Socket.IO 2; CLIENT_SCRIPT, a browser client to serve instead of the official one.
// Out: the page at `/`, the client, the chat in `/`, `/staff` and `/team/<name>`; one line `listening on :PORT` once it is ready.
// Odd: nothing is kept between two runs; the test kills it and starts it again, as a deployment would.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { Server } from "socket.io";

const PAGE = new URL("../public/index.html", import.meta.url);
const CLIENT_SCRIPT = process.env.CLIENT_SCRIPT;
const PASSWORD = process.env.STAFF_PASSWORD ?? "letmein";
const MESSAGES_PER_SECOND = 5;
const port = Number(process.argv[2] ?? 3000);

const http = createServer(async (request, response) => {
  if (request.url === "/") await send(response, PAGE, "text/html");
  else response.writeHead(404).end();
});
const io = new Server(http, { serveClient: CLIENT_SCRIPT === undefined, allowEIO3: process.argv.includes("--allow-eio3") });
if (CLIENT_SCRIPT !== undefined) {
  io.engine.use(async (request, response, next) => {
    if (request.url === "/socket.io/socket.io.js") await send(response, CLIENT_SCRIPT, "text/javascript");
    else next();
  });
}

io.of("/staff").use((socket, next) => {
  next(socket.handshake.auth.password === PASSWORD ? undefined : new Error("wrong password"));
});
for (const namespace of [io.of("/"), io.of("/staff"), io.of(/^\/team\/[\w-]{1,32}$/)]) {
  namespace.on("connection", chat);
}

async function send(response, file, type) {
  const body = await readFile(file);
  response.writeHead(200, { "content-type": `${type}; charset=utf-8`, "cache-control": "no-cache" });
  response.end(body);
}

/** One person in one namespace: the same few events everywhere. */
function chat(socket) {
  const nickname = String(socket.handshake.auth.nickname ?? "").slice(0, 24) || "guest";
  const count = () => socket.nsp.sockets.size;
  const accepted = []; // when the messages of the last second were accepted

  socket.emit("welcome", count());
  socket.broadcast.emit("joined", nickname, count());
  socket.on("disconnect", () => socket.broadcast.emit("left", nickname, count()));
  socket.on("typing", () => socket.broadcast.emit("typing", nickname));
  socket.on("join", (room, ack) => (socket.join(room), ack?.()));
  socket.on("leave", (room, ack) => (socket.leave(room), ack?.()));
  socket.on("message", (text, room, ack) => {
    const now = performance.now();
    while (now - accepted[0] >= 1000) accepted.shift();
    if (accepted.length >= MESSAGES_PER_SECOND) {
      return ack?.({ error: `slow down: ${MESSAGES_PER_SECOND} messages per second` });
    }
    accepted.push(now);
    (room === null ? socket.broadcast : socket.to(room)).emit("message", nickname, text, room);
    ack?.();
  });
}

http.listen(port, () => console.log(`listening on :${port}`));
