// Container applications: there are none, which wrangler asks before it deletes a script.

import { ok } from "./answers.mjs";
import { Endpoint } from "./endpoint.mjs";
import { SCRIPTS } from "./permissions.mjs";

export const containerEndpoints = [
  new Endpoint(
    "GET /accounts/:account/containers/applications",
    { accepts: SCRIPTS.read, query: ["name"] },
    () => ok([]),
  ),
];
