// Changes to a copy of the scripts: for a test that needs shorter times, or scripts that are wrong in one known way.

import fs from "node:fs/promises";
import path from "node:path";

/** @typedef {{ file: string, from: string, to: string }} Patch */

/** Puts `to` in the place of `from`, which must be there exactly once: a patch that finds nothing would test nothing. */
export function replaceOnce(text, from, to, where) {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${where} has this ${parts.length - 1} times: ${from}`);
  return parts.join(to);
}

/** @param {string} folder with the scripts @param {Patch[]} patches */
export async function applyPatches(folder, patches) {
  for (const { file, from, to } of patches) {
    const target = path.join(folder, file);
    const text = await fs.readFile(target, "utf8");
    await fs.writeFile(target, replaceOnce(text, from, to, file));
  }
}

/** A record lives for twice the window and this long. */
export const retentionMargin = (ms) => ({
  file: "hub/journal.js",
  from: "const RETENTION_MARGIN_MS = 60_000;",
  to: `const RETENTION_MARGIN_MS = ${ms};`,
});

/** An intent that nobody closes becomes a record after this long. */
export const intentsLive = (ms) => ({
  file: "edge/mutation.js",
  from: "const INTENT_TTL_MS = 60_000;",
  to: `const INTENT_TTL_MS = ${ms};`,
});

/** An Edge waits so long for the Hub before it goes on without it. */
export const hubMayTake = (ms) => [
  { file: "edge/hub-client.js", from: "const READ_TIMEOUT_MS = 1000;", to: readLimit(ms) },
  { file: "edge/hub-client.js", from: "const WRITE_TIMEOUT_MS = 5000;", to: writeLimit(ms) },
];
const readLimit = (ms) => `const READ_TIMEOUT_MS = ${ms};`;
const writeLimit = (ms) => `const WRITE_TIMEOUT_MS = ${ms};`;

/** An isolate asks the Hub only where it must, and what lingers does not end: nothing that happens by the clock can help it. */
export const neverByTheClock = [
  {
    file: "edge/hub-client.js",
    from: "const MAX_AGE_MS = 5000;",
    to: "const MAX_AGE_MS = 3_600_000;",
  },
  {
    file: "edge/hub-client.js",
    from: "const REFRESH_MS = 1000;",
    to: "const REFRESH_MS = 3_600_000;",
  },
  {
    file: "edge/linger.js",
    from: "const LINGER_MS = 1000;",
    to: "const LINGER_MS = 3_600_000;",
  },
];
