// The copy of the log that a location's isolates share: who asks the Hub, who does not need to, and
// how old each takes its log to be, whatever its own clock says.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { HubClient } from "../../templates/edge/hub-client.js";

const START = 1e9;
const PUBLIC_URL = "https://board.example.com";
const real = globalThis.caches;

/** True time, and what the Hub says at it. */
let time;
let questions;
let hubLog;
/** The location's Cache API. */
let stored;

beforeEach((t) => {
  time = START;
  questions = 0;
  stored = new Map();
  hubLog = () => ({ epoch: "e1", seq: 1, full: true, records: [], open: [] });
  t.mock.timers.enable({ apis: ["Date"], now: START });
  globalThis.caches = {
    default: {
      match: async (key) => stored.get(key)?.clone(),
      put: async (key, response) => void stored.set(key, response),
    },
  };
});
afterEach(() => {
  globalThis.caches = real;
});

const record = (seq, context = "posts", params = {}) => ({ context, params, seq, at: START });

/** An isolate whose clock is `skew` ms ahead of the truth. */
function startIsolate(t, skew = 0) {
  const client = new HubClient({ app: "board", environment: "test", window: 300 });
  const HUB = {
    fetch: async () => {
      questions += 1;
      return Response.json({ now: time, retention: 1e9, ...hubLog() });
    },
  };
  return {
    log: client.log,
    client,
    /** A visitor comes; until everything that this started has ended. */
    async visit(floor = null) {
      t.mock.timers.setTime(time + skew);
      const background = [];
      const ctx = { waitUntil: (promise) => background.push(promise) };
      const usable = await client.ensure({ HUB, PUBLIC_URL }, floor, ctx);
      await Promise.all(background);
      return usable;
    },
    age: () => client.log.age(time + skew),
  };
}

test("a location asks about once a second, however many isolates it has", async (t) => {
  const isolates = Array.from({ length: 20 }, () => startIsolate(t));
  for (const { visit } of isolates) await visit();
  questions = 0;
  for (let step = 0; step < 200; step++) {
    time += 50;
    for (const { visit } of isolates) assert.ok(await visit());
  }
  assert.ok(questions >= 9 && questions <= 13, `${questions} questions in 10 s`);
});

test("who takes a copy that is not new looks again as soon as that is a second old", async (t) => {
  t.mock.method(Math, "random", () => 0);
  const one = await besideNewCopy(t, { seq: 2, records: [record(2)] });
  time += 650; // the copy is 750 ms old
  await one.visit();
  assert.deepEqual([questions, one.age()], [0, 750]);
  time += 251;
  await one.visit();
  assert.deepEqual([questions, one.age()], [1, 0]);
});

test("no isolate takes its log for newer than it is, whatever its clock says", async (t) => {
  const skews = [0, 3_600_000, -3_600_000, 250, -250];
  const isolates = skews.map((skew) => startIsolate(t, skew));
  hubLog = () => ({ epoch: "e1", seq: time - START, full: true, records: [], open: [] });
  for (let step = 0; step < 100; step++) {
    for (const { visit, age, log } of isolates) {
      await visit();
      const old = time - START - log.seq;
      assert.ok(age() >= old, `taken for ${age()} ms old, is ${old}`);
      assert.ok(old <= 1050, `${old} ms old under traffic`);
    }
    time += 50;
  }
  assert.ok(questions < 5 * 8, `${questions} questions: they share`);
});

/** One isolate that has asked, and another that has just left a copy with this in it. */
async function besideNewCopy(t, content, skew = 0) {
  const [one, other] = [startIsolate(t, skew), startIsolate(t)];
  await one.visit();
  await other.visit();
  time += 1001;
  hubLog = () => ({ epoch: "e1", full: false, open: [], ...content });
  await other.visit();
  questions = 0;
  time += 100;
  return one;
}

test("what another isolate has asked is as good as one's own question", async (t) => {
  for (const skew of [0, 60_000, -60_000]) {
    stored.clear();
    hubLog = () => ({ epoch: "e1", seq: 1, full: true, records: [], open: [] });
    const content = { seq: 2, records: [record(2)], open: ["post"], origin: "http://192.0.2.7" };
    const one = await besideNewCopy(t, content, skew);
    await one.visit();
    assert.equal(questions, 0);
    assert.equal(one.age(), 100, "since the Hub answered the other one");
    assert.deepEqual([one.log.seq, one.log.generation("posts", new Map())], [2, 2]);
    assert.equal(one.log.origin, "http://192.0.2.7");
    assert.ok(one.log.isInDoubt("post"));
  }
});

test("a client that has seen more, and a log that is over 5 s old, ask the Hub itself", async (t) => {
  const one = await besideNewCopy(t, { seq: 2, records: [record(2)] });
  hubLog = () => ({ epoch: "e1", seq: 3, full: false, records: [record(3)], open: [] });
  assert.ok(await one.visit({ epoch: "e1", seq: 3, bypassUntil: 0 }));
  assert.deepEqual([questions, one.log.seq], [1, 3]);
  time += 5001;
  for (const key of stored.keys()) {
    const copy = { ...(await stored.get(key).clone().json()), now: time };
    stored.set(key, Response.json(copy));
  }
  await one.visit();
  assert.deepEqual([questions, one.age()], [2, 0]);
});

test("a copy that is too old, of another epoch or from beyond what one knows is none", async (t) => {
  for (const [why, spoil] of [
    ["too old", (copy) => ({ ...copy, now: copy.now - 800 })],
    ["another epoch", (copy) => ({ ...copy, epoch: "e2" })],
    ["from beyond", (copy) => ({ ...copy, since: 2 })],
  ]) {
    stored.clear();
    hubLog = () => ({ epoch: "e1", seq: 1, full: true, records: [], open: [] });
    const one = await besideNewCopy(t, { seq: 5, records: [record(5)] });
    const [key] = stored.keys();
    stored.set(key, Response.json(spoil(await stored.get(key).json())));
    await one.visit();
    assert.equal(questions, 1, why);
  }
});

test("a copy never makes a log older", async (t) => {
  const one = await besideNewCopy(t, { seq: 2, records: [record(2)] });
  hubLog = () => ({ epoch: "e1", seq: 3, full: false, records: [record(3)], open: ["post"] });
  await one.visit({ epoch: "e1", seq: 3, bypassUntil: 0 });
  time += 690; // the copy is 790 ms old, the log younger: nobody needs it
  await one.visit();
  one.log.adopt(await [...stored.values()][0].json(), START);
  assert.equal(one.log.seq, 3);
  assert.equal(one.log.generation("posts", new Map()), 3);
  assert.ok(one.log.isInDoubt("post"));
});

test("a large log leaves its newest part, and says from where on it is whole", async (t) => {
  const records = Array.from({ length: 700 }, (_, n) => record(n + 1, "post", { id: String(n) }));
  hubLog = () => ({ epoch: "e1", seq: 700, full: true, records, open: [] });
  const other = startIsolate(t);
  await other.visit();
  time += 1001;
  await other.visit();
  const copy = await [...stored.values()][0].json();
  assert.equal(copy.records.length, 500);
  assert.equal(copy.since, 200);
  assert.deepEqual(new Set(copy.records.map(({ seq }) => seq > copy.since)), new Set([true]));
});

test("without a Cache API that works every isolate asks by itself", async (t) => {
  const broken = async () => {
    throw new Error("no cache");
  };
  globalThis.caches = { default: { match: broken, put: broken } };
  const one = startIsolate(t);
  await one.visit();
  time += 1001;
  assert.ok(await one.visit());
  assert.deepEqual([questions, one.age()], [2, 0]);
});
