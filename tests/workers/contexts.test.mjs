// Contexts: what is stored, under which key, and what a browser gets.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { json } from "./support/origin.mjs";
import { Plane } from "./support/plane.mjs";
import { eventually, sleep } from "./support/promises.mjs";

const PUBLIC = "public, max-age=0, stale-while-revalidate=300";
const POST = "/api/mizan/ctx/post/";
const POSTS = "/api/mizan/ctx/posts/";

let plane;
let origin;
let unused = 1000;

before(async () => {
  plane = await Plane.start();
  origin = plane.origin;
});
after(() => plane.stop());
beforeEach(() => {
  origin.faults.clear();
  origin.requests.length = 0;
});

/** A context entry that no other test has touched. */
const fresh = () => `${POST}?post_id=${unused++}`;

/** Reads again and again until it holds; the answers. What is stale is asked for again at most once a second. */
async function readUntil(path, holds) {
  const answers = [];
  await eventually(async () => {
    answers.push(await plane.get(path));
    return holds();
  });
  return answers;
}

test("a miss, then hits without the origin", async () => {
  const path = fresh();
  const miss = await plane.get(path);
  assert.equal(miss.status, 200);
  assert.match(miss.headers["cache-status"], /^Mizan; fwd=uri-miss/);
  const hit = await plane.warm(path);
  assert.deepEqual(hit.json(), miss.json());
});

test("a hit has the headers of the origin's answer, whatever is in them, and none of the store's", async () => {
  const path = fresh();
  origin.faults.set(path, (_question, response) => {
    const said = {
      "Content-Type": "application/json",
      "Content-Language": "de",
      "X-Said": 'café, "so"',
    };
    response.writeHead(200, { ...said, "Cache-Control": PUBLIC, Vary: "Cookie" }).end("{}");
  });
  const miss = await plane.get(path);
  const hit = await plane.warm(path);
  const lasting = ({ headers }) => {
    const { "cache-status": _, ...rest } = headers;
    return rest;
  };
  assert.equal(hit.headers["x-said"], miss.headers["x-said"]);
  assert.deepEqual(lasting(hit), lasting(miss));
});

test("a stale entry is served at once, and one question is asked behind it", async () => {
  const path = fresh();
  const started = (await plane.warm(path)).json().version;
  const gate = origin.hold(path);
  origin.version = "later";
  const first = await readUntil(path, () => gate.questions > 0);
  const more = await Promise.all(Array.from({ length: 10 }, () => plane.get(path)));
  for (const answer of [...first, ...more]) {
    assert.ok(answer.isHit);
    assert.equal(answer.json().version, started);
  }
  assert.equal(gate.questions, 1);
  gate.open();
  await eventually(async () => (await plane.get(path)).json().version === "later");
});

test("max-age of the live answer is honoured: no question while it is fresh", async () => {
  origin.faults.set(POST, (_q, response) => json(response, 200, "public, max-age=300", { n: 1 }));
  const path = fresh();
  await plane.warm(path);
  const asked = origin.asked(path).length;
  await sleep(1100); // a stale entry would be asked for again
  const [, ttl] = /hit; ttl=(\d+)/.exec((await plane.get(path)).headers["cache-status"]);
  assert.ok(ttl > 0 && ttl < 300, ttl);
  assert.equal(origin.asked(path).length, asked);
});

test("an entry dies at the end of its lifetime", async () => {
  const lifetime = 3;
  origin.faults.set(POST, (_q, response) =>
    json(response, 200, `public, max-age=${lifetime}`, { n: 1 }),
  );
  const path = fresh();
  await plane.warm(path);
  const gate = origin.hold(path, (_q, response) => json(response, 200, "no-store", {}));
  await sleep(lifetime * 1000 + 100);
  gate.open();
  assert.equal((await plane.get(path)).isHit, false);
});

test("order, and a value equal to its default, make no second entry", async () => {
  const id = unused++;
  await plane.warm(`${POST}?post_id=${id}&limit=5`);
  assert.ok((await plane.get(`${POST}?limit=5&post_id=${id}`)).isHit);
  await plane.warm(`${POST}?post_id=${id}`);
  assert.ok((await plane.get(`${POST}?limit=20&post_id=${id}`)).isHit);
  assert.ok(origin.asked(POST).every(({ url }) => !url.includes("limit=20")));
});

for (const [why, query] of [
  ["a zero in front", "post_id=05"],
  ["a repeated parameter", "post_id=5&post_id=6"],
  ["an unknown parameter", "post_id=5&utm_source=x"],
  ["a missing parameter", "limit=5"],
  ["text for a number", "post_id=five"],
  ["an overlong value", `post_id=${"9".repeat(300)}`],
  ["bytes that are not UTF-8", "post_id=%ff"],
]) {
  test(`${why} passes through as it is and is not stored`, async () => {
    for (let i = 0; i < 3; i++) {
      const answer = await plane.get(`${POST}?${query}`);
      assert.match(answer.headers["cache-status"], /fwd=bypass; detail=params/);
      await sleep(30);
    }
    assert.equal(origin.asked(`${POST}?${query}`).length, 3);
  });
}

test("ids above 2^53 stay apart", async () => {
  await plane.warm(`${POST}?post_id=9007199254740993`);
  const other = await plane.get(`${POST}?post_id=9007199254740992`);
  assert.equal(other.isHit, false);
  assert.equal(other.json().query.post_id, "9007199254740992");
});

test("nothing of the visitor is in a fill, and everyone gets the anonymous answer", async () => {
  const path = fresh();
  const visitor = {
    Cookie: "sessionid=alice; _ga=1",
    Authorization: "Bearer alice",
    "Accept-Language": "nl",
    "X-Forwarded-Host": "evil.example",
    "If-None-Match": '"x"',
    Range: "bytes=0-1",
  };
  const answer = await plane.get(path, visitor);
  assert.equal(answer.status, 200);
  assert.equal(answer.json().who, null);
  const [{ headers }] = origin.asked(path);
  for (const name of ["cookie", "authorization", "accept-language", "if-none-match", "range"]) {
    assert.equal(headers[name], undefined, name);
  }
  assert.equal(headers["x-forwarded-host"], "board.localhost:8000");
});

for (const [why, cacheControl, headers] of [
  ["no-store", "no-store", {}],
  ["private", "private, max-age=60", {}],
  ["no-cache", "public, no-cache", {}],
  ["no public", "max-age=60", {}],
  ["Set-Cookie", PUBLIC, { "Set-Cookie": "a=1" }],
  ["another Vary", PUBLIC, { Vary: "Cookie, Accept-Language" }],
  ["Vary: *", PUBLIC, { Vary: "*" }],
]) {
  test(`not stored: ${why}`, async () => {
    origin.faults.set(POST, (_q, response) => json(response, 200, cacheControl, {}, headers));
    const path = fresh();
    for (let i = 0; i < 3; i++) {
      assert.equal((await plane.get(path)).isHit, false);
      await sleep(30);
    }
    assert.equal(origin.asked(path).length, 3);
  });
}

test("errors keep their status and no-store, and are not stored", async () => {
  const path = `${POST}?post_id=404`;
  for (let i = 0; i < 2; i++) {
    const answer = await plane.get(path);
    assert.equal(answer.status, 404);
    assert.equal(answer.headers["cache-control"], "no-store");
    await sleep(30);
  }
  assert.equal(origin.asked(path).length, 2);
});

test("another user's private context is never stored", async () => {
  const me = (who) => plane.get("/api/mizan/ctx/me/", { Cookie: `sessionid=${who}` });
  const alice = await me("alice");
  await sleep(50);
  const bob = await me("bob");
  assert.equal(alice.json().who, "sessionid=alice");
  assert.equal(bob.json().who, "sessionid=bob");
  assert.equal(bob.headers["cache-control"], "private, no-cache");
  assert.match(bob.headers["cache-status"], /fwd=bypass; detail=private/);
  assert.equal((await plane.get("/api/mizan/ctx/me/")).status, 401);
});

test("a private context's own 304 passes", async () => {
  origin.faults.set("/api/mizan/ctx/me/", (request, response) => {
    assert.equal(request.headers["if-none-match"], '"mine"');
    response.writeHead(304, { ETag: '"mine"', "Cache-Control": "private" }).end();
  });
  const answer = await plane.get("/api/mizan/ctx/me/", { "If-None-Match": '"mine"' });
  assert.equal(answer.status, 304);
  assert.equal(answer.headers["cache-control"], "private, no-cache");
});

test("a context that WebSocket functions change is not stored", async () => {
  for (let i = 0; i < 2; i++) {
    const answer = await plane.get("/api/mizan/ctx/ticks/");
    assert.match(answer.headers["cache-status"], /detail=realtime/);
    await sleep(30);
  }
  assert.equal(origin.asked("/api/mizan/ctx/ticks/").length, 2);
});

test("concurrent misses of a key are one question", async () => {
  const path = fresh();
  const gate = origin.hold(path);
  const answers = Array.from({ length: 20 }, () => plane.get(path));
  await eventually(() => gate.questions > 0);
  await sleep(300); // whoever else would ask has asked
  assert.equal(gate.questions, 1);
  gate.open();
  for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200);
});

test("a cookie in an answer is for the one who asked, not for those who waited for the same answer", async () => {
  const path = fresh();
  let sessions = 0;
  const gate = origin.hold(path, (_q, response) =>
    json(response, 200, PUBLIC, {}, { "Set-Cookie": `sessionid=${sessions++}` }),
  );
  const answers = Array.from({ length: 5 }, () => plane.get(path));
  await eventually(() => gate.questions > 0);
  gate.open();
  const cookies = (await Promise.all(answers)).map((answer) => answer.cookies);
  assert.equal(new Set(cookies).size, 5, cookies.join());
});

test("a browser keeps it only to ask again: no-cache, ETag, 304", async () => {
  const hit = await plane.warm(fresh());
  assert.equal(hit.headers["cache-control"], "no-cache");
  assert.equal(hit.headers.vary, "Authorization, Cookie");
  assert.match(hit.headers.etag, /^"[0-9a-f]{32}"$/);
  for (const name of Object.keys(hit.headers)) assert.doesNotMatch(name, /^mizan-/);
  const again = await plane.get(POSTS, { "If-None-Match": (await plane.warm(POSTS)).headers.etag });
  assert.equal(again.status, 304);
  assert.equal(again.text, "");
  assert.equal(again.headers["cache-control"], "no-cache");
});

test("HEAD is GET without the body", async () => {
  const path = fresh();
  const get = await plane.warm(path);
  const head = await plane.ask(path, { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.text, "");
  assert.equal(head.headers.etag, get.headers.etag);
});

test("security headers of the origin survive the store", async () => {
  origin.faults.set(POST, (_q, response) =>
    json(
      response,
      200,
      PUBLIC,
      {},
      { "X-Frame-Options": "DENY", Connection: "x-hop", "X-Hop": "1" },
    ),
  );
  const hit = await plane.warm(fresh());
  assert.equal(hit.headers["x-frame-options"], "DENY");
  assert.equal(hit.headers["x-hop"], undefined);
});

/** The path of a stale entry, and the gate before the answer with `status` to the question behind it. */
async function askedAgain(status) {
  const path = fresh();
  await plane.warm(path);
  const gate = origin.hold(path, (_q, response) => json(response, status, "no-store", {}));
  const reads = await readUntil(path, () => gate.questions > 0);
  assert.ok(reads.every(({ isHit }) => isHit));
  return { path, gate };
}

test("what is gone does not live on as a stale entry", async () => {
  const { path, gate } = await askedAgain(404);
  gate.open();
  await eventually(async () => !(await plane.get(path)).isHit);
});

test("what fails lives on as a stale entry", async () => {
  const { path, gate } = await askedAgain(500);
  gate.open();
  // The next question follows an answer that was dealt with.
  const reads = await readUntil(path, () => gate.questions > 1);
  assert.ok(reads.every(({ isHit }) => isHit));
});

test("an origin that does not answer is a 502, and nothing of it is kept", async () => {
  origin.faults.set(POST, (q) => q.socket.destroy());
  const path = fresh();
  assert.equal((await plane.get(path)).status, 502);
  origin.faults.clear();
  assert.equal((await plane.get(path)).status, 200);
});

test("two releases share no entry", async () => {
  const path = fresh();
  await plane.warm(path);
  const port = await plane.startRelease({ data: { release: "r2" } });
  assert.equal((await plane.ask(path, { port })).isHit, false);
});
