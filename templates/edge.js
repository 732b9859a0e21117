// Edge: the entry. It serves contexts from its cache, records what mutations change and what the
// server announces, gathers the contexts of pages for Render, serves the static assets, and passes
// everything else through.

import { forwardAsset, serveAsset } from "./edge/assets.js";
import { createSite } from "./edge/call.js";
import { serveContext } from "./edge/contexts.js";
import { isInvalidation, serveInvalidation } from "./edge/invalidate.js";
import { serveMutation } from "./edge/mutation.js";
import { findOrigin, forward, forwardWebSocket, isWebSocket } from "./edge/origin.js";
import { servePage } from "./edge/pages.js";
import { heed } from "./edge/partition.js";
import { isReadiness, serveReadiness } from "./edge/ready.js";
import { readToken } from "./edge/token.js";
import data from "./mizan-data.js";

/** @import { EdgeEnv } from "./types.d.ts" */
/** @import { Call } from "./edge/call.js" */

const site = createSite(data);

/** @param {Call} call */
function serve(call) {
  if (isWebSocket(call.request)) return forwardWebSocket(call);
  const job = site.policy.classify(call.request.method, call.url);
  switch (job.kind) {
    case "refuse":
      return new Response("no such path\n", {
        status: job.status,
        headers: { "Cache-Control": "no-store" },
      });
    case "mutation":
      return serveMutation(site, call);
    case "context":
      return serveContext(site, call, job.context);
    case "asset":
      return serveAsset(site, call, job.file);
    case "page":
      return servePage(site, call, job.match);
    case "pass":
      return site.policy.isBelowAssets(call.url.pathname) ? forwardAsset(call) : forward(call);
  }
}

export default {
  /** @param {Request} request @param {EdgeEnv} env @param {ExecutionContext} ctx */
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    if (isReadiness(url, env)) return serveReadiness(site, env);
    try {
      if (isInvalidation(url)) return await serveInvalidation(site, request, env);
      const token = await readToken(request, env.SIGNING_KEY, env.PUBLIC_URL);
      const origin = () => findOrigin(site, url, env, ctx);
      const call = { request, url, env, ctx, token, origin };
      const response = await serve(call);
      await heed(site, call, response);
      return response;
    } catch (error) {
      console.error("mizan:", request.method, url.pathname, String(error));
      return new Response("the application did not answer\n", {
        status: 502,
        headers: { "Cache-Control": "no-store" },
      });
    }
  },
};
