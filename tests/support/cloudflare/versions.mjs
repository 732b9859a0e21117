// Versions of a script and their deployments: what an upload, a secret or a setting makes.

import { Refusal } from "./api/answers.mjs";

/** Versions that can still be deployed. */
export const KEPT_VERSIONS = 100;

/** A script that has no version yet. */
export const newScript = (state, name) => ({
  name,
  tag: state.newId(),
  created_on: state.now(),
  modified_on: state.now(),
  /** Newest first. */
  versions: [],
  /** Newest first. */
  deployments: [],
  versionCount: 0,
  migration_tag: null,
  namespaces: new Map(),
  subdomain: { enabled: false, previews_enabled: null },
  tags: [],
  observability: null,
  logpush: false,
  tail_consumers: null,
  schedules: [],
  tails: new Map(),
});

/** Adds a version in front of the others. @returns the version */
export function addVersion(state, script, content) {
  script.versionCount += 1;
  const version = {
    id: state.newUuid(),
    number: script.versionCount,
    created_on: state.now(),
    migration_tag: script.migration_tag,
    has_preview: script.namespaces.size === 0,
    ...content,
  };
  script.versions.unshift(version);
  forgetOldVersions(script);
  script.modified_on = state.now();
  return version;
}

/** What is deployed stays, however old. */
function forgetOldVersions(script) {
  const deployed = new Set(activeVersions(script).map(({ version_id }) => version_id));
  script.versions = script.versions.filter(({ id }, at) => at < KEPT_VERSIONS || deployed.has(id));
}

/** A version like the latest, with other bindings or settings; it is not deployed. */
export function addSimilarVersion(state, script, changes) {
  const { id, number, created_on, migration_tag, has_preview, ...content } = script.versions[0];
  return addVersion(state, script, { ...content, ...changes });
}

/** Puts versions into service, in place of the ones that are. */
export function deploy(state, script, versions, { annotations, source }) {
  const deployment = {
    id: state.newUuid(),
    source,
    strategy: "percentage",
    author_email: state.user.email,
    created_on: state.now(),
    versions,
    annotations,
  };
  script.deployments.unshift(deployment);
  script.modified_on = state.now();
  return deployment;
}

/** Puts one version into service for everyone, as what made it does at once. */
export const deployToAll = (state, script, { id, source, annotations }) =>
  deploy(state, script, [{ version_id: id, percentage: 100 }], {
    source,
    annotations: only(annotations, ["workers/triggered_by", "workers/message"]),
  });

const only = (values, names) =>
  Object.fromEntries(names.filter((name) => name in values).map((name) => [name, values[name]]));

export const activeVersions = (script) => script.deployments[0]?.versions ?? [];

/** The version of this id, or the vendor's refusal. */
export function versionOf(script, id) {
  const version = script.versions.find((it) => it.id === id);
  if (version) return version;
  throw new Refusal(404, 100146, "Version not found.");
}

/** Some changes are made to the latest version and deployed at once: it must be the deployed one. */
export function requireLatestDeployed(script, code, what) {
  const active = activeVersions(script);
  if (active.length === 1 && active[0].version_id === script.versions[0].id) return;
  throw new Refusal(
    400,
    code,
    `${what} edit failed. You attempted to modify a ${what.toLowerCase()}, but the latest version of your Worker isn't currently deployed.`,
  );
}
