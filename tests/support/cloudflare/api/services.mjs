// The endpoints of services, the vendor's older name for scripts: wrangler still asks them.

import { ok, Refusal } from "./answers.mjs";
import { Endpoint } from "./endpoint.mjs";
import { SCRIPTS } from "./permissions.mjs";
import { remove, summary } from "./scripts.mjs";
import { subdomainOf } from "./subdomains.mjs";
import { publicBinding } from "./versions.mjs";

const SERVICE = "/accounts/:account/workers/services/:script";
const ENVIRONMENT = `${SERVICE}/environments/:environment`;

export const serviceEndpoints = [
  new Endpoint(`GET ${SERVICE}`, { accepts: SCRIPTS.read }, (call) => {
    const script = serviceOf(call);
    const { created_on, modified_on } = script;
    const environment = {
      environment: "production",
      created_on,
      modified_on,
      script: summary(script),
    };
    return ok({
      id: script.name,
      default_environment: environment,
      created_on,
      modified_on,
      environments: [environment],
    });
  }),
  new Endpoint(`GET ${ENVIRONMENT}`, { accepts: SCRIPTS.read }, (call) => {
    const script = serviceOf(call);
    const { created_on, modified_on } = script;
    return ok({ environment: "production", created_on, modified_on, script: summary(script) });
  }),
  new Endpoint(`GET ${ENVIRONMENT}/bindings`, { accepts: SCRIPTS.read }, (call) =>
    ok(serviceOf(call).versions[0].bindings.map(publicBinding)),
  ),
  new Endpoint(
    `GET ${ENVIRONMENT}/routes`,
    { accepts: SCRIPTS.read, query: ["show_zonename"] },
    (call) => {
      const { name } = serviceOf(call);
      const routes = call.state.zones.flatMap((zone) =>
        (call.state.routes.get(zone.id) ?? []).map((route) => ({ ...route, zone_name: zone.name })),
      );
      return ok(routes.filter(({ script }) => script === name));
    },
  ),
  new Endpoint(`GET ${ENVIRONMENT}/subdomain`, { accepts: SCRIPTS.read }, (call) =>
    ok(subdomainOf(serviceOf(call))),
  ),
  new Endpoint(`DELETE ${SERVICE}`, { accepts: SCRIPTS.write, query: ["force"] }, (call) => {
    serviceOf(call);
    return remove(call);
  }),
];

function serviceOf({ state, params }) {
  const script = state.scripts.get(params.script);
  if (!script) throw new Refusal(404, 10090, "workers.api.error.service_not_found");
  if ((params.environment ?? "production") === "production") return script;
  throw new Refusal(404, 10092, "workers.api.error.environment_not_found");
}
