// The endpoints of scripts: uploads that are deployed at once, lists, deletion.

import { deployToAll, newScript } from "../versions.mjs";
import { ok, Refusal } from "./answers.mjs";
import { detach } from "./domains.mjs";
import { Endpoint } from "./endpoint.mjs";
import { SCRIPTS } from "./permissions.mjs";
import { readUpload } from "./upload.mjs";
import { createVersion } from "./versions.mjs";

const NAME = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;

export const scriptEndpoints = [
  new Endpoint(
    "GET /accounts/:account/workers/scripts",
    { accepts: SCRIPTS.read, query: ["tags"] },
    ({ state, query }) =>
      ok(
        [...state.scripts.values()]
          .filter((script) => isTagged(script, query.get("tags")))
          .map(summary),
      ),
  ),
  new Endpoint(
    "PUT /accounts/:account/workers/scripts/:script",
    {
      accepts: SCRIPTS.write,
      query: ["excludeScript", "bindings_inherit", "include_subdomain_availability"],
    },
    put,
  ),
  new Endpoint(
    "DELETE /accounts/:account/workers/scripts/:script",
    { accepts: SCRIPTS.write, query: ["force"] },
    remove,
  ),
  new Endpoint(
    "GET /accounts/:account/workers/scripts/:script/references",
    { accepts: SCRIPTS.read },
    (call) => ok(references(call.state, call.script)),
  ),
  new Endpoint(
    "GET /accounts/:account/workers/tails/by-consumer/:script",
    { accepts: SCRIPTS.read },
    () => ok([]),
  ),
];

/** `tag:yes` or `tag:no`, separated by commas. */
const isTagged = ({ tags }, filter) =>
  (filter ?? "")
    .split(",")
    .filter(Boolean)
    .every((pair) => {
      const colon = pair.lastIndexOf(":");
      return tags.includes(pair.slice(0, colon)) === (pair.slice(colon + 1) === "yes");
    });

/** Uploads a version and deploys it to everyone. */
async function put(call) {
  const { state, params } = call;
  const name = params.script;
  if (!NAME.test(name)) throw new Refusal(400, 10016, `Invalid Worker name: ${name}`);
  const script = state.scripts.get(name) ?? newScript(state, name);
  const upload = readUpload(call, "ScriptUpload");
  const version = await createVersion(call, script, upload);
  state.scripts.set(name, script);
  const { tags, observability, logpush, tail_consumers } = upload.metadata;
  for (const [key, value] of Object.entries({ tags, observability, logpush, tail_consumers })) {
    if (value !== undefined) script[key] = value;
  }
  deployToAll(state, script, version);
  return ok({
    ...summary(script),
    deployment_id: version.id.replaceAll("-", ""),
    startup_time_ms: version.startup_time_ms,
    available_on_subdomain: script.subdomain.enabled,
    entry_point: upload.metadata.main_module,
  });
}

export function summary(script) {
  const [latest] = script.versions;
  return {
    id: script.name,
    tag: script.tag,
    tags: script.tags,
    etag: latest.etag,
    handlers: latest.handlers,
    named_handlers: latest.entrypoints.map((name) => ({ name, handlers: ["fetch"] })),
    created_on: script.created_on,
    modified_on: script.modified_on,
    migration_tag: script.migration_tag ?? undefined,
    usage_model: latest.usage_model,
    compatibility_date: latest.compatibility_date,
    compatibility_flags: latest.compatibility_flags,
    last_deployed_from: latest.source,
    has_assets: latest.assets !== null,
    has_modules: latest.modules.length > 0,
    logpush: script.logpush,
    observability: script.observability ?? undefined,
    tail_consumers: script.tail_consumers,
  };
}

/** Deletes a script, unless others need it; with `force` whatever others need. */
export async function remove(call) {
  const { state, runtime, script } = call;
  if (call.query.get("force") !== "true") refuseIfNeeded(state, script);
  for (const domain of state.domains.filter(({ service }) => service === script.name))
    detach(state, domain);
  for (const routes of state.routes.values()) {
    const others = routes.filter((route) => route.script !== script.name);
    routes.splice(0, routes.length, ...others);
  }
  state.scripts.delete(script.name);
  await runtime.forgetScript(script);
  return ok(null);
}

function refuseIfNeeded(state, script) {
  const { services, durable_objects } = references(state, script);
  const [caller] = services.incoming;
  if (caller) {
    throw new Refusal(
      400,
      10142,
      `Cannot delete this Worker: it is the target of a service binding of '${caller.service}'.`,
    );
  }
  const user = durable_objects.find(({ service }) => service !== script.name);
  if (user) {
    throw new Refusal(
      400,
      10064,
      `Cannot delete this Worker: '${user.service}' has a binding to its Durable Object namespace '${user.durable_object_namespace_name}'.`,
    );
  }
}

/** Who binds to a script: what counts is every other script's latest version. */
function references(state, script) {
  const incoming = [];
  const durable_objects = [];
  for (const other of state.scripts.values()) {
    for (const binding of other.versions[0].bindings) {
      const { type, name, service, script_name = other.name, class_name } = binding;
      if (type === "service" && service === script.name && other !== script) {
        incoming.push({ service: other.name, environment: "production", name });
      }
      if (type === "durable_object_namespace" && script_name === script.name) {
        const namespace = script.namespaces.get(class_name);
        durable_objects.push({
          service: other.name,
          environment: "production",
          name,
          durable_object_namespace_id: namespace?.id,
          durable_object_namespace_name: namespace?.name,
        });
      }
    }
  }
  return { services: { incoming, outgoing: [] }, durable_objects, dispatch_outbounds: [] };
}
