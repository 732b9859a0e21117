// The store of pages, one step at a time: the same modules under a store, a hub, an origin and a
// Render of our own, and a clock that only the test moves.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { createSite } from "../../templates/edge/call.js";
import { servePage } from "../../templates/edge/pages.js";
import { boardData } from "./support/data.mjs";

const START = 1e9;
const real = { fetch: globalThis.fetch, caches: globalThis.caches };

let stored;
let hubLog;
let askHub;
/** By context: its answer's Cache-Control, and how often it was asked for. */
let lifetimes;
let asked;
let rendered;
let renderAnswer;

beforeEach((t) => {
  t.mock.timers.enable({ apis: ["Date"], now: START });
  stored = new Map();
  asked = { posts: 0, post: 0 };
  rendered = 0;
  lifetimes = { posts: "public, max-age=300", post: "public, max-age=300" };
  hubLog = { epoch: "e1", seq: 1, now: START, retention: 1e9, full: true, records: [], open: [] };
  askHub = () => hubLog;
  renderAnswer = () => new Response(`<p>${rendered}</p>`);
  globalThis.caches = {
    default: {
      match: async (key) => stored.get(key)?.clone(),
      put: async (key, response) => void stored.set(key, response),
      delete: async (key) => stored.delete(key),
    },
  };
  globalThis.fetch = async (url) => {
    const [, name] = /ctx\/(\w+)\//.exec(String(url));
    asked[name] += 1;
    const [cacheControl, status = 200] = [lifetimes[name]].flat();
    return Response.json(
      { n: asked[name] },
      { status, headers: { "Cache-Control": cacheControl } },
    );
  };
});
afterEach(() => Object.assign(globalThis, real));

/** One request for a page, until everything that it started has ended. */
async function get(site, path = "/both/5/", more = {}) {
  const background = [];
  const url = new URL(path, "http://board.localhost:8000");
  const call = {
    request: new Request(url),
    url,
    token: null,
    origin: async () => "http://127.0.0.1:1",
    env: {
      PUBLIC_URL: "http://board.localhost:8000",
      HUB: { fetch: async () => Response.json(askHub()) },
      RENDER: {
        fetch: async () => {
          rendered += 1;
          return renderAnswer();
        },
      },
      ...more,
    },
    ctx: { waitUntil: (promise) => background.push(promise) },
  };
  const { match } = site.policy.classify("GET", url);
  const response = await servePage(site, call, match);
  const text = await response.text();
  await Promise.all(background);
  return { text, status: response.status, from: response.headers.get("Cache-Status").slice(7) };
}

const site = (overrides) => createSite(boardData(overrides));
const record = (seq, context, params = {}) => ({ context, params, seq, at: START });
const pages = () => [...stored.keys()].filter((key) => key.includes("/__mizan/pages/"));

test("a page is made once, and then shown without asking anybody", async () => {
  const one = site();
  const made = await get(one);
  assert.equal(made.from, "fwd=uri-miss");
  const before = { ...asked };
  for (let i = 0; i < 3; i++) {
    const again = await get(one);
    assert.deepEqual([again.from, again.text], ["hit; ttl=300", made.text]);
  }
  assert.deepEqual([rendered, asked], [1, before]);
});

test("release, version of Render, app, environment, path, epoch and the generation of each context are in the key", async () => {
  renderAnswer = () => new Response("<p></p>", { headers: { "Mizan-Render-Version": "v7" } });
  const gets = [
    () => get(site()),
    () => get(site({ release: "r2" })),
    () => get(site({ app: "other" })),
    () => get(site({ environment: "other" })),
    () => get(site(), "/both/5/", { RENDER_VERSION: 'render="v7"' }),
    () => get(site(), "/both/6/"),
    () => get(site(), "/posts/5/"),
    ...["posts", "post"].map((context, n) => () => {
      const records = [...hubLog.records, record(2 + n, context)];
      hubLog = { ...hubLog, seq: 2 + n, records };
      return get(site());
    }),
    () => {
      hubLog = { ...hubLog, epoch: "e2" };
      return get(site());
    },
  ];
  for (const each of gets) assert.equal((await each()).from, "fwd=uri-miss");
  assert.equal(pages().length, gets.length);
});

test("a page is not kept when one of its contexts changed, or may be changing, while it was made", async () => {
  for (const meanwhile of [
    { seq: 2, records: [record(2, "post", { post_id: "5" })] },
    { seq: 2, records: [record(2, "*")] },
    { open: ["posts"], inDoubt: ["posts"] },
    { epoch: "e2" },
    "silent",
  ]) {
    const before = hubLog;
    renderAnswer = () => {
      if (meanwhile === "silent") askHub = () => assert.fail("the hub is away");
      else hubLog = { ...before, ...meanwhile };
      return new Response("<p></p>");
    };
    await get(site());
    assert.equal(pages().length, 0, JSON.stringify(meanwhile));
    hubLog = before;
    askHub = () => hubLog;
    stored.clear();
  }
});

test("a change of other entries does not hinder", async () => {
  renderAnswer = () => {
    hubLog = { ...hubLog, seq: 2, records: [record(2, "post", { post_id: "6" })] };
    return new Response("<p></p>");
  };
  await get(site());
  assert.equal(pages().length, 1);
});

test("its age is that of its oldest context, and it ends with the first", async (t) => {
  lifetimes = { posts: "public, max-age=60", post: "public, max-age=20" };
  const one = site();
  await get(one, "/");
  t.mock.timers.setTime(START + 50_000);
  await get(one);
  assert.equal((await get(one)).from, "hit; ttl=10", "posts was read 50 s ago");
  t.mock.timers.setTime(START + 59_000);
  assert.equal((await get(one)).from, "hit; ttl=1");
  t.mock.timers.setTime(START + 60_000);
  assert.equal((await get(one)).from, "fwd=uri-miss");
});

test("a stale page is shown at once and made again behind it, once a second, of contexts asked for anew", async (t) => {
  const stale = "public, max-age=0, stale-while-revalidate=300";
  lifetimes = { posts: stale, post: stale };
  const one = site();
  await get(one);
  for (const [ms, times] of [
    [999, 1],
    [1000, 2],
    [1500, 2],
    [2000, 3],
  ]) {
    t.mock.timers.setTime(START + ms);
    for (let i = 0; i < 5; i++) assert.match((await get(one)).from, /^hit; /);
    assert.deepEqual([rendered, asked], [times, { posts: times, post: times }], `after ${ms} ms`);
  }
  assert.equal((await get(one)).text, "<p>3</p>");
});

for (const [why, change, isKept] of [
  ["what is gone takes the page with it", () => (lifetimes.post = ["no-store", 404]), false],
  ["what may not be stored any more does too", () => (lifetimes.post = "no-store"), false],
  ["what fails leaves it", () => (lifetimes.post = ["no-store", 500]), true],
  [
    "a Render that fails leaves it",
    () => (renderAnswer = () => new Response("", { status: 500 })),
    true,
  ],
]) {
  test(`when a stale page is made again, ${why}`, async (t) => {
    const stale = "public, max-age=0, stale-while-revalidate=300";
    lifetimes = { posts: stale, post: stale };
    const one = site();
    await get(one);
    change();
    t.mock.timers.setTime(START + 1000);
    await get(one);
    assert.equal(pages().length, isKept ? 1 : 0);
  });
}

test("a page that Render failed at is not kept", async () => {
  for (const answer of [
    () => new Response("no", { status: 500 }),
    () => new Response("<p></p>", { headers: { "Mizan-Render-Error": "Error: no" } }),
    () => new Response("<p></p><!--mizan-render-error-->"),
  ]) {
    renderAnswer = answer;
    await get(site());
    assert.equal(pages().length, 0);
  }
});

test("a page of another version of Render than its own is shown, and not kept", async () => {
  const answeredBy = (version) => () =>
    new Response("<p></p>", { headers: version ? { "Mizan-Render-Version": version } : {} });
  for (const [own, answered, isKept] of [
    ['render="v7"', "v7", true],
    ['render="v7"', "v6", false],
    ['render="v7"', undefined, false],
    [undefined, undefined, true],
  ]) {
    stored.clear();
    renderAnswer = answeredBy(answered);
    const { status, text } = await get(site(), "/both/5/", { RENDER_VERSION: own });
    assert.deepEqual([status, text], [200, "<p></p>"]);
    assert.equal(pages().length, isKept ? 1 : 0, `${own}, answered by ${answered}`);
  }
});
