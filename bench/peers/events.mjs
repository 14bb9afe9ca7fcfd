// The events of the benchmarks, on the official server: one text for Node.js and Bun.
//
// Comes in: a `Server` of socket.io. Goes out: its handlers. What is odd: nothing; it is what the documentation shows.

/** Seconds from the environment, in milliseconds. */
export function milliseconds(name, fallback) {
  const value = Number(process.env[name]);
  return 1000 * (process.env[name] && Number.isFinite(value) ? value : fallback);
}

/** Messages of 1 MiB and their wrapping shall pass. */
export const MAX_PAYLOAD = 2_000_000;

/** The paths of the certificate and its key, if it shall be TLS. */
export function tls() {
  const { TLS_CERT: cert, TLS_KEY: key } = process.env;
  return cert && key ? { cert, key } : null;
}

export function declare(io) {
  io.on("connection", (socket) => {
    socket.on("broadcast", (payload, ack) => {
      io.emit("msg", payload);
      ack?.();
    });
    socket.on("join", (room, ack) => {
      socket.join(room);
      ack?.();
    });
    socket.on("rooms", (rooms, ack) => {
      socket.join(rooms);
      ack?.();
    });
    socket.on("leave", (room, ack) => {
      socket.leave(room);
      ack?.();
    });
    socket.on("room", (room, payload, ack) => {
      socket.to(room).emit("msg", payload);
      ack?.();
    });
    socket.on("except", (rooms, payload, ack) => {
      io.except(rooms).emit("msg", payload);
      ack?.();
    });
    socket.on("echo", (payload, ack) => ack?.(payload));
  });
}
