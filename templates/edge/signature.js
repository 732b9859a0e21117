// The signature of an announcement: over the host it is for, its time, a nonce and its body.

import { fromHex, hex, isKeyedHash } from "./hmac.js";

export const SIGNATURE_HEADER = "Mizan-Signature";

/** How far the signer's clock may be from ours, either way. */
const TOLERANCE_S = 300;
/**
 * A signature from the far end of the future stays valid for twice that; the rest is for the clocks
 * of Edge and Hub.
 */
export const REMEMBER_NONCE_MS = (2 * TOLERANCE_S + 60) * 1000;

const HEADER = /^v1,t=(\d{1,12}),n=([\w-]{16,64}),s=([0-9a-f]{64})$/;

/**
 * The nonce of a good signature; null for any other, whatever is wrong with it.
 * @param {string | null} header @param {ArrayBuffer} body
 * @param {{ keys: string[], publicUrl: string, now: number }} expected `now` in milliseconds
 * @returns {Promise<string | null>}
 */
export async function verifiedNonce(header, body, { keys, publicUrl, now }) {
  const [, time, nonce, signature] = HEADER.exec(header ?? "") ?? [];
  if (signature === undefined) return null;
  const text = await signedText(publicUrl, time, nonce, body);
  const hash = fromHex(signature);
  const matches = await Promise.all(keys.map((key) => isKeyedHash(key, text, hash)));
  const isNear = Math.abs(now / 1000 - Number(time)) <= TOLERANCE_S;
  return matches.includes(true) && isNear ? nonce : null;
}

/** Several keys are valid while one replaces the other. @param {string | undefined} binding */
export const keysOf = (binding) =>
  (binding ?? "")
    .split(",")
    .map((key) => key.trim())
    .filter(Boolean);

/** @param {string} publicUrl @param {string} time @param {string} nonce @param {ArrayBuffer} body */
async function signedText(publicUrl, time, nonce, body) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
  return ["v1", new URL(publicUrl).host, time, nonce, hex(digest)].join("\n");
}
