// Requests to the app's own server.

import { endToEnd, forOrigin, setForwarded } from "./headers.js";
import { SAFE_METHODS } from "./policy.js";

/** @import { EdgeEnv } from "../types.d.ts" */
/** @import { Call, Site } from "./call.js" */

const LOOPBACK = "127.0.0.1";

/**
 * Where the app's own server is: fixed in the local data plane, else what the Hub says, so that another one is no new
 * version of the Edge. A version that is asked under a name of its own, before visitors are sent to it, speaks to the
 * origin that it was made for.
 * @param {Site} site @param {URL} url @param {EdgeEnv} env @param {ExecutionContext} ctx
 */
export async function findOrigin(site, url, env, ctx) {
  const own = env.ORIGIN ?? (isPreview(url, env) ? env.FALLBACK_ORIGIN : undefined);
  const origin = own ?? (await site.hub.origin(env, ctx)) ?? env.FALLBACK_ORIGIN;
  if (!origin) throw new Error("nobody has said where the app's own server is");
  return origin;
}

/** Asked under another name than visitors use, to see whether this version is fit for them. @param {URL} url @param {EdgeEnv} env */
export const isPreview = (url, env) => url.host !== new URL(env.PUBLIC_URL).host;

/**
 * The visitor's own request.
 * @param {Call} call
 * @param {{ body?: ArrayBuffer | ReadableStream | null, decoded?: boolean }} [options] `body` replaces one
 *   that is read already; `decoded`: the answer will be read, so it may come only in a coding we know
 */
export async function forward(call, { body, decoded = false } = {}) {
  const { request, url } = call;
  const headers = forOrigin(request.headers);
  setForwarded(headers, forwarded(call));
  if (decoded) headers.set("Accept-Encoding", "gzip");
  const response = await fetch(originUrl(url, await call.origin()), {
    method: request.method,
    headers,
    body: hasBody(request) ? (body ?? request.body) : undefined,
    redirect: "manual",
  });
  return new Response(response.body, response);
}

/** The answer carries the socket itself, so it must not be copied. @param {Call} call */
export async function forwardWebSocket(call) {
  const headers = forOrigin(call.request.headers);
  setForwarded(headers, forwarded(call));
  headers.set("Upgrade", "websocket");
  return fetch(originUrl(call.url, await call.origin()), { headers });
}

/** Only a GET upgrades: a POST that says so is still a POST to the origin. @param {Request} request */
export const isWebSocket = (request) =>
  request.method === "GET" && request.headers.get("Upgrade")?.toLowerCase() === "websocket";

/**
 * The Edge's own question for a context: nothing of the visitor is in it but the credentials of
 * the one whom the answer is for, so nothing else of a visitor can be in the answer.
 * @param {Call} call @param {string} path with its canonical query @param {Headers} [credentials]
 */
export async function fetchFill(call, path, credentials) {
  const headers = new Headers(credentials);
  headers.set("Accept", "application/json");
  headers.set("User-Agent", "mizan-edge");
  setForwarded(headers, { ...aboutUs(call), client: LOOPBACK });
  const target = originUrl(new URL(path, call.url), await call.origin());
  return fetch(target, { headers, redirect: "manual", cache: "no-store" });
}

/**
 * A question on the visitor's behalf, for a page: their headers, another path.
 * @param {Call} call @param {string} path
 */
export async function fetchAsVisitor(call, path) {
  const headers = forOrigin(call.request.headers);
  for (const name of ["if-none-match", "if-modified-since", "range", "content-length"]) {
    headers.delete(name);
  }
  headers.set("Accept", "application/json");
  headers.set("Accept-Encoding", "gzip");
  setForwarded(headers, forwarded(call));
  const target = originUrl(new URL(path, call.url), await call.origin());
  return fetch(target, { headers, redirect: "manual", cache: "no-store" });
}

/** An answer whose body was read, under the headers it came with. @param {Response} response @param {ArrayBuffer} body */
export function rebuilt(response, body) {
  const headers = endToEnd(response.headers);
  // Some statuses (204) allow no body, not even an empty one.
  return new Response(body.byteLength > 0 ? body : null, { status: response.status, headers });
}

/** A copy of the URL with another host: joining strings or URLs lets `//host` choose it. @param {URL} url @param {string} base */
function originUrl(url, base) {
  const origin = new URL(base);
  const target = new URL(url);
  target.protocol = origin.protocol;
  target.port = "";
  target.hostname = origin.hostname;
  target.port = origin.port;
  target.username = "";
  target.password = "";
  return target;
}

/** What the Edge says of itself. @param {Call} call */
const aboutUs = ({ env }) => ({ publicUrl: env.PUBLIC_URL, secret: env.ORIGIN_SECRET });

/** What the Edge says of a visitor's request. @param {Call} call */
const forwarded = (call) => ({
  ...aboutUs(call),
  client: clientAddress(call.request, call.env),
});

/** @param {Request} request @param {Call["env"]} env */
function clientAddress(request, env) {
  const address = request.headers.get("CF-Connecting-IP");
  return env.LOCAL === "true" || !address ? LOOPBACK : address;
}

/** A safe method has nothing to say, and an origin that took it for another one would find no call in it. @param {Request} request */
const hasBody = (request) => !SAFE_METHODS.has(request.method);
