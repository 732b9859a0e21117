// Which headers may pass: from the visitor to the origin, and from the origin to the visitor.

/** Of one connection, not of the message (RFC 9110, 7.6.1). */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** What the Edge says itself, or what would make the origin see another request than the Edge did. */
const NOT_FOR_ORIGIN = new Set([
  ...HOP_BY_HOP,
  "host",
  "expect",
  "forwarded",
  "via",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "true-client-ip",
  "x-original-url",
  "x-original-host",
  "x-rewrite-url",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
]);
const NOT_FOR_ORIGIN_PREFIXES = ["x-forwarded-", "cf-", "cloudflare-", "mizan-", "x-mizan-"];

/** @param {Headers} incoming */
export function forOrigin(incoming) {
  const perConnection = listed(incoming.get("connection"));
  const outgoing = new Headers();
  for (const [name, value] of incoming) {
    if (NOT_FOR_ORIGIN.has(name) || perConnection.has(name)) continue;
    if (NOT_FOR_ORIGIN_PREFIXES.some((prefix) => name.startsWith(prefix))) continue;
    // WSGI reads X_Forwarded_Host and X-Forwarded-Host as one name.
    if (name.includes("_")) continue;
    outgoing.append(name, value);
  }
  return outgoing;
}

/** By it the origin knows that it is the Edge who asks. */
const ORIGIN_SECRET = "X-Mizan-Origin-Secret";

/** @param {Headers} headers @param {{ publicUrl: string, client: string, secret?: string }} values */
export function setForwarded(headers, { publicUrl, client, secret }) {
  if (secret) headers.set(ORIGIN_SECRET, secret);
  const url = new URL(publicUrl);
  headers.set("X-Forwarded-Host", url.host);
  headers.set("X-Forwarded-Proto", url.protocol.slice(0, -1));
  headers.set("X-Forwarded-For", client);
}

/** What a buffered answer may keep of the origin's headers. @param {Headers} incoming */
export function endToEnd(incoming) {
  const headers = new Headers(incoming);
  for (const name of listed(incoming.get("connection"))) headers.delete(name);
  for (const name of HOP_BY_HOP) headers.delete(name);
  // The body was decoded when it was read.
  headers.delete("content-encoding");
  headers.delete("content-length");
  return headers;
}

/** @param {string | null} header @returns {Set<string>} */
export function listed(header) {
  return new Set(
    (header ?? "")
      .split(",")
      .map((item) => item.trim().toLowerCase())
      .filter(Boolean),
  );
}

/** Weak comparison (RFC 9110, 13.1.2). @param {string | null} ifNoneMatch @param {string | null} etag */
export function etagMatches(ifNoneMatch, etag) {
  if (!ifNoneMatch || !etag) return false;
  if (ifNoneMatch.trim() === "*") return true;
  const opaque = (/** @type {string} */ tag) => tag.trim().replace(/^W\//, "");
  return ifNoneMatch.split(",").some((tag) => opaque(tag) === opaque(etag));
}

/** The answer as this request wants it: 304 if it has it, no body for HEAD. @param {Request} request @param {Response} response */
export function conditional(request, response) {
  const { status, headers } = response;
  const isKnown =
    status === 200 && etagMatches(request.headers.get("If-None-Match"), headers.get("ETag"));
  if (!isKnown && request.method !== "HEAD") return response;
  // What nobody reads would be held until it is collected.
  response.body?.cancel();
  if (!isKnown) return new Response(null, response);
  const short = new Headers(headers);
  for (const name of ["Content-Type", "Content-Length", "Content-Encoding"]) short.delete(name);
  return new Response(null, { status: 304, headers: short });
}
