// What goes wrong at random while others read and write: the Hub, the lines to it, the processes, the caches.

import { sleep } from "./promises.mjs";
import { below, oneIn, pick } from "./seeded.mjs";

/** Long enough for caches to fill again. */
const BETWEEN_MS = 1000;

/** Each does one thing to a world and takes it back. @type {Record<string, (world: import("./world.mjs").World) => Promise<void>>} */
const hubTroubles = {
  async unreachable({ locations }) {
    const cut = oneIn(3) ? locations : [pick(locations)];
    for (const { line } of cut) line.cut();
    await sleep(below(1500));
    for (const { line } of cut) line.mend();
  },

  async slow({ locations }) {
    const { line } = pick(locations);
    line.delay = () => below(1500);
    await sleep(1000);
    line.delay = () => 0;
  },

  async forgetful({ locations }) {
    const { line } = pick(locations);
    for (const path of ["/v1/log", "/v1/intents", "/v1/records"]) {
      if (oneIn(2)) line.loseAnswers(path);
    }
    await sleep(below(500));
    line.keepAnswers();
  },

  async killed(world) {
    await world.killHub();
    await sleep(below(300));
    await world.startHub();
  },

  async "evicted and created anew"(world) {
    await world.killHub();
    await world.forgetHub();
    await world.startHub();
  },
};

/** @type {typeof hubTroubles} */
const locationTroubles = {
  async killed({ locations }) {
    const location = pick(locations);
    await location.kill();
    await location.start();
  },

  async "evicted cache"({ locations }) {
    pick(locations).evict();
  },

  async "slow cache"({ locations }) {
    const location = pick(locations);
    location.cacheDelay = () => below(30);
    await sleep(below(1000));
    location.cacheDelay = () => 0;
  },
};

/** One trouble after the other, in both kinds at once. @returns how often each was met */
export async function trouble(world, isOver) {
  const met = {};
  const cause = async (where, troubles) => {
    while (!isOver()) {
      await sleep(below(2 * BETWEEN_MS));
      const name = pick(Object.keys(troubles));
      await troubles[name](world);
      met[`${where} ${name}`] = (met[`${where} ${name}`] ?? 0) + 1;
    }
  };
  await Promise.all([cause("hub", hubTroubles), cause("location", locationTroubles)]);
  return met;
}
