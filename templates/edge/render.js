// Asking Render for a document, and what its answer says besides.

/** @import { EdgeEnv, RenderRequest } from "../types.d.ts" */
/** @import { Call } from "./call.js" */

/** Chooses a version among those that are deployed: https://developers.cloudflare.com/workers/versions-and-deployments/version-overrides/ */
const VERSION_OVERRIDES = "Cloudflare-Workers-Version-Overrides";

/** Render says that the app's code threw. */
export const RENDER_ERROR = "Mizan-Render-Error";
/** It can say so only at the end where it has begun to answer: this is then the last of the document. */
export const STREAM_FAILED = "<!--mizan-render-error-->";

/** By it Render says which version of it has answered. */
const ANSWERED_BY = "Mizan-Render-Version";

/** @param {Call} call @param {RenderRequest} page @returns {Promise<Response>} */
export function render({ env }, page) {
  if (!env.RENDER) throw new Error("there are routes, but no Render");
  const headers = new Headers({ "Content-Type": "application/json" });
  // Edge and Render are released together, but switched one after the other.
  if (env.RENDER_VERSION) headers.set(VERSION_OVERRIDES, env.RENDER_VERSION);
  const body = JSON.stringify(page);
  return env.RENDER.fetch("http://render/", { method: "POST", headers, body });
}

/**
 * The version of Render that was released with us; empty where it is in our own process, and there is no other.
 * @param {Pick<EdgeEnv, "RENDER_VERSION">} env
 */
export const ownVersion = ({ RENDER_VERSION: override = "" }) =>
  /="([^"]+)"$/.exec(override)?.[1] ?? override;

/**
 * Is this answer of that version? While a deployment spreads, a location may have the Edge of one release and the Render
 * of another.
 * @param {Call} call @param {Response} html
 */
export const isOfOurRelease = ({ env }, html) =>
  ownVersion(env) === "" || html.headers.get(ANSWERED_BY) === ownVersion(env);
