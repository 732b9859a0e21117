// The calls of the API as they came: counts for tests, and whole requests in the form of the
// recordings in the test data, so that two tools can be compared.

import crypto from "node:crypto";
import { readMultipart } from "../api/multipart.mjs";

/** Characters of a part that is not JSON. */
const PREVIEW = 160;
const DIGITS = 16;

/** Remembers a call, before it is served. */
export function remember(state, { method, path, query, headers, body }) {
  const bytes = body.length;
  const call = { seq: state.calls.length + 1, method, path, query, status: 0, bytes };
  state.calls.push(call);
  state.requests.set(call, { headers, body, succeeded: false });
  return call;
}

/** A call was served, whatever its caller heard of it. */
export function served(state, call, { status }) {
  const request = state.requests.get(call);
  if (request) request.succeeded = status < 300;
}

/** The calls that had an effect or an answer, whole. */
export const recordings = (state) =>
  state.calls
    .filter((call) => state.requests.get(call).succeeded)
    .map((call) => recorded(state, call));

function recorded(state, { seq, method, path, query }) {
  const call = state.calls[seq - 1];
  const { headers, body } = state.requests.get(call);
  const type = headers["content-type"] ?? "";
  return {
    seq,
    method,
    path,
    ...(query && { query: `?${query}` }),
    ...(type.startsWith("multipart/")
      ? { parts: readMultipart(type, body).map(part) }
      : json(body)),
  };
}

function json(body) {
  try {
    return { json: JSON.parse(body.toString()) };
  } catch {
    return {};
  }
}

function part({ name, fileName, type, content }) {
  const file = fileName === undefined ? "" : `; filename="${fileName}"`;
  const headers = [`Content-Disposition: form-data; name="${name}"${file}`];
  if (type !== undefined) headers.push(`Content-Type: ${type}`);
  const text = content.toString();
  return {
    headers,
    bytes: content.length,
    sha256: crypto.createHash("sha256").update(content).digest("hex").slice(0, DIGITS),
    ...(name === "metadata" ? { json: JSON.parse(text) } : { preview: text.slice(0, PREVIEW) }),
  };
}
