// Asking Render for a document, and what its answer says besides.

/** @import { RenderRequest } from "../types.d.ts" */
/** @import { Call } from "./call.js" */

/** Chooses a version among those that are deployed: https://developers.cloudflare.com/workers/versions-and-deployments/version-overrides/ */
const VERSION_OVERRIDES = "Cloudflare-Workers-Version-Overrides";

/** Render says that the app's code threw. */
export const RENDER_ERROR = "Mizan-Render-Error";
/** It can say so only at the end where it has begun to answer: this is then the last of the document. */
export const STREAM_FAILED = "<!--mizan-render-error-->";

/** While a deployment spreads, a location may have the Edge of one release and the Render of another. */
const SETTLING_MS = 30_000;
let firstAsked = Number.POSITIVE_INFINITY;

/** @param {Call} call @param {RenderRequest} page @returns {Promise<Response>} */
export function render({ env }, page) {
  if (!env.RENDER) throw new Error("there are routes, but no Render");
  firstAsked = Math.min(firstAsked, Date.now());
  const headers = new Headers({ "Content-Type": "application/json" });
  // Edge and Render are released together, but switched one after the other.
  if (env.RENDER_VERSION) headers.set(VERSION_OVERRIDES, env.RENDER_VERSION);
  const body = JSON.stringify(page);
  return env.RENDER.fetch("http://render/", { method: "POST", headers, body });
}

/**
 * Is what we get certainly of our own release? In one process it is; where Render is another
 * deployment, only some time after it was.
 * @param {Call} call
 */
export const isSettled = ({ env }) => !env.RENDER_VERSION || Date.now() - firstAsked >= SETTLING_MS;
