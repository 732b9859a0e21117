// A stand-in for the Django app: it speaks the protocol, remembers what it was asked, and
// misbehaves where a test says so.

import { once } from "node:events";
import http from "node:http";
import { createRequire } from "node:module";
import { withResolvers } from "./promises.mjs";

const { WebSocketServer } = createRequire(
  new URL("../../../templates/package.json", import.meta.url),
)("ws");

const CACHEABLE = "public, max-age=0, stale-while-revalidate=300";

export class FakeOrigin {
  /** Every request, with its raw headers. */
  requests = [];
  /** What the contexts answer with. */
  version = "v1";
  /** Handlers by path, with or without its query, before the usual ones: `(request, response, bytes) => void`. */
  faults = new Map();

  #server = http.createServer((request, response) => this.#receive(request, response));

  static async start() {
    const origin = new FakeOrigin();
    // The Edge alone ends idle connections: if both did, one could be chosen for a question while it ends.
    origin.#server.keepAliveTimeout = 0;
    origin.#server.listen(0, "127.0.0.1");
    await once(origin.#server, "listening");
    origin.#acceptSockets();
    return origin;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** Requests to a path, oldest first; with a query, only those with that query. */
  asked(path) {
    return this.requests.filter(({ url }) => url === path || pathOf(url) === path);
  }

  /**
   * From now on questions to this path wait until the gate is opened, however long that takes.
   * @param {string} path @param {(request: object, response: object) => void} [answer] instead of the usual one
   */
  hold(path, answer = this.#usual(pathOf(path))) {
    const opened = withResolvers();
    const gate = { questions: 0, open: opened.resolve };
    this.faults.set(path, async (...question) => {
      gate.questions += 1;
      await opened.promise;
      answer.call(this, ...question);
    });
    return gate;
  }

  async #receive(request, response) {
    const chunks = await request.toArray().catch(() => null);
    if (!chunks) return; // who asked was killed meanwhile
    const bytes = Buffer.concat(chunks);
    const body = bytes.toString();
    const { method, url, headers, rawHeaders } = request;
    this.requests.push({ method, url, headers, rawHeaders, body });
    const pathname = pathOf(url);
    const handle = this.faults.get(url) ?? this.faults.get(pathname) ?? this.#usual(pathname);
    handle.call(this, request, response, bytes);
  }

  #usual(pathname) {
    if (pathname === "/api/mizan/call/") return this.#call;
    if (pathname.startsWith("/api/mizan/ctx/")) return this.#context;
    return this.#page;
  }

  #context(request, response) {
    const { pathname, searchParams } = new URL(request.url, "http://origin");
    const name = pathname.split("/").at(-2);
    const isPrivate = name === "me";
    if (isPrivate && !request.headers.cookie) return refuse(response, 401);
    if (searchParams.get("post_id") === "404") return refuse(response, 404);
    if (name === "post" && !/^\d+$/.test(searchParams.get("post_id"))) return refuse(response, 422);
    json(response, 200, isPrivate ? "private, max-age=0, stale-while-revalidate=300" : CACHEABLE, {
      name,
      query: Object.fromEntries(searchParams),
      version: this.version,
      who: request.headers.cookie ?? null,
    });
  }

  /** A mutation sets the version and invalidates what its parameters say. */
  #call(_request, response, bytes) {
    const { params = {} } = JSON.parse(bytes);
    if (params.version) this.version = params.version;
    json(response, params.status ?? 200, "no-store", {
      result: true,
      invalidate: params.invalidate ?? [],
    });
  }

  #page(request, response) {
    response.writeHead(200, { "Content-Type": "text/plain" });
    response.end(`origin ${request.method} ${request.url}`);
  }

  #acceptSockets() {
    const sockets = new WebSocketServer({ server: this.#server });
    sockets.on("connection", (socket, request) => {
      this.requests.push({ method: "WS", url: request.url, headers: request.headers });
      socket.on("message", (data) => socket.send(`echo ${data}`));
    });
  }
}

export function json(response, status, cacheControl, value, headers = {}) {
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Cache-Control": cacheControl,
    Vary: "Authorization, Cookie",
    ...headers,
  });
  response.end(JSON.stringify(value));
}

const pathOf = (url) => new URL(url, "http://origin").pathname;

const refuse = (response, status) => json(response, status, "no-store", { error: status });
