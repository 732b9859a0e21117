// The signed endpoint: changes that did not come through the call path (Celery, the admin,
// `mizan edge purge`) are announced to it, and recorded like those of a mutation.

import { boundedBody } from "./body.js";
import { HubRefusal } from "./hub-client.js";
import { EVERYTHING } from "./log.js";
import { canonicalInvalidations } from "./params.js";
import { keysOf, REMEMBER_NONCE_MS, SIGNATURE_HEADER, verifiedNonce } from "./signature.js";

/** @import { EdgeEnv } from "../types.d.ts" */
/** @import { Site } from "./call.js" */
/** @import { Policy } from "./policy.js" */

const PATH = "/__mizan/invalidate";
const MAX_BODY = 64 * 1024;
/** A Hub that is being deployed runs its old code for some minutes. */
const RETRY_OLD_HUB_S = 60;
const RETRY_HUB_S = 5;

/** @param {URL} url */
export const isInvalidation = (url) => url.pathname === PATH;

/** @param {Site} site @param {Request} request @param {EdgeEnv} env */
export async function serveInvalidation(site, request, env) {
  const keys = keysOf(env.PURGE_KEY);
  if (keys.length === 0) return refuse(404, "no key is set for announcing changes");
  if (request.method !== "POST") return refuse(405, "only POST", { Allow: "POST" });
  const body = await boundedBody(request, MAX_BODY);
  if (!body) return refuse(413, `more than ${MAX_BODY} bytes`);
  const expected = { keys, publicUrl: env.PUBLIC_URL, now: Date.now() };
  const nonce = await verifiedNonce(request.headers.get(SIGNATURE_HEADER), body, expected);
  if (nonce === null) {
    const about = `not signed with the key, for ${new URL(env.PUBLIC_URL).host}, within some minutes, and once`;
    return refuse(401, about, { "WWW-Authenticate": SIGNATURE_HEADER });
  }
  const list = parse(body)?.invalidate;
  const problem = problemOf(site.policy, list);
  return problem === null ? announce(site, env, nonce, list) : refuse(400, problem);
}

/** @param {Site} site @param {EdgeEnv} env @param {string} nonce @param {unknown} list */
async function announce(site, env, nonce, list) {
  const items = canonicalInvalidations(site.policy, list);
  try {
    const announced = { nonce, items, remember: REMEMBER_NONCE_MS };
    const recorded = await site.hub.announce(env.HUB, announced);
    // Who announces is told that whoever asks us from now on sees the change.
    site.lingering.endBefore(recorded);
    return answer(200, { ...recorded, recorded: items });
  } catch (error) {
    console.error("mizan: an announcement was not recorded", String(error));
    return failure(error);
  }
}

/** @param {unknown} error */
function failure(error) {
  const status = error instanceof HubRefusal ? error.status : undefined;
  if (status === 409) return refuse(409, "this signature was used already; nothing is recorded");
  if (status === 404) {
    const why = "the Hub is older than this Edge and cannot record announcements yet";
    return refuse(503, why, { "Retry-After": String(RETRY_OLD_HUB_S) });
  }
  const why = "the Hub does not answer; sign it anew and try again";
  return refuse(503, why, { "Retry-After": String(RETRY_HUB_S) });
}

/** @param {ArrayBuffer} body @returns {{ invalidate?: unknown } | null} */
function parse(body) {
  try {
    return Object(JSON.parse(new TextDecoder().decode(body)));
  } catch {
    return null;
  }
}

/**
 * Why this cannot be what somebody means. A mutation's doubtful list widens; here a person may have
 * mistyped, and would never hear of it.
 * @param {Policy} policy @param {unknown} list @returns {string | null}
 */
function problemOf(policy, list) {
  if (!Array.isArray(list)) return 'the body is not an object with a list "invalidate"';
  for (const item of list) {
    const problem = itemProblem(policy, item);
    if (problem !== null) return problem;
  }
  return null;
}

/** @param {Policy} policy @param {unknown} item */
function itemProblem(policy, item) {
  const { context: name, params = {} } =
    typeof item === "string" ? { context: item } : Object(item);
  if (typeof name !== "string") return `names no context: ${JSON.stringify(item)}`;
  if (typeof params !== "object" || params === null || Array.isArray(params)) {
    return `the params of ${JSON.stringify(name)} are not an object`;
  }
  const known = parameterNames(policy, name);
  if (!known) {
    return `there is no context ${JSON.stringify(name)}; there are ${policy.contextNames().join(", ")}`;
  }
  for (const [param, value] of Object.entries(params)) {
    if (!known.includes(param)) return `${name} has no parameter ${JSON.stringify(param)}`;
    if (!["string", "number", "boolean"].includes(typeof value)) {
      return `${param} of ${name} is neither text, a number nor true or false`;
    }
  }
  return null;
}

/** @param {Policy} policy @param {string} context @returns {string[] | undefined} */
const parameterNames = (policy, context) =>
  context === EVERYTHING ? [] : policy.context(context)?.params.map(({ name }) => name);

/** @param {number} status @param {string} error @param {Record<string, string>} [headers] */
const refuse = (status, error, headers) => answer(status, { error }, headers);

/** @param {number} status @param {object} value @param {Record<string, string>} [headers] */
const answer = (status, value, headers = {}) =>
  Response.json(value, { status, headers: { "Cache-Control": "no-store", ...headers } });
