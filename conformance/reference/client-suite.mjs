// The server that the official client's own test suite expects, on the official socket.io package.
//
// in:  `client-suite.mjs PORT`
// out: a line `listening on 127.0.0.1:PORT`; what `client-suite/src` does, event by event
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer((_, response) => response.writeHead(404).end());
const io = new Server(http, {
  pingInterval: 2000,
  connectionStateRecovery: {},
  allowRequest: (_, decide) => setTimeout(() => decide(null, true), 10),
});

for (const name of ["/timeout_socket", "/valid", "/asd"]) io.of(name);
io.of("/no").use((_, next) => next(new Error("Auth failed (custom namespace)")));
io.of("/foo").on("connection", (socket) => socket.on("getId", (answer) => answer(socket.id)));
io.of("/abc").on("connection", (socket) => socket.emit("handshake", socket.handshake));

io.use((socket, next) => next(socket.handshake.query.fail ? new Error("Auth failed (main namespace)") : undefined));
io.on("connection", (socket) => {
  const bytes = Buffer.from("asdfasdf");
  const binary = { first: false, second: false };
  const mixed = ({ hello, message, goodbye }) => hello === "lol" && Buffer.isBuffer(message) && goodbye === "gotcha";
  const answers = {
    hi: () => ["hi"],
    false: () => ["false", false],
    getDate: () => ["takeDate", new Date()],
    getDateObj: () => ["takeDateObj", { date: new Date() }],
    doge: () => ["doge", bytes],
    getbin: () => ["takebin", bytes],
    buffa: (value) => Buffer.isBuffer(value) && ["buffack"],
    jsonbuff: (value) => mixed(value) && ["jsonbuff-ack"],
    abuff2: () => binary.first && ["abuff2-ack"],
    blob3: () => binary.second && ["blob3-ack"],
  };
  for (const [event, answer] of Object.entries(answers)) {
    socket.on(event, (...args) => {
      const emitted = answer(...args);
      if (emitted) socket.emit(...emitted);
    });
  }
  for (const event of ["abuff1", "blob1"]) socket.on(event, (value) => (binary.first = Buffer.isBuffer(value)));
  socket.on("blob2", (text) => (binary.second = binary.first && text === "second"));
  socket.on("echo", (value, answer) => answer(value));
  socket.on("getAckDate", (_, answer) => answer(new Date()));
  socket.on("getId", (answer) => answer(socket.id));
  socket.on("getHandshake", (answer) => answer(socket.handshake));
  socket.on("getUtf8", () => {
    for (const text of ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string"]) socket.emit("takeUtf8", text);
  });
  socket.on("ack", () => socket.emit("ack", (number, { test }) => number === 5 && test && socket.emit("got it")));
});

http.listen(Number(process.argv[2]), "127.0.0.1", () => console.log(`listening on 127.0.0.1:${http.address().port}`));
