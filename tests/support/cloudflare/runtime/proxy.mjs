// Passes a request on to a socket of a workerd process, and its answer back: plain requests,
// WebSockets, and the connections that carry RPC.

import http from "node:http";
import net from "node:net";

/** What concerns one connection only. */
const HOP_BY_HOP = ["connection", "expect", "keep-alive", "proxy-connection"];

/**
 * @param {http.IncomingMessage} request @param {http.ServerResponse} response
 * @param {{ place: object, headers: string[], answerHeaders?: string[], onUncaught: () => void, onDone: () => void }} how
 *   place is a socketPath, or host and port; headers are names and values in turn
 */
export function passRequest(request, response, how) {
  const { place, headers, answerHeaders = [], onUncaught, onDone } = how;
  const upstream = http.request({
    ...place,
    method: request.method,
    path: request.url,
    agent: false,
  });
  for (const [name, values] of grouped(headers)) upstream.setHeader(name, values);
  // Node would add one, and the Worker would see it.
  upstream.removeHeader("Connection");
  upstream.on("response", (answer) => {
    if (isUncaught(answer)) {
      answer.resume();
      onDone();
      return onUncaught();
    }
    response.writeHead(answer.statusCode, answer.statusMessage, [
      ...without(answer.rawHeaders, HOP_BY_HOP),
      ...answerHeaders,
    ]);
    response.flushHeaders();
    answer.pipe(response);
    answer.on("error", () => response.destroy());
    answer.on("close", onDone);
    response.on("close", () => upstream.destroy());
  });
  upstream.on("error", () => {
    onDone();
    // Also when the visitor went away; then nobody hears it.
    response.destroy();
  });
  request.on("aborted", () => upstream.destroy());
  request.pipe(upstream);
}

/** How workerd answers where the Worker threw; a Worker's own answer has other headers. */
const isUncaught = ({ statusCode, headers }) =>
  statusCode === 500 &&
  headers.connection === "close" &&
  headers["content-length"] === "21" &&
  headers["content-type"] === undefined;

/** A WebSocket. @param {import("node:net").Socket} socket of the visitor */
export function passUpgrade(request, socket, head, { place, headers, onDone }) {
  const lines = [`${request.method} ${request.url} HTTP/1.1`];
  for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  passConnection(socket, { place, first: `${lines.join("\r\n")}\r\n\r\n`, head, onDone });
}

/** A connection that carries RPC: what the caller asked for is asked of the process. */
export function passConnect(socket, head, { place, onDone }) {
  passConnection(socket, {
    place,
    first: "CONNECT rpc HTTP/1.1\r\nHost: rpc\r\n\r\n",
    head,
    onDone,
  });
}

function passConnection(socket, { place, first, head, onDone }) {
  const upstream = net.connect(place.socketPath ? { path: place.socketPath } : place);
  const end = () => {
    socket.destroy();
    upstream.destroy();
    onDone();
  };
  for (const side of [socket, upstream]) side.on("error", end).on("close", end);
  upstream.write(first);
  upstream.write(head);
  socket.pipe(upstream);
  upstream.pipe(socket);
}

/** Raw headers without those of these names. @param {string[]} raw names and values in turn */
export function without(raw, names) {
  const kept = [];
  for (let at = 0; at < raw.length; at += 2) {
    if (!names.includes(raw[at].toLowerCase())) kept.push(raw[at], raw[at + 1]);
  }
  return kept;
}

/** Values by name, as it was first written. @param {string[]} raw names and values in turn */
function grouped(raw) {
  const groups = new Map();
  for (let at = 0; at < raw.length; at += 2) {
    const key = raw[at].toLowerCase();
    if (!groups.has(key)) groups.set(key, [raw[at], []]);
    groups.get(key)[1].push(raw[at + 1]);
  }
  return [...groups.values()].map(([name, values]) => [
    name,
    values.length > 1 ? values : values[0],
  ]);
}

/** The headers that are passed on: those of a connection are not, nor those of ours if asked. */
export const passedHeaders = (request, { isUpgrade = false, drop = [] } = {}) =>
  without(request.rawHeaders, isUpgrade ? drop : [...HOP_BY_HOP, ...drop]);
