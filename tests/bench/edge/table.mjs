// The figures of all rounds as one table in Markdown: medians, and beside each ratio the lowest and the highest of a round.

import os from "node:os";
import { COMMENTS, pageQuestion } from "./board.mjs";

/** @typedef {import("./load.mjs").Figures} Figures */
/** @typedef {Record<string, { alone: Figures, together?: Figures }>} Round by subject: what one client saw, and several */
/** @typedef {import("./mixed.mjs").Spared} Spared */
/** @typedef {{ name: string, title: string, against?: string[], aim?: string }} Row `aim` is for the first comparison */

/** @type {Row[]} */
const ROWS = [
  { name: "constant", title: "a bare Worker that answers a constant" },
  { name: "match", title: "a bare `caches.default.match`", against: ["constant"] },
  {
    name: "origin",
    title: "the origin: Node, with the answer in its memory",
    against: ["constant"],
  },
  {
    name: "hit-10",
    title: "**a hit**",
    against: ["match", "constant", "origin"],
    aim: "at most 1.3 ×",
  },
  {
    name: "page-10",
    title: "**a page from the store**",
    against: ["hit-10"],
    aim: "at most 1.5 ×",
  },
  { name: "hit-100", title: "a hit, 100 contexts", against: ["hit-10"], aim: "no more" },
  { name: "hit-1000", title: "a hit, 1,000 contexts", against: ["hit-10"], aim: "no more" },
  { name: "page-100", title: "a page, the last of 100 routes", against: ["page-10"] },
  { name: "page-1000", title: "a page, the last of 1,000 routes", against: ["page-10"] },
  { name: "bundle-small", title: `\`renderToString\` alone, ${kibOf(COMMENTS.small)} of data` },
  { name: "render-small", title: "**Render**, the same page", against: ["bundle-small"] },
  { name: "bundle-large", title: `\`renderToString\` alone, ${kibOf(COMMENTS.large)} of data` },
  { name: "stream-large", title: "`renderToReadableStream` alone", against: ["bundle-large"] },
  { name: "render-large", title: "**Render**, the same page", against: ["bundle-large"] },
];

/** What those are called that others are compared with. */
const SHORT = {
  constant: "the constant",
  match: "the bare match",
  origin: "the origin",
  "hit-10": "a hit, 10 contexts",
  "page-10": "a page, 10 routes",
  "bundle-small": "`renderToString`",
  "bundle-large": "`renderToString`",
};

/** @param {{ rounds: Round[], mixed: Record<string, Spared>, clients: number }} measured `mixed`: by what the load is called */
export function tableOf({ rounds, mixed, clients }) {
  const many = `${clients} clients`;
  const head = ["", "p50, p99", many, "against", "ratio of p50", `ratio, ${many}`, "aim"];
  const rows = [
    head,
    head.map(() => "---"),
    ...ROWS.flatMap((row) => speedRows(rounds, row)),
    ...Object.entries(mixed).flatMap(([title, spared]) => mixedRows(title, spared)),
  ];
  return [circumstances(rounds), "", ...rows.map((row) => `| ${row.join(" | ")} |`), ""].join("\n");
}

/** @param {Round[]} rounds @param {Row} row */
function speedRows(rounds, { name, title, against = [], aim = "" }) {
  const own = [title, alone(rounds, name), together(rounds, name)];
  if (against.length === 0) return [[...own, "", "", "", aim]];
  return against.map((other, at) => [
    ...(at === 0 ? own : ["", "", ""]),
    SHORT[other],
    ratio(rounds.map((round) => round[name].alone.p50 / round[other].alone.p50)),
    togetherRatio(rounds, name, other),
    at === 0 ? aim : "",
  ]);
}

/** @param {Round[]} rounds @param {string} name */
function alone(rounds, name) {
  const [p50, p99] = ["p50", "p99"].map((part) =>
    ms(median(rounds.map((round) => round[name].alone[part]))),
  );
  // What is measured alone is slow: too few answers to tell which is the slowest of a hundred.
  return hasTogether(rounds, name) ? `${p50}, ${p99}` : p50;
}

/** @param {Round[]} rounds @param {string} name */
function together(rounds, name) {
  if (!hasTogether(rounds, name)) return "";
  return `${count(median(rounds.map((round) => round[name].together.perSecond)))}/s`;
}

/** How much more work it is. @param {Round[]} rounds @param {string} name @param {string} other */
function togetherRatio(rounds, name, other) {
  if (!hasTogether(rounds, name)) return "";
  const speeds = rounds.map((round) =>
    [round[other], round[name]].map((of) => of.together.perSecond),
  );
  return ratio(speeds.map(([others, own]) => others / own));
}

/** @param {Round[]} rounds @param {string} name */
const hasTogether = (rounds, name) => rounds[0][name].together !== undefined;

/** @param {string} title @param {Spared} spared */
const mixedRows = (title, { perSecond, notWaiting, saved }) => [
  [
    `95 reads to 5 writes, ${title}: reads that did not wait`,
    hundredths(notWaiting),
    `${count(perSecond)}/s`,
    "",
    "",
    "",
    "at least 95 of 100",
  ],
  ["reads that the origin was spared", hundredths(saved), "", "", "", "", ""],
];

/** @param {Round[]} rounds */
function circumstances(rounds) {
  const cores = `${os.cpus().length} × ${os.cpus()[0].model}`;
  const strays = strayAnswers(rounds);
  const note = strays > 0 ? ` ${strays} answers were no hits where hits were measured.` : "";
  return `Medians of ${rounds.length} rounds (in brackets the lowest and the highest), on ${cores}.${note}`;
}

/** @param {Round[]} rounds */
const strayAnswers = (rounds) =>
  rounds
    .flatMap((round) => Object.values(round))
    .reduce((sum, { alone, together }) => sum + alone.strays + (together?.strays ?? 0), 0);

/** @param {number[]} numbers */
function median(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @param {number[]} ratios of the rounds */
function ratio(ratios) {
  const [lowest, highest] = [Math.min(...ratios), Math.max(...ratios)].map((r) => r.toFixed(2));
  return `${median(ratios).toFixed(2)} × (${lowest}–${highest})`;
}

/** @param {number} number */
const ms = (number) => `${number.toFixed(2)} ms`;
/** @param {number} number */
const count = (number) => Math.round(number).toLocaleString("en");
/** @param {number} part */
const hundredths = (part) => `${(part * 100).toFixed(1)} of 100`;

/** What the page of a post with so many comments is made of. @param {number} comments */
function kibOf(comments) {
  return `${(JSON.stringify(pageQuestion(comments).contexts).length / 1024).toFixed(0)} KiB`;
}
