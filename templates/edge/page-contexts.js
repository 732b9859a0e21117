// The contexts that a page shows: which they are, how they are read, and what they answered.

import { chooseReading, readContext, renewContext, responseOf } from "./contexts.js";
import { fetchAsVisitor, fetchFill } from "./origin.js";

/** @import { ContextData, ParamData, SsrContext } from "../types.d.ts" */
/** @import { Call, Filled, Site } from "./call.js" */
/** @import { Reading } from "./contexts.js" */
/** @import { RouteMatch } from "./policy.js" */
/** @import { Entry } from "./store.js" */

/**
 * A context that a page shows.
 * @typedef {object} Use
 * @property {ContextData} context
 * @property {Record<string, unknown>} params as the browser's code will ask with them
 * @property {string} search
 * @property {Reading} reading
 */

/** What came; `entry` if it may be stored and shared. @typedef {{ use: Use, response: Response, entry: Entry | null }} Loaded */

/** @param {Site} site @param {Call} call @param {RouteMatch} match @returns {Promise<Use[]>} */
export function usesOf(site, call, { route, props }) {
  return Promise.all(
    route.contexts.map(async ({ name, params }) => {
      const context = site.policy.context(name);
      if (!context) throw new Error(`the route names an unknown context: ${name}`);
      const texts = paramTexts(params, props);
      const search = searchOf(texts);
      const reading = await chooseReading(site, call, context, search);
      return { context, params: typedParams(context, texts), search, reading };
    }),
  );
}

/** For a visitor who waits: what is stale will do. @param {Site} site @param {Call} call @param {Use[]} uses */
export const loadAll = (site, call, uses) =>
  Promise.all(uses.map((use) => load(site, call, use).catch((error) => unreachable(use, error))));

/** Behind a page that was shown: what is stale is asked for again. @param {Site} site @param {Call} call @param {Use[]} uses */
export const renewAll = (site, call, uses) =>
  Promise.all(
    uses.map(async (use) => {
      if ("bypass" in use.reading) throw new Error(`not to be stored: ${use.reading.bypass}`);
      return loaded(use, await renewContext(site, call, use.context, use.reading.params));
    }),
  );

/** @param {Loaded} loaded @returns {Promise<SsrContext>} */
export async function ssrContext({ use, response }) {
  return { name: use.context.name, params: use.params, data: await response.json() };
}

/** @param {Site} site @param {Call} call @param {Use} use @returns {Promise<Loaded>} */
async function load(site, call, use) {
  const { context, search, reading } = use;
  if ("bypass" in reading) {
    const ask = context.scope === "public" ? fetchFill : fetchAsVisitor;
    return { use, response: await ask(call, context.path + search), entry: null };
  }
  const { filled } = await readContext(site, call, context, reading.params, reading.visitor);
  return loaded(use, filled);
}

/** @param {Use} use @param {Filled} filled @returns {Loaded} */
const loaded = (use, filled) => ({
  use,
  response: responseOf(filled),
  entry: "entry" in filled ? filled.entry : null,
});

/** @param {Use} use @param {unknown} error @returns {Loaded} */
function unreachable(use, error) {
  console.error("mizan: a page's context did not come", String(error));
  return { use, response: new Response(null, { status: 502 }), entry: null };
}

/** @param {Record<string, string>} texts */
function searchOf(texts) {
  const query = new URLSearchParams(texts);
  query.sort();
  return query.size > 0 ? `?${query}` : "";
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
