// Asking the Hub, or others who have asked it, and keeping the isolate's log fresh enough for each
// request.

import { InvalidationLog } from "./log.js";
import { LogCopies } from "./log-copy.js";

/** @import { AnnounceRequest, EdgeEnv, HubLog, IntentRequest, MizanData, RecordRequest } from "../types.d.ts" */
/** @import { SequenceToken } from "./token.js" */

/** Beyond this age the log may not answer: everyone sees a change within it. */
const MAX_AGE_MS = 5000;
/** At this age it is refreshed behind the answer. */
const REFRESH_MS = 1000;
/** Or up to so much before, so that one of a location's isolates asks first and the others find its copy. */
const SPREAD_MS = 200;
/** A hub that hangs must not hold a reader for longer. */
const READ_TIMEOUT_MS = 1000;
const WRITE_TIMEOUT_MS = 5000;
/** After a failure, readers bypass the cache at once for this long instead of waiting each. */
const PAUSE_MS = 500;

export class HubClient {
  log = new InvalidationLog();
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #failedAt = Number.NEGATIVE_INFINITY;
  #refreshAfter = REFRESH_MS;
  /** How far the Hub's clock is ahead of ours, at most: by it the age of a copy is told. */
  #ahead = Number.POSITIVE_INFINITY;

  /** @param {Pick<MizanData, "app" | "environment" | "window">} data */
  constructor({ app, environment, window }) {
    this.window = window;
    this.copies = new LogCopies(app, environment);
  }

  /**
   * Make the log new enough for a client that has seen `floor`.
   * @param {Pick<EdgeEnv, "HUB" | "PUBLIC_URL">} env @param {SequenceToken | null} floor
   * @param {ExecutionContext} ctx @returns {Promise<boolean>} false: the cache may not be used
   */
  async ensure({ HUB: hub, PUBLIC_URL: publicUrl }, floor, ctx) {
    const now = Date.now();
    if (this.log.age(now) <= MAX_AGE_MS && !this.#mayLack(floor)) {
      if (this.#isDue(now)) ctx.waitUntil(this.#refresh(hub, publicUrl));
      return true;
    }
    if (now - this.#failedAt < PAUSE_MS) return false;
    // Never joins a question that is already under way: that one may have been answered before
    // the mutation that this client has seen.
    return (await this.ask(hub)) && !this.#lacks(floor);
  }

  /**
   * Where the app's own server is, as the hub says: another one is no new version of the Edge.
   * @param {EdgeEnv} env @param {ExecutionContext} ctx @returns {Promise<string | undefined>}
   */
  async origin(env, ctx) {
    await this.ensure(env, null, ctx);
    return this.log.origin;
  }

  /**
   * Ask for what is new.
   * @param {Fetcher} hub
   * @returns {Promise<boolean>} whether the hub answered, and the log is of the epoch that it named
   */
  async ask(hub) {
    const answer = await this.#question(hub);
    return answer?.epoch === this.log.epoch;
  }

  /** @param {Fetcher} hub @returns {Promise<HubLog | null>} */
  async #question(hub) {
    const query = new URLSearchParams({
      epoch: this.log.epoch,
      since: String(this.log.seq),
      window: String(this.window),
    });
    const begun = Date.now();
    try {
      const response = await hub.fetch(`http://hub/v1/log?${query}`, {
        signal: AbortSignal.timeout(READ_TIMEOUT_MS),
      });
      const log = await answer(response);
      this.#adopt(log, begun);
      return log;
    } catch (error) {
      this.#failedAt = Date.now();
      console.warn("mizan: the hub does not answer", String(error));
      return null;
    }
  }

  /** @param {Fetcher} hub @param {Omit<IntentRequest, "window">} intent */
  async open(hub, intent) {
    await post(hub, "/v1/intents", { ...intent, window: this.window });
  }

  /**
   * Record what changed; afterwards this isolate's log holds it.
   * @param {Fetcher} hub @param {Pick<RecordRequest, "intent" | "items">} ended
   * @returns {Promise<{ epoch: string, seq: number }>} from where on the log holds it
   */
  record(hub, ended) {
    return this.#write(hub, "/v1/records", ended);
  }

  /**
   * Record what somebody has announced under a nonce, once; afterwards this isolate's log holds it.
   * @param {Fetcher} hub @param {Pick<AnnounceRequest, "items" | "nonce" | "remember">} announced
   * @returns {Promise<{ epoch: string, seq: number }>} from where on the log holds it
   * @throws {HubRefusal} 409: this nonce was used; 404: the Hub is too old to know of announcements
   */
  announce(hub, announced) {
    return this.#write(hub, "/v1/announcements", announced);
  }

  /** @param {Fetcher} hub @param {string} path @param {object} body */
  async #write(hub, path, body) {
    const begun = Date.now();
    const known = { window: this.window, epoch: this.log.epoch, since: this.log.seq };
    const log = await post(hub, path, { ...body, ...known });
    this.#adopt(log, begun);
    // Two writes may be answered in the other order; who is told of both, keeps what they are told last.
    const seq = log.epoch === this.log.epoch ? this.log.seq : log.seq;
    return { epoch: log.epoch, seq };
  }

  /** What the Hub itself has answered. @param {HubLog} log @param {number} begun */
  #adopt(log, begun) {
    this.log.adopt(log, begun);
    if (this.log.asOf === begun) this.#ahead = log.now - begun;
  }

  /** @param {SequenceToken | null} floor */
  #mayLack(floor) {
    return floor !== null && (floor.epoch !== this.log.epoch || floor.seq > this.log.seq);
  }

  /**
   * After asking: a token of another epoch is one of a hub that is gone, and every key of the
   * present one begins after it.
   * @param {SequenceToken | null} floor
   */
  #lacks(floor) {
    return floor !== null && floor.epoch === this.log.epoch && floor.seq > this.log.seq;
  }

  /**
   * Once a second, by the clock: a question may be cancelled with the request that asked it, and
   * then it never ends.
   * @param {number} now
   */
  #isDue(now) {
    const after = this.#refreshAfter;
    if (this.log.age(now) <= after || now - this.#refreshedAt <= after) return false;
    this.#refreshedAt = now;
    this.#refreshAfter = REFRESH_MS - Math.random() * SPREAD_MS;
    return true;
  }

  /**
   * Behind an answer: by the location's copy if another isolate has just left one, else by asking.
   * @param {Fetcher} hub @param {string} publicUrl
   */
  async #refresh(hub, publicUrl) {
    if (await this.#takeCopy(publicUrl)) return;
    const log = await this.#question(hub);
    if (log?.epoch === this.log.epoch) await this.copies.leave(publicUrl, log, this.log);
  }

  /**
   * It counts from when the Hub answered, by the Hub's clock, whoever asked: so no log is taken for
   * newer than it is, and a copy of a copy is no newer.
   * @param {string} publicUrl @returns {Promise<boolean>} whether it makes a question needless
   */
  async #takeCopy(publicUrl) {
    const copy = await this.copies.read(publicUrl);
    if (!copy || copy.epoch !== this.log.epoch || copy.since > this.log.seq) return false;
    const now = Date.now();
    const answeredAt = Math.min(copy.now - this.#ahead, now);
    if (now - answeredAt > REFRESH_MS - SPREAD_MS) return false;
    this.log.adopt(copy, answeredAt);
    // As if we had asked then: who takes an older copy has to look again sooner.
    this.#refreshedAt = answeredAt;
    return true;
  }
}

/** @param {Fetcher} hub @param {string} path @param {object} body */
async function post(hub, path, body) {
  const response = await hub.fetch(`http://hub${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(WRITE_TIMEOUT_MS),
  });
  return answer(response);
}

/** The Hub answered, and did not do it. */
export class HubRefusal extends Error {
  /** @param {number} status */
  constructor(status) {
    super(`hub: ${status}`);
    this.status = status;
  }
}

/** @param {Response} response */
async function answer(response) {
  if (!response.ok) throw new HubRefusal(response.status);
  return /** @type {HubLog} */ (await response.json());
}
