// Readers and writers in two locations, in the orders that could show somebody what was replaced.

import { after, test } from "node:test";
import { scenarios } from "./support/scenarios.mjs";
import { World } from "./support/world.mjs";

/** One world for all that want the same. @type {Map<object, Promise<World>>} */
const worlds = new Map();

function worldFor(options) {
  if (!worlds.has(options)) worlds.set(options, World.start(options));
  return worlds.get(options);
}

after(async () => {
  for (const world of await Promise.allSettled(worlds.values())) await world.value?.stop();
});

for (const { about, world, run } of Object.values(scenarios)) {
  test(about, async () => run(await worldFor(world)));
}
