// One copy of the log per location, in the Cache API: what one isolate has asked the Hub, the others
// need not ask.

/** @import { HubLog } from "../types.d.ts" */
/** @import { InvalidationLog } from "./log.js" */

/** Who knows less than these tell asks the Hub. */
const MAX_RECORDS = 500;
/** Long after everybody takes it for too old. */
const KEPT_S = 5;

/**
 * An answer of the Hub as a delta: complete for those who know everything up to `since`. Its `now`
 * is when the Hub answered, by the Hub's clock, which is the one clock that all isolates share.
 * @typedef {HubLog & { since: number }} LogCopy
 */

export class LogCopies {
  /** @param {string} app @param {string} environment */
  constructor(app, environment) {
    this.path = `/__mizan/log/v1/${encodeURIComponent(app)}/${encodeURIComponent(environment)}`;
  }

  /** @param {string} publicUrl @returns {Promise<LogCopy | null>} */
  async read(publicUrl) {
    try {
      const found = await caches.default.match(this.#key(publicUrl));
      return found ? await found.json() : null;
    } catch (error) {
      return missed(error);
    }
  }

  /**
   * @param {string} publicUrl @param {HubLog} answer the newest, which the log has taken over
   * @param {InvalidationLog} log
   */
  async leave(publicUrl, answer, log) {
    const copy = copyOf(answer, log);
    const headers = { "Cache-Control": `public, max-age=${KEPT_S}` };
    await caches.default.put(this.#key(publicUrl), Response.json(copy, { headers })).catch(missed);
  }

  /** @param {string} publicUrl */
  #key(publicUrl) {
    return new URL(this.path, publicUrl).href;
  }
}

/** Without it every isolate asks by itself. @param {unknown} error */
function missed(error) {
  console.warn("mizan: no copy of the log", String(error));
  return null;
}

/** @param {HubLog} answer @param {InvalidationLog} log @returns {LogCopy} */
function copyOf(answer, log) {
  const newestFirst = log.records().sort((a, b) => b.seq - a.seq);
  return {
    ...answer,
    full: false,
    seq: log.seq,
    records: newestFirst.slice(0, MAX_RECORDS),
    since: newestFirst[MAX_RECORDS]?.seq ?? 0,
  };
}
