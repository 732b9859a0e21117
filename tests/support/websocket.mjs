// A WebSocket client that judges how a connection ends (RFC 6455, no extensions); Node 20 has none of its own.

import { createHash, randomBytes } from "node:crypto";
import { request } from "node:http";
import { lookup } from "./loopback.mjs";

const OPCODE = { text: 0x1, close: 0x8, ping: 0x9, pong: 0xa };
const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** The codes of a server that goes away in good order: normal, going away, service restart. */
const ORDERLY = new Set([1000, 1001, 1012]);

/** Opens `url` (http:) and resolves to a connection, or rejects with why the upgrade failed. */
export function connect(url, timeout) {
  const key = randomBytes(16).toString("base64");
  return new Promise((resolve, reject) => {
    const upgrade = request(url, {
      lookup,
      agent: false,
      timeout,
      headers: upgradeHeaders(url, key),
    });
    upgrade.on("upgrade", (response, socket, head) => {
      if (response.headers["sec-websocket-accept"] === acceptKey(key))
        resolve(new Connection(socket, head));
      else reject(new Error("upgrade with a wrong Sec-WebSocket-Accept"));
    });
    upgrade.on("response", (response) => {
      response.resume();
      reject(new Error(`upgrade answered ${response.statusCode}`));
    });
    upgrade.on("timeout", () => upgrade.destroy(new Error("upgrade timed out")));
    upgrade.on("error", reject);
    upgrade.end();
  });
}

function upgradeHeaders(url, key) {
  return {
    Connection: "Upgrade",
    Upgrade: "websocket",
    Origin: new URL(url).origin,
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": key,
  };
}

function acceptKey(key) {
  return createHash("sha1")
    .update(key + ACCEPT_SUFFIX)
    .digest("base64");
}

class Connection {
  /** Settles when the connection is over: `{orderly, code}`; it never rejects. */
  closed;
  #socket;
  #buffer = Buffer.alloc(0);
  #code = null;
  #over = false;
  #pings = 0;
  #awaited = new Map();
  #settle;

  constructor(socket, head) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    socket.setTimeout(0);
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", () => {}); // "close" follows and says all there is to say
    socket.on("close", () => this.#ended());
    this.#receive(head);
  }

  /**
   * Asks the application itself, as anything in between may answer a ping frame. Resolves to true when it
   * answered, to false when the connection ended or `timeout` passed first.
   */
  ping(timeout) {
    if (this.#over) return Promise.resolve(false);
    const token = ++this.#pings;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeout, false);
      this.#awaited.set(token, (answered) => {
        clearTimeout(timer);
        resolve(answered);
      });
      this.#send(OPCODE.text, Buffer.from(JSON.stringify({ ping: token })));
    });
  }

  /** Says goodbye; the server gets `timeout` to answer in kind. */
  async close(timeout) {
    this.#send(OPCODE.close, closePayload(1000));
    const timer = setTimeout(() => this.#socket.destroy(), timeout);
    const end = await this.closed;
    clearTimeout(timer);
    return end;
  }

  #receive(chunk) {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    for (let frame = takeFrame(this.#buffer); frame; frame = takeFrame(this.#buffer)) {
      this.#buffer = frame.rest;
      this.#handle(frame);
    }
  }

  #handle({ opcode, payload }) {
    if (opcode === OPCODE.ping) this.#send(OPCODE.pong, payload);
    if (opcode === OPCODE.text) this.#awaited.get(JSON.parse(payload).pong)?.(true);
    if (opcode === OPCODE.close) {
      this.#code = payload.length >= 2 ? payload.readUInt16BE(0) : 1000;
      this.#send(OPCODE.close, closePayload(1000));
      this.#socket.end();
    }
  }

  #ended() {
    this.#over = true;
    for (const answer of this.#awaited.values()) answer(false);
    this.#settle({ orderly: ORDERLY.has(this.#code), code: this.#code });
  }

  #send(opcode, payload) {
    if (this.#socket.writable) this.#socket.write(maskedFrame(opcode, payload));
  }
}

function closePayload(code) {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return payload;
}

/** The first whole frame of `buffer`, or null. Servers never mask. */
function takeFrame(buffer) {
  if (buffer.length < 2) return null;
  const short = buffer[1] & 0x7f;
  const start = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (buffer.length < start) return null;
  const length =
    short < 126
      ? short
      : short === 126
        ? buffer.readUInt16BE(2)
        : Number(buffer.readBigUInt64BE(2));
  const end = start + length;
  if (buffer.length < end) return null;
  return {
    opcode: buffer[0] & 0x0f,
    payload: buffer.subarray(start, end),
    rest: buffer.subarray(end),
  };
}

/** A client must mask; control frames are below 126 bytes. */
function maskedFrame(opcode, payload) {
  const mask = randomBytes(4);
  const masked = Buffer.from(payload.map((byte, index) => byte ^ mask[index % 4]));
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length]), mask, masked]);
}
