// What a test asks of the stand-in itself: it is not part of Cloudflare's API.

import { Refusal } from "../api/answers.mjs";
import { checkRoute, routesOf } from "../api/routes.mjs";
import { addRecord } from "../dns.mjs";
import { normalisedUploads } from "../normalise.mjs";
import { readFault } from "./faults.mjs";
import { recordings } from "./recorder.mjs";

const HANDLERS = {
  "GET state": ({ state }) => state.snapshot(),
  "GET calls": ({ state }) => state.calls,
  "DELETE calls": ({ state }) => {
    state.calls = [];
  },
  "GET recordings": ({ state }) => recordings(state),
  "POST modules": ({ state, body: { script } }) => {
    const { modules } = state.scripts.get(script).versions[0];
    return Object.fromEntries(modules.map(({ name, content }) => [name, content.toString()]));
  },
  "GET uploads": ({ state }) => normalisedUploads(recordings(state)),
  "GET logs": ({ runtime }) => runtime.logs(),
  "POST faults": ({ state, body }) => {
    state.faults.push(readFault(body));
  },
  "DELETE faults": ({ state }) => {
    state.faults = [];
  },
  "POST zones": ({ state, body: { name, status = "active" } }) => {
    const zone = { id: state.newId(), name, status };
    state.zones.push(zone);
    return zone;
  },
  "POST dns": ({ state, body: { zone, ...record } }) =>
    addRecord(state, zoneOf(state, zone), record),
  "POST routes": ({ state, body: { zone, pattern, script = null } }) => {
    const route = { id: state.newId(), pattern, script };
    checkRoute(state, zoneOf(state, zone), route);
    routesOf(state, zoneOf(state, zone)).push(route);
    return route;
  },
  "POST token": ({ state, body: { token, permissions = null, zones = null } }) => {
    const secret = token ?? `token-${state.newId()}`;
    const id = state.newId();
    state.tokens.set(secret, { id, permissions, zones });
    return { id, token: secret, permissions, zones };
  },
  "DELETE token": ({ state, body: { token } }) => {
    state.tokens.delete(token);
  },
  "POST subdomain": ({ state, body: { subdomain } }) => {
    state.subdomain = subdomain;
  },
  "POST hosts": ({ state, body: { pattern, address } }) => {
    state.hosts.unshift({ pattern, address });
  },
  "POST reset": async ({ state, runtime }) => {
    state.reset();
    await runtime.reset();
  },
};

/** @param {string} method @param {URL} url @param {Buffer} body */
export async function serveControl(state, runtime, method, url, body) {
  const handle = HANDLERS[`${method} ${url.pathname.replace("/_fake/", "")}`];
  if (!handle)
    return { status: 404, body: { error: `no such control: ${method} ${url.pathname}` } };
  try {
    const value = body.length > 0 ? JSON.parse(body.toString()) : {};
    const result = await handle({ state, runtime, body: value });
    return { status: 200, body: result ?? {} };
  } catch (error) {
    const told = error instanceof Refusal ? `${error.code} ${error.message}` : error.message;
    return { status: 400, body: { error: told } };
  }
}

/** By its name or its id. */
function zoneOf(state, wanted) {
  const zone = state.zones.find(({ id, name }) => id === wanted || name === wanted);
  if (!zone) throw new Error(`no such zone: ${wanted}`);
  return zone;
}
