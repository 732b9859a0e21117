// The store of pages: which may be kept, under which key, and for how long.

import { isUnchanged } from "./contexts.js";
import { viewOf } from "./linger.js";
import { isPreview } from "./origin.js";
import { ownVersion, RENDER_ERROR, STREAM_FAILED } from "./render.js";
import { entryOf, save } from "./store.js";

/** @import { ContextData } from "../types.d.ts" */
/** @import { Call, Site } from "./call.js" */
/** @import { View } from "./linger.js" */
/** @import { Loaded, Use } from "./page-contexts.js" */
/** @import { CanonicalParams } from "./params.js" */
/** @import { Entry } from "./store.js" */

/**
 * Where a page is kept while nothing that it shows has changed; or why it is not.
 * @typedef {object} Place
 * @property {string} key
 * @property {View} view the log by which that is the key
 * @property {{ context: ContextData, params: CanonicalParams, generation: number }[]} read
 */

/**
 * The path stands for route and props, release and version of Render for the bundle: a deploy that was killed leaves
 * its release's number to the next one.
 * @param {Site} site @param {Call} call @param {Use[]} uses @returns {Place | { bypass: string }}
 */
export function placeOf({ data, hub }, { env, url }, uses) {
  // There somebody looks whether this version can render.
  if (isPreview(url, env)) return { bypass: "preview" };
  // Nothing says for how long such a page would be true.
  if (uses.length === 0) return { bypass: "no-context" };
  const read = [];
  for (const { context, reading } of uses) {
    if ("bypass" in reading) return reading;
    if (reading.visitor) return { bypass: "private" };
    const { params } = reading;
    read.push({ context, params, generation: hub.log.generation(context.name, params.values) });
  }
  const view = viewOf(hub.log);
  const generations = read.map(({ generation }) => generation).join(".");
  const bundle = [data.release, ownVersion(env)];
  const parts = [...bundle, data.app, data.environment, view.epoch, url.pathname, generations];
  const path = parts.map(encodeURIComponent).join("/");
  return { key: `${env.PUBLIC_URL}/__mizan/pages/${path}`, view, read };
}

/**
 * Keeps a page that Render has made of what may be stored, unless something of it changed meanwhile.
 * @param {Site} site @param {Call} call @param {Place} place @param {Entry[]} entries
 * @param {Response} page its body is read to the end
 */
export async function keepPage(site, call, { key, view, read }, entries, page) {
  const body = await page.arrayBuffer();
  if (failedOnTheWay(body) || !(await isUnchanged(site, call, view.epoch, read))) return;
  const { readAt, lifetime } = spanOf(entries);
  await save(key, await entryOf(page, body, readAt, lifetime), Date.now());
}

/**
 * What may be stored of these answers; null if one of them may not, or the app's code threw.
 * @param {Loaded[]} loaded @param {Response} html @returns {Entry[] | null}
 */
export function storable(loaded, html) {
  if (html.status !== 200 || html.headers.has(RENDER_ERROR)) return null;
  const entries = loaded.flatMap(({ entry }) => entry ?? []);
  return entries.length === loaded.length ? entries : null;
}

/** As old as its oldest context, and good until the first of them is not. @param {Entry[]} entries */
function spanOf(entries) {
  const readAt = Math.min(...entries.map((entry) => entry.readAt));
  const span = (/** @type {"fresh" | "total"} */ part) => {
    const ends = entries.map((entry) => entry.readAt + entry.lifetime[part] * 1000);
    return (Math.min(...ends) - readAt) / 1000;
  };
  return { readAt, lifetime: { fresh: span("fresh"), total: span("total") } };
}

/** @param {ArrayBuffer} body */
const failedOnTheWay = (body) =>
  new TextDecoder().decode(body.slice(-STREAM_FAILED.length)) === STREAM_FAILED;
