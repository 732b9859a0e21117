// A load of one question, again and again, by clients who ask anew as soon as they have their answer.

import { setTimeout as pause } from "node:timers/promises";
import { Connection } from "./connection.mjs";

const IS_OK = /^HTTP\/1\.1 200 /;
const IS_HIT = /\r\ncache-status: mizan; hit/i;
const WARM_UP_TRIES = 200;

/** @typedef {{ port: number, question: Buffer, hit?: boolean }} Subject `hit`: the answer shall come from the Edge's store */

/**
 * @typedef {object} Figures
 * @property {number} p50 ms
 * @property {number} p99 ms
 * @property {number} perSecond
 * @property {number} strays answers that were no hits though they should have been
 */

/** @param {string} head of an answer */
export const isHit = (head) => IS_HIT.test(head);

/** @param {Subject} subject @param {number} clients @param {number} ms @returns {Promise<Figures>} */
export async function load({ port, question, hit = false }, clients, ms) {
  const times = [];
  let strays = 0;
  const began = performance.now();
  await withConnections(port, clients, async (connection) => {
    while (performance.now() - began < ms) {
      const asked = performance.now();
      const head = await connection.ask(question);
      times.push(performance.now() - asked);
      expectOk(head);
      if (hit && !isHit(head)) strays += 1;
    }
  });
  const seconds = (performance.now() - began) / 1000;
  times.sort((one, other) => one - other);
  const at = (part) => times[Math.floor(part * times.length)];
  return { p50: at(0.5), p99: at(0.99), perSecond: times.length / seconds, strays };
}

/** Asks until the answer is as it shall be measured. @param {Subject} subject */
export function warm({ port, question, hit = false }) {
  return withConnections(port, 1, async (connection) => {
    let head = "";
    for (let tries = 0; tries < WARM_UP_TRIES; tries += 1) {
      head = await connection.ask(question);
      if (IS_OK.test(head) && (!hit || isHit(head))) return;
      await pause(20);
    }
    throw new Error(`this is not what was to be measured: ${head}`);
  });
}

/** @param {string} head of an answer */
export function expectOk(head) {
  if (!IS_OK.test(head)) throw new Error(`the speed of this answer means nothing: ${head}`);
}

/** @param {number} port @param {number} clients @param {(connection: Connection) => Promise<void>} go */
export async function withConnections(port, clients, go) {
  const connections = await Promise.all(
    Array.from({ length: clients }, () => Connection.open(port)),
  );
  try {
    await Promise.all(connections.map(go));
  } finally {
    for (const connection of connections) connection.close();
  }
}
