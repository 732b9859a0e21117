// Read your writes: what a client has seen of the log travels with it, signed, in a cookie and a
// header. A token that does not verify is ignored; it can only cost speed, never freshness.

import { isKeyedHash, keyedHash } from "./hmac.js";

/**
 * @typedef {object} SequenceToken
 * @property {string} epoch of the hub; empty when it was not reachable
 * @property {number} seq this client's own writes are in the log from here on
 * @property {number} bypassUntil until then (ms) this client reads past the cache
 */

export const SEQUENCE_HEADER = "Mizan-Sequence";
const PLAIN_COOKIE = "mizan-sequence";
const HOST_COOKIE = `__Host-${PLAIN_COOKIE}`;
/** Kept longer than any entry that could hold the older answer. */
const LIFETIME_MARGIN_S = 60;

/**
 * What a page's own code has kept in the header may be older than what another tab has put into the cookie.
 * @param {Request} request @param {string} secret @param {string} publicUrl @returns {Promise<SequenceToken | null>}
 */
export async function readToken(request, secret, publicUrl) {
  const texts = [
    cookieValue(request.headers.get("Cookie"), cookieName(publicUrl)),
    request.headers.get(SEQUENCE_HEADER),
  ];
  const [kept, said] = await Promise.all(texts.map((text) => (text ? verify(text, secret) : null)));
  return said ? mergeTokens(kept, said) : kept;
}

/**
 * Two tokens of one client: it has seen what either says.
 * @param {SequenceToken | null} older @param {SequenceToken} newer @returns {SequenceToken}
 */
export function mergeTokens(older, newer) {
  if (!older) return newer;
  const bypassUntil = Math.max(older.bypassUntil, newer.bypassUntil);
  if (newer.epoch === "") return { epoch: older.epoch, seq: older.seq, bypassUntil };
  const seq = older.epoch === newer.epoch ? Math.max(older.seq, newer.seq) : newer.seq;
  return { epoch: newer.epoch, seq, bypassUntil };
}

/**
 * @param {Headers} headers of the answer @param {SequenceToken} token
 * @param {{ secret: string, publicUrl: string, window: number }} settings
 */
export async function writeToken(headers, token, { secret, publicUrl, window }) {
  const text = await sign(token, secret);
  headers.set(SEQUENCE_HEADER, text);
  headers.append(
    "Set-Cookie",
    `${cookieName(publicUrl)}=${text}; Path=/; Max-Age=${window + LIFETIME_MARGIN_S}; HttpOnly; SameSite=Lax` +
      (isSecure(publicUrl) ? "; Secure" : ""),
  );
}

/** @param {string} publicUrl */
const isSecure = (publicUrl) => publicUrl.startsWith("https:");

/** Browsers refuse the prefix without TLS, even on localhost. @param {string} publicUrl */
const cookieName = (publicUrl) => (isSecure(publicUrl) ? HOST_COOKIE : PLAIN_COOKIE);

/** @param {string | null} header @param {string} name */
function cookieValue(header, name) {
  for (const pair of (header ?? "").split(";")) {
    const [key, value] = pair.trim().split("=", 2);
    if (key === name) return value;
  }
  return undefined;
}

/** @param {SequenceToken} token @param {string} secret */
async function sign(token, secret) {
  const payload = [token.epoch, token.seq, token.bypassUntil].join(".");
  return `${payload}.${base64url(await keyedHash(secret, payload))}`;
}

/** @param {string} text @param {string} secret @returns {Promise<SequenceToken | null>} */
async function verify(text, secret) {
  const match = /^([0-9a-f-]{0,36})\.(\d{1,15})\.(\d{1,15})\.([\w-]{43})$/.exec(text);
  if (!match) return null;
  const [, epoch, seq, bypassUntil, signature] = match;
  const payload = [epoch, seq, bypassUntil].join(".");
  const valid = await isKeyedHash(secret, payload, fromBase64url(signature));
  return valid ? { epoch, seq: Number(seq), bypassUntil: Number(bypassUntil) } : null;
}

/** @param {Uint8Array} data */
const base64url = (data) =>
  btoa(String.fromCharCode(...data))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** @param {string} text */
const fromBase64url = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
