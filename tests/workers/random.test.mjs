// Random readers and writers over two processes: nobody misses their own write, and nobody sees
// what was replaced long ago. The seed is printed; set MIZAN_TEST_SEED to repeat one.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { json } from "./support/origin.mjs";
import { Plane, sleep } from "./support/plane.mjs";

const POST = "/api/mizan/ctx/post/";
const RUN_MS = 4000;
const WRITERS = 4;
const READERS = 4;
const IDS = 3;
/** Under steady traffic: the log is refreshed each second. (5 s is for a process that was idle.) */
const EVERYONE_WITHIN_MS = 2000;

const seed = Number(process.env.MIZAN_TEST_SEED ?? Date.now() % 2 ** 31);
const random = mulberry32(seed);
const below = (n) => Math.floor(random() * n);

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

async function write(until) {
  let cookies = "";
  while (Date.now() < until) {
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

async function readAsAnyone(until, lateMs) {
  while (Date.now() < until) {
    const id = below(IDS);
    const asked = Date.now();
    const n = await readNumber(id);
    const replaced = posts[id].answered.get(n + 1) ?? Number.POSITIVE_INFINITY;
    assert.ok(asked - replaced <= lateMs, `${n} of ${id}, ${asked - replaced} ms after its end`);
    await sleep(below(30));
  }
}

async function run(lateMs, meanwhile = async () => {}) {
  posts = Array.from({ length: IDS }, () => ({ n: 1, answered: new Map() }));
  const until = Date.now() + RUN_MS;
  await Promise.all([
    ...Array.from({ length: WRITERS }, () => write(until)),
    ...Array.from({ length: READERS }, () => readAsAnyone(until, lateMs)),
    meanwhile(until),
  ]);
  const numbers = posts.map(({ n }) => n);
  assert.ok(Math.min(...numbers) > 5, `too few writes to show anything: ${numbers}`);
}

test(`writers see their writes, everyone within 2 s (seed ${seed})`, () => run(EVERYONE_WITHIN_MS));

test(`writers see their writes while the hub is killed again and again (seed ${seed})`, () =>
  run(Number.POSITIVE_INFINITY, async (until) => {
    while (Date.now() < until) {
      await sleep(300 + below(300));
      await plane.stopHub("SIGKILL");
      await sleep(below(300));
      await plane.startHub();
    }
  }));

/** A small generator whose whole state is its seed. */
function mulberry32(state) {
  let a = state;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
