// An origin that reads a request as generously as any server does: it decodes paths again and again, takes the word of headers
// for method and host, and writes all that it was told into its answers.

import { json } from "./origin.mjs";

const CALL = "/api/mizan/call/";
const CONTEXTS = "/api/mizan/ctx/";
const METHOD_HEADERS = ["x-http-method-override", "x-http-method", "x-method-override"];
const PATH_HEADERS = ["x-original-url", "x-rewrite-url"];

/** Makes an origin generous. @param {import("./origin.mjs").FakeOrigin} origin @returns how often it was changed */
export function makeLenient(origin) {
  const state = { changes: 0 };
  origin.faults = {
    get: () => (request, response, bytes) => answer(state, request, response, bytes),
  };
  return state;
}

function answer(state, request, response, bytes) {
  const { method, path } = asRead(request);
  if (method === "POST" && path === CALL) return mutate(state, response, bytes);
  const { changes } = state;
  if (!path.startsWith(CONTEXTS)) return json(response, 200, "public, max-age=60", { changes });
  const told = { url: request.url, headers: request.rawHeaders };
  return json(response, 200, "public, max-age=60", { changes, told });
}

/** A function must be named: what has no body changes nothing. */
function mutate(state, response, bytes) {
  if (!/"function"/.test(bytes.toString())) return json(response, 400, "no-store", {});
  state.changes += 1;
  return json(response, 200, "no-store", { result: 1, invalidate: ["posts"] });
}

/** @param {import("node:http").IncomingMessage} request */
function asRead({ method, url, headers }) {
  const asked = PATH_HEADERS.map((name) => headers[name]).find(Boolean) ?? url;
  const [path, query = ""] = asked.split("?");
  const override = METHOD_HEADERS.map((name) => headers[name]).find(Boolean);
  const byQuery = new URLSearchParams(query).get("_method");
  return { method: (override ?? byQuery ?? method).toUpperCase(), path: plain(path) };
}

function plain(path) {
  let text = path;
  for (let i = 0; i < 3; i += 1) {
    text = text.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  }
  const out = [];
  for (const segment of text.replace(/[\\/]+/g, "/").split("/")) {
    if (segment === "..") out.pop();
    else if (segment !== ".") out.push(segment);
  }
  return out.join("/");
}
