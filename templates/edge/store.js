// The store of context answers: the Cache API behind three words. It ignores Vary in workerd, so
// whatever tells two answers apart is in the key.

import { endToEnd } from "./headers.js";
import { hex } from "./hmac.js";

/** @import { Lifetime } from "./cache-control.js" */

/**
 * @typedef {object} Entry
 * @property {ArrayBuffer} body
 * @property {[string, string][]} headers the origin's, with an ETag
 * @property {number} readAt when the question to the origin began, ms
 * @property {Lifetime} lifetime
 */

const READ_AT = "mizan-read-at";
const FRESH = "mizan-fresh";
const TOTAL = "mizan-total";
const SAVED = ["cache-control", "vary"];
/** What the Cache API adds of its own. */
const OF_THE_STORE = ["age", "cf-cache-status", "cf-ray", "content-length", "date", "expires"];

/**
 * @param {Response} response @param {ArrayBuffer} body @param {number} readAt
 * @param {Lifetime} lifetime @returns {Promise<Entry>}
 */
export async function entryOf(response, body, readAt, lifetime) {
  const headers = endToEnd(response.headers);
  for (const name of ["age", "date", "expires", "pragma"]) headers.delete(name);
  headers.set("ETag", await etagOf(body));
  return { body, headers: [...headers], readAt, lifetime };
}

/** @param {string} key @param {number} now @returns {Promise<Entry | null>} */
export async function load(key, now) {
  const response = await caches.default.match(key);
  if (!response) return null;
  const entry = await unpack(response);
  return ageOf(entry, now) < entry.lifetime.total ? entry : null;
}

/** @param {string} key @param {Entry} entry @param {number} now */
export async function save(key, entry, now) {
  const left = Math.ceil(entry.lifetime.total - ageOf(entry, now));
  if (left > 0) await caches.default.put(key, pack(entry, left));
}

/** @param {string} key */
export const remove = (key) => caches.default.delete(key);

/** In seconds. @param {Entry} entry @param {number} now */
export const ageOf = (entry, now) => Math.max(0, (now - entry.readAt) / 1000);

/** @param {Entry} entry @param {number} left seconds */
function pack(entry, left) {
  const headers = new Headers(entry.headers);
  for (const name of SAVED) {
    const value = headers.get(name);
    if (value !== null) headers.set(`mizan-${name}`, value);
    headers.delete(name);
  }
  headers.set(READ_AT, String(entry.readAt));
  headers.set(FRESH, String(entry.lifetime.fresh));
  headers.set(TOTAL, String(entry.lifetime.total));
  headers.set("Cache-Control", `public, max-age=${left}`);
  return new Response(entry.body, { headers });
}

/** @param {Response} response @returns {Promise<Entry>} */
async function unpack(response) {
  const headers = new Headers(response.headers);
  for (const name of OF_THE_STORE) headers.delete(name);
  const take = (/** @type {string} */ name) => {
    const value = headers.get(name);
    headers.delete(name);
    return value;
  };
  const readAt = Number(take(READ_AT));
  const lifetime = { fresh: Number(take(FRESH)), total: Number(take(TOTAL)) };
  for (const name of SAVED) {
    const value = take(`mizan-${name}`);
    if (value === null) headers.delete(name);
    else headers.set(name, value);
  }
  return { body: await response.arrayBuffer(), headers: [...headers], readAt, lifetime };
}

/** @param {ArrayBuffer} body */
async function etagOf(body) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
  return `"${hex(hash.subarray(0, 16))}"`;
}
