// Pages: contexts gathered by the Edge, the document made by Render.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import vm from "node:vm";
import { json } from "./support/origin.mjs";
import { Plane } from "./support/plane.mjs";
import { eventually } from "./support/promises.mjs";

const POST = "/api/mizan/ctx/post/";
const PUBLIC = "public, max-age=300";

let plane;
let origin;

before(async () => {
  plane = await Plane.start();
  origin = plane.origin;
});
after(() => plane.stop());
beforeEach(() => {
  origin.faults.clear();
  origin.requests.length = 0;
});

/** The page's data as a browser would have it. */
function dataOf(html) {
  const script = /<script>(window\.__MIZAN_SSR_DATA__=.*?)<\/script>/s.exec(html)[1];
  const window = {};
  vm.runInNewContext(script, { window, JSON });
  return window.__MIZAN_SSR_DATA__;
}

test("a page: document, what the app rendered, its data, its scripts and styles", async () => {
  const { status, headers, text } = await plane.get("/posts/5/");
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "text/html; charset=utf-8");
  assert.equal(headers["cache-control"], "no-cache");
  assert.match(text, /^<!doctype html><html lang="nl"><head><meta charset="utf-8">/);
  assert.match(text, /<meta name="viewport" content="width=device-width, initial-scale=1">/);
  assert.match(
    text,
    /<title>Post<\/title><link rel="stylesheet" href="\/static\/assets\/style-1a2b3c4D.css">/,
  );
  assert.match(text, /<div id="root"><main data-page="Post">/);
  assert.match(
    text,
    /<script type="module" src="\/static\/assets\/entry-client-8f3aB2c1.js"><\/script><\/body><\/html>$/,
  );
  const data = dataOf(text);
  assert.equal(data.v, 1);
  assert.equal(data.page, "Post");
  assert.equal(JSON.stringify(data.props), '{"post_id":"5"}');
  assert.equal(JSON.stringify(data.contexts[0].params), '{"post_id":5}');
  assert.equal(data.contexts[0].data.query.post_id, "5");
});

test("its public contexts come from the store, and the writer's own page is fresh", async () => {
  const path = `${POST}?post_id=6`;
  origin.faults.set(path, (_q, response) =>
    json(response, 200, PUBLIC, { version: origin.version }),
  );
  await plane.warm(path);
  const asked = origin.asked(path).length;
  await plane.get("/posts/6/");
  assert.equal(origin.asked(path).length, asked);
  const invalidate = [{ context: "post", params: { post_id: 6 } }];
  const answer = await plane.call("add_comment", { version: "commented", invalidate });
  const { text } = await plane.get("/posts/6/", { Cookie: answer.cookies });
  assert.equal(dataOf(text).contexts[0].data.version, "commented");
});

test("a private context is asked for as the visitor, and the page is theirs alone", async () => {
  const me = await plane.get("/me/", {
    Cookie: "sessionid=alice",
    "X-Forwarded-Host": "evil.example",
  });
  assert.equal(me.status, 200);
  assert.equal(me.headers["cache-control"], "private, no-store");
  assert.equal(dataOf(me.text).contexts[0].data.who, "sessionid=alice");
  const [{ headers }] = origin.asked("/api/mizan/ctx/me/");
  assert.equal(headers["x-forwarded-host"], "board.localhost:8000");
  const bob = await plane.get("/me/", { Cookie: "sessionid=bob" });
  assert.equal(dataOf(bob.text).contexts[0].data.who, "sessionid=bob");
});

test("a session that is renewed on the way reaches the browser", async () => {
  origin.faults.set("/api/mizan/ctx/me/", (_q, response) =>
    json(response, 200, "private", {}, { "Set-Cookie": ["sessionid=new; Path=/; HttpOnly"] }),
  );
  const me = await plane.get("/me/", { Cookie: "sessionid=old" });
  assert.deepEqual(me.headers["set-cookie"], ["sessionid=new; Path=/; HttpOnly"]);
});

for (const [path, context, status, expected, cacheControl] of [
  ["/me/", "me", 401, 401, "private, no-store"],
  ["/me/", "me", 403, 403, "private, no-store"],
  ["/posts/1/", "post", 404, 404, "no-store"],
  ["/posts/1/", "post", 422, 404, "no-store"],
  ["/posts/1/", "post", 500, 502, "no-store"],
  ["/posts/1/", "post", 503, 503, "no-store"],
  ["/posts/1/", "post", 302, 502, "no-store"],
]) {
  test(`a context's ${status} is the page's ${expected}`, async () => {
    const other = `/api/mizan/ctx/${context}/`;
    origin.faults.set(other, (_q, response) => json(response, status, "no-store", { secret: 1 }));
    const answer = await plane.get(path.replace("1", String(status)));
    assert.equal(answer.status, expected);
    assert.equal(answer.headers["cache-control"], cacheControl);
    assert.match(answer.text, new RegExp(`<h1>.+</h1><p>${expected}</p>`));
    assert.doesNotMatch(answer.text, /secret/);
  });
}

test("a value that the context does not take is a page that does not exist", async () => {
  assert.equal((await plane.get("/posts/five/")).status, 404);
});

test("paths are exact: the slash counts, a name is one segment, other methods are the origin's", async () => {
  for (const path of ["/posts/5", "/posts/5/6/", "/posts//", "/Posts/5/", "/about/"]) {
    assert.equal((await plane.get(path)).text, `origin GET ${path}`);
  }
  assert.equal(
    (await plane.ask("/posts/5/", { method: "POST", body: "x" })).text,
    "origin POST /posts/5/",
  );
  const head = await plane.ask("/posts/5/", { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.text, "");
});

test("an encoded segment is decoded once, and a broken one is the origin's", async () => {
  await plane.get("/posts/a%2Fb%20c/");
  assert.ok(origin.asked(POST).some(({ url }) => url === `${POST}?post_id=a%2Fb+c`));
  assert.equal((await plane.get("/posts/%zz/")).text, "origin GET /posts/%zz/");
});

test("text of the data cannot end the script, the string or the element", async () => {
  const hostile = {
    a: "</script><script>alert(1)</script><!--",
    b: "\u2028\u2029\\\"'`$ {x}&lt;]]>",
    "</script>": 1,
  };
  origin.faults.set(POST, (_q, response) => {
    response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": PUBLIC });
    response.end(`{"__proto__":{"polluted":1},${JSON.stringify(hostile).slice(1)}`);
  });
  const { text } = await plane.get("/posts/666/");
  const script = /window\.__MIZAN_SSR_DATA__=(.*?)<\/script>/s.exec(text)[1];
  assert.doesNotMatch(script, /[<>&\u2028\u2029]/);
  assert.doesNotMatch(text, /<script>alert/);
  const { data } = dataOf(text).contexts[0];
  assert.equal(data.a, hostile.a);
  assert.equal(data.b, hostile.b);
  assert.equal(data.polluted, undefined);
  assert.ok(Object.hasOwn(data, "__proto__"));
});

test("a hostile path is data, not markup", async () => {
  const path = `/posts/${encodeURIComponent("<img src=x onerror=alert(1)>\"'")}/`;
  origin.faults.set(POST, (_q, response) => json(response, 200, PUBLIC, {}));
  const { text } = await plane.get(path);
  assert.doesNotMatch(text, /<img/);
  assert.equal(dataOf(text).props.post_id, "<img src=x onerror=alert(1)>\"'");
});

test("a component that throws: the browser renders, and the log says why", async () => {
  const { status, text } = await plane.get("/throws/");
  assert.equal(status, 200);
  assert.match(text, /<div id="root"><\/div><script>window/);
  assert.match(text, /<script type="module"/);
  assert.equal(dataOf(text).page, "Throws");
  const report = /rendering failed \/throws\/.*this component always throws/;
  await eventually(() => report.test(plane.releaseLog()));
});

test("a large page is streamed, whole and in order", async () => {
  const big = "x".repeat(100_000);
  origin.faults.set(POST, (_q, response) => json(response, 200, PUBLIC, { big }));
  const { status, text } = await plane.get("/posts/777/");
  assert.equal(status, 200);
  assert.match(
    text,
    /^<!doctype html>.*<div id="root"><main data-streamed="yes" data-page="Post">.*<\/main><\/div><script>window.*<\/html>$/s,
  );
  assert.equal(dataOf(text).contexts[0].data.big, big);
});

test("an origin that is away is a 502 with words in it, never a blank page", async () => {
  origin.faults.set(POST, (request) => request.socket.destroy());
  const answer = await plane.get("/posts/888/");
  assert.equal(answer.status, 502);
  assert.match(answer.text, /<h1>Something went wrong<\/h1>/);
});

test("while the hub is away pages are still made", async () => {
  await plane.stopHub();
  try {
    const { status, text } = await plane.get("/posts/5/");
    assert.equal(status, 200);
    assert.equal(dataOf(text).contexts[0].data.query.post_id, "5");
  } finally {
    await plane.startHub();
  }
});
