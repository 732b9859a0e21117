// Tokens and what they may do. A permission to write includes that to read, as with the vendor.

import { Refusal } from "./answers.mjs";

/** May do everything. */
export const DEFAULT_TOKEN = "canary-cloudflare-token-3f9c";

const readWrite = (name) => ({
  read: [`${name} Read`, `${name} Write`],
  write: [`${name} Write`],
});

export const SCRIPTS = readWrite("Workers Scripts");
export const ROUTES = readWrite("Workers Routes");
export const KV = readWrite("Workers KV Storage");
export const DNS = readWrite("DNS");
/** Reading a script's log needs only its own permission. */
export const TAIL = ["Workers Tail Read", ...SCRIPTS.write];
export const PURGE = ["Cache Purge"];
export const ZONE_READ = ["Zone Read", "Zone Write", "Zone Settings Read", "Zone Settings Write"];
export const ACCOUNT_READ = ["Account Settings Read", "Account Settings Write"];
export const MEMBERSHIPS_READ = ["Memberships Read", "Memberships Write"];
export const USER_READ = ["User Details Read", "User Details Write"];

/** Whether a token has one of these permissions. */
export const has = (token, accepted) =>
  token.permissions === null || accepted.some((name) => token.permissions.includes(name));

/** Whether a token may see a zone at all. */
export const sees = (token, zone) =>
  token.zones === null || token.zones.includes(zone.name) || token.zones.includes(zone.id);

export const unauthorised = () =>
  new Refusal(403, 9109, "Unauthorized to access requested resource");

/**
 * Who asks. The vendor's parts word a refusal differently.
 * @param {object} state @param {string | undefined} authorization @param {string} path
 */
export function authenticate(state, authorization, path) {
  if (authorization === undefined) throw new Refusal(400, 9106, "Authentication failed");
  const secret = /^Bearer (.+)$/.exec(authorization)?.[1];
  const session = path.endsWith("/workers/assets/upload") && state.assetSessions.get(secret);
  if (session) return { id: null, permissions: [], zones: [], session };
  const token = state.tokens.get(secret);
  if (token) return token;
  if (path.endsWith("/tokens/verify")) throw new Refusal(401, 1000, "Invalid API Token");
  if (path.startsWith("/zones")) throw new Refusal(403, 9109, "Invalid access token");
  throw new Refusal(401, 10000, "Authentication error");
}
