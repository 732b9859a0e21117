// Waiting: for a promise of one's own, for a condition, for what is promised to everyone.

import assert from "node:assert/strict";

/** Long after a busy machine has come so far: it costs time only where a test fails. */
const PATIENCE_MS = 120_000;
/** Everyone sees a change that is this old; architecture and README promise it. */
const SEEN_BY_EVERYONE_MS = 5000;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Until it holds. An error counts as not yet, and is told when time is over. */
export async function eventually(holds) {
  const end = Date.now() + PATIENCE_MS;
  for (let last; ; await sleep(20)) {
    try {
      if (await holds()) return;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw last ?? new Error(`did not become true: ${holds}`);
  }
}

/**
 * Until somebody sees a change that was answered at `changed`. Who asks late enough must see it at
 * once: what counts is when they ask, so a slow machine changes nothing.
 */
export async function seenByEveryone(changed, isSeen) {
  for (;;) {
    const asked = Date.now();
    if (await isSeen()) return;
    assertMayMiss(asked, changed);
    await sleep(20);
  }
}

/** Whoever asked then may not have seen what was changed at that time. */
export function assertMayMiss(asked, changed) {
  const late = asked - changed;
  assert.ok(late <= SEEN_BY_EVERYONE_MS, `asked ${late} ms after the change, and did not see it`);
}

/** A promise, and what settles it. */
export function withResolvers() {
  const out = {};
  out.promise = new Promise((resolve, reject) => Object.assign(out, { resolve, reject }));
  return out;
}
