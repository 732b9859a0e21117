// Render: from a page's data to its document, with the app's own server bundle. It calls nobody.

import * as bundle from "./bundle.js";
import { documentParts, errorDocument } from "./render/html.js";
import { hintAt } from "./render/unsteady.js";

/** @import { RenderEnv, RenderRequest, SsrData } from "./types.d.ts" */

/**
 * Above this much data a page is streamed. As text it is there sooner, its first byte as well as its last, also when it
 * is far larger (docs/decisions/edge-speed.md); but then it is in memory several times, of which a Worker has little.
 */
const STREAM_ABOVE = 1024 * 1024;
const HTML = { headers: { "Content-Type": "text/html; charset=utf-8" } };
/** The app's code threw: the browser renders the page, but a version that was not released yet shall not be. */
const ERROR = "Mizan-Render-Error";
const ERROR_LENGTH = 160;
/** While a deployment spreads, Edge has to know whether this is the version that it asked for. */
const VERSION = "Mizan-Render-Version";
/** The same at the end of a document whose beginning has left already. */
const STREAM_FAILED = "<!--mizan-render-error-->";

export default {
  /** @param {Request} request @param {RenderEnv} env @param {ExecutionContext} ctx */
  async fetch(request, env, ctx) {
    // Edge asks this way whether there is a bundle that it understands.
    if (request.method === "GET") return new Response(null, { status: isUsable() ? 204 : 503 });
    /** @type {RenderRequest} */
    const { path, page, props, contexts, status } = await request.json();
    if (status !== undefined) return new Response(errorDocument(status, bundle), HTML);
    /** @type {SsrData} */
    const ssr = { v: 1, page, props, contexts };
    const headers = new Headers(HTML.headers);
    if (env.VERSION) headers.set(VERSION, env.VERSION.id);
    const onError = (/** @type {unknown} */ error) => {
      report(path, error);
      const text = String(error).replace(/[^ -~]+/g, " ");
      headers.set(ERROR, text.slice(0, ERROR_LENGTH));
    };
    const parts = documentParts(ssr, bundle, onError);
    const body = await renderBody(ssr, parts.data, onError, request.signal);
    const after = () => (headers.has(ERROR) ? parts.after + STREAM_FAILED : parts.after);
    const document =
      typeof body === "string"
        ? parts.before + body + parts.after
        : surrounded(parts.before, body, after);
    if (env.LOCAL === "true" && !headers.has(ERROR)) ctx.waitUntil(hintAt(path, ssr, bundle));
    return new Response(document, { headers });
  },
};

const isUsable = () => bundle.mizanBundle === 1 && bundle.render !== undefined;

/**
 * The inside of the root: text, a stream if the page is large, or nothing when the app's code
 * throws; then the browser renders it.
 * @param {SsrData} ssr @param {string} data @param {(error: unknown) => void} onError @param {AbortSignal} signal
 */
async function renderBody(ssr, data, onError, signal) {
  try {
    if (bundle.renderStream && data.length > STREAM_ABOVE) {
      return await bundle.renderStream(ssr, { onError, signal });
    }
    return (await bundle.render?.(ssr)) ?? "";
  } catch (error) {
    onError(error);
    return "";
  }
}

/** @param {string} before @param {ReadableStream<Uint8Array>} body @param {() => string} after */
function surrounded(before, body, after) {
  const encoder = new TextEncoder();
  /** @type {TransformStream<Uint8Array, Uint8Array>} */
  const frame = new TransformStream({
    start: (controller) => controller.enqueue(encoder.encode(before)),
    flush: (controller) => controller.enqueue(encoder.encode(after())),
  });
  return body.pipeThrough(frame);
}

/** @param {string} path @param {unknown} error */
function report(path, error) {
  console.error("mizan: rendering failed", path, error instanceof Error ? error.stack : error);
}
