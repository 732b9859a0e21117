// Mutations: what they change is recorded before their client hears of it.

import { boundedBody } from "./body.js";
import { EVERYTHING } from "./log.js";
import { forward, rebuilt } from "./origin.js";
import { canonicalInvalidations } from "./params.js";
import { mergeTokens, writeToken } from "./token.js";
import { uploadOf } from "./upload.js";

/** @import { Invalidation } from "../types.d.ts" */
/** @import { Call, Site } from "./call.js" */
/** @import { SequenceToken } from "./token.js" */
/** @import { Upload } from "./upload.js" */

/** A mutation of which nobody hears for longer is taken for one that changed all it declares. */
const INTENT_TTL_MS = 60_000;
/** A call larger than this is taken for an upload. */
const MAX_READ = 1024 * 1024;
/** Waits before each further attempt to record; in all less than a Worker may live on. */
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

/** @param {Site} site @param {Call} call */
export function serveMutation(site, call) {
  const done = mutate(site, call);
  // A client that hangs up must not stop the record of what it did.
  call.ctx.waitUntil(done.then(noop, noop));
  return done;
}

/** @param {Site} site @param {Call} call */
async function mutate(site, call) {
  const body = await readableBody(call.request);
  if (body === null) return needsLength();
  const upload = uploadOf(call.request, body);
  const declared = declaredContexts(site, body);
  // A function that declares to change nothing, such as a query, troubles the hub only if it does.
  const intent = declared.length > 0 ? crypto.randomUUID() : undefined;
  const opened = intent && openIntent(site, call, intent, declared);
  const { response, list } = await askOrigin(call, upload.body);
  await opened;
  const outcome = await outcomeOf(response?.status ?? 0, upload);
  const items = changes(site, outcome, list, declared);
  const ended = { intent, declared, isOver: outcome !== "unknown", items };
  const token = intent || items.length > 0 ? await recordChanges(site, call, ended) : null;
  return withToken(site, call, response ?? brokenOrigin(), token);
}

/**
 * The body, where the function's name can be read from it. Any other streams through, and its
 * function is unknown. Of one without a length nobody can tell whether it came to its end at the
 * origin, so it is read here.
 * @param {Request} request
 * @returns {Promise<ArrayBuffer | null | undefined>} undefined: it streams; null: it may not
 */
async function readableBody(request) {
  const { headers } = request;
  const length = headers.get("Content-Length");
  if (length === null) return request.body ? boundedBody(request, MAX_READ) : undefined;
  const readable = isJson(headers) && !headers.has("Content-Encoding");
  return readable && Number(length) <= MAX_READ ? request.arrayBuffer() : undefined;
}

/** The contexts that the function may change: all of them if we do not know it. @param {Site} site @param {ArrayBuffer | undefined} body */
function declaredContexts(site, body) {
  const mutation = site.policy.mutation(parse(body)?.function);
  return mutation ? [...new Set(mutation.affects.map(({ context }) => context))] : [EVERYTHING];
}

/**
 * Never rejects: a mutation is forwarded whether or not the hub hears of it.
 * @param {Site} site @param {Call} call @param {string} id @param {string[]} contexts
 */
async function openIntent(site, call, id, contexts) {
  try {
    await site.hub.open(call.env.HUB, { id, contexts, ttl: INTENT_TTL_MS, awaited: true });
  } catch (error) {
    console.warn("mizan: no intent", String(error));
  }
}

/**
 * @param {Call} call @param {Upload["body"]} body
 * @returns {Promise<{ response: Response | null, list: unknown }>} null: the outcome is unknown
 */
async function askOrigin(call, body) {
  try {
    const response = await forward(call, { body, decoded: true });
    if (!isJson(response.headers)) return { response, list: undefined };
    const answer = await response.arrayBuffer();
    return { response: rebuilt(response, answer), list: parse(answer)?.invalidate };
  } catch (error) {
    console.error("mizan: the origin broke off a mutation", String(error));
    return { response: null, list: undefined };
  }
}

/**
 * What came of a call: `failed` may have committed before it did; of `unknown`, the origin may still commit.
 * @typedef {"done" | "refused" | "failed" | "unknown"} Outcome
 */

/** @param {number} status 0: none came @param {Upload} upload @returns {Promise<Outcome>} */
async function outcomeOf(status, upload) {
  if (status >= 200 && status < 300) return "done";
  if (status >= 400 && status < 500) return "refused";
  // The function and its arguments are in the body: of a call that broke off on its way the origin ran nothing. Else
  // anybody could empty the store by beginning one.
  if (!(await upload.isWhole())) return "refused";
  // A connection that broke, and an answer of a proxy that gave up waiting, do not say that it is over.
  return status > 0 && status <= 500 ? "failed" : "unknown";
}

/**
 * @param {Site} site @param {Outcome} outcome @param {unknown} list
 * @param {string[]} declared @returns {Invalidation[]}
 */
function changes(site, outcome, list, declared) {
  const listed = Array.isArray(list) ? canonicalInvalidations(site.policy, list) : null;
  if (outcome === "done") return listed ?? canonicalInvalidations(site.policy, list);
  // A refusal changed nothing, unless it says so.
  if (outcome === "refused") return listed ?? [];
  return [...declared.map((context) => ({ context, params: {} })), ...(listed ?? [])];
}

/**
 * A mutation of which its Edge hears no more.
 * @typedef {object} Ended
 * @property {string | undefined} intent
 * @property {string[]} declared
 * @property {boolean} isOver false: the origin may still commit
 * @property {Invalidation[]} items what it has changed
 */

/**
 * @param {Site} site @param {Call} call @param {Ended} ended
 * @returns {Promise<SequenceToken | null>} what the client has to show from now on
 */
async function recordChanges(site, call, ended) {
  const { items } = ended;
  try {
    const { epoch, seq } = await record(site, call, ended);
    return items.length > 0 ? { epoch, seq, bypassUntil: 0 } : null;
  } catch (error) {
    console.error("mizan: not recorded yet", String(error));
    call.ctx.waitUntil(recordLater(site, call, ended));
    const bypassUntil = Date.now() + site.data.window * 1000;
    return items.length > 0 ? { epoch: "", seq: 0, bypassUntil } : null;
  }
}

/** @param {Site} site @param {Call} call @param {Ended} ended */
async function record(site, call, { intent, declared, isOver, items }) {
  const { HUB } = call.env;
  if (isOver) return site.hub.record(HUB, { intent, items });
  // What the origin commits from now on, nobody will tell: the intent stands for it, as long as for a new mutation, and
  // before the record, so that nothing is stored in between.
  if (intent) await site.hub.open(HUB, { id: intent, contexts: declared, ttl: INTENT_TTL_MS });
  return site.hub.record(HUB, { items });
}

/** @param {Site} site @param {Call} call @param {Ended} ended */
async function recordLater(site, call, ended) {
  for (const wait of RETRY_MS) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    try {
      await record(site, call, ended);
      return;
    } catch (error) {
      console.warn("mizan: still not recorded", String(error));
    }
  }
  console.error("mizan: gave up recording; other clients see the change within the window");
}

/** @param {Site} site @param {Call} call @param {Response} response @param {SequenceToken | null} token */
async function withToken(site, call, response, token) {
  const answer = new Response(response.body, response);
  answer.headers.set("Cache-Control", "no-store");
  if (token) {
    await writeToken(answer.headers, mergeTokens(call.token, token), {
      secret: call.env.SIGNING_KEY,
      publicUrl: call.env.PUBLIC_URL,
      window: site.data.window,
    });
  }
  return answer;
}

const needsLength = () =>
  new Response(`a call of more than ${MAX_READ} bytes needs a Content-Length\n`, { status: 411 });

const brokenOrigin = () => new Response("the application did not answer\n", { status: 502 });

/** @param {Headers} headers */
const isJson = (headers) => /^application\/(\S+\+)?json\b/i.test(headers.get("Content-Type") ?? "");

/** @param {ArrayBuffer | undefined} json @returns {{ [key: string]: unknown } | null} */
function parse(json) {
  try {
    const value = JSON.parse(new TextDecoder().decode(json));
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

const noop = () => {};
