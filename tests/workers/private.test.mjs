// Private contexts with `edge.per_user`: whose answer is stored, for how long, and what ends it.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { credentialsOf, expiryOf, Partitions } from "../../templates/edge/partition.js";
import { boardData } from "./support/data.mjs";
import { json } from "./support/origin.mjs";
import { Plane } from "./support/plane.mjs";
import { eventually, sleep } from "./support/promises.mjs";

const ME = "/api/mizan/ctx/me/";
const KEPT = "private, max-age=300";

let plane;
let origin;
let unused = 1;

before(async () => {
  plane = await Plane.start({ data: { perUser: true } });
  origin = plane.origin;
});
after(() => plane.stop());
beforeEach(() => {
  origin.faults.clear();
  origin.requests.length = 0;
  answerMe(KEPT);
});

/** What the origin says of a visitor: all that it heard. */
function answerMe(cacheControl, headers = {}) {
  origin.faults.set(ME, ({ headers: heard }, response) => {
    const who = [heard.authorization ?? null, heard.cookie ?? null];
    json(response, 200, cacheControl, { who, version: origin.version }, headers);
  });
}

/** The headers of somebody whom no other test knows. */
const somebody = () => ({ Cookie: `sessionid=user${unused++}` });
const me = (headers) => plane.get(ME, headers);

/** Read until the store answers. */
async function warm(headers) {
  let answer;
  await eventually(async () => {
    answer = await me(headers);
    return answer.isHit;
  });
  return answer;
}

/** Is it not stored, however often it is read? */
async function staysAway(headers) {
  for (let i = 0; i < 3; i++) {
    if ((await me(headers)).isHit) return false;
    await sleep(30);
  }
  return true;
}

test("the same credentials find their answer again, and nobody else does", async () => {
  const [alice, bob] = [somebody(), somebody()];
  assert.match((await me(alice)).headers["cache-status"], /fwd=uri-miss/);
  assert.deepEqual((await warm(alice)).json().who, [null, alice.Cookie]);
  const first = await me(bob);
  assert.equal(first.isHit, false);
  assert.deepEqual(first.json().who, [null, bob.Cookie]);
  assert.deepEqual((await warm(bob)).json().who, [null, bob.Cookie]);
  assert.deepEqual((await warm(alice)).json().who, [null, alice.Cookie]);
});

test("who has no credentials is one visitor, apart from all others", async () => {
  const alice = somebody();
  await warm(alice);
  const nobody = await me({});
  assert.equal(nobody.isHit, false);
  assert.deepEqual(nobody.json().who, [null, null]);
  assert.deepEqual((await warm({})).json().who, [null, null]);
  assert.deepEqual((await warm({ Cookie: "_ga=1" })).json().who, [null, null]);
});

test("header and cookie count together", async () => {
  const { Cookie } = somebody();
  await warm({ Cookie, Authorization: "Token a" });
  for (const other of [{ Cookie }, { Authorization: "Token a" }, { Cookie, Authorization: "b" }]) {
    assert.equal((await me(other)).isHit, false, JSON.stringify(other));
  }
});

test("only what the schema names as credentials travels, and only that tells visitors apart", async () => {
  const { Cookie } = somebody();
  await warm({ Cookie });
  const noise = {
    Cookie: `_ga=GA1.2; ${Cookie}; csrftoken=t; theme=dark`,
    "Accept-Language": "nl",
    "X-Forwarded-For": "6.6.6.6",
    "User-Agent": "a browser",
  };
  assert.ok((await me(noise)).isHit);
  await plane.call("mark_read", { invalidate: ["me"] });
  await me(noise);
  const { headers } = origin.asked(ME).at(-1);
  assert.equal(headers.cookie, Cookie);
  assert.equal(headers["accept-language"], undefined);
  assert.equal(headers["user-agent"], "mizan-edge");
  assert.equal(headers["x-forwarded-for"], "127.0.0.1");
});

for (const [why, cacheControl, headers] of [
  ["nothing but a time to be stale", "private, max-age=0, stale-while-revalidate=300", {}],
  ["a time for shared caches only", "private, s-maxage=300", {}],
  ["no-store", "private, no-store, max-age=300", {}],
  ["no-cache", "private, no-cache, max-age=300", {}],
  ["neither public nor private", "max-age=300", {}],
  ["an Age that is over", KEPT, { Age: "300" }],
  ["Set-Cookie", KEPT, { "Set-Cookie": "theme=dark" }],
  ["another Vary", KEPT, { Vary: "Cookie, Accept-Language" }],
]) {
  test(`not stored: ${why}`, async () => {
    answerMe(cacheControl, headers);
    assert.ok(await staysAway(somebody()));
  });
}

test("it is served while it is fresh, and never after", async () => {
  answerMe("private, max-age=2, stale-while-revalidate=300");
  const alice = somebody();
  await warm(alice);
  answerMe("private, no-store");
  await sleep(2100);
  assert.ok(await staysAway(alice));
});

test("the browser asks again each time, by ETag, and no other cache keeps it", async () => {
  const alice = somebody();
  const { headers } = await warm(alice);
  assert.equal(headers["cache-control"], "private, no-cache");
  assert.equal((await me({ ...alice, "If-None-Match": headers.etag })).status, 304);
});

test("a change of the context is seen by the one who made it at once", async () => {
  const alice = somebody();
  await warm(alice);
  const { cookies } = await plane.call("mark_read", { version: "read", invalidate: ["me"] }, alice);
  const own = await me({ Cookie: `${alice.Cookie}; ${cookies}` });
  assert.equal(own.json().version, "read");
});

/** A token that the origin would have signed. */
function token(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `Bearer ${part({ alg: "HS256" })}.${part({ sub: unused++, ...claims })}.c2ln`;
}

test("an entry dies with the token that it was read with", async () => {
  const Authorization = token({ exp: Math.floor(Date.now() / 1000) + 3 });
  await warm({ Authorization });
  const gone = Date.now() + 3000;
  await sleep(gone - Date.now());
  assert.ok(await staysAway({ Authorization }));
});

test("with a token that is over nothing is stored; one without an end is like any credential", async () => {
  assert.ok(await staysAway({ Authorization: token({ exp: 1 }) }));
  await warm({ Authorization: token({}) });
});

for (const [why, answer] of [
  ["401", (response) => json(response, 401, "no-store", {})],
  ["403", (response) => json(response, 403, "no-store", {})],
  [
    "a new session",
    (response) => json(response, 200, "no-store", {}, { "Set-Cookie": ["a=1", "sessionid=new"] }),
  ],
  [
    "the end of the session",
    (response) =>
      response.writeHead(302, { Location: "/", "Set-Cookie": "sessionid=; Max-Age=0" }).end(),
  ],
]) {
  test(`${why}, wherever it comes from, ends what was stored for them, and for nobody else`, async () => {
    const [alice, bob] = [somebody(), somebody()];
    await warm(alice);
    await warm(bob);
    origin.faults.set("/account/", (_q, response) => answer(response));
    await plane.ask("/account/", { method: "POST", headers: alice, body: "x" });
    assert.equal((await me(alice)).isHit, false);
    assert.ok((await me(bob)).isHit);
    await warm(alice);
  });
}

test("a refusal of the context itself ends all that was stored for them", async () => {
  const alice = somebody();
  await warm(alice);
  await plane.call("mark_read", { invalidate: ["me"] });
  origin.faults.set(ME, (_q, response) => json(response, 401, "no-store", {}));
  assert.equal((await me(alice)).status, 401);
  answerMe(KEPT);
  assert.equal((await me(alice)).isHit, false);
});

test("other cookies, and refusals of those who have no credentials, end nothing", async () => {
  const alice = somebody();
  await warm(alice);
  await warm({});
  origin.faults.set("/theme/", (_q, response) =>
    json(response, 200, "no-store", {}, { "Set-Cookie": "theme=dark" }),
  );
  origin.faults.set("/admin/", (_q, response) => json(response, 403, "no-store", {}));
  await plane.get("/theme/", alice);
  await plane.get("/admin/");
  assert.ok((await me(alice)).isHit);
  assert.ok((await me({})).isHit);
});

test("what was being read when they signed out is not found afterwards", async () => {
  const alice = somebody();
  const gate = origin.hold(ME);
  const slow = me(alice);
  await eventually(() => gate.questions > 0);
  origin.faults.set("/logout/", (_q, response) =>
    json(response, 200, "no-store", {}, { "Set-Cookie": "sessionid=; Max-Age=0" }),
  );
  await plane.get("/logout/", alice);
  const later = me(alice);
  await eventually(() => gate.questions > 1);
  gate.open();
  await slow;
  assert.equal((await later).isHit, false);
});

test("a page takes a visitor's own answers from the store, and is theirs alone", async () => {
  const alice = somebody();
  await warm(alice);
  const asked = origin.asked(ME).length;
  const page = await plane.get("/me/", alice);
  assert.equal(page.headers["cache-control"], "private, no-store");
  assert.match(page.text, new RegExp(alice.Cookie));
  assert.equal(origin.asked(ME).length, asked);
  const other = somebody();
  assert.match((await plane.get("/me/", other)).text, new RegExp(other.Cookie));
});

const NAMES = boardData().credentials;
const found = (headers) => JSON.stringify(credentialsOf(NAMES, new Headers(headers)));

test("order does not tell visitors apart; spelling, and which comes first of two, does", () => {
  const names = { headers: ["X-Key", "Authorization"], cookies: ["sessionid", "jwt"] };
  const of = (headers) => JSON.stringify(credentialsOf(names, new Headers(headers)));
  assert.equal(of({ Cookie: "jwt=1; sessionid=2" }), of({ Cookie: "sessionid=2;  jwt=1" }));
  const all = [
    {},
    { Cookie: "sessionid=" },
    { Cookie: "sessionid=a" },
    { Cookie: 'sessionid="a"' },
    { Cookie: "sessionid=A" },
    { Cookie: "sessionid=a; sessionid=b" },
    { Cookie: "sessionid=b; sessionid=a" },
    { Cookie: "sessionid=a=b" },
    { Authorization: "a" },
    { Authorization: "" },
  ];
  assert.equal(new Set(all.map(found)).size, all.length);
  assert.equal(found({ Cookie: "SESSIONID=a; sessionid" }), found({}));
});

test("the first token that ends is what counts, and what is no token never ends", () => {
  const ends = (headers) => expiryOf(credentialsOf(NAMES, new Headers(headers)));
  const session = { Cookie: `sessionid=${token({ exp: 50 }).slice("Bearer ".length)}` };
  assert.equal(ends({ Authorization: token({ exp: 100 }) }), 100_000);
  assert.equal(ends({ Authorization: token({ exp: 100 }), ...session }), 50_000);
  for (const value of ["Token abc", "a.b.c", "Bearer a.b", token({ exp: "soon" }), ""]) {
    assert.equal(ends({ Authorization: value }), Number.POSITIVE_INFINITY, value);
  }
});

test("a partition that ended is not found again, even when too many ended to remember each", () => {
  const partitions = new Partitions();
  const first = partitions.nameOf("first");
  partitions.end("first");
  const second = partitions.nameOf("first");
  assert.notEqual(second, first);
  for (let n = 0; n < 10_000; n++) partitions.end(`other ${n}`);
  assert.ok(![first, second].includes(partitions.nameOf("first")));
});
