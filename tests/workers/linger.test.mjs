// What was there before a change: who is shown it, and for how long. The same modules under a store, a hub, an origin and
// a Render of our own, and a clock that only the test moves.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { createSite } from "../../templates/edge/call.js";
import { serveContext } from "../../templates/edge/contexts.js";
import { servePage } from "../../templates/edge/pages.js";
import { boardData } from "./support/data.mjs";

const START = 1e9;
const BASE = "http://board.localhost:8000";
const POSTS = "/api/mizan/ctx/posts/";
const BEFORE = "hit; ttl=60; detail=changed";
const MISS = "fwd=uri-miss";
const real = { fetch: globalThis.fetch, caches: globalThis.caches };

let stored;
let hubLog;
/** What the origin answers, and when it does. */
let version;
let gate;

beforeEach((t) => {
  t.mock.timers.enable({ apis: ["Date"], now: START });
  stored = new Map();
  hubLog = { epoch: "e1", seq: 1, now: START, retention: 1e9, full: true, records: [], open: [] };
  version = "old";
  gate = Promise.resolve();
  globalThis.caches = {
    default: {
      match: async (key) => stored.get(key)?.clone(),
      put: async (key, response) => void stored.set(key, response),
      delete: async (key) => stored.delete(key),
    },
  };
  globalThis.fetch = async () => {
    const answer = { version };
    await gate;
    return Response.json(answer, { headers: { "Cache-Control": "public, max-age=60" } });
  };
});
afterEach(() => Object.assign(globalThis, real));

const site = (overrides) => createSite(boardData(overrides));
const token = (seq, epoch = "e1") => ({ epoch, seq, bypassUntil: 0 });

/** One visitor's request, and what it started. */
async function get(one, path = POSTS, seen = null, headers = {}) {
  const background = [];
  const url = new URL(path, BASE);
  const call = {
    request: new Request(url, { headers }),
    url,
    token: seen,
    origin: async () => "http://127.0.0.1:1",
    env: {
      PUBLIC_URL: BASE,
      SIGNING_KEY: "k",
      HUB: { fetch: async () => Response.json(hubLog) },
      RENDER: {
        fetch: async (_url, { body }) =>
          new Response(`<p>${JSON.parse(body).contexts[0].data.version}</p>`),
      },
    },
    ctx: { waitUntil: (promise) => background.push(promise) },
  };
  const job = one.policy.classify("GET", url);
  const response = await (job.kind === "page"
    ? servePage(one, call, job.match)
    : serveContext(one, call, job.context));
  return {
    status: response.headers.get("Cache-Status").slice("Mizan; ".length),
    version: /old|new/.exec(await response.text())[0],
    behind: Promise.all(background),
  };
}

/** It is read and stored, and then somebody changes it; the isolate hears of it. */
async function changed(one, path = POSTS) {
  await (await get(one, path)).behind;
  await (await get(one, path)).behind;
  version = "new";
  hear(one, { seq: 2, records: [{ context: "posts", params: {}, seq: 2, at: START }] });
}

function hear(one, news) {
  hubLog = { ...hubLog, ...news };
  one.hub.log.adopt(hubLog, Date.now());
}

test("what was there before is shown to others while it is read anew", async () => {
  const one = site();
  await changed(one);
  let open;
  gate = new Promise((resolve) => {
    open = resolve;
  });
  const shown = await Promise.all([get(one), get(one), get(one)]);
  for (const { status, version } of shown) assert.deepEqual([status, version], [BEFORE, "old"]);
  open();
  await Promise.all(shown.map(({ behind }) => behind));
  const after = await get(one);
  assert.deepEqual([after.status, after.version], ["hit; ttl=60", "new"]);
});

test("who has seen more than the log by which it was shown waits for what is there now", async () => {
  for (const [seen, expected] of [
    [token(2), "new"],
    [token(9), "new"],
    [token(0, "e0"), "new"],
    [token(1), "old"],
    [token(0), "old"],
  ]) {
    stored.clear();
    hubLog = { ...hubLog, seq: 1, records: [] };
    version = "old";
    const one = site();
    await changed(one);
    if (seen.seq > 2) hubLog = { ...hubLog, seq: seen.seq };
    const read = await get(one, POSTS, seen);
    assert.equal(read.version, expected, JSON.stringify(seen));
    await read.behind;
  }
});

test("it lingers for a second, counted from when the log was asked for that did not tell of it", async (t) => {
  const one = site();
  await changed(one);
  gate = new Promise(() => {});
  t.mock.timers.setTime(START + 1000);
  assert.match((await get(one)).status, /; detail=changed$/);
  gate = Promise.resolve();
  t.mock.timers.setTime(START + 1001);
  const late = await get(one);
  assert.deepEqual([late.status, late.version], [MISS, "new"]);
});

test("it is read once, however many are shown what was before", async () => {
  const one = site();
  await changed(one);
  hubLog = { ...hubLog, inDoubt: ["posts"] }; // so that it cannot be stored
  let questions = 0;
  const { fetch } = globalThis;
  globalThis.fetch = (...args) => {
    questions += 1;
    return fetch(...args);
  };
  for (let i = 0; i < 5; i += 1) await (await get(one)).behind;
  assert.equal(questions, 1);
});

test("nothing lingers from another epoch, from before an announcement, or over its own lifetime", async (t) => {
  for (const [why, then] of [
    ["another hub", (one) => hear(one, { epoch: "e2", seq: 1 })],
    ["announced to this isolate", (one) => one.lingering.endBefore({ epoch: "e1", seq: 2 })],
    ["not in the store any more", () => stored.clear()],
    ["its time is over", () => t.mock.timers.setTime(START + 60_000)],
  ]) {
    t.mock.timers.setTime(START);
    stored.clear();
    hubLog = { ...hubLog, epoch: "e1", seq: 1, records: [] };
    version = "old";
    const one = site();
    await changed(one);
    then(one);
    assert.deepEqual((await get(one)).version, "new", why);
  }
});

test("an announcement of a hub that is gone does not hinder", async () => {
  const one = site();
  one.lingering.endBefore({ epoch: "e0", seq: 99 });
  await changed(one);
  assert.equal((await get(one)).status, BEFORE);
});

test("what is private does not linger", async () => {
  const one = site({ perUser: true });
  const path = "/api/mizan/ctx/me/";
  const headers = { Cookie: "sessionid=alice" };
  await (await get(one, path, null, headers)).behind;
  assert.match((await get(one, path, null, headers)).status, /^hit; /);
  version = "new";
  hear(one, { seq: 2, records: [{ context: "me", params: {}, seq: 2, at: START }] });
  assert.equal((await get(one, path, null, headers)).version, "new");
});

test("a page lingers too, and the one that is made behind it shows nothing that does", async () => {
  const one = site();
  const page = "/both/5/";
  await changed(one, page);
  await get(one, POSTS); // lingers, and is read behind
  const shown = await get(one, page);
  assert.deepEqual([shown.status, shown.version], [BEFORE, "old"]);
  await shown.behind;
  const after = await get(one, page);
  assert.deepEqual([after.status, after.version], ["hit; ttl=60", "new"]);
});

test("a page that has to be made shows nothing that lingers", async () => {
  const one = site();
  await changed(one);
  const page = await get(one, "/both/5/");
  assert.deepEqual([page.status, page.version], [MISS, "new"]);
});
