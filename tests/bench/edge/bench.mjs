#!/usr/bin/env node
// The speeds of Edge and Render in real workerd, against yardsticks in the same process: everybody in turn, in many short
// rounds. Prints a table in Markdown.
//
//   bench.mjs [ROUNDS]

import { Bed } from "./bed.mjs";
import { COMMENTS, contextUrl, PUBLIC_URL, pageQuestion, pageUrl } from "./board.mjs";
import { question } from "./connection.mjs";
import { load, warm } from "./load.mjs";
import { readAndWrite } from "./mixed.mjs";
import { edgeName, SIZES } from "./release.mjs";
import { tableOf } from "./table.mjs";

const CLIENTS = 16;
const TURN_MS = 250;
const MIXED_MS = 6000;
/** What visitors of a small site ask for together; and what an app takes that asks its database. */
const VISITORS_PER_SECOND = 200;
const APP_MS = 20;

const rounds = Number(process.argv[2] ?? 9);

/** @param {Record<string, number>} ports @returns {Record<string, import("./load.mjs").Subject>} */
function subjectsAt(ports) {
  const constant = question(`${PUBLIC_URL}/`);
  const context = question(contextUrl(1));
  const page = question(pageUrl(1));
  const edges = SIZES.flatMap((size) => {
    const port = ports[edgeName(size)];
    return [
      [`hit-${size}`, { port, question: context, hit: true }],
      [`page-${size}`, { port, question: page, hit: true }],
    ];
  });
  return {
    constant: { port: ports.constant, question: constant },
    match: { port: ports.match, question: constant },
    origin: { port: ports.origin, question: context },
    ...Object.fromEntries(edges),
  };
}

/** @param {Record<string, number>} ports @returns {Record<string, import("./load.mjs").Subject>} */
function renderersAt(ports) {
  const subject = (/** @type {string} */ name, /** @type {number} */ comments, path = "/") => ({
    port: ports[name],
    question: question(`http://${name}${path}`, pageQuestion(comments)),
  });
  return {
    "bundle-small": subject("bundle", COMMENTS.small),
    "render-small": subject("render", COMMENTS.small),
    "bundle-large": subject("bundle", COMMENTS.large),
    "stream-large": subject("bundle", COMMENTS.large, "/stream"),
    "render-large": subject("render", COMMENTS.large),
  };
}

/** Every other round in the other order, so that nobody always follows the same. */
async function measureRounds(ports) {
  const subjects = Object.entries(subjectsAt(ports));
  const renderers = Object.entries(renderersAt(ports));
  for (const [, subject] of [...subjects, ...renderers]) await warm(subject);
  await round(subjects, renderers); // the scripts are compiled by it
  const measured = [];
  for (let at = 1; at <= rounds; at += 1) {
    process.stderr.write(`== round ${at} of ${rounds}\n`);
    measured.push(await round(subjects, renderers));
    subjects.reverse();
    renderers.reverse();
  }
  return measured;
}

/** @returns {Promise<import("./table.mjs").Round>} */
async function round(subjects, renderers) {
  const figures = {};
  for (const [name, subject] of subjects) {
    const alone = await load(subject, 1, TURN_MS);
    figures[name] = { alone, together: await load(subject, CLIENTS, TURN_MS) };
  }
  for (const [name, subject] of renderers)
    figures[name] = { alone: await load(subject, 1, TURN_MS) };
  return figures;
}

async function measureMixed(bed) {
  const port = bed.ports[edgeName(SIZES[0])];
  const bounds = { clients: CLIENTS, ms: MIXED_MS };
  const visitors = { ...bounds, perSecond: VISITORS_PER_SECOND };
  process.stderr.write("== reads and writes\n");
  const steady = await readAndWrite(bed, port, visitors);
  const fast = await readAndWrite(bed, port, bounds);
  bed.origin.delay(APP_MS);
  const slowApp = await readAndWrite(bed, port, visitors);
  return {
    [`${VISITORS_PER_SECOND}/s`]: steady,
    [`${VISITORS_PER_SECOND}/s, an app that takes ${APP_MS} ms`]: slowApp,
    "as fast as they are answered": fast,
  };
}

const bed = await Bed.start();
try {
  const measured = await measureRounds(bed.ports);
  const mixed = await measureMixed(bed);
  process.stdout.write(tableOf({ rounds: measured, mixed, clients: CLIENTS }));
} finally {
  await bed.stop();
}
