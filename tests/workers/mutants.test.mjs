// The races of `races.test.mjs` show what they are there for: scripts that are wrong in just that fail them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mutants } from "./support/mutants.mjs";
import { Stale, scenarios } from "./support/scenarios.mjs";
import { World } from "./support/world.mjs";

for (const { wrong, patches, scenario } of mutants) {
  test(wrong, async () => {
    const { world: options, run } = scenarios[scenario];
    const world = await World.start({ ...options, patches: [...options.patches, ...patches] });
    try {
      await assert.rejects(run(world), Stale);
    } finally {
      await world.stop();
    }
  });
}
