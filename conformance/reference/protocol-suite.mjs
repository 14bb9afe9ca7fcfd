// The server of the Socket.IO protocol suite, on the official socket.io package.
//
// in:  `protocol-suite.mjs PORT`
// out: a line `listening on 127.0.0.1:PORT`; namespaces / and /custom that emit `auth`, echo `message`, and acknowledge
//      `message-with-ack`
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer((_, response) => response.writeHead(404).end());
const io = new Server(http, {
  pingInterval: 300,
  pingTimeout: 200,
  maxHttpBufferSize: 1e6,
  connectTimeout: 1000,
  cors: { origin: "*" },
});
for (const name of ["/", "/custom"]) {
  io.of(name).on("connection", (socket) => {
    socket.emit("auth", socket.handshake.auth);
    socket.on("message", (...args) => socket.emit("message-back", ...args));
    socket.on("message-with-ack", (...args) => args.pop()(...args));
  });
}
http.listen(Number(process.argv[2]), "127.0.0.1", () => console.log(`listening on 127.0.0.1:${http.address().port}`));
