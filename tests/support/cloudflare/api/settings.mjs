// The endpoints of settings: those that belong to a version, and those of the script.

import { addSimilarVersion, deployToAll, requireLatestDeployed } from "../versions.mjs";
import { ok } from "./answers.mjs";
import { resolveBindings } from "./bindings.mjs";
import { Endpoint } from "./endpoint.mjs";
import { SCRIPTS } from "./permissions.mjs";
import { check } from "./schema.mjs";
import { readMetadata } from "./upload.mjs";
import { publicBinding, sourceOf } from "./versions.mjs";

const OF_SCRIPT = "/accounts/:account/workers/scripts/:script";
const SCRIPT_SETTINGS = ["logpush", "observability", "tags", "tail_consumers"];
const VERSION_SETTINGS = [
  "compatibility_date",
  "compatibility_flags",
  "limits",
  "placement",
  "usage_model",
];

export const settingEndpoints = [
  new Endpoint(`GET ${OF_SCRIPT}/settings`, { accepts: SCRIPTS.read }, ({ script }) =>
    ok({ ...versionSettings(script), ...scriptSettings(script) }),
  ),
  new Endpoint(`PATCH ${OF_SCRIPT}/settings`, { accepts: SCRIPTS.write }, patchSettings),
  new Endpoint(`GET ${OF_SCRIPT}/script-settings`, { accepts: SCRIPTS.read }, ({ script }) =>
    ok(scriptSettings(script)),
  ),
  new Endpoint(`PATCH ${OF_SCRIPT}/script-settings`, { accepts: SCRIPTS.write }, (call) => {
    const { script } = call;
    Object.assign(script, call.json("Settings"));
    script.tags ??= [];
    return ok(scriptSettings(script));
  }),
];

export const scriptSettings = ({ logpush, observability, tags, tail_consumers }) => ({
  logpush,
  observability,
  tags,
  tail_consumers,
});

function versionSettings(script) {
  const [latest] = script.versions;
  return {
    bindings: latest.bindings.map(publicBinding),
    compatibility_date: latest.compatibility_date,
    compatibility_flags: latest.compatibility_flags,
    limits: latest.limits ?? {},
    placement: latest.placement ?? {},
    usage_model: latest.usage_model,
    migration_tag: script.migration_tag ?? undefined,
  };
}

/** A multipart body with one part of JSON: what concerns the version makes a new one. */
async function patchSettings(call) {
  const { state, runtime, script } = call;
  const settings = readMetadata(call.multipart(), "settings");
  const { bindings, ...rest } = settings;
  const ofScript = pick(rest, SCRIPT_SETTINGS);
  const ofVersion = pick(rest, VERSION_SETTINGS);
  check("Settings", ofScript);
  if (bindings || Object.keys(ofVersion).length > 0) {
    requireLatestDeployed(script, 10214, "Setting");
    const changes = { ...ofVersion };
    if (bindings)
      changes.bindings = resolveBindings(state, script, { ...settings, keep_assets: true });
    Object.assign(changes, await runtime.check(script.name, { ...script.versions[0], ...changes }));
    const version = addSimilarVersion(state, script, {
      ...changes,
      source: sourceOf(call),
      annotations: { "workers/triggered_by": "settings" },
    });
    deployToAll(state, script, version);
  }
  Object.assign(script, ofScript);
  return ok({ ...versionSettings(script), ...scriptSettings(script) });
}

const pick = (values, names) =>
  Object.fromEntries(names.filter((name) => name in values).map((name) => [name, values[name]]));
