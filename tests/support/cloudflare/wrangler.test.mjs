// wrangler itself deploys to the stand-in, and visitors reach what it uploaded. It needs the
// vendor's schemas, which MIZAN_TEST_DATA names.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { withResolvers } from "../../workers/support/promises.mjs";
import { Client } from "./testing/client.mjs";
import { Wrangler } from "./testing/wrangler.mjs";

const HOST = "app.example.com";
const CODE = `
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import greeting from "./greeting.txt";
export class Counter extends DurableObject {
  async next() {
    const count = ((await this.ctx.storage.get("count")) ?? 0) + 1;
    await this.ctx.storage.put("count", count);
    return count;
  }
}
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/api/next") {
      return new Response(String(await env.COUNTER.get(env.COUNTER.idFromName("x")).next()));
    }
    const { tag } = env.VERSION;
    return Response.json({ greeting, text: env.TEXT, list: env.LIST, tag, key: env.KEY ?? null });
  },
};
`;

let client;
let wrangler;
let run;

before(async () => {
  client = await Client.start();
  await client.control("POST", "zones", { name: "example.com" });
  wrangler = await Wrangler.start(client);
  run = await wrangler.project(
    {
      name: "board",
      main: "index.js",
      compatibility_date: "2026-10-01",
      vars: { TEXT: "hello", LIST: [1, 2] },
      assets: { directory: "assets", binding: "ASSETS", run_worker_first: ["/api/*"] },
      durable_objects: { bindings: [{ name: "COUNTER", class_name: "Counter" }] },
      migrations: [{ tag: "v1", new_sqlite_classes: ["Counter"] }],
      version_metadata: { binding: "VERSION" },
      routes: [{ pattern: HOST, custom_domain: true }],
      workers_dev: true,
    },
    { "index.js": CODE, "greeting.txt": "good day", "assets/app.js": "app()" },
  );
});
after(async () => {
  await wrangler.stop();
  await client.stop();
});

const read = async (path) => (await client.visit(HOST, path)).text;
const shown = async () => JSON.parse(await read("/shown"));

test("a first deploy", async () => {
  await run("deploy", "--tag", "one", "--message", "first");
  assert.deepEqual(await shown(), {
    greeting: "good day",
    text: "hello",
    list: [1, 2],
    tag: "one",
    key: null,
  });
  assert.equal(await read("/app.js"), "app()");
  assert.equal(await read("/api/next"), "1");
  assert.equal(JSON.parse(await client.read("board", "/shown")).tag, "one");
});

test("a deploy over it keeps what the objects stored", async () => {
  await run("deploy", "--tag", "two");
  assert.equal((await shown()).tag, "two");
  assert.equal(await read("/api/next"), "2");
});

test("secrets", async () => {
  await run("secret", "put", "KEY", { input: "s3cret" });
  assert.equal((await shown()).key, "s3cret");
  assert.deepEqual(JSON.parse(await run("secret", "list")), [{ name: "KEY", type: "secret_text" }]);
  await run("deploy", "--tag", "three");
  assert.deepEqual([(await shown()).key, (await shown()).tag], ["s3cret", "three"]);
});

test("a version waits until it is deployed, and a rollback brings the one before back", async () => {
  await run("versions", "upload", "--tag", "four");
  assert.equal((await shown()).tag, "three");
  const versions = JSON.parse(await run("versions", "list", "--json"));
  const idOf = (tag) => versions.find(({ annotations }) => annotations["workers/tag"] === tag).id;
  await run("versions", "deploy", `${idOf("four")}@100%`, "--yes");
  assert.equal((await shown()).tag, "four");
  await run("rollback", "--yes", "--message", "back");
  assert.equal((await shown()).tag, "three");
  const deployments = JSON.parse(await run("deployments", "list", "--json"));
  assert.equal(deployments.at(-1).versions[0].version_id, idOf("three"));
});

test("its tail hears the Worker", async () => {
  const tail = await client.done("POST", "/workers/scripts/board/tails");
  const { promise, resolve, reject } = withResolvers();
  const socket = new WebSocket(tail.url, "trace-v1").on("error", reject);
  socket.on("message", resolve).on("open", () => shown());
  assert.equal(JSON.parse(await promise).scriptVersion.id.length, 36);
  socket.terminate();
});

test("deletion takes the domain along", async () => {
  await run("delete", "--force");
  assert.equal((await client.visit(HOST)).status, 530);
  const { scripts, domains } = await client.control("GET", "state");
  assert.deepEqual([scripts, domains], [[], []]);
});

test("it talked to nobody else", () => {
  assert.deepEqual(wrangler.elsewhere, []);
});
