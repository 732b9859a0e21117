// Whose private answers these are: the part of the store that only a visitor's credentials name.

import { forOrigin } from "./headers.js";
import { hex, keyedHash } from "./hmac.js";

/** @import { MizanData } from "../types.d.ts" */
/** @import { Call, Site } from "./call.js" */

/** Everybody without credentials is one visitor. */
const ANONYMOUS = "anonymous";
const REMEMBERED_ENDS = 10_000;

/** What tells a visitor from others, and nothing else of them. @typedef {{ headers: [string, string][], cookies: [string, string][] }} Credentials */

/**
 * @typedef {object} Visitor
 * @property {string} partition
 * @property {Headers} headers their credentials, as the origin gets them
 * @property {number} expires when (ms) the credentials themselves say that they end
 */

/** Which partitions have ended in this isolate: what was stored for them before is not theirs any more. */
export class Partitions {
  /** What was added to the names of those that ended. @type {Map<string, string>} */
  #renamed = new Map();
  /** The same for those that we have forgotten. */
  #forgotten = "";

  /** @param {string} id */
  nameOf(id) {
    return id + (this.#renamed.get(id) ?? this.#forgotten);
  }

  /** From now on it has another name, so nothing that is stored, or on its way, is found. @param {string} id */
  end(id) {
    if (this.#renamed.size >= REMEMBERED_ENDS) {
      this.#renamed.clear();
      this.#forgotten = `.${crypto.randomUUID()}`;
    }
    this.#renamed.set(id, `.${crypto.randomUUID()}`);
  }
}

/** @param {Site} site @param {Call} call @returns {Promise<Visitor>} */
export async function identify(site, { request, env }) {
  const credentials = credentialsOf(site.data.credentials, request.headers);
  const id = await partitionId(credentials, env.SIGNING_KEY);
  return {
    partition: site.partitions.nameOf(id),
    headers: asHeaders(credentials),
    expires: expiryOf(credentials),
  };
}

/**
 * Ends the visitor's partition if this answer to them says that their credentials no longer count,
 * or replaces them.
 * @param {Site} site @param {Call} call @param {{ status: number, headers: Headers }} answer
 */
export async function heed(site, { request, env }, { status, headers }) {
  if (!site.data.perUser) return;
  const names = site.data.credentials;
  if (status !== 401 && status !== 403 && !setsCredential(names, headers)) return;
  const credentials = credentialsOf(names, request.headers);
  // Those who have none share what they see with all who have none: nobody's session ends there.
  if (isNone(credentials)) return;
  site.partitions.end(await partitionId(credentials, env.SIGNING_KEY));
}

/** @param {MizanData["credentials"]} names @param {Headers} headers @returns {Credentials} */
export function credentialsOf(names, headers) {
  /** @type {[string, string][]} */
  const found = [];
  for (const name of names.headers.map((name) => name.toLowerCase()).sort()) {
    const value = headers.get(name);
    if (value !== null) found.push([name, value]);
  }
  const cookies = cookiePairs(headers.get("Cookie")).filter(([name]) =>
    names.cookies.includes(name),
  );
  // The sort keeps the order of those with one name, which has a meaning for the origin.
  return { headers: found, cookies: cookies.sort(([a], [b]) => Number(a > b) - Number(a < b)) };
}

/** When (ms) the first of the JWTs among them ends. @param {Credentials} credentials */
export function expiryOf({ headers, cookies }) {
  return Math.min(...[...headers, ...cookies].map(([, value]) => jwtExpiry(value)));
}

/** @param {Credentials} credentials @param {string} secret */
async function partitionId(credentials, secret) {
  if (isNone(credentials)) return ANONYMOUS;
  // The first word keeps this apart from what else is signed with the key.
  const text = `partition ${JSON.stringify([credentials.headers, credentials.cookies])}`;
  return hex(await keyedHash(secret, text));
}

/** @param {Credentials} credentials */
const isNone = ({ headers, cookies }) => headers.length === 0 && cookies.length === 0;

/** @param {Credentials} credentials */
function asHeaders({ headers, cookies }) {
  const all = new Headers(headers);
  if (cookies.length > 0) {
    all.set("Cookie", cookies.map(([name, value]) => `${name}=${value}`).join("; "));
  }
  return forOrigin(all);
}

/** @param {string | null} header @returns {[string, string][]} */
function cookiePairs(header) {
  return (header ?? "").split(";").flatMap((pair) => {
    const at = pair.indexOf("=");
    /** @type {[string, string][]} */
    const found = at < 0 ? [] : [[pair.slice(0, at).trim(), pair.slice(at + 1).trim()]];
    return found;
  });
}

/** @param {MizanData["credentials"]} names @param {Headers} headers */
function setsCredential(names, headers) {
  return headers
    .getSetCookie()
    .some((cookie) => names.cookies.includes(cookie.slice(0, cookie.indexOf("=")).trim()));
}

/** Not verified, which is the origin's business: it can only shorten a life. @param {string} value */
function jwtExpiry(value) {
  const payload = /^(?:\S+ +)?[\w-]+\.([\w-]+)\.[\w-]*$/.exec(value)?.[1];
  if (payload === undefined) return Number.POSITIVE_INFINITY;
  try {
    const { exp } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return typeof exp === "number" ? exp * 1000 : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
