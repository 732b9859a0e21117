// Chance that can be repeated: the seed is printed by each test that uses it, and MIZAN_TEST_SEED sets it.

export const seed = Number(process.env.MIZAN_TEST_SEED ?? Date.now() % 2 ** 31);

const random = mulberry32(seed);

/** A whole number from 0 to n - 1. */
export const below = (n) => Math.floor(random() * n);

/** One of these. */
export const pick = (things) => things[below(things.length)];

/** True once in n times. */
export const oneIn = (n) => below(n) === 0;

/** A small generator whose whole state is its seed. */
function mulberry32(state) {
  let a = state;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
