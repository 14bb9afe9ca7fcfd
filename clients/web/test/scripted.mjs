/**
 * A server without a protocol: tests say byte by byte what it sends, and see what it got.
 * In: the test's context. Out: `startWebSocketScript()`, `startPollingScript()`.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

export const OPEN = '0{"sid":"engine","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}';

/** Hands out values in the order they came, to whoever waits. */
const inbox = () => {
  const values = [], waiting = [];
  return {
    put: (value) => (waiting.length ? waiting.shift()(value) : values.push(value)),
    take: () => (values.length ? Promise.resolve(values.shift()) : new Promise((resolve) => waiting.push(resolve))),
  };
};

/** Each connection is `{ send(...messages), take(), ws }`; `take` resolves with the next message. */
export const startWebSocketScript = async (t) => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const connections = inbox();
  server.on("connection", (ws) => {
    const messages = inbox();
    ws.on("message", (data, isBinary) => messages.put(isBinary ? data : data.toString()));
    connections.put({ ws, take: messages.take, send: (...all) => all.forEach((message) => ws.send(message)) });
  });
  t.after(() => {
    for (const ws of server.clients) ws.terminate();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, next: connections.take };
};

/** `requests.take()` resolves with `{ method, query, body, answer(text, status?), aborted() }`. */
export const startPollingScript = async (t) => {
  const requests = inbox();
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    requests.put({
      method: request.method,
      query: new URL(request.url, "http://x").searchParams,
      body,
      answer: (text, status = 200) => response.writeHead(status).end(text),
      aborted: () => response.destroyed && !response.writableFinished,
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, next: requests.take };
};
