// One spelling per set of parameters. What is not plainly of its type has none: such a request
// passes through, and such an invalidation widens.

import { EVERYTHING } from "./log.js";

/** @import { ContextData, Invalidation, ParamData } from "../types.d.ts" */
/** @import { Policy } from "./policy.js" */

const MAX_VALUE = 256;
const MAX_QUERY = 1024;

/**
 * @typedef {object} CanonicalParams
 * @property {string} query sorted, without values that equal their default
 * @property {Map<string, string>} values with defaults
 */

/** @param {ContextData} context @param {string} search @returns {CanonicalParams | null} */
export function canonicalParams(context, search) {
  if (search.length > MAX_QUERY) return null;
  const given = typedValues(context, new URLSearchParams(search));
  if (!given) return null;
  /** @type {Map<string, string>} */
  const values = new Map();
  const query = new URLSearchParams();
  for (const param of byName(context.params)) {
    const value = given.get(param.name) ?? param.default;
    if (value === undefined) {
      if (param.required) return null;
      continue;
    }
    values.set(param.name, value);
    if (value !== param.default) query.append(param.name, value);
  }
  return { query: query.size > 0 ? `?${query}` : "", values };
}

/** @param {ContextData} context @param {URLSearchParams} query @returns {Map<string, string> | null} */
function typedValues(context, query) {
  const given = new Map();
  for (const [name, text] of query) {
    const param = context.params.find((known) => known.name === name);
    if (!param || given.has(name)) return null;
    const value = canonicalText(param, text);
    if (value === null) return null;
    given.set(name, value);
  }
  return given;
}

/** Integers stay text: above 2^53 two ids are one number. @param {ParamData} param @param {string} text */
function canonicalText(param, text) {
  // U+FFFD stands for bytes that were not UTF-8: different ones look the same here.
  if (text.length > MAX_VALUE || text.includes("\uFFFD")) return null;
  switch (param.type) {
    case "integer":
      return /^(0|-?[1-9]\d*)$/.test(text) ? text : null;
    case "number":
      return Number.isFinite(Number(text)) && String(Number(text)) === text ? text : null;
    case "boolean":
      return text === "true" || text === "false" ? text : null;
    default:
      return text;
  }
}

/**
 * The server's `invalidate` list in the log's terms. Every doubt widens: an unknown set or value
 * to the whole context, an unknown context or a malformed list to everything.
 * @param {Policy} policy @param {unknown} list @returns {Invalidation[]}
 */
export function canonicalInvalidations(policy, list) {
  if (!Array.isArray(list)) return [everything()];
  return list.map((item) => canonicalInvalidation(policy, item));
}

/** @param {Policy} policy @param {unknown} item @returns {Invalidation} */
function canonicalInvalidation(policy, item) {
  const { context: name, params = {} } =
    typeof item === "string" ? { context: item } : Object(item);
  const context = policy.context(name);
  if (!context) return everything();
  const whole = { context: context.name, params: {} };
  if (typeof params !== "object" || params === null) return whole;
  const names = Object.keys(params).sort();
  if (!context.declared.some((set) => sameNames(set, names))) return whole;
  /** @type {Record<string, string>} */
  const scoped = {};
  for (const key of names) {
    const value = invalidatedValue(context, key, params[key]);
    if (value === null) return whole;
    scoped[key] = value;
  }
  return { context: context.name, params: scoped };
}

/** @param {ContextData} context @param {string} name @param {unknown} value */
function invalidatedValue(context, name, value) {
  const param = context.params.find((known) => known.name === name);
  // The value of an `other` may be spelled differently in the entry that it means.
  if (!param || param.type === "other") return null;
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return null;
  }
  if (!["string", "number", "boolean"].includes(typeof value)) return null;
  return canonicalText(param, String(value));
}

/** @returns {Invalidation} */
const everything = () => ({ context: EVERYTHING, params: {} });

/** @param {string[]} a @param {string[]} b */
const sameNames = (a, b) =>
  a.length === b.length && [...a].sort().every((name, i) => name === b[i]);

/** @param {ParamData[]} params */
const byName = (params) => [...params].sort((a, b) => (a.name < b.name ? -1 : 1));
