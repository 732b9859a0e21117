// The invalidation log as one isolate knows it, and the generation it gives to a cache entry.

/** @import { HubLog, HubRecord } from "../types.d.ts" */

/** The name that stands for every context. */
export const EVERYTHING = "*";

/**
 * The records of one context that name the same parameters, by their values. The highest sequence
 * stands for all of them where an entry cannot be compared.
 * @typedef {{ names: string[], highest: number, byValues: Map<string, number> }} ScopedRecords
 */

/** @typedef {{ whole: number, scoped: Map<string, ScopedRecords> }} ContextRecords */

export class InvalidationLog {
  epoch = "";
  seq = -1;
  /** When the newest question began to which this log is the answer; our clock. */
  asOf = Number.NEGATIVE_INFINITY;
  /** @type {string | undefined} base URL of the app's own server, where the hub knows it */
  origin;
  /** @type {Map<string, HubRecord>} */
  #records = new Map();
  /** @type {Map<string, ContextRecords>} */
  #index = new Map();
  /** @type {Set<string>} */
  #inDoubt = new Set();
  #hubNow = 0;
  #retention = 0;

  /**
   * Take over an answer of the hub. Answers arrive in any order: an older one never undoes a newer.
   * @param {HubLog} answer @param {number} begun when the question was sent
   */
  adopt(answer, begun) {
    const sameEpoch = answer.epoch === this.epoch;
    if (!sameEpoch && begun < this.asOf) return;
    if (!sameEpoch && !answer.full) return;
    if (!sameEpoch) this.#restart(answer.epoch);
    this.#merge(answer);
    this.seq = Math.max(this.seq, answer.seq);
    if (begun < this.asOf) return;
    this.asOf = begun;
    this.origin = answer.origin ?? this.origin;
    this.#inDoubt = new Set(answer.inDoubt ?? answer.open);
  }

  records() {
    return [...this.#records.values()];
  }

  /** @param {number} now */
  age(now) {
    return now - this.asOf;
  }

  /** May a mutation change this context without anybody telling? @param {string} context */
  isInDoubt(context) {
    return this.#inDoubt.has(context) || this.#inDoubt.has(EVERYTHING);
  }

  /**
   * The highest sequence of the records that match an entry. A record matches unless a shared
   * parameter differs; what cannot be compared matches.
   * @param {string} context @param {Map<string, string>} params canonical, with defaults
   */
  generation(context, params) {
    const everything = this.#index.get(EVERYTHING)?.whole ?? 0;
    const records = this.#index.get(context);
    if (!records) return everything;
    let generation = Math.max(everything, records.whole);
    for (const set of records.scoped.values()) {
      generation = Math.max(generation, scopedGeneration(set, params));
    }
    return generation;
  }

  /** @param {string} epoch */
  #restart(epoch) {
    this.epoch = epoch;
    this.seq = -1;
    this.#records.clear();
    // Also where the new log is empty: a number of the old sequence in a key of the new one would
    // bring back what was stored under it when the new sequence gets there.
    this.#index.clear();
    this.#hubNow = 0;
  }

  /** @param {HubLog} answer */
  #merge(answer) {
    let changed = false;
    for (const record of answer.records) {
      const key = recordKey(record);
      if ((this.#records.get(key)?.seq ?? -1) >= record.seq) continue;
      this.#records.set(key, record);
      changed = true;
    }
    this.#hubNow = Math.max(this.#hubNow, answer.now);
    this.#retention = Math.max(this.#retention, answer.retention);
    if (this.#dropOld() || changed) this.#reindex();
  }

  #dropOld() {
    const before = this.#records.size;
    for (const [key, record] of this.#records) {
      if (record.at < this.#hubNow - this.#retention) this.#records.delete(key);
    }
    return this.#records.size < before;
  }

  #reindex() {
    this.#index.clear();
    for (const record of this.#records.values()) indexRecord(this.#index, record);
  }
}

/** @param {HubRecord} record */
const recordKey = (record) =>
  JSON.stringify([record.context, Object.entries(record.params).sort()]);

/** @param {Map<string, ContextRecords>} index @param {HubRecord} record */
function indexRecord(index, { context, params, seq }) {
  const records = index.get(context) ?? { whole: 0, scoped: new Map() };
  index.set(context, records);
  const names = Object.keys(params).sort();
  if (names.length === 0) {
    records.whole = Math.max(records.whole, seq);
    return;
  }
  const id = JSON.stringify(names);
  const set = records.scoped.get(id) ?? { names, highest: 0, byValues: new Map() };
  records.scoped.set(id, set);
  set.highest = Math.max(set.highest, seq);
  set.byValues.set(JSON.stringify(names.map((name) => params[name])), seq);
}

/** @param {ScopedRecords} set @param {Map<string, string>} params */
function scopedGeneration(set, params) {
  if (!set.names.every((name) => params.has(name))) return set.highest;
  return set.byValues.get(JSON.stringify(set.names.map((name) => params.get(name)))) ?? 0;
}
