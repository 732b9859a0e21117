// Requests as no client would send them: bytes into a socket, and what came back.

import net from "node:net";
import { withResolvers } from "./promises.mjs";

/** @param {number} port @param {string} text one byte for each character @returns {Promise<string>} what came until the other end closed */
export function sendRaw(port, text) {
  const { promise, resolve } = withResolvers();
  let received = "";
  const socket = net.connect(port, "127.0.0.1", () => socket.write(text, "latin1"));
  socket.setEncoding("latin1");
  socket.on("data", (data) => {
    received += data;
  });
  // A refusal may be a reset; what came before it counts.
  socket.on("error", () => resolve(received));
  socket.on("close", () => resolve(received));
  return promise;
}

/**
 * @param {object} request @param {string} [request.method] @param {string} request.target as it is written
 * @param {string[]} [request.headers] lines @param {string} [request.body]
 */
export function rawRequest({ method = "GET", target, headers = [], body = "" }) {
  const own = headers.some((line) => /^(content-length|transfer-encoding):/i.test(line));
  const lines = [
    `${method} ${target} HTTP/1.1`,
    "Host: board.localhost:8000",
    "Connection: close",
    ...headers,
    ...(body && !own ? [`Content-Length: ${body.length}`] : []),
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

/** @param {string} answer */
export const statusOf = (answer) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
