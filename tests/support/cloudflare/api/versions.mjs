// The endpoints of versions, and how an upload becomes one.

import { versionAssets } from "../assets.mjs";
import { addVersion, versionOf } from "../versions.mjs";
import { annotationsOf } from "./annotations.mjs";
import { ok, Refusal, wrappedList } from "./answers.mjs";
import { resolveBindings } from "./bindings.mjs";
import { Endpoint, PAGING } from "./endpoint.mjs";
import { checkExports, migrated } from "./migrations.mjs";
import { SCRIPTS } from "./permissions.mjs";
import { readUpload } from "./upload.mjs";

const OF_SCRIPT = "/accounts/:account/workers/scripts/:script/versions";

export const versionEndpoints = [
  new Endpoint(
    `GET ${OF_SCRIPT}`,
    { accepts: SCRIPTS.read, query: [...PAGING, "deployable"] },
    ({ script, query, state }) => {
      const items = script.versions.map((version) => described(state, version));
      return wrappedList("items", items, query, { perPage: 10, most: 100 });
    },
  ),
  new Endpoint(
    `POST ${OF_SCRIPT}`,
    { accepts: SCRIPTS.write, query: ["bindings_inherit"] },
    async (call) => {
      const { script } = call;
      const upload = readUpload(call, "VersionUpload");
      if (upload.metadata.migrations) throw migrationInVersion();
      const version = await createVersion(call, script, upload);
      return ok(described(call.state, version));
    },
  ),
  new Endpoint(
    `GET ${OF_SCRIPT}/:version`,
    { accepts: SCRIPTS.read },
    ({ script, params, state }) => ok(described(state, versionOf(script, params.version))),
  ),
];

/** Checks an upload as the vendor does, starts it, and only then makes it a version. */
export async function createVersion(call, script, { metadata, modules }) {
  const { state, runtime } = call;
  const { tag, namespaces } = migrated(state, script, metadata);
  const bindings = resolveBindings(state, { ...script, namespaces }, metadata);
  const assets = versionAssets(state, script, metadata);
  const content = {
    script: script.name,
    metadata,
    modules,
    bindings,
    assets,
    ...runtimeOf(metadata),
  };
  const started = await runtime.check(script.name, content);
  checkExports(script, namespaces, started.classes);
  script.migration_tag = tag;
  await replaceNamespaces(runtime, script, namespaces);
  const version = addVersion(state, script, {
    ...content,
    ...started,
    source: sourceOf(call),
    annotations: annotationsOf(metadata.annotations, "upload"),
  });
  return version;
}

async function replaceNamespaces(runtime, script, namespaces) {
  const kept = new Set([...namespaces.values()].map(({ id }) => id));
  const gone = [...script.namespaces.values()].filter(({ id }) => !kept.has(id));
  script.namespaces = namespaces;
  await runtime.forgetNamespaces(script, gone);
}

const runtimeOf = ({
  compatibility_date,
  compatibility_flags = [],
  usage_model = "standard",
  limits,
  placement,
}) => ({
  compatibility_date,
  compatibility_flags,
  usage_model,
  limits,
  placement,
});

/** The vendor tells clients apart by their user agent. */
export const sourceOf = (call) =>
  /^wrangler\//.test(call.headers["user-agent"] ?? "") ? "wrangler" : "api";

/** As the vendor shows a version. */
export function described(state, version) {
  const { id, number, created_on, source, annotations, has_preview } = version;
  return {
    id,
    number,
    metadata: {
      created_on,
      modified_on: created_on,
      source,
      author_id: state.user.id,
      author_email: state.user.email,
      hasPreview: has_preview,
      has_preview,
    },
    annotations,
    resources: {
      script: {
        etag: version.etag,
        handlers: version.handlers,
        named_handlers: version.entrypoints.map((name) => ({ name, handlers: ["fetch"] })),
        last_deployed_from: source,
      },
      script_runtime: {
        compatibility_date: version.compatibility_date,
        compatibility_flags: version.compatibility_flags,
        usage_model: version.usage_model,
        limits: version.limits,
        migration_tag: version.migration_tag ?? undefined,
      },
      bindings: version.bindings.map(publicBinding),
    },
    startup_time_ms: version.startup_time_ms,
  };
}

/** Secrets are never given back. */
export function publicBinding(binding) {
  if (binding.type === "secret_text") return { name: binding.name, type: binding.type };
  if (binding.type !== "secret_key") return binding;
  const { name, type, algorithm, format, usages } = binding;
  return { name, type, algorithm, format, usages };
}

const migrationInVersion = () =>
  new Refusal(
    400,
    10211,
    "Version upload failed. You attempted to upload a version of a Worker that includes a Durable Object migration, but migrations must be fully applied via a non-versioned deployment.",
  );
