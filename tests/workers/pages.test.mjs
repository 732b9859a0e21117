// Pages: contexts gathered by the Edge, the document made by Render.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import vm from "node:vm";
import { json } from "./support/origin.mjs";
import { Plane } from "./support/plane.mjs";
import { eventually, seenByEveryone, sleep } from "./support/promises.mjs";

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

test("a route that the schema leaves to Django is Django's, below a route of ours too", async () => {
  const answer = await plane.get("/about/?a=1", { Cookie: "sessionid=alice" });
  assert.equal(answer.text, "origin GET /about/?a=1");
  assert.equal(origin.asked("/about/")[0].headers.cookie, "sessionid=alice");
  assert.equal((await plane.get("/posts/about/")).text, "origin GET /posts/about/");
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
  const big = "x".repeat(1_100_000);
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

for (const [why, location, target] of [
  ["a path", "/login/", "/login/"],
  ["the site's own address", "http://board.localhost:8000/login/?a=1", "/login/?a=1"],
  [
    "a way back to the context, which becomes one to the page",
    "/login/?a=1&next=/api/mizan/ctx/me/",
    "/login/?a=1&next=%2Fme%2F%3Fq%3D1",
  ],
]) {
  test(`a context that redirects leads there: ${why}`, async () => {
    for (const status of [301, 302, 307]) {
      origin.faults.set("/api/mizan/ctx/me/", (_q, response) =>
        response
          .writeHead(status, { Location: location, "Set-Cookie": "sessionid=x" })
          .end("moved"),
      );
      const answer = await plane.get("/me/?q=1");
      assert.equal(answer.status, 302);
      assert.equal(answer.headers.location, target);
      assert.equal(answer.headers["cache-control"], "private, no-store");
      assert.deepEqual(answer.headers["set-cookie"], ["sessionid=x"]);
      assert.equal(answer.text, "");
    }
  });
}

test("a redirect by the origin's own name leads to this site", async () => {
  origin.faults.set(POST, (_q, response) =>
    response.writeHead(302, { Location: `${origin.url}/login/` }).end(),
  );
  const answer = await plane.get("/posts/302/");
  assert.deepEqual([answer.status, answer.headers.location], [302, "/login/"]);
  assert.equal(answer.headers["cache-control"], "no-store");
});

for (const [why, location] of [
  ["nowhere", undefined],
  ["another host", "https://evil.example/"],
  ["another host by a short form", "//evil.example/"],
  ["another host as a path", "/.//evil.example/"],
  ["data", "/api/mizan/ctx/posts/"],
  ["the page itself", "/posts/302/"],
  ["a word that is no address", "http://["],
]) {
  test(`a context that redirects to ${why} is a page that failed`, async () => {
    origin.faults.set(POST, (_q, response) =>
      response.writeHead(302, location && { Location: location }).end(),
    );
    const answer = await plane.get("/posts/302/");
    assert.deepEqual([answer.status, answer.headers.location], [502, undefined]);
  });
}

test("Cache-Status says where a page came from", async () => {
  const status = async (path, headers) => (await plane.get(path, headers)).headers["cache-status"];
  origin.faults.set(POST, (_q, response) => json(response, 200, PUBLIC, {}));
  assert.equal(await status("/posts/1001/"), "Mizan; fwd=uri-miss");
  await plane.warm("/posts/1001/");
  assert.match(await status("/posts/1001/"), /^Mizan; hit; ttl=\d+$/);
  assert.equal(
    await status("/me/", { Cookie: "sessionid=a" }),
    "Mizan; fwd=bypass; detail=private",
  );
  assert.equal(await status("/posts/five/"), "Mizan; fwd=bypass; detail=params");
  assert.equal(await status("/steady/"), "Mizan; fwd=bypass; detail=no-context");
});

test("a kept page is the same document, by ETag, HEAD and 304 too, and asks nobody", async () => {
  origin.faults.set(POST, (_q, response) => json(response, 200, PUBLIC, { n: 1 }));
  const made = await plane.get("/posts/1002/");
  const { text, headers } = await plane.warm("/posts/1002/");
  assert.equal(text, made.text);
  assert.equal(headers["cache-control"], "no-cache");
  assert.equal(headers["content-type"], "text/html; charset=utf-8");
  assert.equal(headers["x-content-type-options"], "nosniff");
  origin.requests.length = 0;
  const again = await plane.get("/posts/1002/", { "If-None-Match": headers.etag });
  assert.deepEqual([again.status, again.text], [304, ""]);
  const head = await plane.ask("/posts/1002/", { method: "HEAD" });
  assert.deepEqual([head.status, head.text, head.headers.etag], [200, "", headers.etag]);
  assert.ok((await plane.get("/posts/1002/?utm_source=x")).isHit, "no page shows its query");
  assert.equal(origin.requests.length, 0);
});

test("a HEAD that misses keeps the page as a GET would", async () => {
  origin.faults.set(POST, (_q, response) => json(response, 200, PUBLIC, {}));
  const head = await plane.ask("/posts/1003/", { method: "HEAD" });
  assert.deepEqual([head.status, head.text], [200, ""]);
  await eventually(async () => (await plane.get("/posts/1003/")).isHit);
});

test("who changes what a kept page shows sees it at once, everyone else within 5 s", async () => {
  origin.faults.set(POST, (_q, response) =>
    json(response, 200, PUBLIC, { version: origin.version }),
  );
  await plane.warm("/posts/1004/");
  const invalidate = [{ context: "post", params: { post_id: 1004 } }];
  const answer = await plane.call("add_comment", { version: "commented on", invalidate });
  const changed = Date.now();
  const shows = ({ text }) => dataOf(text).contexts[0].data.version === "commented on";
  assert.ok(shows(await plane.get("/posts/1004/", { Cookie: answer.cookies })));
  await seenByEveryone(changed, async () => shows(await plane.get("/posts/1004/")));
});

/** Is a page made anew each time? */
async function staysAway(path) {
  for (let i = 0; i < 3; i++) {
    if ((await plane.get(path)).isHit) return false;
    await sleep(30);
  }
  return true;
}

test("a page of what may not be stored is not kept, nor one that failed or whose code threw", async () => {
  for (const [id, status, cacheControl, value] of [
    [2001, 200, "no-store", {}],
    [2002, 200, "private, max-age=300", {}],
    [2003, 500, "no-store", {}],
    [2004, 200, PUBLIC, { throws: true }],
    [2005, 200, PUBLIC, { throws: true, big: "x".repeat(1_100_000) }],
  ]) {
    const path = `${POST}?post_id=${id}`;
    origin.faults.set(path, (_q, response) => json(response, status, cacheControl, value));
    assert.ok(await staysAway(`/posts/${id}/`), String(id));
  }
});

test("a streamed page is kept whole", async () => {
  const big = "y".repeat(1_100_000);
  origin.faults.set(POST, (_q, response) => json(response, 200, PUBLIC, { big }));
  const made = await plane.get("/posts/1005/");
  assert.match(made.text, /data-streamed/);
  assert.equal((await plane.warm("/posts/1005/")).text, made.text);
});

test("a page is streamed above 1 MiB of data, and text up to it", async () => {
  let length = 1000;
  origin.faults.set(POST, (_q, response) =>
    json(response, 200, "no-store", { big: "x".repeat(length) }),
  );
  const page = async () => (await plane.get("/posts/1006/")).text;
  const data = /<script>window.*?<\/script>/s.exec(await page())[0];
  length += 1024 * 1024 - data.length;
  assert.doesNotMatch(await page(), /data-streamed/);
  length += 1;
  assert.match(await page(), /data-streamed/);
});

test("a page that a browser would render otherwise is named in the log, with the reason", async () => {
  const named = (page) =>
    new RegExp(`the page ${page} \\(/${page.toLowerCase()}/\\) may not hydrate.*`);
  for (const [page, reason] of [
    ["Clock", /the clock \(Date\)$/],
    ["Dice", /Math\.random$/],
    ["Place", /language or time zone$/],
    ["Prices", /language or time zone$/],
    ["Counter", /something that changes from one time to the next[^;]*$/],
  ]) {
    await plane.get(`/${page.toLowerCase()}/`);
    await eventually(() => named(page).test(plane.releaseLog()));
    assert.match(named(page).exec(plane.releaseLog())[0], reason);
  }
  await plane.get("/steady/");
  await plane.get("/counter/");
  await sleep(100);
  assert.doesNotMatch(plane.releaseLog(), named("Steady"));
  const times = plane.releaseLog().match(new RegExp(named("Counter"), "g"));
  assert.equal(times.length, 1, "once for each page");
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
