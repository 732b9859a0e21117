// How wrangler sets the routes of a script: all at once, in every zone.

import { zoneOfHost } from "../dns.mjs";
import { routeHost } from "../routes.mjs";
import { mistake, ok } from "./answers.mjs";
import { Endpoint } from "./endpoint.mjs";
import { ROUTES, sees, unauthorised } from "./permissions.mjs";
import { checkRoute, routesOf } from "./routes.mjs";

export const scriptRouteEndpoints = [
  // Routes of the script that are not named are deleted.
  new Endpoint(
    "PUT /accounts/:account/workers/scripts/:script/routes",
    { accepts: ROUTES.write },
    (call) => {
      const { state, token, script } = call;
      const wanted = call.json().map(({ pattern, zone_id, zone_name }) => {
        const zone = zoneOf(state, pattern, { zone_id, zone_name });
        if (!sees(token, zone)) throw unauthorised();
        return { zone, pattern };
      });
      for (const zone of state.zones) keepOnly(state, zone, script, wanted);
      for (const { zone, pattern } of wanted) {
        const existing = routesOf(state, zone).find(
          (route) => route.pattern === pattern && route.script === script.name,
        );
        if (existing) continue;
        const route = { id: state.newId(), pattern, script: script.name };
        checkRoute(state, zone, route);
        routesOf(state, zone).push(route);
      }
      return ok(wanted.map(({ pattern }) => pattern));
    },
  ),
];

function zoneOf(state, pattern, { zone_id, zone_name }) {
  const named = state.zones.find(({ id, name }) => id === zone_id || name === zone_name);
  const zone = named ?? zoneOfHost(state, routeHost(pattern));
  if (!zone) throw mistake(`no zone for the route ${pattern}`);
  return zone;
}

function keepOnly(state, zone, script, wanted) {
  const routes = routesOf(state, zone);
  const kept = routes.filter(
    (route) =>
      route.script !== script.name || wanted.some(({ pattern }) => pattern === route.pattern),
  );
  routes.splice(0, routes.length, ...kept);
}
