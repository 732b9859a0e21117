// After a change, what was there before lingers: others than the one who made it are shown it for a
// moment, while it is read anew behind them.
//
// An isolate that has not heard of the change yet shows the same, to whoever has seen no more than
// its log tells. So nobody is worse off if one that has heard does as it did with the log that it had
// then: to the same clients, and for as long as that log would not even have been refreshed.

import { load, timeLeft } from "./store.js";

/** @import { Call, Site } from "./call.js" */
/** @import { InvalidationLog } from "./log.js" */
/** @import { Entry } from "./store.js" */
/** @import { SequenceToken } from "./token.js" */

/** As old may a log be before it is refreshed; so most who are not the writer see a change within a second. */
const LINGER_MS = 1000;
const REMEMBERED_NAMES = 10_000;

/** A log as it was at one moment. @typedef {{ epoch: string, seq: number, asOf: number }} View */

/** @param {InvalidationLog} log @returns {View} */
export const viewOf = ({ epoch, seq, asOf }) => ({ epoch, seq, asOf });

export class Lingering {
  /** By name: under which key it was shown last, and by which log. @type {Map<string, { key: string, view: View }>} */
  #shown = new Map();
  /** What was shown by an older log is over. */
  #end = { epoch: "", seq: 0 };

  /** @param {string} name of what was shown, whatever its generation @param {string} key @param {View} view */
  note(name, key, view) {
    if (this.#shown.size >= REMEMBERED_NAMES) this.#shown.clear();
    this.#shown.set(name, { key, view });
  }

  /**
   * Under which key there may be what will still do.
   * @param {string} name @param {View} present @param {SequenceToken | null} token of the client
   * @param {number} now @returns {string | null}
   */
  keyBefore(name, present, token, now) {
    const shown = this.#shown.get(name);
    if (!shown || now - shown.view.asOf > LINGER_MS) return null;
    const { epoch, seq } = shown.view;
    if (epoch !== present.epoch || (epoch === this.#end.epoch && seq < this.#end.seq)) return null;
    // A client that has seen more may have made the change.
    if (token && (token.epoch !== epoch || token.seq > seq)) return null;
    return shown.key;
  }

  /** What was changed up to here does not linger. @param {{ epoch: string, seq: number }} recorded */
  endBefore({ epoch, seq }) {
    this.#end = { epoch, seq };
  }
}

/**
 * What is there is remembered; for what is not there: what was before, if that will do for this client.
 * @param {Site} site @param {Call} call @param {string} name of what is asked for, whatever its generation
 * @param {{ entry: Entry | null, key: string, view: View }} found @returns {Promise<Entry | null>}
 */
export async function entryBefore({ lingering }, { token }, name, { entry, key, view }) {
  if (entry) {
    lingering.note(name, key, view);
    return null;
  }
  const now = Date.now();
  const before = lingering.keyBefore(name, view, token, now);
  return before === null ? null : load(before, now);
}

/** @param {Entry} entry */
export const lingerStatus = (entry) => `hit; ttl=${timeLeft(entry, Date.now())}; detail=changed`;
