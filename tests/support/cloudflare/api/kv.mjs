// The endpoints of KV namespaces: they are remembered, so that a binding can name one. A Worker
// that uses one fails: nothing that is tested here stores in KV.

import { list, ok, Refusal } from "./answers.mjs";
import { Endpoint, PAGING } from "./endpoint.mjs";
import { KV } from "./permissions.mjs";

const NAMESPACES = "/accounts/:account/storage/kv/namespaces";

export const kvEndpoints = [
  new Endpoint(
    `GET ${NAMESPACES}`,
    { accepts: KV.read, query: [...PAGING, "order", "direction"] },
    ({ state, query }) => list([...state.kv.values()], query, { perPage: 20 }),
  ),
  new Endpoint(`POST ${NAMESPACES}`, { accepts: KV.write }, (call) => {
    const { title } = call.json();
    const { kv } = call.state;
    if ([...kv.values()].some((other) => other.title === title)) {
      throw new Refusal(400, 10014, "a namespace with this account ID and title already exists");
    }
    const namespace = { id: call.state.newId(), title, supports_url_encoding: true };
    kv.set(namespace.id, namespace);
    return ok(namespace);
  }),
  new Endpoint(`DELETE ${NAMESPACES}/:id`, { accepts: KV.write }, ({ state, params }) => {
    if (!state.kv.delete(params.id)) throw new Refusal(404, 10013, "namespace not found");
    return ok(null);
  }),
];
