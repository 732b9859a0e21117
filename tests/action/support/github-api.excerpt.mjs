// Writes github-api.json anew: of GitHub's description of its API, the few operations that the step uses, without
// its words. Run in a folder with the npm package @octokit/openapi, which is too large to be installed for tests; then let Biome format it:
//
//   node tests/action/support/github-api.excerpt.mjs node_modules/@octokit/openapi/generated/api.github.com.json

import { readFileSync, writeFileSync } from "node:fs";

const OPERATIONS = [
  "GET /user",
  "GET /repos/{owner}/{repo}/commits/{ref}",
  "GET /repos/{owner}/{repo}/releases/tags/{tag}",
  "GET /repos/{owner}/{repo}/releases/assets/{asset_id}",
  "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
  "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
  "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}",
  "GET /repos/{owner}/{repo}/deployments",
  "POST /repos/{owner}/{repo}/deployments",
  "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
  "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
];
/** How deep requests and answers are followed: the step writes and reads nothing below. */
const DEPTH = 2;

const spec = JSON.parse(readFileSync(process.argv[2], "utf8"));

const resolve = (node) =>
  node?.$ref
    ? resolve(
        node.$ref
          .slice(2)
          .split("/")
          .reduce((at, part) => at[part], spec),
      )
    : node;

/** The shape alone: types, names, choices, limits. */
function shape(schema, depth) {
  const {
    type,
    enum: choices,
    required,
    properties,
    items,
    nullable,
    anyOf,
    oneOf,
    allOf,
    maxLength,
  } = resolve(schema);
  const open = depth > 0;
  return clean({
    type,
    nullable: type ? nullable : undefined,
    maxLength,
    enum: choices,
    required: open ? required : undefined,
    properties:
      properties && open
        ? Object.fromEntries(
            Object.entries(properties).map(([name, one]) => [name, shape(one, depth - 1)]),
          )
        : undefined,
    items: items && open ? shape(items, depth) : undefined,
    anyOf: (anyOf ?? oneOf ?? allOf)?.map((one) => shape(one, depth)),
  });
}

/** A fake answers with the few fields that are read. */
const withoutRequired = (schema) =>
  JSON.parse(JSON.stringify(schema, (key, value) => (key === "required" ? undefined : value)));

const clean = (object) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

const operations = OPERATIONS.map((name) => {
  const [method, path] = name.split(" ");
  const operation = spec.paths[path][method.toLowerCase()];
  const parameters = (operation.parameters ?? []).map(resolve);
  const status = Object.keys(operation.responses).find((code) => code.startsWith("2"));
  const answer = operation.responses[status];
  return clean({
    method,
    path,
    query: parameters.filter((one) => one.in === "query").map((one) => one.name),
    body:
      operation.requestBody &&
      shape(operation.requestBody.content["application/json"].schema, DEPTH),
    status: Number(status),
    answer: withoutRequired(shape(resolve(answer).content["application/json"].schema, DEPTH)),
  });
});

const source = `@octokit/openapi ${spec.info.version}`;
const file = new URL("github-api.json", import.meta.url);
writeFileSync(file, `${JSON.stringify({ source, operations }, null, 2)}\n`);
