// Cache-Control, read from the origin and written for the browser.

import { listed } from "./headers.js";

/** In seconds, from the moment the question was asked. @typedef {{ fresh: number, total: number }} Lifetime */

const ALLOWED_VARY = new Set(["authorization", "cookie", "accept-encoding"]);

/** @param {string | null} header @returns {Map<string, string>} directive and value, unquoted */
export function directives(header) {
  return new Map(
    (header ?? "")
      .split(",")
      .map((part) => part.trim().split("="))
      .filter(([name]) => name)
      .map(([name, value = ""]) => [name.toLowerCase(), value.replaceAll('"', "")]),
  );
}

/**
 * How long a shared cache may keep this answer, in seconds; null: not at all. The live header
 * decides, and no entry outlives the window.
 * @param {Response} response @param {number} window
 * @returns {Lifetime | null}
 */
export function lifetime(response, window) {
  const cc = directives(response.headers.get("Cache-Control"));
  if (!isStorable(response, cc) || !cc.has("public") || cc.has("private")) return null;
  const age = ageOf(response);
  const fresh = seconds(cc.get("s-maxage") ?? cc.get("max-age"));
  const stale = cc.has("must-revalidate") || cc.has("proxy-revalidate");
  const total = fresh + (stale ? 0 : seconds(cc.get("stale-while-revalidate"))) - age;
  if (total <= 0) return null;
  return { fresh: Math.min(Math.max(fresh - age, 0), window), total: Math.min(total, window) };
}

/**
 * How long it may be kept for the one visitor whom it was made for: only while it is fresh, and
 * `private` says no more than that.
 * @param {Response} response @param {number} limit seconds
 * @returns {Lifetime | null}
 */
export function personalLifetime(response, limit) {
  const cc = directives(response.headers.get("Cache-Control"));
  if (!isStorable(response, cc) || !(cc.has("private") || cc.has("public"))) return null;
  const fresh = Math.min(seconds(cc.get("max-age")) - ageOf(response), limit);
  return fresh > 0 ? { fresh, total: fresh } : null;
}

/** By anybody. @param {Response} response @param {Map<string, string>} cc */
function isStorable(response, cc) {
  if (response.status !== 200 || response.headers.has("Set-Cookie")) return false;
  if (cc.has("no-store") || cc.has("no-cache")) return false;
  return [...listed(response.headers.get("Vary"))].every((name) => ALLOWED_VARY.has(name));
}

/** @param {Response} response */
const ageOf = (response) => seconds(response.headers.get("Age") ?? undefined);

/**
 * A browser's own cache hears of no invalidation, so it must ask each time: the origin's
 * stale-while-revalidate never reaches it.
 * @param {string | null} header the origin's @param {"public" | "private"} scope
 */
export function forBrowser(header, scope) {
  const cc = directives(header);
  const isPrivate = scope === "private" || cc.has("private");
  if (cc.has("no-store")) return isPrivate ? "private, no-store" : "no-store";
  return isPrivate ? "private, no-cache" : "no-cache";
}

/** @param {string | undefined} value */
function seconds(value) {
  return value !== undefined && /^\d+$/.test(value) ? Math.min(Number(value), 2 ** 31) : 0;
}
