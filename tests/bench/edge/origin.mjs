// The origin, on a thread of its own: it answers as fast as Node does, or as late as it is told, and counts.

import { once } from "node:events";
import http from "node:http";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { postOf } from "./board.mjs";

/** What the two threads share. */
const READS = 0;
const DELAY_MS = 1;

/** The lifetime that the protocol gives to a context that says nothing: stale at once, and good for five minutes more. */
const CONTEXT = "public, max-age=0, stale-while-revalidate=300";

export class Origin {
  #shared = new Int32Array(new SharedArrayBuffer(8));
  #thread = new Worker(new URL(import.meta.url), { workerData: this.#shared });
  port = 0;

  static async start() {
    const origin = new Origin();
    [origin.port] = await once(origin.#thread, "message");
    return origin;
  }

  async stop() {
    await this.#thread.terminate();
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** How many contexts it was asked for. */
  get reads() {
    return Atomics.load(this.#shared, READS);
  }

  /** From now on it takes so long for each answer. @param {number} ms */
  delay(ms) {
    Atomics.store(this.#shared, DELAY_MS, ms);
  }
}

async function serve() {
  const server = http.createServer(async (request, response) => {
    const answer = request.method === "POST" ? changed(await bodyOf(request)) : read(request.url);
    const delay = Atomics.load(workerData, DELAY_MS);
    if (delay > 0) setTimeout(send, delay, response, answer);
    else send(response, answer);
  });
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  parentPort.postMessage(server.address().port);
}

async function bodyOf(request) {
  return JSON.parse(Buffer.concat(await request.toArray()));
}

function read(url) {
  Atomics.add(workerData, READS, 1);
  const id = new URL(url, "http://origin").searchParams.get("post_id");
  return { cacheControl: CONTEXT, value: postOf(Number(id)) };
}

const changed = ({ params }) => ({
  cacheControl: "no-store",
  value: { result: true, invalidate: [{ context: "post", params }] },
});

function send(response, { cacheControl, value }) {
  const body = JSON.stringify(value);
  response.writeHead(200, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": cacheControl,
    Vary: "Authorization, Cookie",
  });
  response.end(body);
}

if (!isMainThread) await serve();
