// A context that answers with a redirect: where the page leads its visitor.
//
// Django redirects who has to sign in, and what it redirects is the context's request, not the page's.
// So its target is taken only if it is a page of this site, never data, and never another host: then
// the visitor goes there, and comes back to the page, not to the context.

/** @import { Call, Site } from "./call.js" */
/** @import { Use } from "./page-contexts.js" */

/** @param {number} status */
export const isRedirect = (status) => [301, 302, 303, 307, 308].includes(status);

/**
 * @param {Site} site @param {Call} call @param {Use} use @param {Response} response
 * @returns {Promise<string | null>} the path to go to; null: there is none
 */
export async function redirectTarget({ data }, call, { context, search }, response) {
  const own = new URL(context.path + search, call.env.PUBLIC_URL);
  const target = parse(response.headers.get("Location"), own);
  const hosts = [own.host, new URL(await call.origin()).host];
  if (!target || !hosts.includes(target.host) || target.pathname.startsWith("//")) return null;
  if (target.pathname.startsWith(data.base)) return null;
  comeBackTo(target, own, call.url);
  const path = target.pathname + target.search + target.hash;
  return path === call.url.pathname + call.url.search ? null : path;
}

/** `?next=` names the request that was redirected. @param {URL} target @param {URL} own @param {URL} page */
function comeBackTo(target, own, page) {
  const names = [own.pathname, own.pathname + own.search, own.href];
  for (const [name, value] of [...target.searchParams]) {
    if (names.includes(value)) target.searchParams.set(name, page.pathname + page.search);
  }
}

/** @param {string | null} location @param {URL} base */
const parse = (location, base) =>
  location !== null && URL.canParse(location, base.href) ? new URL(location, base) : null;
