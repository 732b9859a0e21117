// The signed endpoint: who may announce a change, what is recorded, and what a second time does.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, beforeEach, test } from "node:test";
import { createSite } from "../../templates/edge/call.js";
import { serveInvalidation } from "../../templates/edge/invalidate.js";
import { boardData } from "./support/data.mjs";
import { Plane } from "./support/plane.mjs";
import { eventually, sleep } from "./support/promises.mjs";
import { announce, signed } from "./support/sign.mjs";

const PATH = "/__mizan/invalidate";
const POST = "/api/mizan/ctx/post/";
const POSTS = "/api/mizan/ctx/posts/";
const KEYS = "the new key,the old key";
const KIB = 1024;

let plane;

before(async () => {
  plane = await Plane.start({ purgeKey: KEYS });
});
after(() => plane.stop());
beforeEach(() => {
  plane.origin.requests.length = 0;
});

const hubLog = async () => (await plane.askHub("GET", "/v1/log")).json();
const nonce = () => randomBytes(12).toString("hex");
const now = () => Math.floor(Date.now() / 1000);

test("an announced change is recorded before the answer, and seen at once", async () => {
  await plane.warm(POSTS);
  const { epoch, seq } = await hubLog();
  const answer = await announce(plane, ["posts"]);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["cache-control"], "no-store");
  const recorded = [{ context: "posts", params: {} }];
  assert.deepEqual(answer.json(), { seq: seq + 1, epoch, recorded });
  assert.equal((await hubLog()).seq, seq + 1);
  assert.equal((await plane.get(POSTS)).isHit, false);
});

for (const [why, list, recorded] of [
  [
    "scoped, by number or text",
    [{ context: "post", params: { post_id: 5 } }],
    [{ context: "post", params: { post_id: "5" } }],
  ],
  ["without params", [{ context: "post" }], [{ context: "post", params: {} }]],
  ["everything", ["*"], [{ context: "*", params: {} }]],
  [
    "a set that no mutation declares widens, as a mutation's would",
    [{ context: "post", params: { limit: 3 } }],
    [{ context: "post", params: {} }],
  ],
  [
    "several",
    ["posts", "me"],
    [
      { context: "posts", params: {} },
      { context: "me", params: {} },
    ],
  ],
  ["none", [], []],
]) {
  test(`what is recorded: ${why}`, async () => {
    const answer = await announce(plane, list);
    assert.deepEqual(answer.json().recorded, recorded);
    const { seq, records } = await hubLog();
    const last = records.filter((record) => record.seq === seq);
    for (const { context, params } of recorded) {
      assert.ok(last.some((r) => r.context === context && r.params.post_id === params.post_id));
    }
  });
}

test("only the entries that it names are gone", async () => {
  for (const id of [5, 6]) await plane.warm(`${POST}?post_id=${id}`);
  await announce(plane, [{ context: "post", params: { post_id: "5" } }]);
  assert.equal((await plane.get(`${POST}?post_id=5`)).isHit, false);
  assert.ok((await plane.get(`${POST}?post_id=6`)).isHit);
});

test("each of the keys is valid, and no other", async () => {
  for (const key of KEYS.split(",")) {
    assert.equal((await announce(plane, ["posts"], { key })).status, 200, key);
  }
  for (const key of ["another key", KEYS, "a key for tests"]) {
    assert.equal((await announce(plane, ["posts"], { key })).status, 401, key);
  }
});

test("a wrong signature is a 401 that does not tell what is wrong, and records nothing", async () => {
  const { seq } = await hubLog();
  const body = JSON.stringify({ invalidate: ["posts"] });
  const right = { key: "the new key" };
  const header = (more) => signed(body, { ...right, ...more });
  const answers = new Set();
  for (const [why, headers] of [
    ["no signature", {}],
    ["nothing in it", { "Mizan-Signature": "" }],
    ["another version", { "Mizan-Signature": header()["Mizan-Signature"].replace("v1", "v2") }],
    ["another host", header({ host: "evil.example" })],
    ["the past", header({ time: now() - 310 })],
    ["the future", header({ time: now() + 310 })],
    ["a short nonce", header({ nonce: "x".repeat(15) })],
    ["a long nonce", header({ nonce: "x".repeat(65) })],
    ["a nonce with other signs", header({ nonce: "x".repeat(20).concat("é") })],
    ["another body", signed(`${body} `, right)],
    ["half of a hash", header({ signature: "ab".repeat(16) })],
    ["another hash", header({ signature: "ab".repeat(32) })],
    ["two", { "Mizan-Signature": `${header()["Mizan-Signature"]}, x` }],
  ]) {
    const answer = await plane.ask(PATH, { method: "POST", body, headers });
    assert.equal(answer.status, 401, why);
    answers.add(answer.text);
  }
  assert.equal(answers.size, 1);
  assert.equal((await hubLog()).seq, seq);
  assert.equal(plane.origin.requests.length, 0);
});

test("a clock may be five minutes off, either way", async () => {
  for (const time of [now() - 290, now() + 290]) {
    assert.equal((await announce(plane, ["posts"], { time })).status, 200);
  }
});

test("a second time is a 409 and changes nothing, also when the hub was killed between", async () => {
  const once = { nonce: nonce(), time: now() };
  assert.equal((await announce(plane, ["posts"], once)).status, 200);
  const { seq } = await hubLog();
  assert.equal((await announce(plane, ["posts"], once)).status, 409);
  assert.equal((await announce(plane, ["*"], once)).status, 409, "whatever it says");
  await plane.stopHub("SIGKILL");
  await plane.startHub();
  await eventually(async () => (await announce(plane, ["posts"], once)).status === 409);
  assert.equal((await hubLog()).seq, seq);
});

test("of many at once with one nonce, one is recorded", async () => {
  const { seq } = await hubLog();
  const once = { nonce: nonce(), time: now() };
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => announce(plane, ["posts"], once)),
  );
  const statuses = answers.map(({ status }) => status).sort();
  assert.deepEqual(statuses, [200, ...Array(9).fill(409)]);
  assert.equal((await hubLog()).seq, seq + 1);
});

test("the hub forgets a nonce when its time is over, not before", async () => {
  const say = (n, remember) =>
    plane.askHub("POST", "/v1/announcements", { nonce: n, items: [], window: 300, remember });
  const [short, long] = [nonce(), nonce()];
  assert.equal((await say(short, 1)).status, 200);
  assert.equal((await say(long, 600_000)).status, 200);
  await sleep(5);
  assert.equal((await say(short, 1)).status, 200);
  assert.equal((await say(long, 600_000)).status, 409);
});

for (const [why, text, reason] of [
  ["no JSON", "{", /not an object with a list/],
  ["no list", '{"invalidate":"posts"}', /not an object with a list/],
  ["a bare list", '["posts"]', /not an object with a list/],
  ["null", "null", /not an object with a list/],
  ["an unknown context", '{"invalidate":["posts","pots"]}', /no context "pots"; there are posts, /],
  ["a number for a context", '{"invalidate":[7]}', /names no context: 7/],
  ["a list for params", '{"invalidate":[{"context":"post","params":[5]}]}', /not an object/],
  [
    "an unknown parameter",
    '{"invalidate":[{"context":"post","params":{"id":5}}]}',
    /post has no parameter "id"/,
  ],
  [
    "a parameter of everything",
    '{"invalidate":[{"context":"*","params":{"post_id":5}}]}',
    /\* has no parameter/,
  ],
  [
    "no value",
    '{"invalidate":[{"context":"post","params":{"post_id":null}}]}',
    /neither text, a number nor/,
  ],
]) {
  test(`${why} is a 400 that says so, and records nothing`, async () => {
    const { seq } = await hubLog();
    const headers = signed(text, { key: "the new key" });
    for (let i = 0; i < 2; i++) {
      const answer = await plane.ask(PATH, { method: "POST", body: text, headers });
      assert.equal(answer.status, 400, "its nonce was not used up either");
      assert.match(answer.json().error, reason);
    }
    assert.equal((await hubLog()).seq, seq);
  });
}

test("a body of 64 KiB is read, a larger one is not", async () => {
  const body = (size) => JSON.stringify({ invalidate: ["posts"] }).padEnd(size, " ");
  for (const [size, status] of [
    [64 * KIB, 200],
    [64 * KIB + 1, 413],
  ]) {
    const text = body(size);
    const headers = signed(text, { key: "the new key" });
    assert.equal((await plane.ask(PATH, { method: "POST", body: text, headers })).status, status);
    const unsized = await fetch(`http://127.0.0.1:${plane.port}${PATH}`, {
      method: "POST",
      headers: signed(text, { key: "the new key" }),
      body: new Blob([text]).stream(),
      duplex: "half",
    });
    assert.equal(unsized.status, status, "without Content-Length");
  }
});

test("another method is a 405", async () => {
  const answer = await plane.get(PATH);
  assert.deepEqual([answer.status, answer.headers.allow], [405, "POST"]);
});

test("while the hub is away it is a 503 that says when to come back", async () => {
  await plane.stopHub();
  try {
    const answer = await announce(plane, ["posts"]);
    assert.equal(answer.status, 503);
    assert.match(answer.headers["retry-after"], /^\d+$/);
  } finally {
    await plane.startHub();
  }
});

test("a context whose WebSocket changes are announced is stored, and fresh once one is", async () => {
  const told = "/api/mizan/ctx/told/";
  await plane.warm(told);
  const { version } = plane.origin;
  plane.origin.version = "changed over a WebSocket";
  try {
    const unheard = await plane.get(told);
    assert.deepEqual([unheard.isHit, unheard.json().version], [true, version]);
    assert.equal((await announce(plane, ["told"])).status, 200);
    const heard = await plane.get(told);
    assert.deepEqual([heard.isHit, heard.json().version], [false, plane.origin.version]);
    await plane.warm(told);
    assert.equal((await plane.get(told)).json().version, plane.origin.version);
  } finally {
    plane.origin.version = version;
  }
});

test("without a key there is no such path, and the origin is not asked", async () => {
  const without = await Plane.start();
  try {
    for (const method of ["POST", "GET"]) {
      assert.equal((await without.ask(PATH, { method })).status, 404);
    }
    assert.equal(without.origin.asked(PATH).length, 0);
  } finally {
    await without.stop();
  }
});

/** Ask the Edge's own code, before a hub of the test. */
function askWith(answerOfHub, key = "k") {
  const body = '{"invalidate":["posts"]}';
  const headers = signed(body, { key: "k" });
  const url = `http://board.localhost:8000${PATH}`;
  const env = {
    HUB: { fetch: answerOfHub },
    PUBLIC_URL: "http://Board.localhost:8000",
    PURGE_KEY: key,
  };
  return serveInvalidation(
    createSite(boardData()),
    new Request(url, { method: "POST", body, headers }),
    env,
  );
}

test("a hub that is older than the Edge is a 503 that says so", async () => {
  const answer = await askWith(async () => new Response("unknown operation\n", { status: 404 }));
  assert.equal(answer.status, 503);
  assert.match((await answer.json()).error, /Hub is older/);
  assert.ok(answer.headers.has("Retry-After"));
});

test("a nonce is remembered for as long as its signature can be valid", async () => {
  let asked;
  await askWith(async (_url, { body }) => {
    asked = JSON.parse(body);
    return Response.json({});
  });
  assert.ok(asked.remember >= 600_000);
  assert.match(asked.nonce, /^[\w-]{16,64}$/);
});

test("a key of nothing but commas and blanks is none", async () => {
  assert.equal((await askWith(undefined, " , ,")).status, 404);
});
