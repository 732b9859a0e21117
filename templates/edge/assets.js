// Static assets of the release, taken out of its image.

import { conditional } from "./headers.js";
import { forward } from "./origin.js";

/** @import { Call, Site } from "./call.js" */

/**
 * As Vite names what it builds: eight characters of a hash. A word of eight letters is not one,
 * and a file outside its folder was copied as it is: a year of `immutable` needs certainty.
 */
const HASHED = /(?:^|\/)assets\/(?:.*\/)?[^/]*-(?=[^/.]*[0-9A-Z_])[A-Za-z0-9_-]{8}\.[a-z0-9]+$/;

/** @type {Record<string, string>} */
const TYPES = {
  avif: "image/avif",
  css: "text/css; charset=utf-8",
  gif: "image/gif",
  html: "text/html; charset=utf-8",
  ico: "image/x-icon",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  mjs: "text/javascript; charset=utf-8",
  mp3: "audio/mpeg",
  mp4: "video/mp4",
  otf: "font/otf",
  pdf: "application/pdf",
  png: "image/png",
  svg: "image/svg+xml",
  ttf: "font/ttf",
  txt: "text/plain; charset=utf-8",
  wasm: "application/wasm",
  webm: "video/webm",
  webmanifest: "application/manifest+json",
  webp: "image/webp",
  woff: "font/woff",
  woff2: "font/woff2",
  xml: "application/xml",
};

/** @param {Site} site @param {Call} call @param {string} file */
export async function serveAsset(site, call, file) {
  const found = await fetchFile(call, file);
  if (!found?.ok) return notFound();
  const headers = new Headers(found.headers);
  headers.set("Content-Type", typeOf(file));
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Cache-Control", cacheControl(file));
  // A file changes only with its release.
  if (!headers.has("ETag")) headers.set("ETag", `W/"${site.data.release}"`);
  return conditional(call.request, new Response(found.body, { status: found.status, headers }));
}

/** Below the prefix, but not ours: the origin's, whose absence must not be remembered. @param {Call} call */
export async function forwardAsset(call) {
  const response = await forward(call);
  if (response.status >= 400) response.headers.set("Cache-Control", "no-store");
  return response;
}

/** @param {Call} call @param {string} file */
function fetchFile({ request, env }, file) {
  const headers = new Headers();
  const range = request.headers.get("Range");
  if (range) headers.set("Range", range);
  const path = file.split("/").map(encodeURIComponent).join("/");
  return env.ASSETS?.fetch(`http://assets/${path}`, { headers });
}

/** @param {string} file */
const cacheControl = (file) =>
  HASHED.test(file) ? "public, max-age=31536000, immutable" : "no-cache";

/** @param {string} file */
const typeOf = (file) =>
  TYPES[file.slice(file.lastIndexOf(".") + 1).toLowerCase()] ?? "application/octet-stream";

const notFound = () =>
  new Response("no such file\n", { status: 404, headers: { "Cache-Control": "no-store" } });
