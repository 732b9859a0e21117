// A load of readers among whom some write, and what the Edge spares them and the origin.

import { setTimeout as pause } from "node:timers/promises";
import { CALL_URL, changeOf, contextUrl } from "./board.mjs";
import { question } from "./connection.mjs";
import { expectOk, isHit, warm, withConnections } from "./load.mjs";

const POSTS = 100;
/** One request in so many is a write: 95 reads to 5 writes. */
const WRITE_EVERY = 20;

const ids = Array.from({ length: POSTS }, (_, at) => at + 1);
const reads = ids.map((id) => question(contextUrl(id)));
const writes = ids.map((id) => question(CALL_URL, changeOf(id)));

/**
 * @typedef {object} Spared
 * @property {number} perSecond reads and writes
 * @property {number} notWaiting the part of the reads that did not wait for the origin
 * @property {number} saved by what part of the reads the origin was asked less often
 */

/** Of each post how often it is asked for, together with all before it: the n-th 1/n as often as the first. */
const popularity = [];
for (const id of ids) popularity.push((popularity.at(-1) ?? 0) + 1 / id);

function pickPost() {
  const wanted = Math.random() * popularity.at(-1);
  return popularity.findIndex((sum) => sum > wanted);
}

/**
 * Every post has been read before. Nobody who reads is the one who wrote, and a write changes the one post that it names.
 * @param {import("./bed.mjs").Bed} bed @param {number} port of an Edge
 * @param {{ clients: number, ms: number, perSecond?: number }} load without `perSecond`: as fast as they are answered
 * @returns {Promise<Spared>}
 */
export async function readAndWrite({ origin }, port, { clients, ms, perSecond }) {
  for (const read of reads) await warm({ port, question: read, hit: true });
  const tally = { reads: 0, hits: 0, writes: 0 };
  let turns = 0;
  const readsAtOrigin = origin.reads;
  const began = performance.now();
  await withConnections(port, clients, async (connection) => {
    for (;;) {
      const turn = turns++;
      if (perSecond) await until(began + (turn / perSecond) * 1000);
      if (performance.now() - began >= ms) return;
      const isWrite = turn % WRITE_EVERY === 0;
      const head = await connection.ask((isWrite ? writes : reads)[pickPost()]);
      expectOk(head);
      tally[isWrite ? "writes" : "reads"] += 1;
      if (!isWrite && isHit(head)) tally.hits += 1;
    }
  });
  const seconds = (performance.now() - began) / 1000;
  return {
    perSecond: (tally.reads + tally.writes) / seconds,
    notWaiting: tally.hits / tally.reads,
    saved: 1 - (origin.reads - readsAtOrigin) / tally.reads,
  };
}

async function until(time) {
  const left = time - performance.now();
  if (left > 0) await pause(left);
}
