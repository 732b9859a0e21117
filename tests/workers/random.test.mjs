// Random readers and writers over two processes: nobody misses their own write, and nobody sees
// what was replaced long ago. The seed is printed; set MIZAN_TEST_SEED to repeat one.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { json } from "./support/origin.mjs";
import { Plane } from "./support/plane.mjs";
import { assertMayMiss, sleep } from "./support/promises.mjs";
import { below, seed } from "./support/seeded.mjs";

const POST = "/api/mizan/ctx/post/";
/** A run takes so long, or longer on a machine that needs it for so many writes of each post. */
const RUN_MS = 4000;
const WRITES = 6;
const WRITERS = 4;
const READERS = 4;
const IDS = 3;

let plane;
let ports;
/** By post: its number, and when each number was reached and answered. */
let posts;

before(async () => {
  plane = await Plane.start();
  ports = [plane.port, await plane.startRelease({ data: { release: "r2" } })];
  plane.origin.faults.set(POST, readSlowly);
  plane.origin.faults.set("/api/mizan/call/", writeSlowly);
});
after(() => plane.stop());

/** The number is read first and sent later, as from a database. */
async function readSlowly(request, response) {
  const { n } = posts[new URL(request.url, "http://o").searchParams.get("post_id")];
  await sleep(below(40));
  json(response, 200, "public, max-age=60", { n });
}

/** Committed at a random moment between the request and the answer. */
async function writeSlowly(_request, response, bytes) {
  const { post_id } = JSON.parse(bytes).params;
  await sleep(below(20));
  const n = ++posts[post_id].n;
  await sleep(below(20));
  const invalidate = [{ context: "post", params: { post_id } }];
  json(response, 200, "no-store", { result: n, invalidate });
}

async function readNumber(id, headers) {
  const port = ports[below(ports.length)];
  const answer = await plane.ask(`${POST}?post_id=${id}`, { port, headers });
  return answer.json().n;
}

async function write(isOver) {
  let cookies = "";
  while (!isOver()) {
    const id = below(IDS);
    const port = ports[below(ports.length)];
    const answer = await plane.call("add_comment", { post_id: id }, { Cookie: cookies }, port);
    cookies = answer.cookies;
    const written = answer.json().result;
    posts[id].answered.set(written, Date.now());
    for (let i = below(4); i >= 0; i--) {
      const n = await readNumber(id, { Cookie: cookies });
      assert.ok(n >= written, `wrote ${written} to ${id}, then read ${n}`);
    }
    await sleep(below(100));
  }
}

async function readAsAnyone(isOver, mayMiss) {
  while (!isOver()) {
    const id = below(IDS);
    const asked = Date.now();
    const n = await readNumber(id);
    mayMiss(asked, posts[id].answered.get(n + 1) ?? Number.POSITIVE_INFINITY);
    await sleep(below(30));
  }
}

async function run(mayMiss, meanwhile = async () => {}) {
  posts = Array.from({ length: IDS }, () => ({ n: 0, answered: new Map() }));
  const until = Date.now() + RUN_MS;
  const isOver = () => Date.now() >= until && posts.every(({ n }) => n >= WRITES);
  await Promise.all([
    ...Array.from({ length: WRITERS }, () => write(isOver)),
    ...Array.from({ length: READERS }, () => readAsAnyone(isOver, mayMiss)),
    meanwhile(isOver),
  ]);
}

test(`writers see their writes, and everyone does (seed ${seed})`, () => run(assertMayMiss));

test(`writers see their writes while the hub is killed again and again (seed ${seed})`, () =>
  run(anythingGoes, async (isOver) => {
    while (!isOver()) {
      await sleep(300 + below(300));
      await plane.stopHub("SIGKILL");
      await sleep(below(300));
      await plane.startHub();
    }
  }));

/** Without its hub, a process may answer with what is replaced. */
function anythingGoes() {}
