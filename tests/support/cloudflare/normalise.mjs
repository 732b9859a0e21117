// Uploads without what differs between two tools, or between two runs of one: two that would make
// the same Worker are equal afterwards.
//
//   node normalise.mjs CALLS.json...    each file holds recorded calls, one a line or as a list;
//                                       prints the normalised uploads in them

import crypto from "node:crypto";
import fs from "node:fs";
import { pathToFileURL } from "node:url";

/** What says who uploaded when and why, and what only one tool sends. */
const INCIDENTAL = ["annotations", "code_update_strategy", "package_dependencies"];
/** Digits of a hash: as many as the recordings have. */
const DIGITS = 16;

/** Of the stand-in's own memory. */
export function normalisedUpload({ method, script, query, metadata, modules, assets }) {
  return normalised({
    method,
    script,
    query,
    metadata,
    manifest: assets?.manifest,
    modules: modules.map(({ name, type, content }) => ({
      name,
      type,
      bytes: content.length,
      sha256: crypto.createHash("sha256").update(content).digest("hex").slice(0, DIGITS),
    })),
  });
}

/** All uploads among recorded calls, in their order. @param {object[]} calls as the test data has them */
export function normalisedUploads(calls) {
  const uploads = [];
  let manifest;
  for (const { method, path, query = "", json, parts } of calls) {
    if (path.endsWith("/assets-upload-session")) manifest = json.manifest;
    const script = /\/workers\/scripts\/([^/]+)(?:\/versions)?$/.exec(path)?.[1];
    const isUpload = method === "PUT" || (method === "POST" && path.endsWith("/versions"));
    if (!script || !isUpload || !parts) continue;
    const named = parts.map(({ headers, ...part }) => ({ ...part, ...readHeaders(headers) }));
    const metadata = named.find(({ name }) => name === "metadata").json;
    const modules = named.filter(({ name }) => name !== "metadata");
    uploads.push(
      normalised({
        method,
        script,
        query,
        metadata,
        modules,
        manifest: metadata.assets?.jwt && manifest,
      }),
    );
  }
  return uploads;
}

function readHeaders(headers) {
  const text = headers.join("\n");
  return {
    name: /;\s*name="([^"]*)"/i.exec(text)?.[1],
    type: /^content-type:\s*(.*)$/im.exec(text)?.[1],
  };
}

function normalised({ method, script, query, metadata, modules, manifest }) {
  return {
    operation: method === "PUT" ? "script" : "version",
    query: [...new URLSearchParams(query)].map(([name, value]) => `${name}=${value}`).sort(),
    metadata: normalisedMetadata(metadata, script),
    assets: manifest ? sorted(manifest) : null,
    modules: modules
      .filter(({ type }) => !/source-map/.test(type))
      .map(({ name, type, bytes, sha256 }) => ({ name, type: type.toLowerCase(), bytes, sha256 }))
      .sort(by("name")),
  };
}

function normalisedMetadata(metadata, script) {
  const { assets, ...rest } = Object.fromEntries(
    Object.entries(metadata).filter(([name]) => !INCIDENTAL.includes(name)),
  );
  const value = { ...rest, ...(assets && { assets: { config: assets.config ?? {} } }) };
  if (value.bindings) {
    value.bindings = value.bindings
      .map((binding) => normalisedBinding(binding, script))
      .sort(by("name"));
  }
  for (const name of ["keep_bindings", "compatibility_flags", "tags"]) value[name]?.sort();
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

const by = (key) => (one, other) => (one[key] < other[key] ? -1 : Number(one[key] > other[key]));

/** The same value with the keys of every object in order. */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

/** An empty list says what a missing one says. */
const withoutEmpty = (value) =>
  Object.fromEntries(
    Object.entries(value).filter(([, item]) => !Array.isArray(item) || item.length > 0),
  );

/** Calls of a file: a list, or one a line. */
export function readCalls(file) {
  const text = fs.readFileSync(file, "utf8").trim();
  return text.startsWith("[") ? JSON.parse(text) : text.split("\n").map((line) => JSON.parse(line));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const uploads = process.argv.slice(2).flatMap((file) => normalisedUploads(readCalls(file)));
  process.stdout.write(`${JSON.stringify(uploads, null, 2)}\n`);
}
