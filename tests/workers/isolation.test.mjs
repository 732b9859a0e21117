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
  assert.equal(answer.headers["set-cookie"], undefined, `${request}, stored`);
  if (isPrivate(request)) return;
  assert.deepEqual(marksIn(JSON.stringify(answer.headers) + answer.text), [], `${request}, stored`);
}

const isPrivate = (request) => request.includes(CONTEXTS.get("me").path);

/** All that was put into the caches: nobody's, but for what is kept for one visitor. */
function assertApart(puts) {
  const owners = new Map();
  for (const { url, raw } of puts) {
    assert.doesNotMatch(raw, /^set-cookie:/im, url);
    const marks = new Set(marksIn(url + raw));
    const partition = assertDeclared(url);
    if (partition === "public") assert.equal(marks.size, 0, url);
    else for (const mark of marks) assertSame(owners, partition, mark);
  }
}

function assertSame(owners, partition, mark) {
  assert.equal(owners.get(partition) ?? mark, mark, `${partition} is of two`);
  owners.set(partition, mark);
}

/** Under a key of what the schema declares. @returns whose it is */
function assertDeclared(url) {
  const { pathname, searchParams } = new URL(url);
  if (!pathname.startsWith("/__mizan/entries/")) return "public";
  const [name, partition] = pathname.split("/").slice(7);
  const context = CONTEXTS.get(name);
  assert.ok(context && (!context.realtime || context.announced), url);
  assert.equal(context.scope === "public", partition === "public", url);
  for (const [name, value] of searchParams) {
    const param = context.params.find((known) => known.name === name);
    assert.ok(param, `${url}: no such parameter`);
    if (param.type === "integer") assert.match(value, /^(0|-?[1-9]\d*)$/, url);
  }
  assert.equal(new Set(searchParams.keys()).size, searchParams.size, `${url}: repeated`);
  return partition;
}

/** @param {World} world @returns what there was to judge; it has been judged */
async function letThemIn(world, requests) {
  const visitors = Array.from({ length: 8 }, (_, i) => new Visitor(i > 0));
  const seen = { asked: 0, hits: 0, privateHits: 0, stored: 0 };
  const visit = async () => {
    while (seen.asked < requests) {
      seen.asked += 1;
      const exchange = await askAnything(world, visitors);
      assertOwn(exchange);
      if (exchange.answer.isHit) seen.hits += 1;
      if (exchange.answer.isHit && isPrivate(exchange.request)) seen.privateHits += 1;
      world.origin.requests.length = 0;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, visit));
  for (const { puts } of world.locations) {
    seen.stored += puts.length;
    assertApart(puts);
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

for (const [about, data] of [
  ["nobody gets what was made for somebody else", {}],
  ["nor what is kept for somebody else", { perUser: true }],
]) {
  test(`${about} (seed ${seed})`, async (t) => {
    const seen = await withWorld({ data }, (world) => letThemIn(world, REQUESTS));
    t.diagnostic(
      `${seen.asked} requests, ${seen.hits} hits (${seen.privateHits} private), ${seen.stored} entries stored`,
    );
    assert.ok(seen.hits > REQUESTS / 20, "what does not store anything keeps everybody apart");
    if (data.perUser) assert.ok(seen.privateHits > 0, "nor does what keeps nothing for a visitor");
    else assert.equal(seen.privateHits, 0);
  });
}

for (const [wrong, file, from, to] of [
  [
    "an Edge that fills its store with the visitor's own question",
    "edge/origin.js",
    "setForwarded(headers, { ...aboutUs(call), client: LOOPBACK });",
    "for (const [name, value] of forOrigin(call.request.headers)) headers.set(name, value);",
  ],
  [
    "an Edge that stores what its parameters do not spell plainly",
    "edge/params.js",
    "return /^(0|-?[1-9]\\d*)$/.test(text) ? text : null;",
    "return text;",
  ],
  [
    "an Edge that takes what is private for public",
    "edge/policy.js",
    "this.data = data;",
    'this.data = data;\n    for (const context of data.contexts) context.scope = "public";',
  ],
]) {
  test(`${wrong} is found out`, async () => {
    const options = { locations: 1, isolates: 1, patches: [{ file, from, to }] };
    await withWorld(options, (world) =>
      assert.rejects(letThemIn(world, 1000), { code: "ERR_ASSERTION" }),
    );
  });
}
