// Calls without what differs between two tools, or between two runs of one: two uploads that would
// make the same Worker are equal afterwards.
//
//   node normalise.mjs CALLS.json...    each file holds recorded calls, one a line or as a list;
//                                       prints the normalised uploads in them

import fs from "node:fs";
import { pathToFileURL } from "node:url";

/** What says who uploaded when and why, and what only one tool sends. */
const INCIDENTAL = ["annotations", "code_update_strategy", "package_dependencies"];
/** Their order says nothing. */
const SETS = ["keep_bindings", "compatibility_flags", "tags"];

/** All uploads among recorded calls, in their order. @param {object[]} calls as the test data has them */
export const normalisedUploads = (calls) =>
  normalisedChanges(calls).filter(({ operation }) => operation !== undefined);

/** All calls that change something. @param {object[]} calls */
export function normalisedChanges(calls) {
  /** By script. */
  const manifests = new Map();
  const changes = [];
  for (const call of calls) {
    if (call.method === "GET") continue;
    const script = /\/workers\/(?:scripts|services|workers)\/([^/?]+)/.exec(call.path)?.[1];
    if (call.path.endsWith("/assets-upload-session")) manifests.set(script, call.json.manifest);
    changes.push(isUpload(call) ? upload(call, script, manifests) : change(call));
  }
  return changes;
}

const isUpload = ({ method, path, parts }) =>
  parts !== undefined &&
  ((method === "PUT" && /\/workers\/scripts\/[^/]+$/.test(path)) ||
    (method === "POST" && /\/workers\/scripts\/[^/]+\/versions$/.test(path)));

function upload({ method, query, parts }, script, manifests) {
  const named = parts.map(readPart);
  const metadata = named.find(({ name }) => name === "metadata").json;
  const manifest = metadata.assets?.jwt && manifests.get(script);
  return {
    operation: method === "PUT" ? "script" : "version",
    query: readQuery(query),
    metadata: normalisedMetadata(metadata, script),
    assets: manifest ? sorted(manifest) : null,
    modules: contents(
      named.filter(({ name, type }) => name !== "metadata" && !/source-map/.test(type)),
    ),
  };
}

const change = ({ method, path, query, json, parts }) => ({
  method,
  path: path
    .replace(/^\/accounts\/[^/]+/, "/accounts/:account")
    .replace(/^\/zones\/[^/]+/, "/zones/:zone")
    .replace(/(\/workers\/(?:scripts|services|workers))\/[^/]+/, "$1/:script"),
  query: readQuery(query),
  body: parts ? contents(parts.map(readPart)) : normalisedBody(json),
});

function readPart({ headers, ...part }) {
  const text = headers.join("\n");
  return {
    ...part,
    name: /;\s*name="([^"]*)"/i.exec(text)?.[1],
    type: /^content-type:\s*(.*)$/im.exec(text)?.[1],
  };
}

const readQuery = (query = "") =>
  [...new URLSearchParams(query)].map(([name, value]) => `${name}=${value}`).sort();

/** What parts hold. */
const contents = (parts) =>
  parts
    .map(({ name, type, bytes, sha256 }) => ({ name, type: type.toLowerCase(), bytes, sha256 }))
    .sort(by("name"));

function normalisedMetadata(metadata, script) {
  const { assets, ...value } = without(metadata, INCIDENTAL);
  if (assets) value.assets = { config: assets.config ?? {} };
  if (value.bindings) {
    value.bindings = value.bindings
      .map((binding) => normalisedBinding(binding, script))
      .sort(by("name"));
  }
  for (const name of SETS) if (value[name]) value[name] = [...value[name]].sort();
  return withoutEmpty(sorted(value));
}

/** Ids are of an account, and a script may have any name. */
function normalisedBinding(binding, script) {
  const value = { ...binding };
  for (const name of ["namespace_id", "database_id"]) if (value[name]) value[name] = ":id";
  for (const name of ["service", "script_name"])
    if (value[name] === script) value[name] = ":script";
  return value;
}

function normalisedBody(json) {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return sorted(json);
  const value = without(json, INCIDENTAL);
  if (value.versions) {
    value.versions = value.versions.map((share) => ({ ...share, version_id: ":version" }));
  }
  return sorted(value);
}

const without = (value, names) =>
  Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));

/** An empty list says what a missing one says. */
const withoutEmpty = (value) =>
  Object.fromEntries(
    Object.entries(value).filter(([, item]) => !Array.isArray(item) || item.length > 0),
  );

const by = (key) => (one, other) => (one[key] < other[key] ? -1 : Number(one[key] > other[key]));

/** The same value with the keys of every object in order. */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

/** Calls of a file: a list, or one a line. */
export function readCalls(file) {
  const text = fs.readFileSync(file, "utf8").trim();
  return text.startsWith("[") ? JSON.parse(text) : text.split("\n").map((line) => JSON.parse(line));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const uploads = process.argv.slice(2).flatMap((file) => normalisedUploads(readCalls(file)));
  process.stdout.write(`${JSON.stringify(uploads, null, 2)}\n`);
}
