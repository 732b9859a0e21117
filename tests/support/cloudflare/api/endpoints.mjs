// All endpoints, of all parts of the API.

import { accountEndpoints } from "./account.mjs";
import { assetEndpoints } from "./assets.mjs";
import { containerEndpoints } from "./containers.mjs";
import { deploymentEndpoints } from "./deployments.mjs";
import { dnsEndpoints } from "./dns.mjs";
import { domainEndpoints } from "./domains.mjs";
import { durableObjectEndpoints } from "./durable-objects.mjs";
import { kvEndpoints } from "./kv.mjs";
import { routeEndpoints } from "./routes.mjs";
import { scheduleEndpoints } from "./schedules.mjs";
import { scriptRouteEndpoints } from "./script-routes.mjs";
import { scriptEndpoints } from "./scripts.mjs";
import { secretEndpoints } from "./secrets.mjs";
import { serviceEndpoints } from "./services.mjs";
import { settingEndpoints } from "./settings.mjs";
import { subdomainEndpoints } from "./subdomains.mjs";
import { tailEndpoints } from "./tails.mjs";
import { versionEndpoints } from "./versions.mjs";
import { workerEndpoints } from "./workers.mjs";
import { zoneEndpoints } from "./zones.mjs";

const ENDPOINTS = [
  ...accountEndpoints,
  ...zoneEndpoints,
  ...dnsEndpoints,
  ...routeEndpoints,
  ...scriptRouteEndpoints,
  ...domainEndpoints,
  ...subdomainEndpoints,
  ...scriptEndpoints,
  ...versionEndpoints,
  ...deploymentEndpoints,
  ...secretEndpoints,
  ...settingEndpoints,
  ...scheduleEndpoints,
  ...tailEndpoints,
  ...assetEndpoints,
  ...serviceEndpoints,
  ...workerEndpoints,
  ...durableObjectEndpoints,
  ...kvEndpoints,
  ...containerEndpoints,
];

/** The endpoint of a request with the variable pieces of its path, or undefined. */
export function endpointOf(method, path) {
  for (const endpoint of ENDPOINTS) {
    const params = endpoint.match(method, path);
    if (params) return { endpoint, params };
  }
  return undefined;
}
