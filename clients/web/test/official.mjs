/**
 * The official Socket.IO server, keeping the contract of fixture.mjs: a process of its own, because the
 * reference holds timers for a while after its end.
 * In: the port as argument, 0 for a free one. Out: a line `listening on 127.0.0.1:PORT`.
 */
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, {
  pingInterval: 300,
  pingTimeout: 2700,
  connectionStateRecovery: {},
  cors: { origin: "*" },
});

const answer = (socket) => {
  socket.on("echo", (...args) => socket.emit("echo", ...args));
  socket.on("message", (...args) => socket.emit("message", ...args));
  socket.on("ack", (...args) => args.pop()(...args));
  socket.on("silent", () => {});
  socket.on("handshake", (ack) =>
    ack({ auth: socket.handshake.auth, query: socket.handshake.query, nsp: socket.nsp.name }));
  socket.on("question", () => socket.emit("question", 7, (value) => socket.emit("answer", value)));
  socket.on("join", async (room, ack) => {
    await socket.join(room);
    ack();
  });
  socket.on("publish", (room, value) => socket.nsp.to(room).emit("published", value));
  socket.on("present", (id, ack) => ack(socket.nsp.sockets.has(id)));
  socket.on("leave", () => socket.disconnect());
  socket.on("drop", () => socket.conn.close());
};
io.of("/guarded").use((socket, next) => {
  if (socket.handshake.auth.token === "secret") return next();
  next(Object.assign(new Error("not authorized"), { data: { code: 42 } }));
});
for (const nsp of ["/", "/chat", "/other", "/guarded"]) io.of(nsp).on("connection", answer);

http.listen(+process.argv[2], "127.0.0.1", () => console.log(`listening on 127.0.0.1:${http.address().port}`));
