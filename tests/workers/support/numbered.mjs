// Contexts that count their changes, behind an origin that misbehaves, and the judge of what somebody was shown: every reading
// has a number, and it is known when that number was replaced, and who was told.

import assert from "node:assert/strict";
import { boardData } from "./data.mjs";
import { json } from "./origin.mjs";
import { sleep } from "./promises.mjs";
import { below, pick } from "./seeded.mjs";

/** Everyone sees a recorded change that is this old; architecture and README promise it. */
const SEEN_BY_EVERYONE_MS = 5000;

const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"];
const LIFETIMES = ["public, max-age=60", "public, max-age=0, stale-while-revalidate=300"];

/** What the schema says of them: each is changed by a function of its own. */
export const numberedData = (window) => ({
  window,
  contexts: NAMES.map((name) => ({ ...boardData().contexts[0], name, path: pathOf(name) })),
  mutations: NAMES.map((name) => ({ name, affects: [{ context: name, params: [] }] })),
  routes: NAMES.map((name) => ({
    path: pageOf(name),
    component: "Home",
    render: "edge",
    contexts: [{ name, params: {} }],
  })),
});

export const pathOf = (name) => `/api/mizan/ctx/${name}/`;
export const pageOf = (name) => `/${name}/`;

/** In a context's answer, or in the page that shows it. @param {string} text */
export const numberIn = (text) => Number(/(?:"|&#34;)n(?:"|&#34;):(\d+)/.exec(text)[1]);

export const anyName = () => pick(NAMES);

export class Numbered {
  /** By name: its number, and when each number was committed, and told by an answer that was recorded. */
  #things = new Map(NAMES.map((name) => [name, { n: 0, committed: new Map(), told: new Map() }]));
  /** What came of each mutation: `{ n }`, the number that it made. */
  #outcomes = new Map();
  #windowMs;
  /** How old (ms) the news was that a reader had not seen, 0 for those who had. */
  ages = [];
  hits = 0;

  /** @param {import("./origin.mjs").FakeOrigin} origin @param {number} window L, in seconds */
  constructor(origin, window) {
    this.#windowMs = window * 1000;
    for (const [name, thing] of this.#things) {
      origin.faults.set(pathOf(name), (_question, response) => read(thing, response));
    }
    origin.faults.set("/api/mizan/call/", this.#mutate.bind(this));
  }

  get reads() {
    return this.ages.length;
  }

  get writes() {
    return [...this.#things.values()].reduce((sum, { n }) => sum + n, 0);
  }

  /** Above which only one in a hundred is. */
  get p99() {
    return this.ages.toSorted((a, b) => a - b)[Math.floor(this.ages.length * 0.99)];
  }

  /** The number that a mutation made, if it has made one. */
  made(nonce) {
    return this.#outcomes.get(nonce);
  }

  /** Its client has got an answer, and the change is in the log. */
  isRecorded(name, n) {
    this.#things.get(name).told.set(n, Date.now());
  }

  /**
   * @param {{ name: string, n: number, asked: number, isHit: boolean, own: number }} reading `own`: the number that this
   *   reader has made
   */
  judge({ name, n, asked, isHit, own }) {
    assert.ok(n >= own, `made ${own} of ${name}, then read ${n}`);
    const { committed, told } = this.#things.get(name);
    const replaced = committed.get(n + 1);
    if (isHit && replaced !== undefined) {
      const age = asked - replaced;
      assert.ok(age <= this.#windowMs, `${name} was replaced ${age} ms ago, and still shown`);
    }
    const age = Math.max(0, asked - firstNews(told, n));
    assert.ok(age <= SEEN_BY_EVERYONE_MS, `${name} changed ${age} ms ago, and is not seen`);
    this.ages.push(age);
    if (isHit) this.hits += 1;
  }

  async #mutate(request, response, bytes) {
    const { function: name, params } = JSON.parse(bytes);
    const { nonce, way } = params;
    const commit = () => this.#commit(name, nonce);
    const answer = (status, value) => json(response, status, "no-store", value);
    await sleep(below(20));
    switch (way) {
      case "breaks":
        commit();
        await sleep(below(20));
        return request.socket.destroy();
      case "fails":
        commit();
        return answer(500, {});
      case "gives up":
        answer(504, {});
        await sleep(below(400));
        return commit();
      case "refuses":
        return answer(403, {});
      default:
        await sleep(way === "is slow" ? below(1000) : 0);
        commit();
        await sleep(below(20));
        return answer(200, { invalidate: [name] });
    }
  }

  #commit(name, nonce) {
    const thing = this.#things.get(name);
    thing.n += 1;
    thing.committed.set(thing.n, Date.now());
    this.#outcomes.set(nonce, thing.n);
  }
}

/** The number is read first and sent later, as from a database. */
async function read(thing, response) {
  const { n } = thing;
  await sleep(below(40));
  json(response, 200, pick(LIFETIMES), { n });
}

/** When somebody was first told of a newer number. */
function firstNews(told, n) {
  let first = Number.POSITIVE_INFINITY;
  for (const [number, at] of told) if (number > n) first = Math.min(first, at);
  return first;
}
