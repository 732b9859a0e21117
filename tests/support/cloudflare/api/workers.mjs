// The endpoints of Workers in the vendor's newer API, as far as wrangler asks them. A Worker is
// named by its name or by its tag.

import { addSimilarVersion } from "../versions.mjs";
import { list, ok, Refusal } from "./answers.mjs";
import { Endpoint, PAGING } from "./endpoint.mjs";
import { SCRIPTS } from "./permissions.mjs";
import { withBindings } from "./secrets.mjs";
import { changeSubdomain, subdomainOf } from "./subdomains.mjs";
import { described, sourceOf } from "./versions.mjs";

const WORKER = "/accounts/:account/workers/workers/:worker";

export const workerEndpoints = [
  new Endpoint(
    "GET /accounts/:account/workers/workers",
    { accepts: SCRIPTS.read, query: PAGING },
    ({ state, query }) =>
      list([...state.scripts.values()].map(worker), query, { perPage: 10, most: 100 }),
  ),
  new Endpoint(`GET ${WORKER}`, { accepts: SCRIPTS.read }, (call) => ok(worker(scriptOf(call)))),
  new Endpoint(`PATCH ${WORKER}`, { accepts: SCRIPTS.write }, (call) => {
    const script = scriptOf(call);
    const { subdomain, ...settings } = call.json();
    if (subdomain) changeSubdomain(script, subdomain);
    for (const name of ["observability", "logpush", "tags", "tail_consumers"]) {
      if (name in settings) script[name] = settings[name];
    }
    return ok(worker(script));
  }),
  // How wrangler changes secrets without deploying them.
  new Endpoint(`PATCH ${WORKER}/versions/latest`, { accepts: SCRIPTS.write }, (call) => {
    const script = scriptOf(call);
    const { env = {}, annotations = {} } = call.json();
    const version = addSimilarVersion(call.state, script, {
      bindings: withBindings(script.versions[0].bindings, env),
      source: sourceOf(call),
      annotations: { ...annotations, "workers/triggered_by": "secret" },
    });
    return ok(described(call.state, version));
  }),
];

function scriptOf({ state, params }) {
  const found = [...state.scripts.values()].find(
    ({ name, tag }) => name === params.worker || tag === params.worker,
  );
  if (found) return found;
  throw new Refusal(404, 10007, "This Worker does not exist on your account.");
}

const worker = (script) => ({
  id: script.tag,
  name: script.name,
  created_on: script.created_on,
  updated_on: script.modified_on,
  deployed_on: script.deployments[0]?.created_on ?? null,
  logpush: script.logpush,
  observability: script.observability ?? { enabled: false },
  subdomain: subdomainOf(script),
  tags: script.tags,
  tail_consumers: script.tail_consumers ?? [],
  references: {},
});
