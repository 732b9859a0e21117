// The DNS records of zones, whoever makes them: the endpoints, the control, or a custom domain.

import { Refusal } from "./api/answers.mjs";

const ADDRESS_OR_ALIAS = ["A", "AAAA", "CNAME"];

export const isAddressOrAlias = ({ type }) => ADDRESS_OR_ALIAS.includes(type);

export const recordsOf = (state, zone) => {
  if (!state.dns.has(zone.id)) state.dns.set(zone.id, []);
  return state.dns.get(zone.id);
};

/** The zone that a host is in: the closest, if zones are inside each other. */
export function zoneOfHost(state, host) {
  const fits = state.zones.filter(({ name }) => host === name || host.endsWith(`.${name}`));
  return fits.sort((one, other) => other.name.length - one.name.length)[0];
}

/** The records of a host that are proxied: only such a host's visitors come to Cloudflare. */
export function isProxied(state, host) {
  const zone = zoneOfHost(state, host);
  if (!zone) return false;
  const records = recordsOf(state, zone).filter(isAddressOrAlias);
  const named = records.filter(({ name }) => name === host);
  const meant = named.length > 0 ? named : records.filter(({ name }) => isWildcardOf(name, host));
  return meant.some(({ proxied }) => proxied);
}

const isWildcardOf = (name, host) => name.startsWith("*.") && host.endsWith(name.slice(1));

/** Adds a record, if the zone can have it. */
export function addRecord(state, zone, body, more = {}) {
  const record = { ...checkedRecord(state, zone, state.newId(), body), ...more };
  recordsOf(state, zone).push(record);
  return record;
}

/** What a body says, if the zone could have it. */
export function checkedRecord(state, zone, id, body) {
  const record = readRecord(id, body);
  if (record.name !== zone.name && !record.name.endsWith(`.${zone.name}`)) {
    // The vendor takes a name outside of the zone as one relative to it.
    throw new Refusal(400, 9999, "the name is not in the zone: a mistake of the caller");
  }
  if (record.type === "CNAME" && record.content.toLowerCase() === record.name) {
    throw new Refusal(400, 9039, "CNAME content cannot reference itself.");
  }
  refuseClash(recordsOf(state, zone), record);
  return record;
}

function readRecord(id, body) {
  return {
    id,
    type: body.type ?? "",
    name: (body.name ?? "").toLowerCase(),
    content: (body.content ?? "").replace(/\.+$/, ""),
    ttl: body.ttl ?? 1,
    proxied: body.proxied ?? false,
    comment: body.comment ?? null,
    read_only: false,
  };
}

/** The vendor's refusal of a record beside others. */
function refuseClash(records, record) {
  for (const other of records) {
    if (other.id === record.id || other.name !== record.name) continue;
    if (other.type === record.type && other.content === record.content) {
      throw new Refusal(400, 81058, "An identical record already exists.");
    }
    if (record.type === "CNAME" && isAddressOrAlias(other)) {
      throw new Refusal(400, 81053, "An A, AAAA, or CNAME record with that host already exists.");
    }
    if (["A", "AAAA"].includes(record.type) && other.type === "CNAME") {
      throw new Refusal(400, 81054, "A CNAME record with that host already exists.");
    }
    if (record.type !== other.type && [record.type, other.type].includes("NS")) {
      throw new Refusal(400, 81056, "NS records with that host already exist.");
    }
  }
}
