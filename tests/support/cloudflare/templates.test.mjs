// The Workers that mizan deploys, uploaded by plain calls of the API in the order that a deploy
// has: they work behind the stand-in as they do on this machine. It needs the vendor's schemas,
// which MIZAN_TEST_DATA names.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { boardData } from "../../workers/support/data.mjs";
import { FakeOrigin } from "../../workers/support/origin.mjs";
import { eventually } from "../../workers/support/promises.mjs";
import { Client, upload } from "./testing/client.mjs";

const ROOT = new URL("../../../", import.meta.url).pathname;
const HOST = "board.example.com";
const LOGO = "/static/logo.svg";

let client;
let origin;

before(async () => {
  client = await Client.start();
  origin = await FakeOrigin.start();
  await client.control("POST", "zones", { name: "example.com" });
  await deploy("r1");
  await client.done("PUT", "/workers/domains", { hostname: HOST, service: "board-edge" });
});
after(async () => {
  await client.stop();
  await origin.stop();
});

/** The modules of a Worker by name, the main one first. @param {Record<string, string>} more */
function modules(name, more = {}) {
  const templates = path.join(ROOT, "templates");
  const read = (file) => fs.readFileSync(path.join(templates, file), "utf8");
  const parts = fs.readdirSync(path.join(templates, name)).map((file) => `${name}/${file}`);
  const files = [`${name}.js`, ...parts].map((file) => [file, read(file)]);
  return { ...Object.fromEntries(files), ...more };
}

/** Hub first, then Render, then Edge: a binding needs what it calls. */
async function deploy(release) {
  const hub = await client.call("GET", "/workers/scripts/board-hub/settings");
  if (hub.status === 404) await deployHub();
  const bundle = fs.readFileSync(path.join(ROOT, "tests/workers/support/bundle.js"), "utf8");
  await client.done(
    "PUT",
    "/workers/scripts/board-render",
    upload(modules("render", { "bundle.js": bundle }), {}),
  );
  const files = { "/logo.svg": { type: "image/svg+xml", content: "<svg/>" } };
  const data = boardData({
    release,
    environment: "production",
    assets: { prefix: "/static/", files: ["logo.svg"] },
  });
  const code = modules("edge", { "mizan-data.js": `export default ${JSON.stringify(data)};` });
  const config = { html_handling: "none", not_found_handling: "none", run_worker_first: true };
  const metadata = {
    bindings: [
      { type: "service", name: "HUB", service: "board-hub" },
      { type: "service", name: "RENDER", service: "board-render" },
      { type: "assets", name: "ASSETS" },
      { type: "plain_text", name: "ORIGIN", text: origin.url },
      { type: "plain_text", name: "PUBLIC_URL", text: `https://${HOST}` },
      { type: "secret_text", name: "SIGNING_KEY", text: "a key for tests" },
    ],
    assets: { jwt: await client.assets("board-edge", files), config },
  };
  await client.done("PUT", "/workers/scripts/board-edge", upload(code, metadata));
}

function deployHub() {
  const metadata = {
    bindings: [{ type: "durable_object_namespace", name: "HUB_OBJECT", class_name: "Hub" }],
    migrations: { new_tag: "v1", steps: [{ new_sqlite_classes: ["Hub"] }] },
  };
  return client.done("PUT", "/workers/scripts/board-hub", upload(modules("hub"), metadata));
}

const get = (url, headers) => client.visit(HOST, url, { headers });
const isHit = ({ headers }) => /; hit/.test(headers["cache-status"] ?? "");
const call = (name, params) =>
  client.visit(HOST, "/api/mizan/call/", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ function: name, params }),
  });

/** Asks until the store answers. */
async function warm(url) {
  let answer;
  await eventually(async () => {
    answer = await get(url);
    return isHit(answer);
  });
  return answer.json();
}

test("what is not the Edge's passes to the origin", async () => {
  const { status, text } = await get("/about/");
  assert.deepEqual([status, text], [200, "origin GET /about/"]);
  const { headers } = origin.asked("/about/")[0];
  assert.equal(headers["x-forwarded-proto"], "https");
  assert.equal(headers["x-forwarded-host"], HOST);
});

test("a context is asked for once, and then served from the store", async () => {
  const url = "/api/mizan/ctx/post/?post_id=5";
  assert.equal((await get(url)).status, 200);
  assert.equal((await warm(url)).name, "post");
  // A machine that is busy may make the Edge ask the origin after all.
  await eventually(async () => {
    const asked = origin.asked("/api/mizan/ctx/post/").length;
    return isHit(await get(url)) && origin.asked("/api/mizan/ctx/post/").length === asked;
  });
});

test("who changes something sees it at once", async () => {
  const url = "/api/mizan/ctx/posts/";
  const before = (await warm(url)).version;
  const invalidate = [{ context: "posts", params: {} }];
  const answer = await call("add_comment", { version: "changed", invalidate });
  assert.equal(answer.status, 200);
  const Cookie = answer.headers["set-cookie"].map((cookie) => cookie.split(";")[0]).join("; ");
  const { version } = (await get(url, { Cookie })).json();
  assert.notEqual(version, before);
  assert.equal(version, "changed");
  await eventually(async () => (await get(url)).json().version === "changed");
});

test("a page is rendered, an asset is served", async () => {
  const page = await get("/");
  assert.equal(page.status, 200);
  assert.match(page.text, /<main data-page="Home">/);
  const { status, text, headers } = await get(LOGO);
  assert.deepEqual([status, text, headers["content-type"]], [200, "<svg/>", "image/svg+xml"]);
});

test("the hub remembers over a deploy, and is no public server", async () => {
  const log = async () => {
    // Another Worker may ask it: the Edge does.
    const asks = 'export default { fetch: (_, env) => env.HUB.fetch("https://hub/v1/log") };';
    const bindings = [{ type: "service", name: "HUB", service: "board-hub" }];
    await client.done("PUT", "/workers/scripts/asks", upload(asks, { bindings }));
    await client.publish("asks");
    return JSON.parse(await client.read("asks"));
  };
  const before = await log();
  assert.ok(before.seq > 0);
  const bindings = [{ type: "durable_object_namespace", name: "HUB_OBJECT", class_name: "Hub" }];
  await client.done("PUT", "/workers/scripts/board-hub", upload(modules("hub"), { bindings }));
  const after = await log();
  assert.deepEqual([after.epoch, after.seq], [before.epoch, before.seq]);
  await client.publish("board-hub");
  const { status } = await client.visit("board-hub.somebody.workers.dev");
  assert.equal(status, 403);
});

test("another release has a store of its own", async () => {
  const url = "/api/mizan/ctx/post/?post_id=7";
  await warm(url);
  await deploy("r2");
  assert.ok(!isHit(await get(url)));
  await warm(url);
});
