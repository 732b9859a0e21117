// Readiness of the local data plane: is this release whole? On Cloudflare the path is the app's.

/** @import { EdgeEnv } from "../types.d.ts" */
/** @import { Site } from "./call.js" */

const PATH = "/__mizan/ready";

/** @param {URL} url @param {EdgeEnv} env */
export const isReadiness = (url, env) => env.LOCAL === "true" && url.pathname === PATH;

/** 200 when the bindings are set, the hub answers and Render has a bundle for the routes. @param {Site} site @param {EdgeEnv} env */
export async function serveReadiness({ data, hub }, env) {
  const state = {
    app: data.app,
    environment: data.environment,
    release: data.release,
    configured: Boolean(env.ORIGIN && env.PUBLIC_URL && env.SIGNING_KEY),
    hub: await hub.ask(env.HUB),
    render: data.routes.length === 0 || (await renderAnswers(env)),
  };
  const headers = { "Cache-Control": "no-store" };
  const ready = state.configured && state.hub && state.render;
  return Response.json(state, { status: ready ? 200 : 503, headers });
}

/** @param {EdgeEnv} env */
async function renderAnswers({ RENDER }) {
  try {
    return RENDER !== undefined && (await RENDER.fetch("http://render/")).ok;
  } catch {
    return false;
  }
}
