/**
 * Roomcast's browser client: Socket.IO v5 over Engine.IO v4, one ES module without a build step.
 * In: `io(url, options)` and calls on a Socket. Out: WebSocket messages or long-polling, and events.
 * A packet goes Socket, encode, Manager, engine, transport; back through the engine and the decoder.
 * Odd: WebSocket is tried first and polling is the fallback, so there is no upgrade. Names that begin
 * with an underscore are private. A server sends this file without its comment lines, blank lines and
 * indentation (no comment stands behind code on a line, no string spans lines), and makes the classic
 * script of it by replacing the last line; README.md says how, and lists options and differences.
 *
 * @typedef {object} Options
 * @property {string} [path] where the server listens
 * @property {Record<string, any>} [query] added to the query of every request
 * @property {string[]} [transports] "websocket", "polling", in the order of trying
 * @property {number | false} [timeout] milliseconds for each transport to open
 * @property {Record<string, any> | ((send: (auth: object) => void) => void)} [auth] sent on every connect
 * @property {number} [ackTimeout] as if every emit were `timeout(ackTimeout).emit`
 * @property {boolean} [autoConnect]
 * @property {boolean} [forceNew] do not share the connection
 * @property {boolean} [multiplex] false is the same as forceNew
 * @property {boolean} [reconnection]
 * @property {number} [reconnectionAttempts] before giving up
 * @property {number} [reconnectionDelay] upper bound of the first delay; it doubles with each attempt
 * @property {number} [reconnectionDelayMax] upper bound of all delays
 * @property {boolean} [withCredentials] cookies for another origin, over polling
 * @property {any} [WebSocket] a constructor, where there is no global one
 *
 * @typedef {{ type: number, nsp: string, id?: string, data: any }} Packet
 */

const DEFAULTS = {
  path: "/socket.io",
  transports: ["websocket", "polling"],
  timeout: 20000,
  autoConnect: true,
  reconnection: true,
  reconnectionAttempts: Infinity,
  reconnectionDelay: 1000,
  reconnectionDelayMax: 5000,
};

const CONNECT = 0, DISCONNECT = 1, EVENT = 2, ACK = 3, CONNECT_ERROR = 4;
// added to EVENT it is BINARY_EVENT (5), to ACK it is BINARY_ACK (6)
const TO_BINARY = 3;
const RESERVED = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
// events that no peer can name
const ANY = Symbol(), ANY_OUTGOING = Symbol();

/** @returns {never} */
const fail = (message) => {
  throw new Error(message);
};

/** What a socket cannot pass on yet: bounded, each way. */
const wait = (queue, packet) => (queue.length < 10000 ? queue.push(packet) : fail("queue full"));

/** Async, so what user code throws becomes an unhandled rejection and breaks nothing here. */
const call = async (self, fn, args) => fn.apply(self, args);

class Emitter {
  // its arrays are replaced, never changed: firing walks the one it began with
  _listeners = new Map();

  listeners(event) {
    return this._listeners.get(event) ?? [];
  }

  on(event, fn) {
    this._listeners.set(event, [...this.listeners(event), fn]);
    return this;
  }

  once(event, fn) {
    const once = (...args) => {
      this.off(event, once);
      return fn.apply(this, args);
    };
    once.fn = fn;
    return this.on(event, once);
  }

  /** Removes one listener, those of an event, or all. */
  off(event, fn) {
    if (event == null) this._listeners.clear();
    this._listeners.set(event, this.listeners(event).filter((it) => fn && it !== fn && it.fn !== fn));
    return this;
  }

  _fire(event, ...args) {
    for (const fn of this.listeners(event)) call(this, fn, args);
  }
}

/** A packet as engine messages: text, then attachments. @param {any} [data] @param {any} [id] */
const encode = (type, nsp, data, id = "") => {
  const attachments = [];
  const json = JSON.stringify(data, function (key, value) {
    // `value` is what toJSON made of it, and a Node Buffer has one
    const raw = this[key];
    return raw instanceof ArrayBuffer || ArrayBuffer.isView(raw) || raw instanceof Blob
      ? { _placeholder: true, num: attachments.push(raw) - 1 }
      : value;
  });
  const count = attachments.length;
  const head = count ? `${type + TO_BINARY}${count}-` : type;
  return [`4${head}${nsp === "/" ? "" : nsp + ","}${id}${json ?? ""}`, ...attachments];
};

const isObject = (data) => data && typeof data === "object" && !Array.isArray(data);
const isEvent = (name) => typeof name === "number" || (typeof name === "string" && !RESERVED.includes(name));

/** Which payload is allowed, by packet type. */
const VALID = [
  isObject,
  () => false,
  (data) => Array.isArray(data) && isEvent(data[0]),
  Array.isArray,
  isObject,
];

/**
 * Takes engine messages in turn; returns a packet when one is whole, throws when one is wrong.
 * @returns {(message: any) => Packet | undefined}
 */
const decoder = () => {
  // the packet whose attachments are arriving
  let pending;
  return (message) => {
    if (!pending === (typeof message !== "string")) fail("invalid packet");
    if (pending) pending.attachments.push(message);
    else {
      // type, count of attachments (at most 10, as in the reference), namespace, ack id
      const [head, count, nsp = "/", id] =
        /^(?:[0-4]|[56]([1-9]|10)-)(\/[^,]*)?,?(\d+)?/.exec(message) ?? fail("invalid packet");
      const type = +message[0] - (count ? TO_BINARY : 0);
      pending = { type, nsp, id, count, json: message.slice(head.length), attachments: [] };
    }
    const { type, nsp, id, count, json, attachments } = pending;
    if (attachments.length < count) return;
    pending = null;
    // `num` is whatever the peer says, perhaps "length"
    const revive = (_, value) =>
      value?._placeholder !== true ? value
      : (typeof value.num === "number" && attachments[value.num]) || fail("invalid packet");
    const data = json ? JSON.parse(json, count && revive) : [];
    if (json && !VALID[type](data)) fail("invalid packet");
    return { type, nsp, id, data };
  };
};

// A transport is a function of its engine and of whom to tell: of a packet, of an error, of the end.
// It opens, and returns writable(), send(packets) and close(polite).

const websocket = (engine, receive, broken, end) => {
  const ws = new (engine.opts.WebSocket ?? WebSocket)(engine.url.replace("http", "ws"));
  ws.binaryType = "arraybuffer";
  ws.onmessage = (event) => receive(event.data);
  ws.onerror = broken;
  ws.onclose = (context) => end("transport close", { description: "websocket connection closed", context });
  return {
    writable: () => !ws.bufferedAmount,
    send: (packets) => packets.forEach((packet) => ws.send(packet)),
    close: () => ws.close(),
  };
};

/** One GET waits for packets at any time, one POST at a time carries ours. */
const polling = (engine, receive, broken) => {
  const queue = [], abort = new AbortController();
  let posting, closed;

  /** @param {string} [body] */
  const request = async (body) => {
    const response = await fetch(engine.url, {
      method: body ? "POST" : "GET",
      body,
      credentials: engine.opts.withCredentials ? "include" : "same-origin",
      signal: abort.signal,
    });
    return response.ok ? response.text() : Promise.reject(response.status);
  };
  const poll = async () => {
    while (!closed) (await request()).split("\x1e").forEach(receive);
  };
  const post = async () => {
    while (queue.length) {
      let body = "", size = -1;
      while (queue.length) {
        if (typeof queue[0] !== "string") queue[0] = await toBase64(queue[0]);
        size += new Blob([queue[0]]).size + 1;
        // what is too large alone goes alone: the server decides
        if (body && size > engine.maxPayload) break;
        body += (body && "\x1e") + queue.shift();
      }
      await request(body);
    }
    posting = null;
  };

  poll().catch(broken);
  return {
    writable: () => !posting,
    send(packets) {
      queue.push(...packets);
      posting ??= post().catch(broken);
    },
    async close(polite) {
      closed = true;
      // the server answers the GET when it has read the "1"; cut off before, it would look broken
      if (polite) {
        await posting;
        await request("1").catch(Boolean);
      }
      abort.abort();
    },
  };
};

const toBase64 = async (data) => {
  const bytes = new Uint8Array(await new Blob([data]).arrayBuffer());
  return "b" + btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
};

const TRANSPORTS = { websocket, polling };

/** One Engine.IO session: finds a transport, watches the heartbeat, ends exactly once. */
const openEngine = (manager) => {
  const { opts } = manager;
  const names = [...opts.transports];
  let token, timer, deadline, patience;

  /** @type {any} once the session is open it has an `id`, which nobody else may know, and a `maxPayload` */
  const engine = {
    opts,

    get url() {
      const { id, name } = engine;
      const query = new URLSearchParams({ ...opts.query, EIO: "4", transport: name, ...(id && { sid: id }) });
      return manager.uri + opts.path.replace(/\/?$/, "/?") + query;
    },

    /** False when the heartbeat is overdue, which a machine that slept learns late from its timers. */
    get alive() {
      return Date.now() < deadline;
    },

    close() {
      names.length = 0;
      end("forced close");
    },
  };

  const arm = (delay, reason, details) => {
    clearTimeout(timer);
    deadline = Date.now() + delay;
    // a longer timer would fire at once
    timer = setTimeout(() => end(reason, details), Math.min(delay, 2 ** 31 - 1));
  };

  const dial = () => {
    const name = (engine.name = names.shift());
    // only the holder of the present token is heard
    const mine = (token = {});
    const own = (fn) => (...args) => mine === token && fn(...args);
    const broken = own((description) =>
      end("transport error", Object.assign(new Error(name + " error"), { description })));
    if (opts.timeout) arm(opts.timeout, "transport error", new Error("timeout"));
    try {
      engine.transport = { name, ...TRANSPORTS[name](engine, own(receive), broken, own(end)) };
    } catch (error) {
      queueMicrotask(() => broken(error));
    }
  };

  const opened = ({ sid, pingInterval, pingTimeout, maxPayload }) => {
    patience = pingInterval + pingTimeout;
    if (!sid || !(patience > 0)) fail("invalid packet");
    Object.assign(engine, { id: sid, maxPayload });
    arm(patience, "ping timeout");
    manager._opened();
  };

  const receive = (data) => {
    try {
      if (typeof data !== "string") return manager._receive(data);
      const type = data[0], body = data.slice(1);
      if ((type === "0") === !!engine.id) fail("invalid packet");
      if (type === "0") opened(JSON.parse(body));
      else if (type === "1") end("transport close", { description: "transport closed by the server" });
      else if (type === "2") {
        arm(patience, "ping timeout");
        engine.transport.send(["3"]);
        manager._fire("ping");
      } else if (type === "4") manager._receive(body);
      else if (type === "b") manager._receive(Uint8Array.from(atob(body), (char) => char.charCodeAt(0)).buffer);
      else if (type !== "6") fail("invalid packet");
    } catch (error) {
      end("parse error", error);
    }
  };

  /** @param {string} reason @param {any} [details] */
  const end = (reason, details) => {
    if (!token) return;
    token = null;
    clearTimeout(timer);
    engine.transport?.close(engine.id && !reason.startsWith("transport"));
    if (!engine.id && names.length) dial();
    else manager._ended(reason, details);
  };

  dial();
  return engine;
};

/** One connection to one origin, shared by the sockets of its namespaces; reconnects. */
class Manager extends Emitter {
  /** @type {any} the Engine.IO session, if there is one: id, transport.name, close() */
  engine = null;
  _sockets = new Map();
  _attempts = 0;

  /** @param {string} uri the origin: "https://example.com" @param {Options} [opts] */
  constructor(uri, opts) {
    super();
    this.uri = uri;
    this.opts = { ...DEFAULTS, ...opts };
  }

  /** The socket of a namespace, always the same one. @param {string} nsp @param {Options} [opts] */
  socket(nsp, opts = this.opts) {
    const socket = this._sockets.get(nsp) ?? new Socket(this, nsp, opts);
    this._sockets.set(nsp, socket);
    if (this.opts.autoConnect) socket.connect();
    return socket;
  }

  /** Connects, unless that is done, under way or waiting for its turn. */
  open() {
    if (this.engine || this._retry) return;
    this._stopped = false;
    this._decode = decoder();
    this.engine = openEngine(this);
  }

  close() {
    this._stopped = true;
    this._attempts = 0;
    clearTimeout(this._retry);
    this._retry = null;
    this.engine?.close();
  }

  get _active() {
    return [...this._sockets.values()].filter((socket) => socket.active);
  }

  /** @param {[type: number, nsp: string, data?: any, id?: string]} packet */
  _send(...packet) {
    this.engine?.transport.send(encode(...packet));
  }

  _receive(message) {
    const packet = this._decode(message);
    const socket = this._sockets.get(packet?.nsp);
    if (socket?.active) socket._receive(packet);
    // left before the answer came: leave no ghost behind
    else if (packet?.type === CONNECT) this._send(DISCONNECT, packet.nsp);
  }

  _opened() {
    const attempts = this._attempts;
    this._attempts = 0;
    this._fire("open");
    for (const socket of this._active) socket._join();
    if (attempts) this._fire("reconnect", attempts);
  }

  _ended(reason, details) {
    const { opts, engine } = this;
    this.engine = null;
    if (engine?.id || this._stopped) {
      this._fire("close", reason, details);
      for (const socket of this._active) socket._closed(reason, details);
    } else {
      const error = details instanceof Error ? details : new Error(reason);
      this._fire("error", error);
      for (const socket of this._active) socket._fire("connect_error", error);
      if (this._attempts) this._fire("reconnect_error", error);
    }
    if (!opts.reconnection || this._stopped || this.engine) return;
    if (this._attempts >= opts.reconnectionAttempts) {
      this._attempts = 0;
      return this._fire("reconnect_failed");
    }
    // full jitter: the clients of a restarted server spread over the whole interval
    const delay = Math.random() * Math.min(opts.reconnectionDelayMax, opts.reconnectionDelay * 2 ** this._attempts++);
    this._retry = setTimeout(() => {
      this._retry = null;
      this._fire("reconnect_attempt", this._attempts);
      if (!this._stopped) this.open();
    }, delay);
  }
}

/** One namespace on one connection: what the application holds. */
class Socket extends Emitter {
  /** @type {string | undefined} */
  id;
  connected = false;
  recovered = false;
  /** Whether it is connected, or will be without further help. */
  active = false;
  _flags = {};
  _ids = 0;
  // ack id -> settle(error, args)
  _acks = new Map();
  // emitted while offline
  _unsent = [];
  // recovered events come before the CONNECT reply
  _early = [];

  constructor(io, nsp, opts) {
    super();
    this.io = io;
    this.nsp = nsp;
    this.auth = opts.auth;
    this._opts = opts;
  }

  get disconnected() {
    return !this.connected;
  }

  /** The next emit is dropped if it cannot leave at once. */
  get volatile() {
    this._flags.volatile = true;
    return this;
  }

  /** The ack of the next emit gets `(error, ...args)`, after so many milliseconds at the latest. */
  timeout(timeout) {
    this._flags.timeout = timeout;
    return this;
  }

  connect() {
    const join = !this.active && this.io.engine?.id;
    this.active = true;
    if (join) this._join();
    this.io.open();
    return this;
  }

  disconnect() {
    const { connected } = this;
    if (connected) this.io._send(DISCONNECT, this.nsp);
    this._leave();
    if (connected) this._closed("io client disconnect");
    return this;
  }

  open() {
    return this.connect();
  }

  close() {
    return this.disconnect();
  }

  send(...args) {
    return this.emit("message", ...args);
  }

  /** `emit(event, ...args, ack?)` */
  emit(...data) {
    const { volatile, timeout = this._opts.ackTimeout } = this._flags;
    this._flags = {};
    if (RESERVED.includes(data[0])) fail(`"${data[0]}" is a reserved event name`);
    const ack = typeof data.at(-1) === "function" && data.pop();
    const id = ack ? this._ids++ : undefined;
    const packet = { id, data, messages: encode(EVENT, this.nsp, data, id) };
    const online = this.connected && this.io.engine?.alive;
    if (!online && !volatile) wait(this._unsent, packet);
    if (ack) this._expect(packet, ack, timeout);
    if (online && (!volatile || this.io.engine.transport.writable())) this._transmit(packet);
    return this;
  }

  /** @returns {Promise<any>} */
  emitWithAck(...data) {
    return new Promise((resolve, reject) => {
      const ack = (error, value) => error ? reject(error) : resolve(value);
      ack.errorFirst = true;
      this.emit(...data, ack);
    });
  }

  onAny(fn) {
    return this.on(ANY, fn);
  }

  offAny(fn) {
    return this.off(ANY, fn);
  }

  onAnyOutgoing(fn) {
    return this.on(ANY_OUTGOING, fn);
  }

  offAnyOutgoing(fn) {
    return this.off(ANY_OUTGOING, fn);
  }

  _expect(packet, ack, timeout) {
    const errorFirst = ack.errorFirst || timeout != null;
    let timer;
    packet.settle = (error, args) => {
      clearTimeout(timer);
      this._acks.delete(packet.id);
      if (errorFirst) call(this, ack, error ? [error] : [null, ...args]);
      else if (!error) call(this, ack, args);
    };
    if (timeout != null) timer = setTimeout(() => {
      this._unsent = this._unsent.filter((it) => it !== packet);
      packet.settle(new Error("operation has timed out"));
    }, timeout);
  }

  /** @param {any} packet */
  _transmit({ id, data, messages, settle }) {
    this._fire(ANY_OUTGOING, ...data);
    if (settle) this._acks.set(id, settle);
    this.io.engine?.transport.send(messages);
  }

  _join() {
    const { io, auth } = this;
    const { engine } = io;
    const join = (auth) => {
      const data = { pid: this._pid, offset: this._offset, ...auth };
      // a slow auth function may have missed its connection
      if (this.active && io.engine === engine) io._send(CONNECT, this.nsp, data);
    };
    if (typeof auth === "function") call(this, auth, [join]);
    else join(auth);
  }

  _leave() {
    this.active = false;
    if (!this.io._active.length) this.io.close();
  }

  _receive({ type, id, data }) {
    if (type === ACK) this._acks.get(+id)?.(null, data);
    else if (type === EVENT) {
      if (this.connected) this._event(data, id);
      else wait(this._early, [data, id]);
    } else if (type === CONNECT && data.sid) this._connected(data);
    else {
      this._leave();
      if (type === DISCONNECT) this._closed("io server disconnect");
      // CONNECT without a sid is what a Socket.IO v2 server says
      else this._fire("connect_error", Object.assign(new Error(data.message ?? "no sid"), { data: data.data }));
    }
  }

  _connected({ sid, pid }) {
    this.recovered = !!pid && pid === this._pid;
    this._pid = pid;
    this.id = sid;
    this.connected = true;
    for (const [data, id] of this._early.splice(0)) this._event(data, id);
    // a listener may disconnect
    while (this.connected && this._unsent.length) this._transmit(this._unsent.shift());
    if (this.connected) this._fire("connect");
  }

  _event(data, id) {
    // an answer goes out once, to the session that asked
    let sid = id && this.id;
    if (id) data.push((...answer) => {
      if (sid && sid === this.id) this.io._send(ACK, this.nsp, answer, id);
      sid = null;
    });
    this._fire(ANY, ...data);
    this._fire(data[0], ...data.slice(1));
    // with recovery, the server's events end with an offset
    const last = data.at(-1);
    if (this._pid && typeof last === "string") this._offset = last;
  }

  _closed(reason, details) {
    this.connected = false;
    this.id = undefined;
    // their offset was not taken: a recovery brings them again
    this._early = [];
    // and would bring again what this cannot take
    if (reason === "parse error") this._pid = undefined;
    this._fire("disconnect", reason, details);
    for (const settle of this._acks.values()) settle(new Error("socket has been disconnected"));
  }
}

const managers = new Map();

/**
 * The socket of the namespace that is the path of the url: `io("https://example.com/admin", { auth })`.
 * @param {string | Options} [url] in a page, the page's origin is the default @param {Options} [opts]
 * @returns {Socket}
 */
function io(url = "/", opts = {}) {
  if (typeof url !== "string") return io("/", url);
  if (!/^(\w+:\/)?\//.test(url)) url = "//" + url;
  const { origin, pathname, searchParams } = new URL(url, globalThis.location?.href);
  const uri = origin.replace(/^ws/, "http");
  const nsp = decodeURI(pathname);
  const key = uri + (opts.path ?? DEFAULTS.path);
  const shared = managers.get(key);
  const alone = opts.forceNew || opts.multiplex === false || shared?._sockets.has(nsp);
  const query = Object.fromEntries(searchParams);
  const manager = (!alone && shared) || new Manager(uri, { query, ...opts });
  if (!alone) managers.set(key, manager);
  return manager.socket(nsp, opts);
}

Object.assign(io, { io, connect: io, Manager, Socket });

export { io, io as connect, io as default, Manager, Socket }; // module-only
