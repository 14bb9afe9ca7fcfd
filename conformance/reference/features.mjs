// The events of the fixture, for a socket of any namespace (the contract: ../FIXTURE.md).
//
// in:  a socket that has just connected, and what the fixture shares (`io`, the log, the dynamic parent)
// out: handlers registered on it
import { EventEmitter, once } from "node:events";

export function addFeatures(socket, { io, log, remembered, connections, announced, dyn, closeServer }) {
  const nsp = socket.nsp;
  const note = (entry) => log.set(socket.id, [...(log.get(socket.id) ?? []), entry]);
  const rooms = () => [...socket.rooms].sort();

  socket.use((packet, next) => {
    if (packet[0] === "blocked") return next(new Error("blocked"));
    if (packet[0] === "rewrite") packet.splice(1, 1, "changed");
    next();
  });
  socket.on("error", (error) => note({ event: "error", message: error?.message ?? error }));
  socket.on("disconnecting", (reason) => note({ event: "disconnecting", reason, rooms: rooms() }));
  socket.on("disconnect", (reason) => {
    note({ event: "disconnect", reason, rooms: rooms() });
    console.log(`left ${nsp.name} ${socket.id} ${reason}`);
  });

  // An acknowledgement that nobody asked for is not sent.
  const on = (event, handler) => {
    socket.on(event, (...args) => {
      const ack = typeof args.at(-1) === "function" ? args.pop() : () => {};
      return handler(args, ack);
    });
  };

  on("message", (args) => socket.emit("message-back", ...args));
  on("message-with-ack", (args, ack) => ack(...args));
  on("send-me", ([value]) => socket.send(value));
  on("rewrite", (args, ack) => ack(...args));
  on("blocked", (_, ack) => ack("not blocked"));
  on("typed", ([number, text], ack) => ack(`${number}:${text}`));
  const released = new EventEmitter().setMaxListeners(0);
  on("slow", async ([value], ack) => {
    await once(released, "now");
    ack(value);
  });
  on("release", (_, ack) => {
    released.emit("now");
    ack();
  });
  on("ask", ([{ event, value, timeout }], ack) => {
    const source = timeout === undefined ? socket : socket.timeout(timeout);
    source.emitWithAck(event, value).then(
      (answer) => ack({ ok: true, value: answer ?? null }),
      (error) => ack({ ok: false, error: error.message }),
    );
  });
  on("ask-many", ([target, { event, value, timeout }], ack) => {
    operator(socket, target)
      .timeout(timeout)
      .emitWithAck(event, value)
      .then(
        (answers) => ack({ ok: true, value: answers }),
        (error) => ack({ ok: false, error: error.message, value: error.responses }),
      );
  });
  on("emit-reserved", ([name], ack) => {
    try {
      socket.emit(name);
      ack({ ok: true, value: null });
    } catch (error) {
      ack({ ok: false, error: error.message });
    }
  });

  on("whoami", (_, ack) => {
    const { auth, query, headers, secure, xdomain } = socket.handshake;
    ack({
      id: socket.id,
      namespace: nsp.name,
      connected: socket.connected,
      recovered: socket.recovered,
      auth,
      query,
      header: headers["x-test"] ?? null,
      secure,
      xdomain,
      rooms: rooms(),
      data: socket.data.value ?? null,
    });
  });
  on("set-data", ([value], ack) => {
    socket.data.value = value;
    ack();
  });
  const seen = { incoming: [], outgoing: [] };
  const incoming = (event) => seen.incoming.push(event);
  const outgoing = (event) => seen.outgoing.push(event);
  on("watch", ([active], ack) => {
    if (active) socket.onAny(incoming).onAnyOutgoing(outgoing);
    else socket.offAny(incoming).offAnyOutgoing(outgoing);
    ack();
  });
  on("seen", (_, ack) => ack(seen));
  on("arm", (_, ack) => {
    socket.once("once-me", () => socket.emit("once-hit"));
    socket.on("armed", () => socket.emit("armed-hit"));
    ack();
  });
  on("disarm", (_, ack) => {
    socket.removeAllListeners("armed");
    ack();
  });
  on("multi", () => socket.emit("multi-1"));
  on("multi", () => socket.emit("multi-2"));
  on("disconnect-me", ([close]) => socket.disconnect(close));
  on("farewell", () => socket.emit("farewell-event") && socket.disconnect());
  on("late-join", ([room]) => socket.disconnect().join(room));
  on("close-engine", () => socket.conn.close());

  on("join", ([names], ack) => {
    socket.join(names);
    ack(rooms());
  });
  on("leave", ([room], ack) => {
    socket.leave(room);
    ack(rooms());
  });
  on("cast", ([target, event, value], ack) => {
    operator(socket, target).emit(event, value);
    ack();
  });
  on("remember", ([id], ack) => {
    remembered.set(id, nsp.sockets.get(id));
    ack();
  });
  on("emit-to-remembered", ([id, event, value], ack) => {
    remembered.get(id)?.emit(event, value);
    ack();
  });
  on("cast-binary", ([room, bytes], ack) => {
    socket.to(room).emit("relayed", bytes);
    ack();
  });
  on("reuse", ([a, b], ack) => {
    const base = nsp.to(a);
    base.to(b).emit("to-both");
    base.except(b).emit("to-a-not-b");
    base.emit("to-a");
    ack();
  });
  const fetchIn = async (namespace, target) => {
    const sockets = await among(namespace, target).fetchSockets();
    return sockets
      .map(({ id, rooms, data }) => ({ id, rooms: [...rooms].sort(), data: data.value ?? null }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  };
  on("fetch", async ([target], ack) => ack(await fetchIn(nsp, target)));
  on("fetch-in", async ([name, target], ack) => ack(await fetchIn(io.of(name), target)));
  on("sockets-join", ([target, names], ack) => {
    among(nsp, target).socketsJoin(names);
    ack();
  });
  on("sockets-leave", ([target, room], ack) => {
    among(nsp, target).socketsLeave(room);
    ack();
  });
  on("disconnect-sockets", ([target, close], ack) => {
    among(nsp, target).disconnectSockets(close);
    ack();
  });

  on("burst", ([n], ack) => {
    for (let i = 0; i < n; i++) socket.emit("number", i);
    ack(n);
  });
  const counted = { count: 0, ordered: true };
  on("count", ([n]) => {
    if (n !== counted.count) counted.ordered = false;
    counted.count++;
  });
  on("counted", (_, ack) => ack(counted));
  on("volatile-burst", ([n], ack) => {
    for (let i = 0; i < n; i++) socket.volatile.emit("vol", i);
    ack();
  });
  on("normal-then-volatile", ([value], ack) => {
    socket.emit("norm", value);
    socket.volatile.emit("vol", value);
    ack();
  });
  on("big", ([n, compress]) => socket.compress(compress).emit("big", "x".repeat(n)));

  on("log", ([id], ack) => ack(log.get(id) ?? []));
  on("connections", ([name], ack) => ack(connections.get(name) ?? 0));
  on("namespaces", (_, ack) => ack([...io._nsps.keys()].filter((name) => !name.startsWith("/_")).sort()));
  on("announced", ([name], ack) => ack(announced.filter((other) => other === name).length));
  on("cast-dyn", ([event, value, { rooms = [], except = [] } = {}], ack) => {
    dyn.to(rooms).except(except).emit(event, value);
    ack();
  });
  on("server-close", closeServer);
}

function operator(socket, { rooms = [], except = [], from = "socket", volatile, compress, local }) {
  let chosen = (from === "socket" ? socket.broadcast : socket.nsp).to(rooms).except(except);
  if (volatile) chosen = chosen.volatile;
  if (compress !== undefined) chosen = chosen.compress(compress);
  return local ? chosen.local : chosen;
}

function among(namespace, { rooms = [], except = [] } = {}) {
  return namespace.to(rooms).except(except);
}
