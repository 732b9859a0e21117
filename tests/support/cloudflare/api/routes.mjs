// Routes: patterns of a zone's URLs, each with the Worker that serves them, or with none.

import { routePattern } from "../routes.mjs";
import { list, ok, Refusal } from "./answers.mjs";
import { Endpoint, PAGING } from "./endpoint.mjs";
import { ROUTES } from "./permissions.mjs";

/** Routes of a zone. */
const LIMIT = 1000;

export const routeEndpoints = [
  new Endpoint("GET /zones/:zone/workers/routes", { accepts: ROUTES.read, query: PAGING }, (call) =>
    list(routesOf(call.state, call.zone), call.query, { perPage: LIMIT }),
  ),
  new Endpoint("POST /zones/:zone/workers/routes", { accepts: ROUTES.write }, (call) => {
    const { state, zone } = call;
    const route = checked(call, state.newId());
    if (routesOf(state, zone).length >= LIMIT) {
      throw new Refusal(400, 10026, "You have reached the maximum number of routes for this zone.");
    }
    routesOf(state, zone).push(route);
    return ok(route);
  }),
  new Endpoint("GET /zones/:zone/workers/routes/:id", { accepts: ROUTES.read }, (call) =>
    ok(routeOf(call)),
  ),
  new Endpoint("PUT /zones/:zone/workers/routes/:id", { accepts: ROUTES.write }, (call) => {
    const route = routeOf(call);
    return ok(Object.assign(route, checked(call, route.id)));
  }),
  new Endpoint("DELETE /zones/:zone/workers/routes/:id", { accepts: ROUTES.write }, (call) => {
    const routes = routesOf(call.state, call.zone);
    const route = routeOf(call);
    routes.splice(routes.indexOf(route), 1);
    return ok({ id: route.id });
  }),
];

export const routesOf = (state, zone) => {
  if (!state.routes.has(zone.id)) state.routes.set(zone.id, []);
  return state.routes.get(zone.id);
};

function routeOf({ state, zone, params }) {
  const route = routesOf(state, zone).find(({ id }) => id === params.id);
  if (route) return route;
  throw new Refusal(404, 10009, "workers.api.error.route_not_found");
}

function checked(call, id) {
  const { pattern, script = null } = call.json("Route");
  checkRoute(call.state, call.zone, { id, pattern, script });
  return { id, pattern, script };
}

/** The vendor's refusal of a route beside others. */
export function checkRoute(state, zone, { id, pattern, script }) {
  if (!routePattern(pattern, zone.name)) {
    throw new Refusal(400, 10022, `Invalid route pattern: ${pattern}`);
  }
  if (script && !state.scripts.has(script)) {
    throw new Refusal(404, 10019, `The script of a route does not exist: ${script}`);
  }
  const other = routesOf(state, zone).find((route) => route.pattern === pattern && route.id !== id);
  if (other) {
    throw new Refusal(409, 10020, "A route with the same pattern already exists.");
  }
}
