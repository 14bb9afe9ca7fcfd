// The options of the fixture about HTTP requests: what the program does in their way.
//
// in:  the name of an option, the arguments behind it
// out: changed options, and functions that are called with the finished server
import { setTimeout as sleep } from "node:timers/promises";

/** Reads one option; false if it is none of these. */
export function readHttpOption(name, rest, options, setups) {
  switch (name) {
    case "--middleware":
      setups.push(middleware(rest.shift()));
      break;
    case "--headers":
      setups.push(addHeaders);
      break;
    case "--refusals":
      setups.push((io) => io.engine.on("connection_error", report));
      break;
    case "--initial-packet":
      options.initialPacket = rest.shift();
      break;
    case "--generate-id":
      setups.push(generateId(rest.shift()));
      break;
    case "--allow-request-token": {
      const token = rest.shift();
      options.allowRequest = async (request, answer) => {
        await sleep(1);
        answer(null, request._query.token === token);
      };
      break;
    }
    case "--no-trailing-slash":
      options.addTrailingSlash = false;
      break;
    case "--no-serve-client":
      options.serveClient = false;
      break;
    case "--client-folder":
      // The package serves its own.
      rest.shift();
      break;
    case "--cors-options":
      options.cors = cors(JSON.parse(rest.shift()));
      break;
    default:
      return false;
  }
  return true;
}

function middleware(text) {
  const [kind, value = ""] = text.split(":");
  const [header, content] = value.split("=");
  const set = (response) => response.setHeader(header, [].concat(response.getHeader(header) ?? [], content).join(", "));
  const kinds = {
    header: (_, response, next) => (set(response), next()),
    later: async (_, response, next) => {
      await sleep(10);
      set(response);
      next();
    },
    end: (_, response) => {
      response.statusCode = Number(value);
      response.end("ended");
    },
    fail: (_, __, next) => next(new Error("no way")),
  };
  if (!(kind in kinds)) throw new Error(`unknown middleware ${kind}`);
  return (io) => io.engine.use(kinds[kind]);
}

function addHeaders(io) {
  const add = (headers, name) => {
    headers[name] = "yes";
    headers["Set-Cookie"] = [].concat(headers["Set-Cookie"] ?? [], `${name}=1`);
  };
  io.engine.on("initial_headers", (headers, request) => {
    add(headers, "x-initial");
    headers["x-transport"] = request._query.transport;
  });
  io.engine.on("headers", (headers) => add(headers, "x-each"));
}

function report({ code, message, context }) {
  const { name = null, error, ...rest } = context;
  if ("transport" in rest) rest.transport ??= null;
  console.log(`refused ${JSON.stringify({ code, message, name, context: rest })}`);
}

function generateId(kind) {
  const id = (request) => request._query.id ?? "";
  const kinds = {
    sync: id,
    async: async (request) => (await sleep(1), id(request)),
    fail: () => {
      throw new Error("no ids today");
    },
  };
  return (io) => (io.engine.generateId = kinds[kind]);
}

function cors(options) {
  const { origin } = options;
  // In a list a star makes a pattern.
  const pattern = (text) =>
    text.includes("*") ? new RegExp(`^${text.replaceAll(".", "\\.").replaceAll("*", "[A-Za-z0-9.-]+")}$`) : text;
  if (Array.isArray(origin)) options.origin = origin.map(pattern);
  if (origin?.endsWith) {
    const suffix = origin.endsWith;
    if (typeof suffix === "string") options.origin = (asked, answer) => answer(null, asked?.endsWith(suffix) ?? false);
  }
  return options;
}
