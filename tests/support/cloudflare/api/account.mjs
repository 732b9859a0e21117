// Who is calling, and which accounts they see.

import { list, ok } from "./answers.mjs";
import { Endpoint, PAGING } from "./endpoint.mjs";
import { ACCOUNT_READ, has, MEMBERSHIPS_READ, USER_READ } from "./permissions.mjs";

const verify = ({ token }) =>
  ok({ id: token.id, status: "active", not_before: null, expires_on: null });

export const accountEndpoints = [
  new Endpoint("GET /user", { accepts: USER_READ }, ({ state }) =>
    ok({
      ...state.user,
      username: "somebody",
      suspended: false,
      two_factor_authentication_enabled: true,
    }),
  ),
  new Endpoint("GET /user/tokens/verify", {}, verify),
  new Endpoint("GET /accounts/:account/tokens/verify", {}, verify),
  new Endpoint(
    "GET /memberships",
    { accepts: MEMBERSHIPS_READ, query: [...PAGING, "status", "name", "order", "direction"] },
    ({ state, query }) =>
      list(
        [
          {
            id: "4".repeat(32),
            status: "accepted",
            roles: ["Administrator"],
            account: state.account,
          },
        ],
        query,
      ),
  ),
  // Without the permission the list is empty: the vendor shows what the token may see.
  new Endpoint(
    "GET /accounts",
    { query: [...PAGING, "name", "direction"] },
    ({ state, token, query }) => list(has(token, ACCOUNT_READ) ? [described(state)] : [], query),
  ),
  new Endpoint("GET /accounts/:account", { accepts: ACCOUNT_READ }, ({ state }) =>
    ok(described(state)),
  ),
];

const described = ({ account }) => ({
  ...account,
  type: "standard",
  settings: { enforce_twofactor: false },
  created_on: "2026-01-01T00:00:00Z",
});
