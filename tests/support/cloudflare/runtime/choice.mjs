// Which of a deployment's versions serves a request.

import crypto from "node:crypto";
import { activeVersions } from "../versions.mjs";

/** Requests so far, by deployment. @type {WeakMap<object, number>} */
const counts = new WeakMap();

/** @param {object} script @param {import("node:http").IncomingHttpHeaders} headers @returns its id */
export function chooseVersion(script, headers) {
  const active = activeVersions(script);
  const wanted = overrideFor(script.name, headers["cloudflare-workers-version-overrides"]);
  if (active.some(({ version_id }) => version_id === wanted)) return wanted;
  const place = placeOf(script, headers["cloudflare-workers-version-key"]);
  let reached = 0;
  for (const { version_id, percentage } of active) {
    reached += percentage;
    if (place < reached) return version_id;
  }
  return active.find(({ percentage }) => percentage > 0).version_id;
}

/** The header is a dictionary of names and strings: `edge="…", render="…"`. */
function overrideFor(name, header = "") {
  for (const [, key, value] of header.matchAll(/([a-z*][a-z0-9_.*-]*)="([^"\\]*)"/gi)) {
    if (key === name) return value;
  }
  return undefined;
}

/**
 * From 0 to 100. The same key is always at the same place; without one, a hundred requests are at
 * a hundred places, in an order that spreads them.
 */
function placeOf(script, key) {
  if (key) return (crypto.createHash("sha256").update(key).digest().readUInt32BE() / 2 ** 32) * 100;
  const [deployment] = script.deployments;
  const count = counts.get(deployment) ?? 0;
  counts.set(deployment, count + 1);
  return (count * 61) % 100;
}

/** The version whose classes a script's Durable Objects run: the one with the largest share. */
export function objectsVersion(script) {
  const [largest] = [...activeVersions(script)].sort(
    (one, other) => other.percentage - one.percentage,
  );
  return largest.version_id;
}
