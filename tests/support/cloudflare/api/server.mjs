// The HTTP side of the API: reads a request, counts it, strikes it where a fault says so, asks who
// is calling, and hands it to the endpoint.

import http from "node:http";
import { serveControl } from "../control/control.mjs";
import { faultOf } from "../control/faults.mjs";
import { remember, served } from "../control/recorder.mjs";
import { ok, Refusal } from "./answers.mjs";
import { Call } from "./call.mjs";
import { endpointOf } from "./endpoints.mjs";
import { authenticate } from "./permissions.mjs";
import { acceptTails } from "./tails.mjs";

const PREFIX = "/client/v4";

/** @param {import("../state.mjs").State} state @param {object} runtime */
export function createApi(state, runtime) {
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, "http://api");
    try {
      const body = Buffer.concat(await request.toArray());
      if (url.pathname.startsWith("/_fake/")) {
        return send(response, await serveControl(state, runtime, request.method, url, body));
      }
      await serveCall(state, runtime, { request, response, url, body });
    } catch (error) {
      if (request.destroyed && !request.complete) return;
      console.error("the stand-in failed:", request.method, request.url, error);
      send(response, new Refusal(500, 10002, `The stand-in failed: ${error.stack}`).answer);
    }
  });
  acceptTails(server, state);
  // The callers end the connections: if both did, one could be chosen for a call while it ends.
  server.keepAliveTimeout = 0;
  return server;
}

async function serveCall(state, runtime, { request, response, url, body }) {
  const path = url.pathname.startsWith(`${PREFIX}/`)
    ? url.pathname.slice(PREFIX.length)
    : url.pathname;
  const { method, headers } = request;
  const logged = remember(state, { method, path, query: url.search.slice(1), headers, body });
  const fault = faultOf(state, logged);
  if (fault) logged.fault = fault.kind;
  if (fault?.kind === "hang") return hang(logged);
  if (fault?.kind === "cut-before") return request.socket.destroy();
  const call = new Call(state, runtime, { request, url, path, body });
  const answer = fault?.answer ?? (await state.inTurn(() => serve(call)));
  served(state, logged, answer);
  if (fault?.kind === "hang-after") return hang(logged);
  if (fault?.kind === "cut-after") return request.socket.destroy();
  logged.status = answer.status;
  send(response, answer);
}

/** Nobody ever hears of the call; who looks at the calls sees that it has come so far. */
function hang(logged) {
  logged.hangs = true;
}

/** @param {Call} call */
async function serve(call) {
  try {
    call.token = authenticate(call.state, call.headers.authorization, call.path);
    if (!call.url.pathname.startsWith(`${PREFIX}/`)) throw noRoute();
    const found = endpointOf(call.method, call.path);
    if (!found) throw noRoute();
    call.params = found.params;
    return await found.endpoint.serve(call);
  } catch (error) {
    if (error instanceof Refusal) return error.answer;
    throw error;
  }
}

const noRoute = () => new Refusal(400, 7000, "No route for that URI");

/** @param {http.ServerResponse} response */
function send(response, answer) {
  if (response.destroyed) return;
  const { status, body = ok(null).body, headers = {} } = answer;
  const text = typeof body === "string" ? body : JSON.stringify(body);
  response.writeHead(status, {
    "Content-Type": typeof body === "string" ? "text/plain" : "application/json",
    "CF-Ray": "0123456789abcdef-AMS",
    ...headers,
  });
  response.end(text);
}
