// Requests are held against the vendor's schemas. The vendor ignores a field that it does not
// know; here it is an error, since it would be a mistake of ours.

import fs from "node:fs";
import path from "node:path";
import Ajv from "ajv";
import { Refusal } from "./answers.mjs";
import { amend } from "./schema-amendments.mjs";

const ROOT = new URL("../../../../", import.meta.url).pathname;
const OWN = new URL("../schemas/", import.meta.url).pathname;
const VENDOR = path.resolve(ROOT, process.env.MIZAN_TEST_DATA ?? "../shared/data", "cloudflare");

const ajv = new Ajv({ strict: false, allErrors: true, allowUnionTypes: true, verbose: true });
const validators = new Map();

/** Checks a body against the schema of this name. */
export function check(name, body) {
  const validate = validatorOf(name);
  if (validate(body)) return;
  throw new Refusal(400, 9005, `${name}: ${tell(validate.errors)}`);
}

function validatorOf(name) {
  if (!validators.has(name)) validators.set(name, ajv.compile(load(name)));
  return validators.get(name);
}

function load(name) {
  const schema = read(name);
  amend(name, schema, read);
  return close(schema);
}

/** The vendor's, from the test data, or one written from the vendor's reference. */
function read(name) {
  const file = `${name}.schema.json`;
  const found = [OWN, VENDOR].map((folder) => path.join(folder, file)).find(fs.existsSync);
  if (!found) {
    throw new Error(`the schema ${file} is missing: MIZAN_TEST_DATA must name the test data`);
  }
  return JSON.parse(fs.readFileSync(found, "utf8"));
}

/** Forbids what a schema does not name, at every level. */
function close(schema) {
  if (typeof schema !== "object" || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map(close);
  const closed = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, close(value)]),
  );
  const open = (schema.additionalProperties ?? true) === true;
  if (isObject(schema.properties) && open) closed.additionalProperties = false;
  return closed;
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** Of the branches of a union, those count that are meant: the ones whose `type` fits. */
function tell(errors) {
  const meant = errors.filter(({ keyword }) => !["anyOf", "oneOf", "if"].includes(keyword));
  const foreign = new Set(
    meant
      .filter(({ keyword, instancePath }) => keyword === "const" && instancePath.endsWith("/type"))
      .map(({ schemaPath }) => schemaPath.replace(/\/properties\/type\/const$/, "")),
  );
  const close = meant.filter(
    ({ schemaPath }) => ![...foreign].some((it) => schemaPath.startsWith(it)),
  );
  return (close.length > 0 ? close : meant)
    .slice(0, 8)
    .map(
      ({ instancePath, message, params }) =>
        `${instancePath || "/"} ${message} ${JSON.stringify(params)}`,
    )
    .join("; ");
}
