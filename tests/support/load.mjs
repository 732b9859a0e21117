#!/usr/bin/env node
// A bounded load on a running board, which counts what a visitor would have seen fail.
//
//   node load.mjs --url http://board.localhost:8080 [--seconds 60] [--requests N] [--at-least N]
//                 [--get PATH]... [--websocket PATH] [--version-pattern REGEX]
//                 [--fresh 4] [--kept 4] [--posts 1] [--sockets 1]
//
// Four kinds of client run at once: GET on a fresh connection each time, GET on kept-alive connections, POST (a
// mutation with its CSRF token), and WebSockets that are asked for a sign of life, and reconnect only when the server closed in good
// order. It says so on stderr when every client has been to each PATH (a lap). It ends after --seconds, after
// --requests, or on SIGTERM: then not before --at-least requests, nor before every client has made another lap.
// It prints one line of JSON to stdout, and exits with 1 if anything failed.

import { Agent, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { lookup } from "./loopback.mjs";
import { connect } from "./websocket.mjs";

const REQUEST_TIMEOUT_MS = 60_000; // nobody waits so long for a page, but a busy machine may make them
const POST_PAUSE_MS = 20; // a writer is a person: reads must outnumber writes, or nothing is ever cached
const PING_PAUSE_MS = 100;
const ERRORS_KEPT = 5;

const options = parseOptions(process.argv.slice(2));
const tally = { errors: [], versions: {}, kinds: {} };
const started = performance.now();
const deadline = started + options.seconds * 1000;
let stopping = false;

process.on("SIGTERM", stop);
process.on("SIGINT", stop);
const all = [
  ...clients("fresh", options.fresh, getFresh),
  ...clients("kept", options.kept, getKept),
  ...clients("post", options.posts, post),
  ...clients("websocket", options.sockets, holdSocket),
];
await Promise.all(all.map((client) => client.firstLap));
process.stderr.write(`load on ${options.url.origin}\n`);
await Promise.all(all.map((client) => client.end));
console.log(JSON.stringify(report()));
process.exitCode = total("failed") === 0 ? 0 : 1;

function parseOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      url: { type: "string" },
      seconds: { type: "string", default: "60" },
      requests: { type: "string", default: "Infinity" },
      "at-least": { type: "string", default: "0" },
      get: { type: "string", multiple: true, default: ["/", "/posts/1/", "/api/mizan/ctx/posts/"] },
      websocket: { type: "string", default: "/ws/mizan/" },
      "version-pattern": { type: "string" },
      fresh: { type: "string", default: "4" },
      kept: { type: "string", default: "4" },
      posts: { type: "string", default: "1" },
      sockets: { type: "string", default: "1" },
    },
  });
  if (!values.url) throw new Error("--url is required");
  return {
    url: new URL(values.url),
    paths: values.get,
    websocket: new URL(values.websocket, values.url),
    versionPattern: values["version-pattern"] && new RegExp(values["version-pattern"]),
    seconds: Number(values.seconds),
    requests: Number(values.requests),
    atLeast: Number(values["at-least"]),
    fresh: Number(values.fresh),
    kept: Number(values.kept),
    posts: Number(values.posts),
    sockets: Number(values.sockets),
  };
}

function stop() {
  stopping = true;
}

function running() {
  const done = total("ok") + total("failed");
  if (performance.now() >= deadline || done >= options.requests) return false;
  return !stopping || done < options.atLeast;
}

/** Starts `count` loops of one kind, each with a state of its own (`session`). */
function clients(kind, count, step) {
  tally.kinds[kind] = { ok: 0, failed: 0 };
  return Array.from({ length: count }, (_, index) => {
    const session = { index, turn: index };
    const lap = async () => {
      for (const _path of options.paths) await attempt(kind, () => step(session));
    };
    const firstLap = lap();
    return { firstLap, end: firstLap.then(() => goOn(kind, session, step, lap)) };
  });
}

/** Whoever stopped the load wants to know how it went from then on: hence the last lap. */
async function goOn(kind, session, step, lap) {
  while (running()) await attempt(kind, () => step(session));
  if (stopping) await lap();
  session.agent?.destroy();
  await session.socket?.close(1000);
}

async function attempt(kind, step) {
  try {
    await step();
    tally.kinds[kind].ok += 1;
  } catch (error) {
    tally.kinds[kind].failed += 1;
    const at = Math.round(performance.now() - started);
    if (tally.errors.length < ERRORS_KEPT) tally.errors.push({ kind, at, error: describe(error) });
    await pause(10); // a server that is gone answers at once: do not spin
  }
}

async function getFresh(session) {
  await get(session, { agent: false, headers: { Connection: "close" } });
}

async function getKept(session) {
  session.agent ??= new Agent({ keepAlive: true, maxSockets: 1 });
  await get(session, { agent: session.agent });
}

async function get(session, settings) {
  const path = options.paths[session.turn++ % options.paths.length];
  const answer = await send(path, settings);
  if (answer.status !== 200)
    throw new Error(`GET ${path} answered ${answer.status}: ${excerpt(answer.body)}`);
  noteVersion(answer.body);
}

async function post(session) {
  session.agent ??= new Agent({ keepAlive: true, maxSockets: 1 });
  session.csrf ??= await csrfToken(session.agent);
  const params = { post_id: 1, text: `load ${session.index}-${session.turn++}` };
  const answer = await send("/api/mizan/call/", {
    method: "POST",
    agent: session.agent,
    headers: {
      "Content-Type": "application/json",
      Origin: options.url.origin,
      Cookie: `csrftoken=${session.csrf.cookie}`,
      "X-CSRFToken": session.csrf.token,
    },
    body: JSON.stringify({ function: "add_comment", params }),
  });
  if (answer.status !== 200)
    throw new Error(`POST answered ${answer.status}: ${excerpt(answer.body)}`);
  await pause(POST_PAUSE_MS);
}

async function csrfToken(agent) {
  const answer = await send("/api/mizan/csrf/", { agent });
  const cookie = String(answer.headers["set-cookie"]).match(/csrftoken=([^;]+)/)?.[1];
  if (answer.status !== 200 || !cookie)
    throw new Error(`no CSRF cookie: ${answer.status} ${excerpt(answer.body)}`);
  return { cookie, token: JSON.parse(answer.body).csrfToken };
}

/** One ping answered. A connection the server closed in good order is opened anew; anything else is a failure. */
async function holdSocket(session) {
  session.socket ??= await connect(options.websocket, REQUEST_TIMEOUT_MS);
  const alive = await session.socket.ping(REQUEST_TIMEOUT_MS);
  if (!alive) {
    const end = await Promise.race([
      session.socket.closed,
      pause(0, { code: "no answer to a ping" }),
    ]);
    session.socket = undefined;
    if (!end.orderly) throw new Error(`websocket broke: ${end.code ?? "no close frame"}`);
    tally.kinds.websocket.reconnects = (tally.kinds.websocket.reconnects ?? 0) + 1;
    return;
  }
  await pause(PING_PAUSE_MS);
}

function send(path, { body, ...settings }) {
  return new Promise((resolve, reject) => {
    const call = request(new URL(path, options.url), {
      lookup,
      timeout: REQUEST_TIMEOUT_MS,
      ...settings,
    });
    call.on("timeout", () => call.destroy(new Error(`no answer within ${REQUEST_TIMEOUT_MS} ms`)));
    call.on("error", (error) => reject(Object.assign(error, { reused: call.reusedSocket, path })));
    call.on("response", (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({
          status: response.statusCode,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        });
      });
    });
    call.end(body);
  });
}

function noteVersion(body) {
  const version = options.versionPattern?.exec(body)?.at(-1);
  if (version !== undefined) tally.versions[version] = (tally.versions[version] ?? 0) + 1;
}

function report() {
  return {
    ok: total("ok"),
    failed: total("failed"),
    seconds: Math.round((performance.now() - started) / 10) / 100,
    kinds: tally.kinds,
    versions: tally.versions,
    errors: tally.errors,
  };
}

function total(outcome) {
  return Object.values(tally.kinds).reduce((sum, kind) => sum + kind[outcome], 0);
}

function describe(error) {
  const where = error.path ? ` (${error.path}${error.reused ? ", on a kept connection" : ""})` : "";
  return `${error.message}${where}`;
}

function excerpt(body) {
  return body.slice(0, 200).replace(/\s+/g, " ");
}
