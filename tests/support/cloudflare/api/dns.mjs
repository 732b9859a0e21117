// The endpoints of DNS records.

import { checkedRecord, isAddressOrAlias, recordsOf } from "../dns.mjs";
import { list, ok, Refusal } from "./answers.mjs";
import { Endpoint, PAGING } from "./endpoint.mjs";
import { DNS } from "./permissions.mjs";

const FILTERS = [
  "type",
  "name",
  "name.exact",
  "name.contains",
  "name.startswith",
  "name.endswith",
  "content",
  "content.exact",
  "comment",
  "comment.exact",
  "comment.present",
  "comment.absent",
  "comment.startswith",
  "proxied",
  "search",
  "match",
  "order",
  "direction",
];

export const dnsEndpoints = [
  new Endpoint(
    "GET /zones/:zone/dns_records",
    { accepts: DNS.read, query: [...PAGING, ...FILTERS] },
    (call) => {
      const { query, state, zone } = call;
      const records = recordsOf(state, zone).filter((record) => fits(query, record));
      return list(records.map(described), query, { perPage: 100, most: 5_000_000 });
    },
  ),
  new Endpoint("POST /zones/:zone/dns_records", { accepts: DNS.write }, (call) => {
    const { state, zone } = call;
    const record = checkedRecord(state, zone, state.newId(), call.json("DnsRecord"));
    recordsOf(state, zone).push(record);
    return ok(described(record));
  }),
  new Endpoint("GET /zones/:zone/dns_records/:id", { accepts: DNS.read }, (call) =>
    ok(described(recordOf(call))),
  ),
  new Endpoint("PUT /zones/:zone/dns_records/:id", { accepts: DNS.write }, (call) => {
    const { state, zone, params } = call;
    const record = checkedRecord(state, zone, params.id, call.json("DnsRecord"));
    Object.assign(changeable(recordOf(call)), record);
    return ok(described(record));
  }),
  new Endpoint("DELETE /zones/:zone/dns_records/:id", { accepts: DNS.write }, (call) => {
    const record = changeable(recordOf(call));
    const records = recordsOf(call.state, call.zone);
    records.splice(records.indexOf(record), 1);
    return ok({ id: record.id });
  }),
];

function fits(query, record) {
  const wanted = (name) => query.get(name)?.toLowerCase();
  const name = wanted("name.exact") ?? wanted("name") ?? record.name;
  const type = wanted("type") ?? record.type.toLowerCase();
  const comment = query.get("comment.exact") ?? record.comment;
  return name === record.name && type === record.type.toLowerCase() && comment === record.comment;
}

function recordOf(call) {
  const record = recordsOf(call.state, call.zone).find(({ id }) => id === call.params.id);
  if (record) return record;
  throw new Refusal(404, 81044, "Record does not exist.");
}

/** What a custom domain made is changed through the custom domain only. */
function changeable(record) {
  if (!record.read_only) return record;
  throw new Refusal(400, 1043, "This record is read-only: a Worker's custom domain manages it.");
}

const described = (record) => ({
  id: record.id,
  type: record.type,
  name: record.name,
  content: record.content,
  ttl: record.ttl,
  proxied: record.proxied,
  comment: record.comment,
  proxiable: isAddressOrAlias(record),
  tags: [],
  settings: {},
  meta: record.read_only ? { read_only: true, origin_worker_id: record.worker } : {},
  created_on: "2026-01-03T00:00:00Z",
  modified_on: "2026-01-03T00:00:00Z",
});
