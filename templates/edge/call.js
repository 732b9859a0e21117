// What travels through the Edge with one request, and what all requests of an isolate share.

import { HubClient } from "./hub-client.js";
import { Lingering } from "./linger.js";
import { Partitions } from "./partition.js";
import { Policy } from "./policy.js";

/** @import { EdgeEnv, MizanData } from "../types.d.ts" */
/** @import { SequenceToken } from "./token.js" */
/** @import { Entry } from "./store.js" */

/**
 * @typedef {object} Site
 * @property {MizanData} data
 * @property {Policy} policy
 * @property {HubClient} hub
 * @property {Lingering} lingering what was shown last, for a moment after it changed
 * @property {Partitions} partitions of the visitors whose private answers are stored
 * @property {Map<string, { answer: Promise<Filled>, began: number }>} fills under way, by key
 * @property {Map<string, number>} asked when (ms) the origin was last asked for each key
 */

/**
 * What the origin said: an entry that may be stored and shared, or an answer for one visitor.
 * @typedef {{ entry: Entry } | { refused: Refused }} Filled
 * @typedef {{ status: number, headers: [string, string][], body: ArrayBuffer }} Refused
 */

/**
 * @typedef {object} Call
 * @property {Request} request
 * @property {URL} url
 * @property {EdgeEnv} env
 * @property {ExecutionContext} ctx
 * @property {SequenceToken | null} token
 * @property {() => Promise<string>} origin base URL of the app's own server
 */

/** @param {MizanData} data @returns {Site} */
export function createSite(data) {
  return {
    data,
    policy: new Policy(data),
    hub: new HubClient(data),
    lingering: new Lingering(),
    partitions: new Partitions(),
    fills: new Map(),
    asked: new Map(),
  };
}
