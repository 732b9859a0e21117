#!/usr/bin/env node
// Turns the folder of figures that bench.sh measured into one Markdown table.

import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";

const folder = process.argv[2];

/** Median seconds of one hyperfine run. */
const median = (name) => JSON.parse(readFileSync(join(folder, `${name}.json`))).results[0].median;
const number = (name) => Number(readFileSync(join(folder, name)));

const ms = (seconds) => `${(seconds * 1000).toFixed(1)} ms`;
const s = (seconds) => `${seconds.toFixed(2)} s`;
const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

const bare = median("docker-build");
const container = median("container-start");
const oneLine = median("one-line");
// 1 when four times the size takes four times as long, above 1 when it takes longer than that.
const growth = median("plan-100") / median("plan-25") / 4;

const rows = [
  ["`mizan --version`", ms(median("start-up")), "10 ms"],
  ["`deploy --plan --offline`, the board", ms(median("plan-board")), ""],
  ["`deploy --plan --offline`, 25 services, 250 contexts", ms(median("plan-25")), ""],
  ["`deploy --plan --offline`, 50 services, 500 contexts", ms(median("plan-50")), ""],
  ["`deploy --plan --offline`, 100 services, 1,000 contexts", ms(median("plan-100")), "100 ms"],
  ["growth from 25 to 100 services, against linear", growth.toFixed(2), "1.0"],
  ["`deploy` that changes nothing", ms(median("no-change")), "300 ms"],
  ["`rollback`", s(median("rollback")), "3 s"],
  ["one line changed: `docker build` alone", s(bare), ""],
  ["the board's container by hand, until healthy", s(container), ""],
  ["one line changed: `deploy`", s(oneLine), s(1.1 * bare + container)],
  ["size of the binary", mib(number("binary-bytes")), ""],
  ["peak memory of that `deploy`", mib(number("deploy-peak-kib") * 1024), ""],
  ["peak memory of the plan for 100 services", mib(number("plan-peak-kib") * 1024), ""],
];

console.log(`Medians, on ${cpus().length} × ${cpus()[0].model}${memory()}.\n`);
console.log("| what | measured | aim, at most |\n|---|---|---|");
for (const row of rows) console.log(`| ${row.join(" | ")} |`);

function memory() {
  if (!existsSync("/proc/meminfo")) return "";
  const [, kib] = /MemTotal:\s+(\d+)/.exec(readFileSync("/proc/meminfo", "utf8"));
  return `, ${Math.round(kib / 2 ** 20)} GiB`;
}
