// A version's bindings: those that are sent, those that are inherited or kept, and whether what
// they point at is there.

import { mistake, Refusal } from "./answers.mjs";

/** @param {object} state @param {object} script that is uploaded @param {object} metadata */
export function resolveBindings(state, script, metadata) {
  const previous = script.versions[0]?.bindings ?? [];
  const sent = (metadata.bindings ?? []).map((binding) => inherited(binding, previous, script));
  const twice = sent.find(({ name }, at) => sent.findIndex((other) => other.name === name) !== at);
  if (twice) throw new Refusal(400, 10021, `Duplicate binding name: ${twice.name}`);
  const kept = previous.filter(
    ({ name, type }) =>
      (metadata.keep_bindings ?? []).includes(type) &&
      !sent.some((binding) => binding.name === name),
  );
  const bindings = [...sent, ...kept];
  if (bindings.length > MOST) throw mistake(`more than ${MOST} bindings`);
  for (const binding of bindings) checkTarget(state, script, binding, metadata);
  return bindings;
}

/** `inherit` means that of the latest version, or of a named one. */
function inherited(binding, previous, script) {
  if (binding.type !== "inherit") return binding;
  const { name, old_name = name, version_id } = binding;
  const named = version_id && version_id !== "latest";
  const from = named ? script.versions.find(({ id }) => id === version_id)?.bindings : previous;
  const found = from?.find((other) => other.name === old_name);
  if (found) return { ...found, name };
  const why = from
    ? `the previous version has no binding '${old_name}'`
    : `no version '${version_id}'`;
  throw new Refusal(400, 10057, `inherit binding '${name}' is invalid: ${why}`);
}

const MOST = 128;
const MAX_TEXT_BYTES = 5 * 1024;

/** What a binding points at must be there, and what it holds not too large. */
function checkTarget(state, script, binding, metadata) {
  switch (binding.type) {
    case "plain_text":
    case "secret_text":
      return checkSize(binding.name, binding.text);
    case "json":
      return checkSize(binding.name, JSON.stringify(binding.json));
    case "service":
      return checkService(state, script, binding);
    case "durable_object_namespace":
      return checkNamespace(state, script, binding);
    case "kv_namespace":
      if (state.kv.has(binding.namespace_id)) return;
      throw new Refusal(400, 10041, `KV namespace '${binding.namespace_id}' not found.`);
    case "assets":
      if (metadata.assets || metadata.keep_assets) return;
      throw mistake(`the binding ${binding.name} is to assets, and there are none`);
  }
}

function checkSize(name, text) {
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) {
    throw mistake(`the value of ${name} has more than ${MAX_TEXT_BYTES} bytes`);
  }
}

function checkService(state, script, { name, service, entrypoint }) {
  if (service === script.name) return;
  const target = state.scripts.get(service);
  if (!target) {
    throw new Refusal(
      400,
      10143,
      `Could not resolve service binding '${name}'. Target script '${service}' not found. Please verify the target script and try again.`,
    );
  }
  const known = target.versions[0].entrypoints;
  if (entrypoint && entrypoint !== "default" && !known.includes(entrypoint)) {
    throw new Refusal(
      400,
      10144,
      `Could not resolve service binding '${name}'. Target entrypoint '${entrypoint}' not found for target script '${service}'.`,
    );
  }
}

/** The script's own classes were checked with its migrations. */
function checkNamespace(state, script, { class_name, script_name = script.name }) {
  const owner = script_name === script.name ? script : state.scripts.get(script_name);
  if (!owner) {
    throw new Refusal(
      400,
      10061,
      `Cannot create binding for class '${class_name}' in script '${script_name}' that does not exist.`,
    );
  }
  if (owner.namespaces.has(class_name)) return;
  throw new Refusal(
    400,
    10061,
    `Cannot create binding for class '${class_name}' because it is not currently configured to implement Durable Objects. Ensure a --new-class migration has been applied to it.`,
  );
}
