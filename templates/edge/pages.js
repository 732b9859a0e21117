// Pages: from the store, or made: the Edge gathers a route's contexts and asks Render for the
// document.

import { mayRevalidate, remember } from "./contexts.js";
import { conditional } from "./headers.js";
import { entryBefore, lingerStatus } from "./linger.js";
import { isPreview } from "./origin.js";
import { loadAll, renewAll, ssrContext, usesOf } from "./page-contexts.js";
import { isRedirect, redirectTarget } from "./page-redirect.js";
import { keepPage, placeOf, storable } from "./page-store.js";
import { isOfOurRelease, RENDER_ERROR, render } from "./render.js";
import { load, remove, timeLeft } from "./store.js";

/** @import { RenderRequest } from "../types.d.ts" */
/** @import { Call, Site } from "./call.js" */
/** @import { Loaded, Use } from "./page-contexts.js" */
/** @import { Place } from "./page-store.js" */
/** @import { RouteMatch } from "./policy.js" */
/** @import { Entry } from "./store.js" */

const HTML = {
  "Content-Type": "text/html; charset=utf-8",
  "X-Content-Type-Options": "nosniff",
};

/** @param {Site} site @param {Call} call @param {RouteMatch} match */
export async function servePage(site, call, match) {
  const uses = await usesOf(site, call, match);
  const place = placeOf(site, call, uses);
  if ("bypass" in place) {
    const { response } = await makePage(site, call, match, uses);
    return toBrowser(call, response, `fwd=bypass; detail=${place.bypass}`);
  }
  const entry = await load(place.key, Date.now());
  const before = await entryBefore(site, call, call.url.pathname, { ...place, entry });
  if (before || (entry && timeLeft(entry, Date.now()) <= 0))
    renewBehind(site, call, match, uses, place);
  if (before) return toBrowser(call, shown(before), lingerStatus(before));
  if (entry) return toBrowser(call, shown(entry), hitStatus(entry));
  const { response, entries } = await makePage(site, call, match, uses);
  return toBrowser(call, kept(site, call, place, response, entries), "fwd=uri-miss");
}

/** @param {Entry} entry */
const hitStatus = (entry) => `hit; ttl=${timeLeft(entry, Date.now())}`;

/** @param {Entry} entry */
const shown = ({ body, headers }) => new Response(body, { headers });

/** @param {Site} site @param {Call} call @param {RouteMatch} match @param {Use[]} uses @param {Place} place */
function renewBehind(site, call, match, uses, place) {
  if (!mayRevalidate(site, place.key, Date.now())) return;
  remember(site, place.key);
  const renewed = renew(site, call, match, uses, place);
  call.ctx.waitUntil(
    renewed.catch((error) => console.warn("mizan: page not renewed", String(error))),
  );
}

/** @param {Site} site @param {Call} call @param {RouteMatch} match @param {Use[]} uses @param {Place} place */
async function renew(site, call, match, uses, place) {
  const loaded = await renewAll(site, call, uses);
  const { response, entries } = await documentOf(site, call, match, loaded);
  if (entries) return keepPage(site, call, place, entries, response);
  await response.body?.cancel();
  // What is gone or forbidden now must not live on as a stale page; a failure may.
  if (response.status < 500) await remove(place.key);
}

/**
 * The page as the visitor gets it, while the same is kept for others. Concurrent misses render each
 * for themselves; one of them is kept.
 * @param {Site} site @param {Call} call @param {Place} place @param {Response} page @param {Entry[] | null} entries
 */
function kept(site, call, place, page, entries) {
  if (!entries || !page.body || !mayRevalidate(site, place.key, Date.now())) return page;
  remember(site, place.key);
  const [visitors, ours] = call.request.method === "HEAD" ? [null, page.body] : page.body.tee();
  const keeping = keepPage(site, call, place, entries, new Response(ours, page));
  call.ctx.waitUntil(keeping.catch((error) => console.warn("mizan: page not kept", String(error))));
  return new Response(visitors, page);
}

/** @param {Site} site @param {Call} call @param {RouteMatch} match @param {Use[]} uses */
const makePage = async (site, call, match, uses) =>
  documentOf(site, call, match, await loadAll(site, call, uses));

/**
 * @param {Site} site @param {Call} call @param {RouteMatch} match @param {Loaded[]} loaded
 * @returns {Promise<{ response: Response, entries: Entry[] | null }>} `entries`: it may be stored
 */
async function documentOf(site, call, match, loaded) {
  const failed = loaded.find(({ response }) => response.status !== 200);
  if (failed) return { response: await failure(site, call, match, loaded, failed), entries: null };
  const contexts = await Promise.all(loaded.map(ssrContext));
  const html = await render(call, requestFor(call, match, { contexts }));
  const response = pageResponse(html.body, html.ok ? 200 : 502, loaded);
  // Visitors' browsers render such a page themselves; who asks whether the version is fit has to know.
  const error = html.headers.get(RENDER_ERROR);
  if (error && isPreview(call.url, call.env)) response.headers.set(RENDER_ERROR, error);
  return { response, entries: isOfOurRelease(call, html) ? storable(loaded, html) : null };
}

/**
 * A context that did not come is the page's own failure, or the way to another page.
 * @param {Site} site @param {Call} call @param {RouteMatch} match @param {Loaded[]} loaded @param {Loaded} failed
 */
async function failure(site, call, match, loaded, failed) {
  const { use, response } = failed;
  // An answer that nobody reads holds its connection.
  await Promise.all(loaded.map((each) => each.response.body?.cancel()));
  if (isRedirect(response.status)) {
    const target = await redirectTarget(site, call, use, response);
    if (target !== null) return redirect(target, loaded);
  }
  const status = pageStatus(response.status);
  const html = await render(call, requestFor(call, match, { contexts: [], status }));
  return pageResponse(html.body, html.ok ? status : 502, loaded);
}

/** @param {Call} call @param {RouteMatch} match @param {Pick<RenderRequest, "contexts" | "status">} rest @returns {RenderRequest} */
const requestFor = (call, { route, props }, rest) => ({
  path: call.url.pathname,
  page: route.component,
  props,
  ...rest,
});

/** A context's refusal is the page's; a value that the context does not take names no page. @param {number} status */
function pageStatus(status) {
  if ([401, 403, 404, 429, 503].includes(status)) return status;
  return status === 400 || status === 422 ? 404 : 502;
}

/** The page itself has not moved, whatever the context's status says. @param {string} target @param {Loaded[]} loaded */
function redirect(target, loaded) {
  const response = pageResponse(null, 302, loaded);
  response.headers.delete("Content-Type");
  response.headers.set("Location", target);
  return response;
}

/** @param {ReadableStream | null} body @param {number} status @param {Loaded[]} loaded */
function pageResponse(body, status, loaded) {
  const headers = new Headers({ ...HTML, "Cache-Control": cacheControl(status, loaded) });
  for (const { response } of loaded) {
    for (const cookie of response.headers.getSetCookie()) headers.append("Set-Cookie", cookie);
  }
  return new Response(body, { status, headers });
}

/** @param {number} status @param {Loaded[]} loaded */
function cacheControl(status, loaded) {
  if (!loaded.every(({ use }) => use.context.scope === "public")) return "private, no-store";
  return status === 200 ? "no-cache" : "no-store";
}

/** @param {Call} call @param {Response} page @param {string} cacheStatus */
function toBrowser(call, page, cacheStatus) {
  page.headers.set("Cache-Status", `Mizan; ${cacheStatus}`);
  return conditional(call.request, page);
}
