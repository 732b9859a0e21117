// The endpoints of secrets. A change is a new version, and deployed at once.

import { addSimilarVersion, deployToAll, requireLatestDeployed } from "../versions.mjs";
import { ok, Refusal } from "./answers.mjs";
import { Endpoint } from "./endpoint.mjs";
import { SCRIPTS } from "./permissions.mjs";
import { publicBinding, sourceOf } from "./versions.mjs";

const OF_SCRIPT = "/accounts/:account/workers/scripts/:script/secrets";

export const isSecret = ({ type }) => type === "secret_text" || type === "secret_key";

export const secretEndpoints = [
  new Endpoint(`GET ${OF_SCRIPT}`, { accepts: SCRIPTS.read }, ({ script }) =>
    ok(script.versions[0].bindings.filter(isSecret).map(publicBinding)),
  ),
  new Endpoint(`GET ${OF_SCRIPT}/:name`, { accepts: SCRIPTS.read }, (call) =>
    ok(publicBinding(secretOf(call))),
  ),
  new Endpoint(`PUT ${OF_SCRIPT}`, { accepts: SCRIPTS.write }, (call) => {
    const secret = call.json("Secret");
    change(call, { [secret.name]: secret });
    return ok(publicBinding(secret));
  }),
  // Several at once; null deletes.
  new Endpoint(`PATCH ${OF_SCRIPT}-bulk`, { accepts: SCRIPTS.write }, (call) => {
    const { secrets } = call.json();
    change(call, secrets);
    return ok(Object.values(secrets).filter(Boolean).map(publicBinding));
  }),
  new Endpoint(
    `DELETE ${OF_SCRIPT}/:name`,
    { accepts: SCRIPTS.write, query: ["url_encoded"] },
    (call) => {
      const { name } = secretOf(call);
      change(call, { [name]: null });
      return ok(null);
    },
  ),
];

function secretOf({ script, params }) {
  const secret = script.versions[0].bindings
    .filter(isSecret)
    .find(({ name }) => name === params.name);
  if (secret) return secret;
  throw new Refusal(404, 10056, `Secret '${params.name}' not found.`);
}

function change(call, changes) {
  const { state, script } = call;
  requireLatestDeployed(script, 10215, "Secret");
  const version = addSimilarVersion(state, script, {
    bindings: withBindings(script.versions[0].bindings, changes),
    source: sourceOf(call),
    annotations: { "workers/triggered_by": "secret" },
  });
  deployToAll(state, script, version);
}

/** Bindings with others by name; null takes one away. */
export function withBindings(bindings, changes) {
  const others = bindings.filter(({ name }) => !(name in changes));
  const named = Object.entries(changes).filter(([, value]) => value !== null);
  return [...others, ...named.map(([name, value]) => ({ name, ...value }))];
}
