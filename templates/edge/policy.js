// What the schema says about a request: which of the Edge's jobs it is.

import { canonicalParams } from "./params.js";

/** @import { ContextData, MizanData, RouteData } from "../types.d.ts" */
/** @import { CanonicalParams } from "./params.js" */

export const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);
const MAX_DECODINGS = 5;
/** So many queries at most are kept as they were read, a kilobyte each at most. */
const REMEMBERED_QUERIES = 2000;

/** @typedef {{ route: RouteData, props: Record<string, string> }} RouteMatch */

/**
 * @typedef {{ kind: "refuse", status: 400 | 404 }
 *   | { kind: "mutation" }
 *   | { kind: "context", context: ContextData }
 *   | { kind: "asset", file: string }
 *   | { kind: "page", match: RouteMatch }
 *   | { kind: "pass" }} Job
 */

export class Policy {
  #contexts;
  #contextsByPath;
  #mutations;
  #assets;
  #routes;
  /** By path and query. @type {Map<string, CanonicalParams>} */
  #params = new Map();

  /** @param {MizanData} data */
  constructor(data) {
    this.data = data;
    this.#contexts = new Map(data.contexts.map((context) => [context.name, context]));
    this.#contextsByPath = new Map(data.contexts.map((context) => [context.path, context]));
    this.#mutations = new Map(data.mutations.map((mutation) => [mutation.name, mutation]));
    this.#assets = new Set(data.assets?.files);
    this.#routes = data.routes.map((route) => ({ route, pattern: routePattern(route.path) }));
  }

  /** @param {string} name */
  context(name) {
    return this.#contexts.get(name);
  }

  contextNames() {
    return [...this.#contexts.keys()];
  }

  /** What is asked for is mostly asked for again. @param {ContextData} context @param {string} search */
  params(context, search) {
    const asked = context.path + search;
    const known = this.#params.get(asked);
    if (known) return known;
    const params = canonicalParams(context, search);
    if (params) this.#remember(asked, params);
    return params;
  }

  /** @param {string} asked @param {CanonicalParams} params */
  #remember(asked, params) {
    if (this.#params.size >= REMEMBERED_QUERIES) this.#params.clear();
    this.#params.set(asked, params);
  }

  /** @param {unknown} name */
  mutation(name) {
    return typeof name === "string" ? this.#mutations.get(name) : undefined;
  }

  /** @param {string} method @param {URL} url @returns {Job} */
  classify(method, url) {
    const path = url.pathname;
    // Joined with a base, such a path is another host.
    if (path.startsWith("//")) return { kind: "refuse", status: 400 };
    if (!SAFE_METHODS.has(method)) return this.#classifyUnsafe(path);
    if (method === "OPTIONS") return { kind: "pass" };
    const context = this.#contextsByPath.get(path);
    if (context) return { kind: "context", context };
    const file = this.#assetFile(path);
    if (file !== null) return { kind: "asset", file };
    const match = this.#matchRoute(path);
    return match ? { kind: "page", match } : { kind: "pass" };
  }

  /** @param {string} path */
  isBelowAssets(path) {
    return this.data.assets !== null && path.startsWith(this.data.assets.prefix);
  }

  /** @param {string} path @returns {Job} */
  #classifyUnsafe(path) {
    const plain = plainPath(path);
    const base = this.data.base.replace(/\/$/, "");
    // The origin decodes the path; a mutation that it would find and we would not, must not be.
    if (plain !== path && plain.startsWith(base)) return { kind: "refuse", status: 404 };
    // Whatever the method: the origin may take it for a POST by what the query says.
    if (path === this.data.callPath) return { kind: "mutation" };
    return { kind: "pass" };
  }

  /** @param {string} path */
  #assetFile(path) {
    if (!this.data.assets || !this.isBelowAssets(path)) return null;
    const file = decodeOnce(path.slice(this.data.assets.prefix.length));
    return file !== null && this.#assets.has(file) ? file : null;
  }

  /** @param {string} path @returns {RouteMatch | null} */
  #matchRoute(path) {
    for (const { route, pattern } of this.#routes) {
      const found = pattern.exec(path);
      if (!found) continue;
      if (route.render !== "edge") return null;
      const values = Object.entries(found.groups ?? {}).map(([name, text]) => [
        name,
        decodeOnce(text),
      ]);
      if (values.some(([, value]) => value === null)) return null;
      return { route, props: Object.fromEntries(values) };
    }
    return null;
  }
}

/** `/posts/{post_id}/`: a name is one segment, and the slash at the end counts. @param {string} path */
function routePattern(path) {
  const source = path
    .split(/(\{\w+\})/)
    .map((part) => {
      const name = /^\{(\w+)\}$/.exec(part)?.[1];
      return name ? `(?<${name}>[^/]+)` : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    })
    .join("");
  return new RegExp(`^${source}$`);
}

/** The path as the most lenient of servers would read it. @param {string} path */
function plainPath(path) {
  let plain = path;
  for (let i = 0; i < MAX_DECODINGS; i++) {
    const decoded = plain
      .replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
      .replace(/[/\\]+/g, "/");
    if (decoded === plain) break;
    plain = decoded;
  }
  return resolveDots(plain);
}

/** @param {string} path */
function resolveDots(path) {
  /** @type {string[]} */
  const out = [];
  for (const segment of path.split("/")) {
    if (segment === "..") out.pop();
    else if (segment !== ".") out.push(segment);
  }
  return out.join("/");
}

/** @param {string} text */
function decodeOnce(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
