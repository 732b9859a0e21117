#!/usr/bin/env node
// Turns what bench-aws.sh measured (one JSON object a line) into one Markdown table: the median of the rounds.

import { readFileSync } from "node:fs";

const TIMED_OUT = 124;
// What somebody might still call at the same time.
const AT_ONCE = 0.5;

const names = {
  floor: "by hand (boto3), the floor",
  mizan: "**mizan**",
  cdk: "CDK",
  "ecs-deploy": "ecs-deploy",
  awscli: "an awscli script",
};

const figures = readFileSync(process.argv[2], "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));

const median = (numbers) => {
  const sorted = numbers.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

const of = (peer, step) => figures.filter((figure) => figure.peer === peer && figure.step === step);
const middle = (rounds, key) => median(rounds.map((round) => round[key]));
const seconds = (rounds) => `${middle(rounds, "seconds").toFixed(1)} s`;
const effort = (rounds) => `${seconds(rounds)}, ${middle(rounds, "calls")} calls`;

// A step that should work.
function deployed(peer, step) {
  const rounds = of(peer, step);
  if (peer === "ecs-deploy" && step === "first") return "cannot";
  if (rounds.some((round) => round.status === TIMED_OUT)) return "never ends";
  if (rounds.some((round) => round.status !== 0)) return "fails";
  if (rounds.some((round) => round.served === null))
    return `${effort(rounds)}, and nothing is served`;
  const late = middle(rounds, "served") - middle(rounds, "seconds");
  return late > AT_ONCE ? `${effort(rounds)}, served ${late.toFixed(1)} s later` : effort(rounds);
}

// An app that crashes: who says so, and when.
function crashed(peer) {
  const rounds = of(peer, "crash");
  const kept = rounds.every((round) => round.served !== null)
    ? ""
    : ", and the old version is gone";
  if (rounds.some((round) => round.status === TIMED_OUT))
    return `silent for ${seconds(rounds)}${kept}`;
  if (rounds.some((round) => round.status === 0)) return `"done" after ${seconds(rounds)}${kept}`;
  return `told after ${effort(rounds)}${kept}`;
}

const memory = (peer) => {
  const most = Math.max(
    ...figures.filter((figure) => figure.peer === peer).map((figure) => figure.kib),
  );
  return `${Math.round(most / 1024)} MiB`;
};

const head = [
  "",
  "first deploy",
  "another version",
  "nothing to do",
  "a version that crashes",
  "peak memory",
];
const peers = Object.keys(names).filter((peer) => figures.some((figure) => figure.peer === peer));
const rows = peers.map((peer) => [
  names[peer],
  ...["first", "update", "noop"].map((step) => deployed(peer, step)),
  crashed(peer),
  memory(peer),
]);
for (const row of [head, head.map(() => "---"), ...rows]) console.log(`| ${row.join(" | ")} |`);
