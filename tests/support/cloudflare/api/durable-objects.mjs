// The endpoints of Durable Object namespaces.

import { list } from "./answers.mjs";
import { Endpoint, PAGING } from "./endpoint.mjs";
import { SCRIPTS } from "./permissions.mjs";

export const durableObjectEndpoints = [
  new Endpoint(
    "GET /accounts/:account/workers/durable_objects/namespaces",
    { accepts: SCRIPTS.read, query: PAGING },
    ({ state, query }) => {
      const namespaces = [...state.scripts.values()].flatMap((script) => [
        ...script.namespaces.values(),
      ]);
      return list(namespaces, query, { perPage: 20 });
    },
  ),
];
