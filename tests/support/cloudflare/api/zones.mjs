// Zones, and the purge of their caches.

import { list, ok, Refusal } from "./answers.mjs";
import { Endpoint, PAGING } from "./endpoint.mjs";
import { has, PURGE, sees, ZONE_READ } from "./permissions.mjs";

const FILTERS = [
  "name",
  "status",
  "account.id",
  "account.name",
  "order",
  "direction",
  "match",
  "type",
];

export const zoneEndpoints = [
  new Endpoint("GET /zones", { query: [...PAGING, ...FILTERS] }, ({ state, token, query }) => {
    const fits = (zone) =>
      matches(query, "name", zone.name) &&
      matches(query, "status", zone.status) &&
      matches(query, "account.id", state.account.id) &&
      matches(query, "account.name", state.account.name);
    const seen = has(token, ZONE_READ) ? state.zones.filter((zone) => sees(token, zone)) : [];
    return list(
      seen.filter(fits).map((zone) => described(state, zone)),
      query,
      { most: 50 },
    );
  }),
  new Endpoint("GET /zones/:zone", { accepts: ZONE_READ }, (call) =>
    ok(described(call.state, call.zone)),
  ),
  new Endpoint("POST /zones/:zone/purge_cache", { accepts: PURGE }, (call) => {
    const { zone } = call;
    call.runtime.cache.purge(zone.name, purged(call.json("Purge")));
    return ok({ id: zone.id });
  }),
];

const matches = (query, name, value) => (query.get(name) ?? value) === value;

/** What a purge names: one kind of thing, or everything. */
function purged(body) {
  const kinds = ["files", "tags", "hosts", "prefixes", "purge_everything"];
  const named = Object.keys(body);
  if (named.length !== 1 || !kinds.includes(named[0])) {
    throw new Refusal(
      400,
      1012,
      'Request must contain one of "purge_everything", "files", "tags", "hosts" or "prefixes"',
    );
  }
  return body;
}

/** As the vendor shows it; a zone that is not active was never activated. */
const described = ({ account }, { id, name, status }) => ({
  id,
  name,
  status,
  type: "full",
  paused: false,
  development_mode: 0,
  name_servers: ["bob.ns.cloudflare.com", "lola.ns.cloudflare.com"],
  original_name_servers: null,
  original_registrar: null,
  original_dnshost: null,
  created_on: "2026-01-01T00:00:00Z",
  modified_on: "2026-01-02T00:01:00Z",
  activated_on: status === "active" ? "2026-01-02T00:01:00Z" : null,
  account,
  owner: { id: null, type: "user", email: null },
  permissions: ["#dns_records:edit", "#dns_records:read", "#zone:read"],
});
