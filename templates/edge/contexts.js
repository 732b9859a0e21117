// Contexts: served from the store where the schema and the live answer allow it.

import { forBrowser, lifetime, personalLifetime } from "./cache-control.js";
import { conditional, endToEnd } from "./headers.js";
import { entryBefore, lingerStatus, viewOf } from "./linger.js";
import { fetchFill, forward } from "./origin.js";
import { heed, identify } from "./partition.js";
import { entryOf, load, remove, save, timeLeft } from "./store.js";

/** @import { ContextData } from "../types.d.ts" */
/** @import { Call, Filled, Site } from "./call.js" */
/** @import { View } from "./linger.js" */
/** @import { Entry } from "./store.js" */
/** @import { CanonicalParams } from "./params.js" */
/** @import { Visitor } from "./partition.js" */

/** A key is asked for again at most this often in an isolate. */
const REVALIDATE_MS = 1000;
/** A client that shares another's question gives up on it after this long, and asks itself. */
const SHARED_WAIT_MS = 10_000;
const REMEMBERED_KEYS = 10_000;

/**
 * How a context is read: through the store (a private one for this visitor), or past it and why.
 * @typedef {{ params: CanonicalParams, visitor: Visitor | null } | { bypass: string }} Reading
 */

/** A visitor asks for a context. @param {Site} site @param {Call} call @param {ContextData} context */
export async function serveContext(site, call, context) {
  const reading = await chooseReading(site, call, context, call.url.search);
  if ("bypass" in reading) {
    const response = await forward(call);
    return toBrowser(call, response, context, `fwd=bypass; detail=${reading.bypass}`);
  }
  const { params, visitor } = reading;
  const found = await lookUp(site, call, context, params, visitor);
  const before = visitor ? null : await entryBefore(site, call, context.path + params.query, found);
  if (before) {
    fillBehind(site, call, found);
    return toBrowser(call, messageOf({ entry: before }), context, lingerStatus(before));
  }
  const { filled, status } = await read(site, call, found);
  return toBrowser(call, messageOf(filled), context, status);
}

/**
 * May this request be answered from the store?
 * @param {Site} site @param {Call} call @param {ContextData} context @param {string} search
 * @returns {Promise<Reading>}
 */
export async function chooseReading(site, call, context, search) {
  const isPrivate = context.scope !== "public";
  if (isPrivate && !site.data.perUser) return { bypass: "private" };
  if (context.realtime && !context.announced) return { bypass: "realtime" };
  const params = site.policy.params(context, search);
  if (!params) return { bypass: "params" };
  if (call.token && call.token.bypassUntil > Date.now()) return { bypass: "unrecorded-write" };
  if (!(await site.hub.ensure(call.env, call.token, call.ctx))) return { bypass: "hub" };
  return { params, visitor: isPrivate ? await identify(site, call) : null };
}

/**
 * From the store, or from the origin and then into the store.
 * @param {Site} site @param {Call} call @param {ContextData} context @param {CanonicalParams} params
 * @param {Visitor | null} [visitor] whose private answer it is
 * @returns {Promise<{ filled: Filled, status: string }>}
 */
export const readContext = async (site, call, context, params, visitor = null) =>
  read(site, call, await lookUp(site, call, context, params, visitor));

/**
 * @param {Site} site @param {Call} call @param {Found} found
 * @returns {Promise<{ filled: Filled, status: string }>}
 */
async function read(site, call, found) {
  const { entry } = found;
  if (!entry) return { filled: await found.fill(), status: "fwd=uri-miss" };
  const left = timeLeft(entry, Date.now());
  if (left <= 0) fillBehind(site, call, found);
  return { filled: { entry }, status: `hit; ttl=${left}` };
}

/** @param {Site} site @param {Call} call @param {Found} found */
function fillBehind(site, call, { key, fill }) {
  if (mayRevalidate(site, key, Date.now())) call.ctx.waitUntil(fill().catch(keepStale));
}

/**
 * The same for somebody who can wait: what is stale is asked for again first.
 * @param {Site} site @param {Call} call @param {ContextData} context @param {CanonicalParams} params
 * @returns {Promise<Filled>}
 */
export async function renewContext(site, call, context, params) {
  const { entry, key, fill } = await lookUp(site, call, context, params, null);
  const now = Date.now();
  const isGood = entry && (timeLeft(entry, now) > 0 || !mayRevalidate(site, key, now));
  return isGood ? { entry } : fill();
}

/**
 * What the store has, for a log as it was, and how to have the origin asked.
 * @typedef {{ entry: Entry | null, key: string, view: View, fill: () => Promise<Filled> }} Found
 */

/**
 * @param {Site} site @param {Call} call @param {ContextData} context @param {CanonicalParams} params
 * @param {Visitor | null} visitor @returns {Promise<Found>}
 */
async function lookUp(site, call, context, params, visitor) {
  const { log } = site.hub;
  const view = viewOf(log);
  const generation = log.generation(context.name, params.values);
  const fields = { context, params, visitor, epoch: log.epoch, generation };
  const key = entryKey(site, call, fields);
  const entry = await load(key, Date.now());
  return { entry, key, view, fill: () => fillOnce(site, call, { ...fields, key }) };
}

/** @param {unknown} error */
const keepStale = (error) => console.warn("mizan: not revalidated", String(error));

/** @typedef {{ status: number, headers: Headers | [string, string][], body: BodyInit | null }} Message */

/** @param {Filled} filled @returns {Message} */
function messageOf(filled) {
  if ("entry" in filled) return { status: 200, ...filled.entry };
  const { status, headers, body } = filled.refused;
  // Some statuses allow no body, not even an empty one.
  return { status, headers, body: body.byteLength > 0 ? body : null };
}

/** @param {Filled} filled */
export function responseOf(filled) {
  const { status, headers, body } = messageOf(filled);
  return new Response(body, { status, headers });
}

/**
 * The generation is in the key, so a recorded change is a miss and nothing has to be purged.
 * @param {Site} site @param {Call} call @param {Omit<Fill, "key">} fill
 */
function entryKey({ data }, { env }, { context, params, visitor, epoch, generation }) {
  const parts = [
    data.release,
    data.app,
    data.environment,
    epoch,
    context.name,
    visitor?.partition ?? "public",
    String(generation),
  ];
  const path = parts.map(encodeURIComponent).join("/");
  return `${env.PUBLIC_URL}/__mizan/entries/${path}/${params.query}`;
}

/** @param {Site} site @param {string} key @param {number} now */
export const mayRevalidate = (site, key, now) => now - (site.asked.get(key) ?? 0) >= REVALIDATE_MS;

/** @param {Site} site @param {string} key */
export function remember(site, key) {
  if (site.asked.size >= REMEMBERED_KEYS) site.asked.clear();
  site.asked.set(key, Date.now());
}

/** @typedef {{ context: ContextData, params: CanonicalParams, visitor: Visitor | null, epoch: string, generation: number, key: string }} Fill */

/**
 * Concurrent misses of a key are one question. The key holds the generation, so nobody shares a
 * question that began before a change they have seen.
 * @param {Site} site @param {Call} call @param {Fill} fill @returns {Promise<Filled>}
 */
async function fillOnce(site, call, fill) {
  const shared = site.fills.get(fill.key);
  if (shared && Date.now() - shared.began < SHARED_WAIT_MS) {
    const answer = await settled(shared.answer);
    return answer && !setsCookie(answer) ? answer : askOrigin(site, call, fill);
  }
  const own = askOrigin(site, call, fill);
  share(site, fill.key, own);
  const stored = own.then((filled) => store(site, call, fill, filled));
  call.ctx.waitUntil(stored.catch((error) => console.warn("mizan: not stored", String(error))));
  return own;
}

/** A cookie is for the one who asked. @param {Filled} filled */
const setsCookie = (filled) =>
  "refused" in filled && filled.refused.headers.some(([name]) => name === "set-cookie");

/** @param {Site} site @param {string} key @param {Promise<Filled>} answer */
function share(site, key, answer) {
  remember(site, key);
  const shared = { answer, began: Date.now() };
  site.fills.set(key, shared);
  const done = () => {
    if (site.fills.get(key) === shared) site.fills.delete(key);
  };
  answer.then(done, done);
}

/**
 * Null if it fails, or never ends: the one who asked may be cancelled with their connection.
 * @param {Promise<Filled>} shared @returns {Promise<Filled | null>}
 */
async function settled(shared) {
  /** @type {number | null} */
  let timer = null;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, SHARED_WAIT_MS, null);
  });
  try {
    return /** @type {Filled | null} */ (await Promise.race([shared, late]));
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

/** @param {Site} site @param {Call} call @param {Fill} fill @returns {Promise<Filled>} */
async function askOrigin(site, call, { context, params, visitor }) {
  const readAt = Date.now();
  const response = await fetchFill(call, context.path + params.query, visitor?.headers);
  const body = await response.arrayBuffer();
  if (visitor) await heed(site, call, response);
  const span = lifetimeFor(visitor, response, site.data.window, readAt);
  if (span) return { entry: await entryOf(response, body, readAt, span) };
  return {
    refused: { status: response.status, headers: [...endToEnd(response.headers)], body },
  };
}

/** @param {Visitor | null} visitor @param {Response} response @param {number} window @param {number} readAt */
function lifetimeFor(visitor, response, window, readAt) {
  if (!visitor) return lifetime(response, window);
  return personalLifetime(response, Math.min(window, (visitor.expires - readAt) / 1000));
}

/**
 * An answer is kept only if its context did not change while it was read.
 * @param {Site} site @param {Call} call @param {Fill} fill @param {Filled} filled
 */
async function store(site, call, { context, params, visitor, epoch, generation, key }, filled) {
  if ("refused" in filled) {
    // What is gone or forbidden now must not live on as a stale entry; a failure may.
    if (filled.refused.status < 500) await remove(key);
    return;
  }
  if (!(await isUnchanged(site, call, epoch, [{ context, params, generation }]))) return;
  // Their credentials may have ended while we read.
  if (visitor && (await identify(site, call)).partition !== visitor.partition) return;
  await save(key, filled.entry, Date.now());
}

/**
 * Are these still the generations of what was read? The hub is asked again after the reading. A mutation
 * that is under way will be recorded, and so be another generation; one that may commit without anybody
 * telling counts as a change.
 * @param {Site} site @param {Call} call @param {string} epoch in which they were read
 * @param {Pick<Fill, "context" | "params" | "generation">[]} read
 */
export async function isUnchanged(site, call, epoch, read) {
  const { log } = site.hub;
  if (!(await site.hub.ask(call.env.HUB)) || log.epoch !== epoch) return false;
  return read.every(
    ({ context, params, generation }) =>
      !log.isInDoubt(context.name) && log.generation(context.name, params.values) === generation,
  );
}

/** @param {Call} call @param {Message} message @param {ContextData} context @param {string} cacheStatus */
function toBrowser(call, message, context, cacheStatus) {
  const headers = new Headers(message.headers);
  headers.set("Cache-Control", forBrowser(headers.get("Cache-Control"), context.scope));
  headers.set("Cache-Status", `Mizan; ${cacheStatus}`);
  const { status, body } = message;
  return conditional(call.request, new Response(body, { status, headers }));
}
