// A client that costs little, for it is part of every figure: one kept-alive connection, questions that are prepared bytes,
// and of an answer only its head.

import { once } from "node:events";
import net from "node:net";

const HEAD_END = "\r\n\r\n";
const LAST_CHUNK = "0\r\n\r\n";

/** A question as it goes out. @param {string} url @param {object} [value] posted as JSON */
export function question(url, value) {
  const { host, pathname, search } = new URL(url);
  const body = value === undefined ? "" : JSON.stringify(value);
  const lines = [`${body ? "POST" : "GET"} ${pathname}${search} HTTP/1.1`, `Host: ${host}`];
  if (body) {
    lines.push("Content-Type: application/json", `Content-Length: ${Buffer.byteLength(body)}`);
  }
  return Buffer.from(`${lines.join("\r\n")}${HEAD_END}${body}`);
}

export class Connection {
  #socket;
  /** What came of an answer whose head is not whole yet. */
  #start = Buffer.alloc(0);
  #head = "";
  /** Takes a piece of the body, and says whether it was the last. @type {((piece: Buffer) => boolean) | null} */
  #isLast = null;
  #pending = null;

  /** @param {number} port */
  static async open(port) {
    const connection = new Connection();
    const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    socket.on("data", (piece) => connection.#take(piece));
    socket.on("error", (error) => connection.#pending?.reject(error));
    socket.on("close", () => connection.#pending?.reject(new Error("the connection was closed")));
    connection.#socket = socket;
    return connection;
  }

  close() {
    this.#pending = null;
    this.#socket.destroy();
  }

  /** One at a time. @param {Buffer} question @returns {Promise<string>} the head of the answer, when all of it is there */
  ask(question) {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#socket.write(question);
    });
  }

  #take(piece) {
    if (this.#isLast) return this.#takeBody(piece);
    this.#start = this.#start.length > 0 ? Buffer.concat([this.#start, piece]) : piece;
    const end = this.#start.indexOf(HEAD_END);
    if (end < 0) return;
    this.#head = this.#start.toString("latin1", 0, end);
    this.#isLast = bodyOf(this.#head);
    const rest = this.#start.subarray(end + HEAD_END.length);
    this.#start = Buffer.alloc(0);
    this.#takeBody(rest);
  }

  #takeBody(piece) {
    if (!this.#isLast(piece)) return;
    this.#isLast = null;
    const { resolve } = this.#pending;
    this.#pending = null;
    resolve(this.#head);
  }
}

/** @param {string} head @returns {(piece: Buffer) => boolean} */
function bodyOf(head) {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  return length === undefined ? chunked() : counted(Number(length));
}

function counted(length) {
  let left = length;
  return (piece) => {
    left -= piece.length;
    return left <= 0;
  };
}

/** Nothing follows an answer before the next question: the last chunk ends what there is. */
function chunked() {
  let end = "";
  return (piece) => {
    end = (end + piece.toString("latin1", Math.max(0, piece.length - LAST_CHUNK.length))).slice(
      -LAST_CHUNK.length,
    );
    return end === LAST_CHUNK;
  };
}
