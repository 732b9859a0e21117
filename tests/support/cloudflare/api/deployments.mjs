// The endpoints of deployments: which versions serve, and how much each.

import { deploy, versionOf } from "../versions.mjs";
import { annotationsOf } from "./annotations.mjs";
import { mistake, ok, Refusal } from "./answers.mjs";
import { Endpoint } from "./endpoint.mjs";
import { SCRIPTS } from "./permissions.mjs";
import { sourceOf } from "./versions.mjs";

const OF_SCRIPT = "/accounts/:account/workers/scripts/:script/deployments";
/** Versions of one deployment. */
const MOST = 2;

export const deploymentEndpoints = [
  new Endpoint(`GET ${OF_SCRIPT}`, { accepts: SCRIPTS.read }, ({ script }) =>
    ok({ deployments: script.deployments }),
  ),
  new Endpoint(`GET ${OF_SCRIPT}/:deployment`, { accepts: SCRIPTS.read }, ({ script, params }) => {
    const deployment = script.deployments.find(({ id }) => id === params.deployment);
    if (!deployment) throw new Refusal(404, 10336, "Deployment not found.");
    return ok(deployment);
  }),
  new Endpoint(`POST ${OF_SCRIPT}`, { accepts: SCRIPTS.write, query: ["force"] }, (call) => {
    const { state, script } = call;
    const { versions, annotations } = call.json("Deployment");
    checkShares(versions);
    for (const { version_id } of versions) checkVersion(script, versionOf(script, version_id));
    if (call.query.get("force") !== "true") checkSecrets(script, versions);
    const told = annotationsOf(annotations, "deployment");
    return ok(deploy(state, script, versions, { annotations: told, source: sourceOf(call) }));
  }),
];

function checkShares(versions) {
  if (versions.length < 1 || versions.length > MOST)
    throw mistake(`1 to ${MOST} versions can be deployed`);
  if (versions.some(({ percentage }) => percentage < 0 || percentage > 100)) {
    throw mistake("a percentage is between 0 and 100");
  }
  const total = versions.reduce((sum, { percentage }) => sum + percentage, 0);
  if (Math.abs(total - 100) > 0.001) throw mistake(`the percentages must total 100, not ${total}`);
  if (new Set(versions.map(({ version_id }) => version_id)).size < versions.length) {
    throw mistake("a version is named twice");
  }
}

/** What a migration changed cannot be undone by an old version. */
function checkVersion(script, version) {
  if (version.migration_tag === script.migration_tag) return;
  throw new Refusal(
    400,
    10211,
    `Version ${version.id} cannot be deployed: a Durable Object migration was applied since (it has the tag '${version.migration_tag}', the script '${script.migration_tag}').`,
  );
}

/** A version from before a secret was changed would bring the old value back. */
function checkSecrets(script, versions) {
  const secrets = ({ bindings }) =>
    new Map(
      bindings.filter(({ type }) => type === "secret_text").map(({ name, text }) => [name, text]),
    );
  const latest = secrets(script.versions[0]);
  for (const { version_id } of versions) {
    const older = secrets(versionOf(script, version_id));
    const changed = [...latest].filter(
      ([name, text]) => older.has(name) && older.get(name) !== text,
    );
    if (changed.length === 0) continue;
    const names = changed.map(([name]) => name).join(", ");
    throw new Refusal(
      400,
      10220,
      `Version ${version_id} cannot be deployed without force. The following secrets have changed: ${names}`,
    );
  }
}
