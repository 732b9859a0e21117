// What visitors meet: which Worker serves them, how it sees them, which version runs, and that a
// switch is not noticed. It needs the vendor's schemas, which MIZAN_TEST_DATA names.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import { WebSocket } from "ws";
import { eventually, withResolvers } from "../../workers/support/promises.mjs";
import {
  answering,
  Client,
  COUNTER,
  COUNTER_USER,
  counter,
  NEW_COUNTER,
  upload,
} from "./testing/client.mjs";

let client;
let zone;
before(async () => {
  client = await Client.start();
});
after(() => client.stop());
beforeEach(async () => {
  await client.control("POST", "reset");
  zone = (await client.control("POST", "zones", { name: "example.com" })).id;
});

const proxied = (name) =>
  client.control("POST", "dns", { zone, type: "AAAA", name, content: "100::", proxied: true });
const route = (pattern, script) =>
  client.done("POST", `zones/${zone}/workers/routes`, { pattern, script });
const domain = (hostname, service) => client.done("PUT", "/workers/domains", { hostname, service });
const says = async (host, path) => {
  const { status, text } = await client.visit(host, path);
  return [status, text];
};

describe("what a Worker reaches outside", () => {
  const asking = `export default { async fetch(request) {
    const url = new URL(request.url).searchParams.get("url");
      return fetch(url).then((answer) => answer, () => new Response("unreached", { status: 502 }));
  } }`;

  it("hosts that a test has placed on this machine, this machine itself, and nothing else", async () => {
    const origin = http.createServer((request, response) =>
      response.end(`it is ${request.headers.host}`),
    );
    origin.listen(0, "127.0.0.1");
    await once(origin, "listening");
    const { port } = origin.address();
    await client.control("POST", "hosts", {
      pattern: "*.balancers.example",
      address: `127.0.0.1:${port}`,
    });
    await client.put("asking", asking);
    await domain("app.example.com", "asking");
    const ask = (url) => says("app.example.com", `/?url=${encodeURIComponent(url)}`);
    assert.deepEqual(await ask("http://one.balancers.example/"), [
      200,
      "it is one.balancers.example",
    ]);
    assert.deepEqual(await ask(`http://127.0.0.1:${port}/`), [200, `it is 127.0.0.1:${port}`]);
    assert.equal((await ask("http://elsewhere.example/"))[0], 502);
    origin.closeAllConnections();
    origin.close();
  });
});

describe("where a request goes", () => {
  it("a route to the most specific one, before a custom domain, and to none", async () => {
    for (const name of ["wide", "narrow", "domain"]) await client.put(name, answering(name));
    await domain("app.example.com", "domain");
    await proxied("*.example.com");
    assert.deepEqual(await says("app.example.com"), [200, "domain"]);
    await route("*.example.com/*", "wide");
    await route("app.example.com/api/*", "narrow");
    await route("app.example.com/api/none/*", null);
    assert.deepEqual(await says("app.example.com", "/"), [200, "wide"]);
    assert.deepEqual(await says("app.example.com", "/api/a?b=c"), [200, "narrow"]);
    assert.deepEqual(await says("app.example.com", "/api/none/a"), [523, "error code: 523"]);
    assert.deepEqual(await says("other.example.com", "/"), [200, "wide"]);
  });

  it("without a proxied record nobody comes", async () => {
    await client.put("one", answering("one"));
    await route("www.example.com/*", "one");
    assert.deepEqual(await says("www.example.com"), [530, "error code: 1016"]);
    const record = { zone, type: "A", name: "www.example.com", content: "192.0.2.1" };
    const { id } = await client.control("POST", "dns", record);
    assert.deepEqual(await says("www.example.com"), [530, "error code: 1016"]);
    await client.done("PUT", `zones/${zone}/dns_records/${id}`, {
      type: "A",
      name: "www.example.com",
      content: "192.0.2.1",
      ttl: 1,
      proxied: true,
    });
    assert.deepEqual(await says("www.example.com"), [200, "one"]);
    assert.deepEqual(await says("www.example.org"), [530, "error code: 1016"]);
  });

  it("workers.dev where it is enabled, and previews where they are", async () => {
    await client.put("one", answering("live"));
    assert.deepEqual(await says("one.somebody.workers.dev"), [404, "error code: 1042"]);
    await client.publish("one");
    assert.deepEqual(await says("one.somebody.workers.dev"), [200, "live"]);
    const { result } = await client.version("one", answering("next"), {
      annotations: { "workers/alias": "staging" },
    });
    const preview = `${result.id.slice(0, 8)}-one.somebody.workers.dev`;
    assert.deepEqual(await says(preview), [200, "next"]);
    assert.deepEqual(await says("staging-one.somebody.workers.dev"), [200, "next"]);
    assert.deepEqual(await says("one.somebody.workers.dev"), [200, "live"]);
    await client.done("POST", "/workers/scripts/one/subdomain", {
      enabled: true,
      previews_enabled: false,
    });
    assert.deepEqual(await says(preview), [404, "error code: 1042"]);
  });
});

describe("how a Worker sees a request", () => {
  const mirror = `export default { fetch: async (request) => Response.json({
    url: request.url, method: request.method, body: await request.text(), cf: request.cf,
    headers: Object.fromEntries(request.headers) }) };`;

  it("with its URL and what Cloudflare adds, and without what is ours", async () => {
    await client.put("one", mirror);
    await domain("app.example.com", "one");
    const answer = await client.visit("app.example.com", "//a/b?c=%20d", {
      method: "POST",
      body: "sent",
      headers: { "CF-Connecting-IP": "192.0.2.9", "x-stand-in-proto": "http", "X-Mine": "kept" },
    });
    const { url, method, body, headers, cf } = answer.json();
    assert.deepEqual([url, method, body], ["https://app.example.com//a/b?c=%20d", "POST", "sent"]);
    assert.equal(headers["cf-connecting-ip"], "127.0.0.1");
    assert.equal(headers["x-forwarded-proto"], "https");
    assert.match(headers["cf-ray"], /^[0-9a-f]{16}-AMS$/);
    assert.equal(answer.headers["cf-ray"], headers["cf-ray"]);
    assert.equal(headers["x-mine"], "kept");
    assert.equal(cf.colo, "AMS");
    assert.deepEqual(
      Object.keys(headers).filter((name) => name.startsWith("x-stand-in")),
      [],
    );
  });

  it("a WebSocket passes", async () => {
    await client.put(
      "one",
      `export default { fetch() {
      const { 0: theirs, 1: ours } = new WebSocketPair();
      ours.accept();
      ours.addEventListener("message", ({ data }) => ours.send("echo " + data));
      return new Response(null, { status: 101, webSocket: theirs });
    } };`,
    );
    await domain("app.example.com", "one");
    const { promise, resolve, reject } = withResolvers();
    const socket = new WebSocket(client.fake.traffic.replace("http", "ws"), {
      headers: { Host: "app.example.com" },
    });
    socket
      .on("open", () => socket.send("hello"))
      .on("message", resolve)
      .on("error", reject);
    assert.equal(String(await promise), "echo hello");
    socket.close();
  });

  it("its exception is Cloudflare's page, its own 500 is its own", async () => {
    await client.put(
      "one",
      `export default { fetch(request) {
      if (new URL(request.url).pathname === "/own") return new Response("mine", { status: 500 });
      throw new Error("thrown");
    } };`,
    );
    await domain("app.example.com", "one");
    assert.deepEqual(await says("app.example.com"), [500, "error code: 1101"]);
    assert.deepEqual(await says("app.example.com", "/own"), [500, "mine"]);
  });

  it("it reaches servers of this machine", async () => {
    const origin = http.createServer((request, response) => response.end(`origin ${request.url}`));
    await new Promise((resolve) => origin.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${origin.address().port}/path`;
    await client.put("one", `export default { fetch: () => fetch(${JSON.stringify(url)}) };`);
    await client.publish("one");
    assert.equal(await client.read("one"), "origin /path");
    origin.closeAllConnections();
    origin.close();
  });

  it("the Cache API stores, by URL, and a purge of the zone empties it", async () => {
    await client.put(
      "one",
      `export default { async fetch(request) {
      const key = "https://app.example.com/cached";
      const found = await caches.default.match(key);
      if (found) return new Response("hit " + (await found.text()), found);
      await caches.default.put(key, new Response("stored", { headers: { "Cache-Control": "max-age=60" } }));
      return new Response("miss");
    } };`,
    );
    await client.publish("one");
    assert.deepEqual([await client.read("one"), await client.read("one")], ["miss", "hit stored"]);
    await client.done("POST", `zones/${zone}/purge_cache`, {
      files: ["https://app.example.com/other"],
    });
    assert.equal(await client.read("one"), "hit stored");
    await client.done("POST", `zones/${zone}/purge_cache`, { purge_everything: true });
    assert.equal(await client.read("one"), "miss");
  });

  it("what it logs is heard by who tails it", async () => {
    await client.put(
      "one",
      'export default { fetch() { console.log("heard", 1); return new Response("ok"); } };',
    );
    await client.publish("one");
    const tails = "/workers/scripts/one/tails";
    const { id, url } = await client.done("POST", tails);
    const { promise, resolve, reject } = withResolvers();
    const socket = new WebSocket(url, "trace-v1");
    socket.on("message", (data) => resolve(JSON.parse(data))).on("error", reject);
    socket.on("open", () => client.read("one", "/logged"));
    const event = await promise;
    assert.equal(event.scriptName, "one");
    assert.equal(event.outcome, "ok");
    assert.deepEqual(event.logs[0].message, ["heard", 1]);
    assert.equal(event.event.request.url, "https://one.somebody.workers.dev/logged");
    assert.equal((await client.done("GET", tails)).length, 1);
    await client.done("DELETE", `${tails}/${id}`);
    assert.deepEqual(await client.done("GET", tails), []);
  });
});

describe("Workers together", () => {
  it("a service binding calls what is active, by fetch and by RPC", async () => {
    const callee = (text) => `
      import { WorkerEntrypoint } from "cloudflare:workers";
      export class Named extends WorkerEntrypoint { add(a, b) { return a + b + ${JSON.stringify(text)}; } }
      export default { fetch: (request) => new Response(${JSON.stringify(text)} + " " + request.url) };`;
    await client.put("callee", callee("one"));
    await client.put(
      "caller",
      `export default { async fetch(request, env) {
        if (new URL(request.url).pathname === "/rpc") return new Response(await env.NAMED.add(1, 2));
        return env.CALLEE.fetch("https://callee/path");
      } };`,
      {
        bindings: [
          { type: "service", name: "CALLEE", service: "callee" },
          { type: "service", name: "NAMED", service: "callee", entrypoint: "Named" },
        ],
      },
    );
    await client.publish("caller");
    assert.deepEqual(
      [await client.read("caller"), await client.read("caller", "/rpc")],
      ["one https://callee/path", "3one"],
    );
    const { result } = await client.version("callee", callee("two"));
    assert.equal(await client.read("caller"), "one https://callee/path");
    await client.deploy("callee", { [result.id]: 100 });
    assert.equal(await client.read("caller"), "two https://callee/path");
  });

  it("an exception of the callee is one of the caller", async () => {
    await client.put("callee", 'export default { fetch() { throw new Error("theirs"); } };');
    const bindings = [{ type: "service", name: "CALLEE", service: "callee" }];
    await client.put(
      "caller",
      `export default { fetch: (request, env) =>
        env.CALLEE.fetch(request).catch(() => new Response("caught")) };`,
      { bindings },
    );
    await client.publish("caller");
    assert.equal(await client.read("caller"), "caught");
  });

  it("objects outlive their code, are those of other scripts too, and are gone with their class", async () => {
    await client.put("objects", counter("one "), NEW_COUNTER);
    await client.publish("objects");
    assert.equal(await client.read("objects"), "one 1");
    assert.equal(await client.read("objects", "/rpc"), "one 2");
    await client.put("objects", counter("two "), COUNTER);
    assert.equal(await client.read("objects"), "two 3");
    const bindings = [{ ...COUNTER.bindings[0], script_name: "objects" }];
    await client.put("user", COUNTER_USER, { bindings });
    await client.publish("user");
    assert.equal(await client.read("user"), "two 4");
    assert.equal(await client.read("user", "/rpc"), "two 5");
    const deletion = { old_tag: "v1", new_tag: "v2", steps: [{ deleted_classes: ["Counter"] }] };
    await client.put("objects", answering("none"), { migrations: deletion });
    const again = { old_tag: "v2", new_tag: "v3", steps: [{ new_sqlite_classes: ["Counter"] }] };
    await client.put("objects", counter("three "), { ...COUNTER, migrations: again });
    assert.equal(await client.read("objects"), "three 1");
  });

  it("a class that is renamed keeps its objects", async () => {
    await client.put("objects", counter(""), NEW_COUNTER);
    await client.publish("objects");
    assert.equal(await client.read("objects"), "1");
    const steps = [{ renamed_classes: [{ from: "Counter", to: "Meter" }] }];
    const renamed = await client.put("objects", counter("").replaceAll("Counter", "Meter"), {
      bindings: [{ ...COUNTER.bindings[0], class_name: "Meter" }],
      migrations: { old_tag: "v1", new_tag: "v2", steps },
    });
    assert.equal(renamed.status, 200);
    assert.equal(await client.read("objects"), "2");
  });
});

describe("assets", () => {
  const files = {
    "/index.html": { type: "text/html; charset=utf-8", content: "<p>index</p>" },
    "/static/app.js": { type: "text/javascript", content: "app()" },
    "/404.html": { type: "text/html", content: "<p>nothing</p>" },
  };
  const code = `export default { async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/bound") return env.ASSETS.fetch("https://assets/static/app.js");
    return new Response("worker " + pathname);
  } };`;
  const put = async (config = {}) => {
    const jwt = await client.assets("site", files);
    const bindings = [{ type: "assets", name: "ASSETS" }];
    await client.done(
      "PUT",
      "/workers/scripts/site",
      upload(code, { bindings, assets: { jwt, config } }),
    );
    await client.publish("site");
  };
  const read = (path) => client.read("site", path);

  it("they come first, then the Worker, which has them too", async () => {
    await put();
    assert.deepEqual(
      [await read("/"), await read("/static/app.js"), await read("/other"), await read("/bound")],
      ["<p>index</p>", "app()", "worker /other", "app()"],
    );
    const { headers } = await client.visit("site.somebody.workers.dev", "/static/app.js");
    assert.match(headers["content-type"], /^text\/javascript/);
  });

  it("the Worker first, everywhere or where it is said", async () => {
    await put({ run_worker_first: true });
    assert.equal(await read("/static/app.js"), "worker /static/app.js");
    await put({ run_worker_first: ["/static/*"] });
    assert.deepEqual(
      [await read("/static/app.js"), await read("/")],
      ["worker /static/app.js", "<p>index</p>"],
    );
  });

  it("what is not found is handled as it is said", async () => {
    await put({ run_worker_first: false, not_found_handling: "404-page" });
    const jwt = await client.assets("only", files);
    const form = new FormData();
    const assets = { jwt, config: { not_found_handling: "404-page", html_handling: "none" } };
    form.append("metadata", JSON.stringify({ compatibility_date: "2026-10-01", assets }));
    await client.done("PUT", "/workers/scripts/only", form);
    await client.publish("only");
    const { status, text } = await client.visit("only.somebody.workers.dev", "/gone");
    assert.deepEqual([status, text], [404, "<p>nothing</p>"]);
    assert.equal((await client.visit("only.somebody.workers.dev", "/")).status, 404);
  });
});

describe("versions of one deployment", () => {
  let ids;
  beforeEach(async () => {
    await client.put("one", answering("old"));
    const { deployments } = await client.done("GET", "/workers/scripts/one/deployments");
    const { result } = await client.version("one", answering("new"));
    ids = { old: deployments[0].versions[0].version_id, new: result.id };
    await client.publish("one");
  });

  it("each has its share, and a key always the same version", async () => {
    await client.deploy("one", { [ids.old]: 90, [ids.new]: 10 });
    const answers = [];
    for (let count = 0; count < 100; count += 1) answers.push(await client.read("one"));
    assert.equal(answers.filter((text) => text === "new").length, 10);
    for (const key of ["a", "b", "c"]) {
      const headers = { "Cloudflare-Workers-Version-Key": key };
      const [first, ...others] = [1, 2, 3, 4].map(() => client.read("one", "/", headers));
      for (const other of others) assert.equal(await other, await first);
    }
  });

  it("a header names one that is deployed, though to nobody", async () => {
    const named = (id) => ({ "Cloudflare-Workers-Version-Overrides": `other="x", one="${id}"` });
    assert.equal(await client.read("one", "/", named(ids.new)), "old");
    await client.deploy("one", { [ids.old]: 100, [ids.new]: 0 });
    for (let count = 0; count < 5; count += 1) assert.equal(await client.read("one"), "old");
    assert.equal(await client.read("one", "/", named(ids.new)), "new");
    await client.deploy("one", { [ids.new]: 100, [ids.old]: 0 });
    assert.equal(await client.read("one"), "new");
    assert.equal(await client.read("one", "/", named(ids.old)), "old");
  });
});

describe("a version that another Worker asks for", () => {
  const NAMED = "Cloudflare-Workers-Version-Overrides";
  let ids;

  /** Asks its callee with the header that its path names, or with what it was asked with. */
  const caller = `export default {
    fetch(request, env) {
      const wanted = decodeURIComponent(new URL(request.url).pathname.slice(1));
      if (wanted === "pass") return env.CALLEE.fetch(new Request("https://callee/", request));
      const headers = wanted ? { "${NAMED}": wanted } : {};
      return env.CALLEE.fetch("https://callee/", { headers });
    },
  };`;
  const asks = (text, headers) => client.read("caller", `/${encodeURIComponent(text)}`, headers);

  beforeEach(async () => {
    await client.put("callee", answering("old"));
    const { deployments } = await client.done("GET", "/workers/scripts/callee/deployments");
    const { result } = await client.version("callee", answering("new"));
    ids = { old: deployments[0].versions[0].version_id, new: result.id };
    const bindings = [{ type: "service", name: "CALLEE", service: "callee" }];
    await client.put("caller", caller, { bindings });
    await client.publish("caller");
  });

  it("is the one that answers, if it is deployed, though to nobody", async () => {
    assert.equal(await asks(`callee="${ids.new}"`), "old");
    await client.deploy("callee", { [ids.old]: 100, [ids.new]: 0 });
    assert.equal(await asks(`callee="${ids.new}"`), "new");
    assert.equal(await asks(`other="${ids.old}", callee="${ids.new}"`), "new");
    for (const none of ["", `other="${ids.new}"`, `callee=${ids.new}`, 'callee="x"']) {
      assert.equal(await asks(none), "old", none);
    }
    await client.deploy("callee", { [ids.new]: 100 });
    assert.equal(await asks(`callee="${ids.old}"`), "new");
  });

  it("is not what a visitor asks for, unless the caller passes it on", async () => {
    await client.deploy("callee", { [ids.old]: 100, [ids.new]: 0 });
    const headers = { [NAMED]: `callee="${ids.new}"` };
    assert.equal(await asks("", headers), "old");
    assert.equal(await asks("pass", headers), "new");
  });
});

describe("a switch", () => {
  /** An origin that answers when it is told. */
  async function gate() {
    const { promise, resolve } = withResolvers();
    let asked = 0;
    const server = http.createServer(async (_request, response) => {
      asked += 1;
      await promise;
      response.end("late");
    });
    await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
    const url = `http://127.0.0.1:${server.address().port}/`;
    return { url, asked: () => asked, open: resolve, close: () => server.close() };
  }

  it("does not disturb what is under way", async () => {
    const origin = await gate();
    await client.put("one", `export default { fetch: () => fetch("${origin.url}") };`);
    await client.publish("one");
    const pending = client.read("one");
    await eventually(() => origin.asked() === 1);
    await client.put("one", answering("new"));
    assert.equal(await client.read("one"), "new");
    origin.open();
    assert.equal(await pending, "late");
    origin.close();
  });

  it("of objects waits for the calls that are under way", async () => {
    const origin = await gate();
    const slow = counter("old ").replace(
      "async fetch() {",
      `async fetch() { await fetch("${origin.url}");`,
    );
    await client.put("one", slow, NEW_COUNTER);
    await client.publish("one");
    const pending = client.read("one");
    await eventually(() => origin.asked() === 1);
    await client.put("one", counter("new "), COUNTER);
    const next = client.read("one");
    origin.open();
    assert.equal(await pending, "old 1");
    assert.equal(await next, "new 2");
    origin.close();
  });

  it("under load nobody sees a failure", async () => {
    await client.put("one", answering("0"));
    await client.publish("one");
    let ended = false;
    const visitors = Array.from({ length: 4 }, async () => {
      const seen = new Set();
      while (!ended) {
        const { status, text } = await client.visit("one.somebody.workers.dev");
        assert.equal(status, 200);
        seen.add(text);
      }
      return seen;
    });
    for (const text of ["1", "2", "3"]) {
      await client.put("one", answering(text));
      assert.equal(await client.read("one"), text);
    }
    ended = true;
    for (const seen of await Promise.all(visitors)) assert.ok(seen.size > 0);
  });
});

it("many uploads without a visitor start nothing that stays", async () => {
  for (const name of ["a", "b", "c"]) await client.put(name, answering(name));
  assert.deepEqual(await client.control("GET", "logs"), {});
});

it("a visitor who leaves disturbs nobody", async () => {
  await client.put("one", answering("still here"));
  await client.publish("one");
  const { port } = new URL(client.fake.traffic);
  const socket = net.connect(port, "127.0.0.1");
  socket.end("GET / HTTP/1.1\r\nHost: one.somebody.workers.dev\r\n\r\n").resume();
  socket.destroy();
  assert.equal(await client.read("one"), "still here");
});
