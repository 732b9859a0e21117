// The document around what the app renders. Only the bundle's own head is trusted as HTML.

/** @import { Bundle, SsrData } from "../types.d.ts" */

/** @type {Record<number, string>} */
const REASONS = {
  401: "Please sign in",
  403: "Not allowed",
  404: "Not found",
  429: "Too many requests",
  502: "Something went wrong",
  503: "Not available right now",
};

/**
 * @param {SsrData} ssr @param {Bundle} bundle @param {(error: unknown) => void} onError
 * @returns {{ before: string, after: string, data: string }}
 */
export function documentParts(ssr, bundle, onError) {
  const data = dataScript(ssr);
  const scripts = (bundle.scripts ?? [])
    .map((src) => `<script type="module" src="${escapeText(src)}"></script>`)
    .join("");
  return {
    data,
    before: `${opening(bundle, appHead(ssr, bundle, onError))}<body><div id="root">`,
    after: `</div>${data}${scripts}</body></html>`,
  };
}

/** @param {number} status @param {Bundle} bundle */
export function errorDocument(status, bundle) {
  const reason = REASONS[status] ?? REASONS[502];
  return (
    opening(bundle, `<title>${reason}</title>`) +
    `<body><main><h1>${reason}</h1><p>${status}</p></main></body></html>`
  );
}

/**
 * The page's data, as text that the page parses: `__proto__` in a literal would set a prototype.
 * The escapes keep the text from ending the script or the string.
 * @param {SsrData} ssr
 */
export function dataScript(ssr) {
  const text = JSON.stringify(JSON.stringify(ssr)).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `<script>window.__MIZAN_SSR_DATA__=JSON.parse(${text})</script>`;
}

/** @param {Bundle} bundle @param {string} head */
function opening(bundle, head) {
  const styles = (bundle.styles ?? [])
    .map((href) => `<link rel="stylesheet" href="${escapeText(href)}">`)
    .join("");
  return (
    `<!doctype html><html lang="${escapeText(bundle.lang ?? "en")}"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width, initial-scale=1">${head}${styles}</head>`
  );
}

/** @param {SsrData} ssr @param {Bundle} bundle @param {(error: unknown) => void} onError */
function appHead(ssr, bundle, onError) {
  try {
    return bundle.head?.(ssr) ?? "";
  } catch (error) {
    onError(error);
    return "";
  }
}

/** @type {Record<string, string>} */
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** @param {string} text */
const escapeText = (text) => text.replace(/[&<>"']/g, (c) => ENTITIES[c]);
