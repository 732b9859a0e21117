// What two processes cannot show: the rules of the store and the log, one step at a time, with the
// same modules under a store, a hub and an origin of our own.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { lifetime, personalLifetime } from "../../templates/edge/cache-control.js";
import { createSite } from "../../templates/edge/call.js";
import { chooseReading, readContext } from "../../templates/edge/contexts.js";
import { InvalidationLog } from "../../templates/edge/log.js";
import { identify } from "../../templates/edge/partition.js";
import { mergeTokens, readToken, writeToken } from "../../templates/edge/token.js";
import { boardData } from "./support/data.mjs";
import { withResolvers } from "./support/promises.mjs";

const PUBLIC = "public, max-age=60";
const real = { fetch: globalThis.fetch, caches: globalThis.caches };

let stored;
let answer;
let hubLog;
let askHub;

beforeEach(() => {
  stored = new Map();
  askHub = async () => hubLog;
  hubLog = { epoch: "e1", seq: 1, now: 1e6, retention: 1e5, full: true, records: [], open: [] };
  answer = async () => Response.json({ n: 1 }, { headers: { "Cache-Control": PUBLIC } });
  globalThis.caches = {
    default: {
      match: async (key) => stored.get(key)?.clone(),
      put: async (key, response) => void stored.set(key, response),
      delete: async (key) => stored.delete(key),
    },
  };
  globalThis.fetch = () => answer();
});
afterEach(() => Object.assign(globalThis, real));

/** One request for a context, until everything that it started has ended. */
async function read(site, name, search = "", token = null, headers = {}) {
  const background = [];
  const url = new URL("http://board.localhost:8000/");
  const call = {
    url,
    request: new Request(url, { headers }),
    origin: async () => "http://127.0.0.1:1",
    env: {
      PUBLIC_URL: url.origin,
      SIGNING_KEY: "k",
      HUB: { fetch: async () => Response.json(await askHub()) },
    },
    ctx: { waitUntil: (promise) => background.push(promise) },
    token,
  };
  const context = site.policy.context(name);
  const reading = await chooseReading(site, call, context, search);
  if ("bypass" in reading) return reading.bypass;
  const { status } = await readContext(site, call, context, reading.params, reading.visitor);
  await Promise.all(background);
  return status;
}

const record = (seq, context, params = {}) => ({ context, params, seq, at: 1e6 });
const site = (overrides) => createSite(boardData(overrides));

test("an answer is stored when nothing changed while it was read", async () => {
  await read(site(), "posts");
  assert.equal(stored.size, 1);
});

test("it is not, when its context changed, may change untold, or the hub has another epoch or is silent", async () => {
  for (const meanwhile of [
    { seq: 2, records: [record(2, "posts")] },
    { seq: 2, records: [record(2, "*")] },
    { open: ["posts", "post"], inDoubt: ["posts"] },
    { open: ["*"], inDoubt: ["*"] },
    { open: ["posts"] }, // by an older Hub, which does not know more
    { epoch: "e2" },
    { silent: true },
  ]) {
    const before = hubLog;
    askHub = async () => hubLog;
    answer = async () => {
      hubLog = { ...before, ...meanwhile };
      if (meanwhile.silent) askHub = () => Promise.reject(new Error("gone"));
      return Response.json({}, { headers: { "Cache-Control": PUBLIC } });
    };
    await read(site(), "posts");
    assert.equal(stored.size, 0, JSON.stringify(meanwhile));
    hubLog = before;
  }
});

test("a mutation that is under way, and will be recorded, does not hinder", async () => {
  hubLog = { ...hubLog, open: ["posts"], inDoubt: [] };
  await read(site(), "posts");
  assert.equal(stored.size, 1);
});

test("a change of another context, or of another value, does not hinder", async () => {
  answer = async () => {
    hubLog = {
      ...hubLog,
      seq: 3,
      records: [record(2, "posts"), record(3, "post", { post_id: "6" })],
    };
    return Response.json({}, { headers: { "Cache-Control": PUBLIC } });
  };
  await read(site(), "post", "?post_id=5");
  assert.equal(stored.size, 1);
});

test("release, app, environment, epoch, generation and parameters are each in the key", async () => {
  const reads = [
    () => read(site(), "posts"),
    () => read(site({ release: "r2" }), "posts"),
    () => read(site({ app: "other" }), "posts"),
    () => read(site({ environment: "other" }), "posts"),
    () => read(site(), "post", "?post_id=1"),
    () => read(site(), "post", "?post_id=2"),
    () => {
      hubLog = { ...hubLog, records: [record(1, "posts")] };
      return read(site(), "posts");
    },
    () => {
      hubLog = { ...hubLog, epoch: "e2" };
      return read(site(), "posts");
    },
  ];
  for (const each of reads) assert.match(await each(), /fwd=uri-miss/);
  assert.equal(stored.size, reads.length);
});

test("a client that has seen more is never answered from a question that began before", async () => {
  const one = site();
  await read(one, "posts");
  const answers = [];
  askHub = () => new Promise((resolve) => answers.push(resolve));
  const token = { epoch: "e1", seq: 2, bypassUntil: 0 };
  const first = read(one, "posts", "", token);
  const second = read(one, "posts", "", token);
  await turns();
  assert.equal(answers.length, 2);
  const log = { epoch: "e1", now: 1e6, retention: 1e5, full: false, open: [] };
  answers[1]({ ...log, seq: 1, records: [] });
  assert.equal(await second, "hub");
  askHub = async () => ({ ...log, seq: 2, records: [record(2, "posts")] });
  answers[0](await askHub());
  assert.match(await first, /fwd=uri-miss/);
});

test("whoever is answered last of two writes is told of both, as the browser keeps that answer's token", async () => {
  const { hub } = site();
  const answers = [];
  const HUB = { fetch: () => new Promise((resolve) => answers.push(resolve)) };
  const [first, second] = [hub.record(HUB, { items: [] }), hub.record(HUB, { items: [] })];
  const answered = (seq) => Response.json({ ...hubLog, seq, records: [record(seq, "posts")] });
  answers[1](answered(7));
  assert.deepEqual(await second, { epoch: "e1", seq: 7 });
  answers[0](answered(6));
  assert.deepEqual(await first, { epoch: "e1", seq: 7 });
});

test("with per_user a visitor's part of the store is named by a hash, and takes nothing in after their end", async () => {
  const one = site({ perUser: true });
  const headers = { Cookie: "sessionid=alice" };
  const visitor = { request: new Request("http://any/", { headers }), env: { SIGNING_KEY: "k" } };
  const { partition } = await identify(one, visitor);
  const kept = () => Response.json({}, { headers: { "Cache-Control": "private, max-age=60" } });
  answer = async () => kept();
  await read(one, "me", "", null, headers);
  assert.equal(stored.size, 1);
  assert.match([...stored.keys()][0], new RegExp(`/me/${partition}/`));
  assert.doesNotMatch([...stored.keys()][0], /alice|sessionid/);
  stored.clear();
  answer = async () => {
    one.partitions.end(partition);
    return kept();
  };
  await read(one, "me", "", null, headers);
  assert.equal(stored.size, 0);
});

test("the origin is asked past every other cache", async () => {
  const options = [];
  globalThis.fetch = (_url, option) => {
    options.push(option);
    return answer();
  };
  await read(site(), "posts");
  assert.deepEqual(
    options.map(({ cache, redirect }) => [cache, redirect]),
    [["no-store", "manual"]],
  );
});

test("concurrent misses of a key are one question", async () => {
  let questions = 0;
  const held = withResolvers();
  const usual = answer;
  answer = async () => {
    questions += 1;
    await held.promise;
    return usual();
  };
  const one = site();
  const reads = Array.from({ length: 20 }, () => read(one, "posts"));
  await turns();
  held.resolve();
  for (const status of await Promise.all(reads)) assert.match(status, /fwd=uri-miss/);
  assert.equal(questions, 1);
  assert.equal(stored.size, 1);
});

/** A clock that only the test moves, and how often the origin was asked. */
function underWatch(t, headers) {
  t.mock.timers.enable({ apis: ["Date"], now: 1e6 });
  const watch = { questions: 0, at: (ms) => t.mock.timers.setTime(1e6 + ms) };
  answer = async () => {
    watch.questions += 1;
    return Response.json({}, { headers });
  };
  return watch;
}

test("a stale entry is served at once and asked for again behind it, once a second", async (t) => {
  const watch = underWatch(t, { "Cache-Control": "public, max-age=0, stale-while-revalidate=300" });
  const one = site();
  assert.match(await read(one, "posts"), /fwd=uri-miss/);
  for (const [ms, questions] of [
    [0, 1],
    [999, 1],
    [1000, 2],
    [1999, 2],
    [2000, 3],
  ]) {
    watch.at(ms);
    for (let i = 0; i < 10; i++) assert.match(await read(one, "posts"), /^hit; /);
    assert.equal(watch.questions, questions, `after ${ms} ms`);
  }
});

test("no entry outlives the window, whatever the header says", () => {
  const year = "public, max-age=31536000, stale-while-revalidate=31536000";
  const answer = (cacheControl) => new Response("", { headers: { "Cache-Control": cacheControl } });
  assert.deepEqual(lifetime(answer(year), 300), { fresh: 300, total: 300 });
  assert.deepEqual(personalLifetime(answer(year), 300), { fresh: 300, total: 300 });
});

test("while an entry is fresh nobody asks, and at the end of its lifetime it is gone", async (t) => {
  const watch = underWatch(t, { "Cache-Control": PUBLIC });
  const one = site();
  await read(one, "posts");
  for (const [ms, status] of [
    [1000, "hit; ttl=59"],
    [59_000, "hit; ttl=1"],
    [60_000, "fwd=uri-miss"],
  ]) {
    assert.equal(watch.questions, 1);
    watch.at(ms);
    assert.equal(await read(one, "posts"), status);
  }
  assert.equal(watch.questions, 2);
});

test("under traffic the log is asked for once a second, behind the answer", async (t) => {
  t.mock.method(Math, "random", () => 0);
  const watch = underWatch(t, { "Cache-Control": PUBLIC });
  const one = site();
  await read(one, "posts");
  let questions = 0;
  askHub = async () => {
    questions += 1;
    return hubLog;
  };
  for (const [ms, expected] of [
    [1000, 0],
    [1001, 1],
    [2001, 1],
    [2002, 2],
  ]) {
    watch.at(ms);
    for (let i = 0; i < 3; i++) assert.match(await read(one, "posts"), /^hit; /);
    assert.equal(questions, expected, `after ${ms} ms`);
  }
});

test("a question that never ends holds nobody for long, and the next ones not at all", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1e6 });
  const one = site();
  const usual = answer;
  answer = () => new Promise(() => {});
  read(one, "posts");
  await turns();
  answer = usual;
  const second = read(one, "posts");
  await turns();
  t.mock.timers.tick(10_000);
  assert.match(await second, /fwd=uri-miss/);
  assert.match(await read(one, "posts"), /fwd=uri-miss/);
  assert.equal(stored.size, 1);
});

/** Until all that can go on without a timer has. */
async function turns() {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

test("two tokens of one client become one that has seen what either has", () => {
  const token = (epoch, seq, bypassUntil = 0) => ({ epoch, seq, bypassUntil });
  for (const [older, newer, merged] of [
    [null, token("e", 1), token("e", 1)],
    [token("e", 5), token("e", 3), token("e", 5)],
    [token("e", 5), token("f", 1), token("f", 1)],
    [token("e", 5), token("", 0, 99), token("e", 5, 99)],
    [token("e", 5, 99), token("e", 6), token("e", 6, 99)],
    [token("", 0, 99), token("e", 6), token("e", 6, 99)],
  ]) {
    assert.deepEqual(mergeTokens(older, newer), merged);
  }
});

test("a page's own header does not hide what another tab has put into the cookie", async () => {
  const settings = { secret: "k", publicUrl: "https://board.example", window: 60 };
  const signed = async (seq) => {
    const headers = new Headers();
    await writeToken(headers, { epoch: "e1", seq, bypassUntil: 0 }, settings);
    return headers.get("Mizan-Sequence");
  };
  const [older, newer] = await Promise.all([signed(5), signed(9)]);
  for (const [said, kept] of [
    [older, newer],
    [newer, older],
    ["nonsense", newer],
    [newer, "nonsense"],
  ]) {
    const headers = { "Mizan-Sequence": said, Cookie: `__Host-mizan-sequence=${kept}` };
    const request = new Request(settings.publicUrl, { headers });
    const token = await readToken(request, settings.secret, settings.publicUrl);
    assert.deepEqual(token, { epoch: "e1", seq: 9, bypassUntil: 0 });
  }
});

const logOf = (...records) => {
  const log = new InvalidationLog();
  adopt(log, { seq: Math.max(0, ...records.map(({ seq }) => seq)), records });
  return log;
};
const adopt = (log, answer, begun = 1) =>
  log.adopt(
    { epoch: "e1", now: 1e6, retention: 1e5, full: true, open: [], records: [], seq: 0, ...answer },
    begun,
  );
const params = (values) => new Map(Object.entries(values));

test("a record matches unless a shared parameter differs", () => {
  const log = logOf(
    record(1, "post", { post_id: "5" }),
    record(2, "post", { limit: "20", post_id: "6" }),
    record(3, "other"),
  );
  const generation = (values) => log.generation("post", params(values));
  assert.equal(generation({ post_id: "5", limit: "20" }), 1);
  assert.equal(generation({ post_id: "6", limit: "20" }), 2);
  assert.equal(generation({ post_id: "6", limit: "3" }), 0);
  assert.equal(generation({ post_id: "6" }), 2, "a parameter that cannot be compared matches");
  assert.equal(log.generation("other", params({ any: "x" })), 3);
  assert.equal(log.generation("unheard of", params({})), 0);
});

test("answers in any order give one log", () => {
  const log = new InvalidationLog();
  adopt(log, { seq: 1, records: [record(1, "a")] }, 10);
  adopt(log, { seq: 3, records: [record(3, "a")], full: false, open: ["a"] }, 30);
  adopt(log, { seq: 2, records: [record(2, "a")], full: false, open: [] }, 20);
  assert.equal(log.seq, 3);
  assert.equal(log.generation("a", params({})), 3);
  assert.ok(log.isInDoubt("a"));
  assert.equal(log.age(35), 5);
});

test("an answer of an older hub does not undo the newer one's", () => {
  const log = new InvalidationLog();
  adopt(log, { epoch: "new", seq: 1 }, 20);
  adopt(log, { epoch: "old", seq: 9, records: [record(9, "a")] }, 10);
  assert.equal(log.epoch, "new");
  adopt(log, { epoch: "newer", seq: 1, full: false }, 30);
  assert.equal(log.epoch, "new", "a delta says nothing about another epoch");
});

test("of a hub that is gone no number is left, also where the next one has nothing to tell", () => {
  const log = logOf(record(5, "a"), record(6, "post", { post_id: "1" }));
  adopt(log, { epoch: "e2", seq: 0 }, 10);
  assert.equal(log.epoch, "e2");
  assert.equal(log.generation("a", params({})), 0);
  assert.equal(log.generation("post", params({ post_id: "1" })), 0);
});

test("records are dropped when the hub says that they are too old, not before", () => {
  const log = logOf(record(1, "a"));
  adopt(log, { seq: 1, now: 1e6 + 1e5, full: false }, 2);
  assert.equal(log.generation("a", params({})), 1);
  adopt(log, { seq: 1, now: 1e6 + 1e5 + 1, full: false }, 3);
  assert.equal(log.generation("a", params({})), 0);
});
