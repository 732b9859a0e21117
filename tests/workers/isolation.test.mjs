// Nobody gets a byte that was made for somebody else. The origin writes the asker's mark into each of its answers, calls all of
// them public and cacheable, and hands out cookies; whatever an answer or the store shows is searched for marks.

import assert from "node:assert/strict";
import { test } from "node:test";
import { boardData } from "./support/data.mjs";
import { json } from "./support/origin.mjs";
import { below, oneIn, pick, seed } from "./support/seeded.mjs";
import { marksIn, Visitor } from "./support/strangers.mjs";
import { World } from "./support/world.mjs";

const REQUESTS = Number(process.env.MIZAN_ISOLATION_REQUESTS ?? 3000);
const AT_ONCE = 12;
const CONTEXTS = new Map(boardData().contexts.map((context) => [context.name, context]));
const PUBLIC = "public, max-age=60";

/** All that was said of the asker, in an answer that claims to be for everyone. */
function answerInPublic(request, response) {
  const { headers, url } = request;
  const said = { url, marks: marksIn(JSON.stringify(headers)) };
  const extra = {
    "X-Asked-By": said.marks.join(" ") || "nobody",
    ...(oneIn(8) && { "Set-Cookie": `seen=${said.marks[0] ?? "nobody"}` }),
    ...(oneIn(8) && { Vary: pick(["Cookie", "Accept-Language", "*"]) }),
  };
  json(response, oneIn(20) ? 500 : 200, oneIn(10) ? "no-store" : PUBLIC, said, extra);
}

const anyId = () => below(6);
const odd = ["05", "+5", "5&post_id=6", "5&utm_source=x", "%35", "5%00", "five", "", "5&Post_id=6"];

/** Requests of every kind: `[method, path]`. */
const kinds = [
  () => ["GET", "/api/mizan/ctx/posts/"],
  () => ["GET", `/api/mizan/ctx/post/?post_id=${anyId()}`],
  () => ["GET", `/api/mizan/ctx/post/?limit=${anyId()}&post_id=${anyId()}`],
  () => ["GET", `/api/mizan/ctx/post/?post_id=${pick(odd)}`],
  () => ["GET", `/api/mizan/ctx/posts/?${pick(["x=1", "session=2", "post_id=1", "%70=1"])}`],
  () => ["GET", `/api/mizan/ctx/tagged/?tag=${pick(["a", "A", "%61", "a%26tag=b", "%ff"])}`],
  () => ["HEAD", "/api/mizan/ctx/posts/"],
  () => ["GET", "/api/mizan/ctx/me/"],
  () => ["GET", "/api/mizan/ctx/ticks/"],
  () => ["GET", pick(["/whoami/", "/about/"])],
  () => ["GET", pick(["/", "/posts/3/", "/me/"])],
  () => ["OPTIONS", pick(["/api/mizan/ctx/me/", "/whoami/"])],
];

async function askAnything(world, visitors) {
  const visitor = pick(visitors);
  const location = pick(world.locations);
  const isolate = below(location.isolates);
  if (oneIn(40)) {
    const answer = await location.call(isolate, { invalidate: ["posts"] }, visitor.cookies);
    visitor.cookies = answer.cookies;
    return { visitor, request: "a mutation", answer };
  }
  const [method, path] = pick(kinds)();
  const answer = await location.ask(isolate, path, { method, headers: visitor.headers() });
  return { visitor, request: `${method} ${path}`, answer };
}

function assertOwn({ visitor, request, answer }) {
  assert.deepEqual(visitor.marksOfOthers(answer), [], `${request} of ${visitor.mark ?? "nobody"}`);
  if (!answer.isHit) return;
  assert.deepEqual(marksIn(JSON.stringify(answer.headers) + answer.text), [], `${request}, stored`);
  assert.equal(answer.headers["set-cookie"], undefined, `${request}, stored`);
}

/** What was put into a cache: nobody's, and under a key of what the schema declares. */
function assertNobodys({ url, raw }) {
  assert.deepEqual(marksIn(url + raw), [], url);
  assert.doesNotMatch(raw, /^set-cookie:/im, url);
  const { pathname, searchParams } = new URL(url);
  if (!pathname.startsWith("/__mizan/entries/")) return;
  const context = pathname
    .split("/")
    .map((part) => CONTEXTS.get(part))
    .find(Boolean);
  assert.ok(context && context.scope === "public" && !context.realtime, url);
  for (const [name, value] of searchParams) {
    const param = context.params.find((known) => known.name === name);
    assert.ok(param, `${url}: no such parameter`);
    if (param.type === "integer") assert.match(value, /^(0|-?[1-9]\d*)$/, url);
  }
  assert.equal(new Set(searchParams.keys()).size, searchParams.size, `${url}: repeated`);
}

/** @param {World} world @returns what there was to judge; it has been judged */
async function letThemIn(world, requests) {
  const visitors = Array.from({ length: 8 }, (_, i) => new Visitor(i > 0));
  const seen = { asked: 0, hits: 0, stored: 0 };
  const visit = async () => {
    while (seen.asked < requests) {
      seen.asked += 1;
      const exchange = await askAnything(world, visitors);
      assertOwn(exchange);
      if (exchange.answer.isHit) seen.hits += 1;
      world.origin.requests.length = 0;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, visit));
  for (const { puts } of world.locations) {
    seen.stored += puts.length;
    for (const put of puts) assertNobodys(put);
  }
  return seen;
}

async function withWorld(options, use) {
  const world = await World.start(options);
  for (const { path } of CONTEXTS.values()) world.origin.faults.set(path, answerInPublic);
  for (const path of ["/whoami/", "/about/"]) world.origin.faults.set(path, answerInPublic);
  try {
    return await use(world);
  } finally {
    await world.stop();
  }
}

test(`nobody gets what was made for somebody else (seed ${seed})`, async (t) => {
  const { asked, hits, stored } = await withWorld({}, (world) => letThemIn(world, REQUESTS));
  t.diagnostic(`${asked} requests, ${hits} hits, ${stored} entries stored`);
  assert.ok(hits > REQUESTS / 20, "what does not store anything keeps everybody apart");
});

for (const [wrong, file, from, to] of [
  [
    "an Edge that fills its store with the visitor's own question",
    "edge/origin.js",
    'const headers = new Headers({ Accept: "application/json", "User-Agent": "mizan-edge" });',
    "const headers = forOrigin(call.request.headers);",
  ],
  [
    "an Edge that stores what its parameters do not spell plainly",
    "edge/params.js",
    "return /^(0|-?[1-9]\\d*)$/.test(text) ? text : null;",
    "return text;",
  ],
  [
    "an Edge that stores private contexts",
    "edge/contexts.js",
    'if (context.scope !== "public") return { bypass: "private" };',
    "",
  ],
]) {
  test(`${wrong} is found out`, async () => {
    const options = { locations: 1, isolates: 1, patches: [{ file, from, to }] };
    await withWorld(options, (world) =>
      assert.rejects(letThemIn(world, 1000), { code: "ERR_ASSERTION" }),
    );
  });
}
