#!/usr/bin/env node
// Writes an app of any size, to see how planning grows with it:
//
//   node large-app.mjs FOLDER SERVICES CONTEXTS
//
// Every context is public, has one parameter, one query, and one mutation that affects it by that parameter.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [folder, services, contexts] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
write("mizan.yaml", configuration(Number(services)));
write("schema.json", JSON.stringify(schema(Number(contexts))));
write("Dockerfile", "FROM python:3.12-slim\nCOPY . /app\n");

function write(name, content) {
  writeFileSync(join(folder, name), content);
}

function configuration(count) {
  const workers = numbered(count - 1).map((n) => `  worker-${n}: {command: python worker.py ${n}}`);
  return [
    "version: 1",
    "app: large",
    "schema: schema.json",
    "services:",
    "  web: {port: 8000, health: /healthz}",
    ...workers,
    "edge: {on: [local]}",
    "environments: {local: {target: local}}",
    "",
  ].join("\n");
}

function schema(count) {
  const numbers = numbered(count);
  return {
    openapi: "3.1.0",
    info: { title: "large", version: "1" },
    paths: Object.fromEntries(numbers.map((n) => [path(n), { get: operation(n) }])),
    components: { schemas: {} },
    "x-mizan": {
      schemaVersion: 1,
      protocol: "1.0",
      base: "/api/mizan/",
      websocketPath: "/ws/mizan/",
      health: "/healthz",
      credentials: {
        headers: ["Authorization"],
        cookies: ["sessionid"],
        csrfCookie: "csrftoken",
        csrfHeader: "X-CSRFToken",
        csrfPath: "/api/mizan/csrf/",
      },
    },
    "x-mizan-contexts": numbers.map(context),
    "x-mizan-functions": numbers.flatMap((n) => [query(n), mutation(n)]),
    "x-mizan-routes": [],
  };
}

function operation(n) {
  return {
    operationId: `ctx_item_${n}`,
    parameters: [{ in: "query", name: "item_id", required: true, schema: { type: "integer" } }],
    responses: { 200: { description: "ok" } },
  };
}

function context(n) {
  return {
    name: `item_${n}`,
    path: path(n),
    functions: [`read_item_${n}`],
    auth: ["none"],
    params: [{ ...parameter(), elevated: true, functions: [`read_item_${n}`] }],
    cache: {
      scope: "public",
      maxAge: 0,
      staleWhileRevalidate: 300,
      vary: ["Authorization", "Cookie"],
    },
  };
}

function query(n) {
  return {
    ...named(`read_item_${n}`, "query"),
    context: `item_${n}`,
    affects: [],
  };
}

function mutation(n) {
  return {
    ...named(`change_item_${n}`, "mutation"),
    context: null,
    affects: [{ context: `item_${n}`, params: { item_id: "args.item_id" } }],
  };
}

function named(name, kind) {
  return {
    name,
    kind,
    websocket: false,
    auth: { level: "none" },
    params: [parameter()],
    result: { type: "object" },
  };
}

function parameter() {
  return { name: "item_id", required: true, schema: { type: "integer" } };
}

function path(n) {
  return `/api/mizan/ctx/item_${n}/`;
}

function numbered(count) {
  return Array.from({ length: count }, (_, index) => index);
}
