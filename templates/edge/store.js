// The store of context answers: the Cache API behind three words. It ignores Vary in workerd, so
// whatever tells two answers apart is in the key.

import { endToEnd } from "./headers.js";
import { hex } from "./hmac.js";

/** @import { Lifetime } from "./cache-control.js" */

/**
 * @typedef {object} Entry
 * @property {ArrayBuffer | ReadableStream | null} body of one that was loaded, a stream: it can be read once
 * @property {[string, string][]} headers the origin's, with an ETag
 * @property {number} readAt when the question to the origin began, ms
 * @property {Lifetime} lifetime
 */

/**
 * All that is said about the body, as one header of what is stored: the Cache API adds headers of its own and takes
 * Cache-Control for its own, and each header that is read or taken away makes a hit slower.
 */
const ABOUT = "Mizan-Entry";

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
  const entry = unpack(response);
  return entry && ageOf(entry, now) < entry.lifetime.total ? entry : null;
}

/** @param {string} key @param {Entry} entry @param {number} now */
export async function save(key, entry, now) {
  const left = Math.ceil(entry.lifetime.total - ageOf(entry, now));
  if (left > 0) await caches.default.put(key, pack(entry, left));
}

/** @param {string} key */
export const remove = (key) => caches.default.delete(key);

/** Seconds for which it is still fresh. @param {Entry} entry @param {number} now */
export const timeLeft = (entry, now) => Math.floor(entry.lifetime.fresh - ageOf(entry, now));

/** In seconds. @param {Entry} entry @param {number} now */
const ageOf = (entry, now) => Math.max(0, (now - entry.readAt) / 1000);

/** @param {Entry} entry @param {number} left seconds */
function pack({ body, ...about }, left) {
  const headers = { "Cache-Control": `public, max-age=${left}`, [ABOUT]: asciiJson(about) };
  return new Response(body, { headers });
}

/** @param {Response} response @returns {Entry | null} */
function unpack(response) {
  const about = response.headers.get(ABOUT);
  return about === null ? null : { ...JSON.parse(about), body: response.body };
}

/** A header holds no other characters safely. @param {object} value */
const asciiJson = (value) =>
  JSON.stringify(value).replace(
    /[^ -~]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** @param {ArrayBuffer} body */
async function etagOf(body) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
  return `"${hex(hash.subarray(0, 16))}"`;
}
