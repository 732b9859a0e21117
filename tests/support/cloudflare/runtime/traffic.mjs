// The port of visitors: the Host of a request says whose it is, and the Worker sees it as it would
// behind Cloudflare.

import crypto from "node:crypto";
import http from "node:http";
import { chooseVersion } from "./choice.mjs";
import { passedHeaders, passRequest, passUpgrade } from "./proxy.mjs";
import { destination } from "./visitors.mjs";

const COLO = "AMS";

/** What Cloudflare sets itself, whatever a visitor sends, and what is ours. */
const OURS = [
  "cf-connecting-ip",
  "cf-ray",
  "cf-visitor",
  "cf-ipcountry",
  "x-forwarded-proto",
  "x-real-ip",
  "x-stand-in-cf",
  "x-stand-in-object",
  "x-stand-in-proto",
  "x-stand-in-target",
];

/** @param {import("../state.mjs").State} state @param {import("./fleet.mjs").Fleet} fleet */
export function createTrafficServer(state, fleet) {
  const server = http.createServer(async (request, response) => {
    const ray = newRay();
    const found = await find(state, fleet, request);
    if (!found.socketPath) return tell(response, ray, found);
    passRequest(request, response, {
      place: { socketPath: found.socketPath },
      headers: headersFor(request, ray),
      answerHeaders: ["CF-Ray", ray, "Server", "cloudflare"],
      onUncaught: () => tell(response, ray, { status: 500, text: "error code: 1101" }),
      onDone: found.release,
    });
  });
  server.on("upgrade", async (request, socket, head) => {
    const found = await find(state, fleet, request);
    if (!found.socketPath) {
      return socket.end(
        `HTTP/1.1 ${found.status} Refused\r\nConnection: close\r\n\r\n${found.text}`,
      );
    }
    // A WebSocket may last: a switch of versions does not wait for it.
    found.release();
    const headers = headersFor(request, newRay(), { isUpgrade: true });
    const place = { socketPath: found.socketPath };
    passUpgrade(request, socket, head, { place, headers, onDone: () => {} });
  });
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  return server;
}

/** As it was asked: the pattern of a route is compared with it, not with a cleaned one. */
function askedUrl(request) {
  try {
    const { hostname } = new URL(`https://${request.headers.host ?? ""}`);
    const query = request.url.indexOf("?");
    const end = query < 0 ? request.url.length : query;
    const [pathname, search] = [request.url.slice(0, end), request.url.slice(end)];
    return { protocol: "https:", hostname, pathname, search };
  } catch {
    return undefined;
  }
}

/** The process that serves a request, or what Cloudflare says instead. */
async function find(state, fleet, request) {
  const url = askedUrl(request);
  if (!url) return { status: 400, text: "error code: 1003" };
  const found = destination(state, url);
  if (!found.script) return found;
  try {
    const version = found.version ?? chooseVersion(found.script, request.headers);
    return await fleet.useFront(found.script, version);
  } catch (error) {
    console.error("the stand-in could not start", found.script.name, error.message);
    return { status: 500, text: "error code: 1101" };
  }
}

function tell(response, ray, { status, text }) {
  response.writeHead(status, { "Content-Type": "text/plain", "CF-Ray": ray, Server: "cloudflare" });
  response.end(text);
}

function headersFor(request, ray, options = {}) {
  const visitor = request.socket.remoteAddress;
  const cf = { colo: COLO, country: "NL", httpProtocol: "HTTP/1.1", tlsVersion: "TLSv1.3" };
  return [
    ...passedHeaders(request, { ...options, drop: OURS }),
    ...["CF-Connecting-IP", visitor, "X-Real-IP", visitor, "CF-IPCountry", "NL"],
    ...["CF-Ray", ray, "CF-Visitor", '{"scheme":"https"}', "X-Forwarded-Proto", "https"],
    ...["x-stand-in-proto", "https", "x-stand-in-cf", JSON.stringify(cf)],
  ];
}

const newRay = () => `${crypto.randomBytes(8).toString("hex")}-${COLO}`;
