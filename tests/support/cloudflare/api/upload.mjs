// The multipart body of an upload: metadata, and a part for each module.

import zlib from "node:zlib";
import { mistake, Refusal } from "./answers.mjs";
import { check } from "./schema.mjs";

const MODULE_TYPES = [
  "application/javascript+module",
  "text/javascript+module",
  "application/javascript",
  "text/javascript",
  "text/x-python",
  "text/plain",
  "application/octet-stream",
  "application/wasm",
  "application/json",
  "application/source-map",
];
const MIB = 1024 * 1024;
const MAX_BYTES = 64 * MIB;
/** Of a paid plan. */
const MAX_COMPRESSED_BYTES = 10 * MIB;

/**
 * @param {import("./call.mjs").Call} call @param {string} schema of the metadata
 * @returns {{ metadata: object, modules: { name: string, type: string, content: Buffer }[] }}
 */
export function readUpload(call, schema) {
  const parts = call.multipart();
  const metadata = readMetadata(parts, "metadata");
  check(schema, metadata);
  const modules = parts.filter(({ name }) => name !== "metadata").map(readModule);
  checkSize(modules);
  checkNames(metadata, modules);
  return { metadata, modules };
}

/** The one part that is JSON. */
export function readMetadata(parts, name) {
  const found = parts.filter((part) => part.name === name);
  if (found.length !== 1) throw mistake(`there must be one part "${name}"`);
  try {
    return JSON.parse(found[0].content.toString());
  } catch {
    throw new Refusal(400, 10021, `The part "${name}" is not JSON.`);
  }
}

function readModule({ name, fileName, type, content }) {
  if (fileName !== name) throw mistake(`the file name of the part "${name}" must be its name`);
  const essence = type?.split(";")[0].trim();
  if (!MODULE_TYPES.includes(essence)) {
    throw new Refusal(415, 10001, `Unsupported or unexpected Content-Type of "${name}": ${type}`);
  }
  return { name, type: essence, content };
}

function checkSize(modules) {
  const counted = modules.filter(({ type }) => type !== "application/source-map");
  const whole = Buffer.concat(counted.map(({ content }) => content));
  const compressed = () => zlib.gzipSync(whole, { level: 1 }).length;
  if (whole.length <= MAX_BYTES && compressed() <= MAX_COMPRESSED_BYTES) return;
  throw new Refusal(
    413,
    10027,
    "workers.api.error.script_too_large: Your Worker exceeded the size limit.",
  );
}

function checkNames({ main_module, body_part, assets, keep_assets }, modules) {
  const names = modules.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice) throw mistake(`two parts "${twice}"`);
  const main = main_module ?? body_part;
  if (main === undefined) {
    if (assets || keep_assets) return;
    throw new Refusal(400, 10021, "The metadata has neither main_module nor body_part.");
  }
  if (!names.includes(main)) throw new Refusal(400, 10021, `No such module "${main}".`);
}
