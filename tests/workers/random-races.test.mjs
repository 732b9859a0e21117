// Random readers and writers in two locations while everything goes wrong: nobody misses their own write, nobody sees what was
// replaced longer ago than is promised, no entry survives its window. Every reading is judged by its number; how to run the
// full form is in PROOFS.md.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { anyName, Numbered, numberedData, numberIn, pageOf, pathOf } from "./support/numbered.mjs";
import { intentsLive, retentionMargin } from "./support/patches.mjs";
import { sleep } from "./support/promises.mjs";
import { below, oneIn, pick, seed } from "./support/seeded.mjs";
import { trouble } from "./support/trouble.mjs";
import { World } from "./support/world.mjs";

const READS = Number(process.env.MIZAN_RACES_READS ?? 2000);
/** Longer than everyone may miss a change. */
const AT_LEAST_MS = 8000;
const WRITERS = 4;
const READERS = 8;
/** Between two readings of a reader; 0 where there are many to make. */
const PAUSE_MS = Math.floor((AT_LEAST_MS * READERS) / READS);
/** A client that could not be recorded reads past the cache for the whole window: then another one comes. */
const WRITES_PER_CLIENT = 6;
const WAYS = [...Array(10).fill("usual"), "is slow", "breaks", "fails", "gives up", "refuses"];

/** What the tests of one kind of world share. */
class Run {
  #until = Date.now() + AT_LEAST_MS;
  #nonces = 0;
  lost = 0;

  constructor(world, window) {
    this.world = world;
    this.window = window;
    this.numbered = new Numbered(world.origin, window);
  }

  isOver = () => this.failed || (Date.now() >= this.#until && this.numbered.reads >= READS);

  /** @returns what went wrong how often */
  async go() {
    const clients = [
      ...Array.from({ length: WRITERS }, () => this.#write()),
      ...Array.from({ length: READERS }, () => this.#read()),
    ];
    const met = trouble(this.world, this.isOver);
    try {
      await Promise.all(clients);
    } finally {
      this.failed = true;
      await Promise.allSettled([...clients, met]);
    }
    return met;
  }

  async #write() {
    while (!this.isOver()) {
      const client = { cookies: "", own: new Map() };
      for (let i = 0; i < WRITES_PER_CLIENT && !this.isOver(); i += 1) {
        await this.#change(client);
        for (let reads = below(4); reads >= 0; reads -= 1) await this.#readOne(client);
        await sleep(below(100));
      }
    }
  }

  async #change(client) {
    const name = anyName();
    const nonce = this.#nonces++;
    const begun = Date.now();
    const answer = await this.#ask((location, isolate) =>
      location.call(isolate, { nonce, way: pick(WAYS) }, client.cookies, name),
    );
    if (!answer) return; // the client heard nothing
    client.cookies = answer.cookies || client.cookies;
    if (answer.status === 504) return; // nobody knows yet what will come of it
    const made = this.numbered.made(nonce);
    if (made === undefined) return;
    client.own.set(name, made);
    client.lastChanged = name;
    if (this.#isRecorded(answer, begun)) this.numbered.isRecorded(name, made);
  }

  /** A client that has to read past the cache from now on was not recorded. */
  #isRecorded({ headers }, begun) {
    const [, , bypassUntil] = (headers["mizan-sequence"] ?? "..0").split(".");
    return Number(bypassUntil) < begun + this.window * 1000;
  }

  async #read() {
    while (!this.isOver()) {
      await this.#readOne({ cookies: "", own: new Map() });
      if (PAUSE_MS > 0) await sleep(below(2 * PAUSE_MS));
    }
  }

  async #readOne({ cookies, own, lastChanged }) {
    const name = lastChanged && oneIn(2) ? lastChanged : anyName();
    const path = oneIn(4) ? pageOf(name) : pathOf(name);
    const asked = Date.now();
    const mine = own.get(name) ?? 0;
    const answer = await this.#ask((location, isolate) => location.read(isolate, path, cookies));
    if (answer?.status !== 200) return;
    const { text, isHit } = answer;
    this.numbered.judge({ name, n: numberIn(text), asked, isHit, own: mine });
  }

  /** Any isolate; null if it was killed meanwhile. */
  async #ask(exchange) {
    const location = pick(this.world.locations);
    try {
      return await exchange(location, below(location.isolates));
    } catch {
      this.lost += 1;
      await sleep(20);
      return null;
    }
  }
}

describe(`seed ${seed}`, { concurrency: true }, () => {
  for (const [about, window, margin] of [
    ["entries that live long", 300, 60_000],
    ["short windows: records are pruned all the time", 2, 500],
  ]) {
    test(about, async (t) => {
      const world = await World.start({
        data: numberedData(window),
        patches: [retentionMargin(margin), intentsLive(1000)],
        patient: false,
      });
      try {
        const run = new Run(world, window);
        const met = await run.go();
        const { reads, hits, writes, p99 } = run.numbered;
        t.diagnostic(`${reads} reads, ${hits} hits, ${writes} writes, ${run.lost} lost`);
        t.diagnostic(`99 of 100 readers had seen all that was older than ${p99} ms`);
        t.diagnostic(
          Object.entries(met)
            .map((pair) => pair.join(": "))
            .join(", "),
        );
        assert.ok(hits > 0, "what does not store anything is never stale");
      } finally {
        await world.stop();
      }
    });
  }
});
