// The endpoints of workers.dev: the account's subdomain, and which scripts are on it.

import { ok, Refusal } from "./answers.mjs";
import { Endpoint } from "./endpoint.mjs";
import { SCRIPTS } from "./permissions.mjs";

const OF_SCRIPT = "/accounts/:account/workers/scripts/:script/subdomain";

export const subdomainEndpoints = [
  new Endpoint(
    "GET /accounts/:account/workers/subdomain",
    { accepts: SCRIPTS.read },
    ({ state }) => {
      if (state.subdomain === null) {
        throw new Refusal(404, 10007, "workers.api.error.subdomain_not_found");
      }
      return ok({ subdomain: state.subdomain });
    },
  ),
  new Endpoint("PUT /accounts/:account/workers/subdomain", { accepts: SCRIPTS.write }, (call) => {
    if (call.state.subdomain !== null) {
      throw new Refusal(409, 10036, "The account has a subdomain already.");
    }
    call.state.subdomain = call.json().subdomain;
    return ok({ subdomain: call.state.subdomain });
  }),
  // Whether a name is still free: the vendor says so with an error.
  new Endpoint("GET /accounts/:account/workers/subdomains/:name", { accepts: SCRIPTS.read }, () => {
    throw new Refusal(404, 10032, "The subdomain does not exist.");
  }),
  new Endpoint(`GET ${OF_SCRIPT}`, { accepts: SCRIPTS.read }, ({ script }) =>
    ok(subdomainOf(script)),
  ),
  new Endpoint(`POST ${OF_SCRIPT}`, { accepts: SCRIPTS.write }, (call) => {
    const { script } = call;
    changeSubdomain(script, call.json("Subdomain"));
    return ok(subdomainOf(script));
  }),
  new Endpoint(`DELETE ${OF_SCRIPT}`, { accepts: SCRIPTS.write }, ({ script }) => {
    changeSubdomain(script, { enabled: false, previews_enabled: false });
    return ok(subdomainOf(script));
  }),
];

/** Until they are set, previews are where the script is. */
export const subdomainOf = ({ subdomain: { enabled, previews_enabled } }) => ({
  enabled,
  previews_enabled: previews_enabled ?? enabled,
});

export function changeSubdomain(script, { enabled, previews_enabled }) {
  script.subdomain.enabled = enabled ?? script.subdomain.enabled;
  script.subdomain.previews_enabled = previews_enabled ?? script.subdomain.previews_enabled;
}
