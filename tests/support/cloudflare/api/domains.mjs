// Custom domains: hosts that a Worker serves, each with a DNS record that only it can change.

import { addRecord, isAddressOrAlias, recordsOf, zoneOfHost } from "../dns.mjs";
import { list, ok, Refusal } from "./answers.mjs";
import { Endpoint, PAGING } from "./endpoint.mjs";
import { SCRIPTS, sees, unauthorised } from "./permissions.mjs";

const FILTERS = ["hostname", "service", "zone_id", "zone_name", "environment"];

export const domainEndpoints = [
  new Endpoint(
    "GET /accounts/:account/workers/domains",
    { accepts: SCRIPTS.read, query: [...PAGING, ...FILTERS] },
    ({ state, query }) => list(filtered(state, query), query, { perPage: 1000 }),
  ),
  // What wrangler asks to know which hosts belong to other Workers.
  new Endpoint(
    "GET /accounts/:account/workers/domains/records",
    { accepts: SCRIPTS.read, query: [...PAGING, ...FILTERS] },
    ({ state, query }) => list(filtered(state, query), query, { perPage: 1000 }),
  ),
  new Endpoint(
    "GET /accounts/:account/workers/domains/records/:id",
    { accepts: SCRIPTS.read },
    (call) => ok(domainOf(call)),
  ),
  new Endpoint("GET /accounts/:account/workers/domains/:id", { accepts: SCRIPTS.read }, (call) =>
    ok(domainOf(call)),
  ),
  new Endpoint("PUT /accounts/:account/workers/domains", { accepts: SCRIPTS.write }, (call) =>
    ok(attach(call, call.json("Domain"))),
  ),
  new Endpoint(
    "DELETE /accounts/:account/workers/domains/:id",
    { accepts: SCRIPTS.write },
    (call) => {
      detach(call.state, domainOf(call));
      return ok(null);
    },
  ),
  new Endpoint(
    "POST /accounts/:account/workers/scripts/:script/domains/changeset",
    { accepts: SCRIPTS.write, query: ["replace_state"] },
    (call) => ok(changeset(call)),
  ),
  new Endpoint(
    "PUT /accounts/:account/workers/scripts/:script/domains/records",
    { accepts: SCRIPTS.write },
    (call) => {
      const { script } = call;
      const { origins, override_scope = false, ...overrides } = call.json();
      const kept = new Set(origins.map(({ hostname }) => hostname));
      for (const origin of origins) attach(call, { ...origin, ...overrides, service: script.name });
      // The whole state of the script is replaced: a host that is not named loses its record.
      const ours = call.state.domains.filter(({ service }) => service === script.name);
      if (override_scope) {
        for (const domain of ours.filter(({ hostname }) => !kept.has(hostname)))
          detach(call.state, domain);
      }
      return ok(null);
    },
  ),
];

const filtered = (state, query) =>
  state.domains.filter((domain) =>
    FILTERS.every((name) => (query.get(name) ?? domain[name]) === domain[name]),
  );

function domainOf({ state, params }) {
  const domain = state.domains.find(({ id }) => id === params.id);
  if (domain) return domain;
  throw new Refusal(404, 100114, "Custom domain not found.");
}

/** Points a host at a Worker, or refuses in the vendor's words. */
function attach({ state, token }, wanted) {
  const hostname = wanted.hostname.toLowerCase();
  const zone = zoneOf(state, token, { ...wanted, hostname });
  if (!state.scripts.has(wanted.service)) {
    throw new Refusal(404, 10007, "This Worker does not exist on your account.");
  }
  const existing = state.domains.find((domain) => domain.hostname === hostname);
  if (existing && existing.service !== wanted.service && !wanted.override_existing_origin) {
    throw new Refusal(409, 100116, inUse(hostname));
  }
  const foreign = foreignRecords(state, zone, hostname);
  if (foreign.length > 0 && !wanted.override_existing_dns_record) {
    throw new Refusal(409, 100117, hasRecords(hostname));
  }
  if (existing) return Object.assign(existing, { service: wanted.service });
  replaceRecords(state, zone, hostname, foreign, wanted.service);
  const domain = {
    id: state.newId(),
    hostname,
    service: wanted.service,
    environment: "production",
    zone_id: zone.id,
    zone_name: zone.name,
    cert_id: state.newUuid(),
  };
  state.domains.push(domain);
  return domain;
}

function zoneOf(state, token, { hostname, zone_id, zone_name }) {
  const zone = zoneOfHost(state, hostname);
  const fits = zone && (zone_id ?? zone.id) === zone.id && (zone_name ?? zone.name) === zone.name;
  if (!fits) throw new Refusal(404, 10082, `Could not find zone for '${hostname}'.`);
  if (!sees(token, zone)) throw unauthorised();
  return zone;
}

const foreignRecords = (state, zone, hostname) =>
  recordsOf(state, zone).filter(
    (record) => record.name === hostname && isAddressOrAlias(record) && !record.read_only,
  );

function replaceRecords(state, zone, hostname, foreign, worker) {
  const records = recordsOf(state, zone);
  for (const record of foreign) records.splice(records.indexOf(record), 1);
  const body = { type: "AAAA", name: hostname, content: "100::", proxied: true };
  addRecord(state, zone, body, { read_only: true, worker });
}

/** Takes a host from its Worker, with the record that was made for it. */
export function detach(state, domain) {
  state.domains.splice(state.domains.indexOf(domain), 1);
  const records = state.dns.get(domain.zone_id) ?? [];
  const made = records.findIndex(({ name, read_only }) => name === domain.hostname && read_only);
  if (made >= 0) records.splice(made, 1);
}

/** What attaching these hosts would change: wrangler asks a person about it. */
function changeset(call) {
  const { state, script } = call;
  const changes = { added: [], updated: [], removed: [], conflicting: [] };
  const wanted = call.json();
  for (const { hostname } of wanted) {
    const zone = zoneOfHost(state, hostname);
    if (!zone) throw new Refusal(404, 10082, `Could not find zone for '${hostname}'.`);
    const existing = state.domains.find((domain) => domain.hostname === hostname);
    const described = {
      id: existing?.id ?? "",
      hostname,
      service: script.name,
      zone_id: zone.id,
      zone_name: zone.name,
      environment: "production",
      enabled: true,
      previews_enabled: false,
    };
    if (foreignRecords(state, zone, hostname).length > 0) {
      changes.conflicting.push({
        ...described,
        external_dns_record_id: foreignRecords(state, zone, hostname)[0].id,
      });
    } else if (!existing) changes.added.push(described);
    else
      changes.updated.push({
        ...described,
        service: existing.service,
        modified: existing.service !== script.name,
      });
  }
  const named = new Set(wanted.map(({ hostname }) => hostname));
  const ours = state.domains.filter(({ service }) => service === script.name);
  if (call.query.get("replace_state") === "true") {
    changes.removed = ours.filter(({ hostname }) => !named.has(hostname));
  }
  return changes;
}

const inUse = (hostname) =>
  `Hostname '${hostname}' already in use by other custom domain. Either delete it, try a different hostname, or use the option 'override_existing_origin' to override.`;

const hasRecords = (hostname) =>
  `Hostname '${hostname}' already has externally managed DNS records (A, CNAME, etc). Either delete them, try a different hostname, or use the option 'override_existing_dns_record' to override.`;
