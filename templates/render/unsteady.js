// Which pages would not be the same in the browser: React then throws away what it was sent. Found
// by rendering again with the same data, elsewhere and at another time. A hint for who develops.

/** @import { Bundle, SsrData } from "../types.d.ts" */

const NOW = Date.UTC(2026, 0, 15, 12);
const MUCH_LATER = Date.UTC(2031, 6, 2, 3, 4, 5);
const ELSEWHERE = { locale: "de-DE", timeZone: "Pacific/Auckland" };

/** The usual world, which stands still. @type {World} */
const STILL = { now: NOW, random: 0.25, elsewhere: false };
/** @typedef {{ now: number, random: number, elsewhere: boolean }} World */

/** @type {[string, World][]} */
const SUSPECTS = [
  ["something that changes from one time to the next, such as a counter or a random id", STILL],
  ["the clock (Date)", { ...STILL, now: MUCH_LATER }],
  ["Math.random", { ...STILL, random: 0.75 }],
  ["the server's language or time zone", { ...STILL, elsewhere: true }],
];

/** Components that have been looked at. */
const seen = new Set();

/** Once for each component. @param {string} path @param {SsrData} ssr @param {Bundle} bundle */
export async function hintAt(path, ssr, { render }) {
  if (!render || seen.has(ssr.page)) return;
  seen.add(ssr.page);
  const found = await reasons(ssr, render);
  if (found.length === 0) return;
  console.warn(
    `mizan: the page ${ssr.page} (${path}) may not hydrate: what it shows depends on ${found.join(" and on ")}`,
  );
}

/** @param {SsrData} ssr @param {NonNullable<Bundle["render"]>} render */
async function reasons(ssr, render) {
  const usual = await outcome(STILL, ssr, render);
  const found = [];
  for (const [reason, world] of SUSPECTS) {
    if ((await outcome(world, ssr, render)) === usual) continue;
    found.push(reason);
    // It would look as if it depended on everything.
    if (world === STILL) break;
  }
  return found;
}

/** Of code that throws there, its error. @param {World} world @param {SsrData} ssr @param {NonNullable<Bundle["render"]>} render */
async function outcome(world, ssr, render) {
  try {
    return await renderIn(world, ssr, render);
  } catch (error) {
    return String(error);
  }
}

/**
 * Other requests share these globals, so they are changed for as long as nobody else can run: what
 * an app renders after an `await` is not judged.
 * @param {World} world @param {SsrData} ssr @param {NonNullable<Bundle["render"]>} render
 */
function renderIn(world, ssr, render) {
  const restore = [changeClock(world.now), changeChance(world.random)];
  if (world.elsewhere) restore.push(...changePlace());
  try {
    return render(ssr);
  } finally {
    for (const back of restore) back();
  }
}

/** @param {number} now */
function changeClock(now) {
  const clock = new Proxy(Date, {
    construct: (target, args) => Reflect.construct(target, args.length > 0 ? args : [now]),
    apply: (target) => new target(now).toString(),
    get: (target, name) => (name === "now" ? () => now : Reflect.get(target, name)),
  });
  return replace(globalThis, "Date", clock);
}

/** @param {number} value */
const changeChance = (value) => replace(Math, "random", () => value);

function changePlace() {
  const { locale, timeZone } = ELSEWHERE;
  /** What was not said is what the place says. @param {unknown[]} args */
  const there = ([locales, options]) => [locales ?? locale, { timeZone, ...Object(options) }];
  const dates = /** @type {const} */ ([
    "toLocaleString",
    "toLocaleDateString",
    "toLocaleTimeString",
  ]);
  return [
    ...dates.map((name) => replaceMethod(Date.prototype, name, there)),
    replaceMethod(Number.prototype, "toLocaleString", ([locales, options]) => [
      locales ?? locale,
      options,
    ]),
    replace(Intl, "DateTimeFormat", withArguments(Intl.DateTimeFormat, there)),
    replace(
      Intl,
      "NumberFormat",
      withArguments(Intl.NumberFormat, ([locales, options]) => [locales ?? locale, options]),
    ),
  ];
}

/** @param {Function} Usual @param {(args: unknown[]) => unknown[]} change */
const withArguments = (Usual, change) =>
  new Proxy(Usual, {
    construct: (target, args) => Reflect.construct(target, change(args)),
    apply: (target, self, args) => Reflect.apply(target, self, change(args)),
  });

/** @param {object} object @param {string} name @param {(args: unknown[]) => unknown[]} change */
function replaceMethod(object, name, change) {
  const usual = Reflect.get(object, name);
  /** @this {unknown} @param {unknown[]} args */
  function changed(...args) {
    return Reflect.apply(usual, this, change(args));
  }
  return replace(object, name, changed);
}

/** @param {object} object @param {string} name @param {unknown} value @returns {() => void} what takes it back */
function replace(object, name, value) {
  const usual = Reflect.get(object, name);
  Reflect.set(object, name, value);
  return () => Reflect.set(object, name, usual);
}
