// Pages: the Edge gathers a route's contexts and asks Render for the document.

import { chooseReading, readContext, responseOf } from "./contexts.js";
import { conditional } from "./headers.js";
import { fetchAsVisitor, fetchFill, isPreview } from "./origin.js";

/** @import { ContextData, ParamData, RenderRequest, SsrContext } from "../types.d.ts" */
/** @import { Call, Site } from "./call.js" */
/** @import { RouteMatch } from "./policy.js" */

/** @typedef {{ name: string, params: Record<string, unknown>, response: Response, isPublic: boolean }} Loaded */

/** Chooses a version among those that are deployed: https://developers.cloudflare.com/workers/versions-and-deployments/version-overrides/ */
const VERSION_OVERRIDES = "Cloudflare-Workers-Version-Overrides";

/** Render says that the app's code threw. */
const RENDER_ERROR = "Mizan-Render-Error";

/** @param {Site} site @param {Call} call @param {RouteMatch} match */
export async function servePage(site, call, { route, props }) {
  const loaded = await Promise.all(
    route.contexts.map((use) => loadContext(site, call, use, props)),
  );
  const failed = loaded.find(({ response }) => response.status !== 200);
  const status = failed ? pageStatus(failed.response.status) : 200;
  const contexts = failed ? await discard(loaded) : await Promise.all(loaded.map(ssrContext));
  const html = await render(call, {
    path: call.url.pathname,
    page: route.component,
    props,
    contexts,
    ...(failed && { status }),
  });
  return conditional(call.request, toBrowser(call, html, status, loaded));
}

/**
 * @param {Site} site @param {Call} call @param {{ name: string, params: Record<string, string> }} use
 * @param {Record<string, string>} props @returns {Promise<Loaded>}
 */
async function loadContext(site, call, use, props) {
  const context = site.policy.context(use.name);
  if (!context) throw new Error(`the route names an unknown context: ${use.name}`);
  const texts = paramTexts(use.params, props);
  const query = new URLSearchParams(texts);
  query.sort();
  const search = query.size > 0 ? `?${query}` : "";
  return {
    name: context.name,
    params: typedParams(context, texts),
    response: await contextResponse(site, call, context, search).catch(unreachable),
    isPublic: context.scope === "public",
  };
}

/** @param {Site} site @param {Call} call @param {ContextData} context @param {string} search */
async function contextResponse(site, call, context, search) {
  const reading = await chooseReading(site, call, context, search);
  if ("bypass" in reading) {
    const ask = context.scope === "public" ? fetchFill : fetchAsVisitor;
    return ask(call, context.path + search);
  }
  const { filled } = await readContext(site, call, context, reading.params, reading.visitor);
  return responseOf(filled);
}

/** @param {unknown} error */
function unreachable(error) {
  console.error("mizan: a page's context did not come", String(error));
  return new Response(null, { status: 502 });
}

/** @param {Record<string, string>} sources `path.post_id` @param {Record<string, string>} props */
function paramTexts(sources, props) {
  return Object.fromEntries(
    Object.entries(sources).map(([name, source]) => [name, props[source.replace(/^path\./, "")]]),
  );
}

/** What the browser's code will ask with: numbers, where a number holds the value exactly. @param {ContextData} context @param {Record<string, string>} texts */
function typedParams(context, texts) {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [
      name,
      typedValue(context.params.find((param) => param.name === name)?.type, text),
    ]),
  );
}

/** @param {ParamData["type"] | undefined} type @param {string} text */
function typedValue(type, text) {
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  if (type !== "integer" && type !== "number") return text;
  return String(Number(text)) === text ? Number(text) : text;
}

/** @param {Loaded} loaded @returns {Promise<SsrContext>} */
async function ssrContext({ name, params, response }) {
  return { name, params, data: await response.json() };
}

/** An answer that nobody reads holds its connection. @param {Loaded[]} loaded @returns {Promise<SsrContext[]>} */
async function discard(loaded) {
  await Promise.all(loaded.map(({ response }) => response.body?.cancel()));
  return [];
}

/** A context's refusal is the page's; a value that the context does not take names no page. @param {number} status */
function pageStatus(status) {
  if ([401, 403, 404, 429, 503].includes(status)) return status;
  return status === 400 || status === 422 ? 404 : 502;
}

/** @param {Call} call @param {RenderRequest} page */
function render({ env }, page) {
  if (!env.RENDER) throw new Error("there are routes, but no Render");
  const headers = new Headers({ "Content-Type": "application/json" });
  // Edge and Render are released together, but switched one after the other.
  if (env.RENDER_VERSION) headers.set(VERSION_OVERRIDES, env.RENDER_VERSION);
  const body = JSON.stringify(page);
  return env.RENDER.fetch("http://render/", { method: "POST", headers, body });
}

/** @param {Call} call @param {Response} html @param {number} status @param {Loaded[]} loaded */
function toBrowser(call, html, status, loaded) {
  const headers = new Headers({
    "Content-Type": "text/html; charset=utf-8",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": cacheControl(status, loaded),
  });
  for (const { response } of loaded) {
    for (const cookie of response.headers.getSetCookie()) headers.append("Set-Cookie", cookie);
  }
  // Visitors' browsers render such a page themselves; who asks whether the version is fit has to know.
  const error = html.headers.get(RENDER_ERROR);
  if (error && isPreview(call.url, call.env)) headers.set(RENDER_ERROR, error);
  return new Response(html.body, { status: html.ok ? status : 502, headers });
}

/** @param {number} status @param {Loaded[]} loaded */
function cacheControl(status, loaded) {
  if (!loaded.every(({ isPublic }) => isPublic)) return "private, no-store";
  return status === 200 ? "no-cache" : "no-store";
}
