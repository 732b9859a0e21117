// Keyed hashes: what the Edge signs, what it checks, and what it names without telling.

const ALGORITHM = { name: "HMAC", hash: "SHA-256" };

/** One imported key per isolate; the bindings do not change while it lives. @type {Map<string, Promise<CryptoKey>>} */
const keys = new Map();

/** @param {string} secret @param {string} text @returns {Promise<Uint8Array>} */
export async function keyedHash(secret, text) {
  return new Uint8Array(await crypto.subtle.sign("HMAC", await importKey(secret), bytes(text)));
}

/**
 * In constant time, whatever the hash is.
 * @param {string} secret @param {string} text @param {Uint8Array<ArrayBuffer>} hash
 */
export async function isKeyedHash(secret, text, hash) {
  return crypto.subtle.verify("HMAC", await importKey(secret), hash, bytes(text));
}

/** @param {Uint8Array} data */
export const hex = (data) =>
  Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {string} digits an even number of them */
export const fromHex = (digits) =>
  Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** @param {string} secret */
function importKey(secret) {
  let key = keys.get(secret);
  if (!key) {
    key = crypto.subtle.importKey("raw", bytes(secret), ALGORITHM, false, ["sign", "verify"]);
    keys.set(secret, key);
  }
  return key;
}

/** @param {string} text */
const bytes = (text) => new TextEncoder().encode(text);
