#!/usr/bin/env node
// mizan and wrangler deploy the same two Workers to the same stand-in, in turn: the first time, with nothing to do, and
// another version. Prints a table in Markdown: the medians of the rounds, and what wrangler needs as a multiple of it.
//
//   MIZAN=… MIZAN_TEST_DATA=… bench.mjs [ROUNDS]

import { execFile, execFileSync } from "node:child_process";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { DEFAULT_TOKEN } from "../../support/cloudflare/api/permissions.mjs";
import { Client } from "../../support/cloudflare/testing/client.mjs";
import { Wrangler } from "../../support/cloudflare/testing/wrangler.mjs";
import { FakeOrigin } from "../../workers/support/origin.mjs";

const ROOT = new URL("../../../", import.meta.url).pathname;
const HOST = "bench.example.com";
const STEPS = ["first", "noop", "update"];
const NAMES = { first: "first deploy", noop: "nothing to do", update: "another version" };

const rounds = Number(process.argv[2] ?? 5);
const folder = await fs.mkdtemp(path.join(os.tmpdir(), "mizan-bench-"));
const measured = path.join(folder, "measured");
const through = ["/usr/bin/time", "--format", "%e %M", "--output", measured];
const client = await Client.start();
const origin = await FakeOrigin.start();
const wrangler = await Wrangler.start(client);
wrangler.through = through;

/** Figures by peer and step: `{ seconds, calls, kib }` of each round. */
const figures = { mizan: {}, wrangler: {} };

async function freshAccount() {
  await client.control("POST", "reset");
  await client.control("POST", "zones", { name: "example.com" });
}

/** Runs commands, and keeps what they took together. */
async function measure(peer, step, ...commands) {
  await client.control("DELETE", "calls");
  const figure = { seconds: 0, calls: 0, kib: 0 };
  for (const command of commands) {
    await command();
    const [seconds, kib] = (await fs.readFile(measured, "utf8"))
      .trim()
      .split("\n")
      .at(-1)
      .split(" ");
    figure.seconds += Number(seconds);
    figure.kib = Math.max(figure.kib, Number(kib));
  }
  figure.calls = (await client.control("GET", "calls")).length;
  figures[peer][step] = [...(figures[peer][step] ?? []), figure];
}

const app = path.join(folder, "app");
const schema = execFileSync("python3", ["manage.py", "mizan_schema"], {
  cwd: path.join(ROOT, "tests/fixtures/conformance-app"),
  encoding: "utf8",
});

async function writeApp(version) {
  const value = JSON.parse(schema);
  for (const context of value["x-mizan-contexts"]) context.cache.staleWhileRevalidate += version;
  await fs.mkdir(app, { recursive: true });
  await fs.writeFile(path.join(app, "schema.json"), JSON.stringify(value));
  await fs.writeFile(
    path.join(app, "mizan.yaml"),
    `version: 1\napp: bench\nschema: schema.json\nenvironments:\n  cf: {target: {origin: '${origin.url}'}, edge: {on: [cloudflare], domain: ${HOST}}}\n`,
  );
}

async function byMizan() {
  const env = {
    ...process.env,
    XDG_DATA_HOME: path.join(folder, "data"),
    XDG_CACHE_HOME: path.join(folder, "cache"),
    CLOUDFLARE_API_TOKEN: DEFAULT_TOKEN,
    CLOUDFLARE_API_BASE_URL: client.fake.api,
    MIZAN_CLOUDFLARE_WORKERS: client.fake.traffic,
  };
  const [program, ...args] = [...through, process.env.MIZAN, "-C", app, "deploy", "--yes"];
  await promisify(execFile)(program, args, { env });
}

/** Projects of wrangler with what is deployed now. */
async function projects(version) {
  const { scripts } = await client.control("GET", "state");
  const made = [];
  for (const name of ["mizan-bench-cf-hub", "mizan-bench-cf-edge"]) {
    const { versions } = scripts.find((script) => script.name === name);
    const { bindings, compatibility_date } = versions[0];
    const of = (type) => bindings.filter((binding) => binding.type === type);
    const main = name.endsWith("hub") ? "hub.js" : "edge.js";
    const config = {
      name,
      main,
      no_bundle: true,
      find_additional_modules: true,
      rules: [{ type: "ESModule", globs: ["**/*.js"] }],
      compatibility_date,
      workers_dev: false,
      vars: Object.fromEntries(of("plain_text").map(({ name, text }) => [name, text])),
      services: of("service").map(({ name, service }) => ({ binding: name, service })),
      ...(main === "hub.js"
        ? {
            durable_objects: {
              bindings: of("durable_object_namespace").map(({ name, class_name }) => ({
                name,
                class_name,
              })),
            },
            migrations: [{ tag: "v1", new_sqlite_classes: ["Hub"] }],
          }
        : { routes: [{ pattern: HOST, custom_domain: true }] }),
    };
    const modules = await client.control("POST", "modules", { script: name });
    const project = path.join(folder, `wrangler-${version}`, name);
    for (const [file, text] of Object.entries({
      ...modules,
      "wrangler.json": JSON.stringify(config),
    })) {
      await fs.mkdir(path.dirname(path.join(project, file)), { recursive: true });
      await fs.writeFile(path.join(project, file), text);
    }
    made.push(() => wrangler.run(project, ["deploy"]));
  }
  return made;
}

async function round() {
  await freshAccount();
  await fs.rm(path.join(folder, "data"), { recursive: true, force: true });
  await writeApp(1);
  await measure("mizan", "first", byMizan);
  const first = await projects(1);
  await measure("mizan", "noop", byMizan);
  await writeApp(2);
  await measure("mizan", "update", byMizan);
  const second = await projects(2);
  await freshAccount();
  await measure("wrangler", "first", ...first);
  await measure("wrangler", "noop", ...first);
  // Of the two Workers only the Edge is another one.
  await measure("wrangler", "update", second[1]);
}

const median = (numbers) => {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

function cells(step) {
  const of = (peer, key) => median(figures[peer][step].map((figure) => figure[key]));
  const effort = (peer) =>
    `${of(peer, "seconds").toFixed(2)} s, ${of(peer, "calls")} calls, ${Math.round(of(peer, "kib") / 1024)} MiB`;
  const ratio = (key) => `${(of("wrangler", key) / of("mizan", key)).toFixed(1)}`;
  const ratios = `${ratio("seconds")} × the time, ${ratio("calls")} × the calls, ${ratio("kib")} × the memory`;
  return [NAMES[step], effort("mizan"), effort("wrangler"), ratios];
}

try {
  for (let at = 1; at <= rounds; at += 1) {
    process.stderr.write(`== round ${at} of ${rounds}\n`);
    await round();
  }
  const head = ["", "**mizan**", "wrangler", "wrangler needs"];
  const rows = [head, head.map(() => "---"), ...STEPS.map(cells)];
  for (const row of rows) process.stdout.write(`| ${row.join(" | ")} |\n`);
} finally {
  await wrangler.stop();
  await client.stop();
  await origin.stop();
  await fs.rm(folder, { recursive: true, force: true });
}
