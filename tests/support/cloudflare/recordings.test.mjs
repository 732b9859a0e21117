// What wrangler sends to the stand-in is what the recordings in the test data say that it sends:
// the same calls that change something, the same uploads. MIZAN_TEST_DATA names the test data.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { normalisedChanges, readCalls } from "./normalise.mjs";
import { Client } from "./testing/client.mjs";
import { Wrangler } from "./testing/wrangler.mjs";

const ROOT = new URL("../../../", import.meta.url).pathname;
const DATA = path.resolve(ROOT, process.env.MIZAN_TEST_DATA ?? "../shared/data");
const RECORDINGS = path.join(DATA, "cloudflare", "recordings");
const DATE = "2026-11-01";
const answering = (text) => `export default { async fetch(){ return new Response("${text}") } }\n`;

let client;
let wrangler;
const projects = {};

before(async () => {
  assert.ok(
    fs.existsSync(RECORDINGS),
    `${RECORDINGS} is missing: MIZAN_TEST_DATA must name the test data`,
  );
  client = await Client.start();
  await client.control("POST", "zones", { name: "example.com" });
  wrangler = await Wrangler.start(client);
  const kv = await client.done("POST", "/storage/kv/namespaces", { title: "recorded" });
  projects.plain = await wrangler.project(PLAIN, {
    "index.js": answering("hi2"),
    "secrets.json": '{"API_KEY":"zzz"}',
  });
  projects.backend = await wrangler.project(BACKEND, { "index.js": answering("backend") });
  projects.full = await wrangler.project(full(kv.id), FULL_FILES);
  projects.exports = await wrangler.project(EXPORTS, { "index.js": EXPORTS_CODE });
  projects.prov = await wrangler.project(PROVISIONED, { "index.js": answering("hi2") });
  projects.site = await wrangler.project(SITE, ASSETS);
  projects.edge = await wrangler.project(EDGE, {
    "index.js": EDGE_CODE,
    "secrets.json": EDGE_SECRETS,
  });
});
after(async () => {
  await wrangler?.stop();
  await client?.stop();
});

const base = (name) => ({
  name,
  main: "index.js",
  compatibility_date: DATE,
  upload_source_maps: true,
});

const PLAIN = base("plain");
const BACKEND = { ...base("backend"), cache: { enabled: true } };

const ASSETS = { "public/index.html": "<h1>hi</h1>\n", "public/app.js": "console.log(1)\n" };
const SITE = {
  name: "site",
  compatibility_date: DATE,
  assets: { directory: "public", not_found_handling: "single-page-application" },
};

const MIGRATION = { tag: "v1", new_sqlite_classes: ["Gen"] };
const MIGRATIONS = [MIGRATION, { tag: "v2", new_sqlite_classes: ["Gen2"] }];
const full = (kv) => ({
  ...base("full"),
  compatibility_flags: ["nodejs_compat"],
  vars: { GREETING: "hello", OBJ: { a: 1 } },
  kv_namespaces: [{ binding: "KV", id: kv }],
  durable_objects: { bindings: [{ name: "GEN", class_name: "Gen" }] },
  migrations: [MIGRATION],
  services: [{ binding: "BACKEND", service: "backend" }],
  version_metadata: { binding: "CF_VERSION" },
  assets: { directory: "public", binding: "ASSETS", run_worker_first: ["/api/*"] },
  placement: { mode: "smart" },
  limits: { cpu_ms: 100 },
  observability: { enabled: true, head_sampling_rate: 1 },
  cache: { enabled: true },
  routes: [
    { pattern: "example.com/api/*", zone_name: "example.com" },
    { pattern: "app.example.com", custom_domain: true },
  ],
  workers_dev: true,
  preview_urls: true,
});
const FULL_FILES = {
  ...ASSETS,
  "greeting.txt": "hello\n",
  "index.js": `
import { DurableObject } from "cloudflare:workers";
import greeting from "./greeting.txt";
export class Gen extends DurableObject {}
export class Gen2 extends DurableObject {}
export default { fetch: () => new Response(greeting) };
`,
};

const EXPORTS = {
  ...base("ex"),
  durable_objects: { bindings: [{ name: "GEN", class_name: "Gen" }] },
  exports: {
    default: { type: "worker", cache: { enabled: false } },
    Cached: { type: "worker", cache: { enabled: true } },
    Gen: { type: "durable-object", storage: "sqlite" },
  },
  cache: { enabled: true, cross_version_cache: true },
  triggers: { crons: ["*/5 * * * *"] },
  workers_dev: false,
};
const EXPORTS_CODE = `
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
export class Gen extends DurableObject {}
export class Cached extends WorkerEntrypoint { fetch() { return new Response("cached"); } }
export default { fetch: () => new Response("ex"), scheduled() {} };
`;

const PROVISIONED = { ...base("prov"), kv_namespaces: [{ binding: "KV" }] };

const EDGE = {
  name: "edge",
  main: "index.js",
  compatibility_date: "2026-07-01",
  no_bundle: true,
  vars: { ORIGIN: "http://127.0.0.1:18999", COLO: "x", AUTH_COOKIES: ["sessionid"] },
  durable_objects: { bindings: [{ name: "LOG", class_name: "Log" }] },
  migrations: [{ tag: "v1", new_sqlite_classes: ["Log"] }],
};
const EDGE_CODE = `
import { DurableObject } from "cloudflare:workers";
export class Log extends DurableObject {}
export default { fetch: () => new Response("edge") };
`;
const EDGE_SECRETS = `{"PKEY":"${"k".repeat(32)}"}`;

/** `full` with one more class. */
async function deployNewClass() {
  const [namespace] = await client.done("GET", "/storage/kv/namespaces");
  await wrangler.project({ ...full(namespace.id), migrations: MIGRATIONS }, FULL_FILES);
  await projects.full("deploy");
}

async function deployGradually() {
  const [first, second] = await plainVersions();
  const shares = [`${first}@90%`, `${second}@10%`];
  await projects.plain("versions", "deploy", ...shares, "--message", "canary", "--yes");
}

async function rollBack() {
  const [first] = await plainVersions();
  await projects.plain("rollback", first, "--message", "rb", "--yes");
}

/** The first and the second version of `plain`. */
async function plainVersions() {
  const { items } = await client.done("GET", "/workers/scripts/plain/versions?per_page=100");
  const idOf = (number) => items.find((version) => version.number === number).id;
  return [idOf(1), idOf(2)];
}

/** wrangler in a project, with what is on one line, and more. */
const run =
  (project, line, ...more) =>
  () =>
    projects[project](...line.split(" "), ...more);

const UNKNOWN_CODE = { unknownCode: true };

/**
 * In the order in which they were recorded as far as one needs another. Where the code of the
 * recorded Worker is not known, what its module holds is not compared.
 * @type {[string, () => Promise<unknown>, { unknownCode: boolean }?][]}
 */
const SCENARIOS = [
  ["01-plain-first", run("plain", "deploy")],
  ["02-plain-redeploy", run("plain", "deploy --message second --tag v2")],
  ["03-backend-first", run("backend", "deploy")],
  ["04-full-first", run("full", "deploy --message m1 --tag t1"), UNKNOWN_CODE],
  ["05-full-secret", run("full", "secret put API_KEY", { input: "s3cret" })],
  ["06-full-redeploy", run("full", "deploy --message m2 --tag t2"), UNKNOWN_CODE],
  ["07-full-versions-upload", run("full", "versions upload --message m3 --tag t3"), UNKNOWN_CODE],
  [
    "08-plain-versions",
    run("plain", "versions upload --message m4 --tag t4 --preview-alias staging"),
  ],
  ["09-exports-first", run("exports", "deploy"), UNKNOWN_CODE],
  ["10-exports-redeploy", run("exports", "deploy"), UNKNOWN_CODE],
  ["11-provision-kv", run("prov", "deploy --experimental-auto-create")],
  ["12-assetsonly", run("site", "deploy")],
  ["13-gradual", deployGradually],
  ["14-rollback", rollBack],
  ["16-secretsfile-first", run("plain", "deploy --secrets-file secrets.json")],
  ["17-versions-secret", run("plain", "versions secret put K2", { input: "v" })],
  ["18-newclass-redeploy", deployNewClass, UNKNOWN_CODE],
  [
    "20-edge-first",
    run("edge", "deploy --no-bundle --secrets-file secrets.json --tag run1"),
    UNKNOWN_CODE,
  ],
  ["15-delete", run("plain", "delete --force")],
];

for (const [name, act, { unknownCode = false } = {}] of SCENARIOS) {
  test(name, async () => {
    await client.control("DELETE", "calls");
    await act();
    const comparable = (calls) =>
      inOrder(normalisedChanges(calls).map((it) => (unknownCode ? withoutCode(it) : it)));
    const sent = comparable(await client.control("GET", "recordings"));
    assert.deepEqual(sent, comparable(readCalls(path.join(RECORDINGS, `${name}.jsonl`))));
  });
}

const withoutCode = ({ modules, ...change }) => ({
  ...change,
  ...(modules && {
    modules: modules.map(({ name, type, ...content }) =>
      name === "index.js" ? { name, type } : { name, type, ...content },
    ),
  }),
});

/** wrangler sends what follows an upload side by side. */
const inOrder = (changes) =>
  changes
    .map((change) => JSON.stringify(change))
    .sort()
    .map((text) => JSON.parse(text));

test("two uploads of one Worker are equal whatever they are named and annotated", async () => {
  const upload = (name) => [
    {
      method: "PUT",
      path: `/accounts/1/workers/scripts/${name}`,
      parts: [
        {
          headers: ['Content-Disposition: form-data; name="metadata"'],
          json: {
            main_module: "index.js",
            bindings: [{ name: "SELF", type: "service", service: name }],
            compatibility_flags: [],
            annotations: { "workers/tag": name },
          },
        },
      ],
    },
  ];
  assert.deepEqual(normalisedChanges(upload("one")), normalisedChanges(upload("two")));
});
