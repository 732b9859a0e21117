// Migrations: which classes of a script are Durable Objects, and which namespace each has. They
// are atomic, and a version from before one cannot be deployed after it.

import { mistake, Refusal } from "./answers.mjs";

/**
 * The namespaces and the tag after an upload; nothing is changed yet.
 * @param {object} state @param {object} script @param {object} metadata
 */
export function migrated(state, script, { migrations, exports }) {
  const next = { tag: script.migration_tag, namespaces: new Map(script.namespaces) };
  if (migrations) apply(state, script, migrations, next);
  for (const [name, { type, storage }] of Object.entries(exports ?? {})) {
    if (type !== "durable-object" || next.namespaces.has(name)) continue;
    create(state, script, next.namespaces, name, storage !== "legacy-kv");
  }
  return next;
}

function apply(state, script, migrations, next) {
  const { old_tag, new_tag, steps = [migrations] } = migrations;
  if ((old_tag ?? null) !== (script.migration_tag ?? null)) {
    const current = script.migration_tag ? ` '${script.migration_tag}'` : " empty";
    throw new Refusal(412, 10079, `Migration tag precondition failed; current tag is${current}`);
  }
  for (const step of steps) applyStep(state, script, step, next.namespaces);
  next.tag = new_tag ?? next.tag;
}

function applyStep(state, script, step, namespaces) {
  const target = step.new_classes?.[0];
  if (target) {
    throw new Refusal(
      400,
      10099,
      "Creating new key-value backed Durable Object namespaces is no longer supported on this account. Please create a namespace using a `new_sqlite_classes` migration instead.",
    );
  }
  for (const name of step.new_sqlite_classes ?? []) create(state, script, namespaces, name, true);
  for (const { from, to } of step.renamed_classes ?? []) {
    const namespace = take(namespaces, from, "renamed");
    namespaces.set(to, { ...namespace, class: to, name: `${script.name}_${to}` });
  }
  for (const name of step.deleted_classes ?? []) take(namespaces, name, "deleted");
  if (step.transferred_classes?.length > 0) throw mistake("transfers are not served here");
}

function create(state, script, namespaces, name, use_sqlite) {
  if (namespaces.has(name)) {
    throw new Refusal(
      400,
      10074,
      `Cannot apply new-sqlite-class migration to class '${name}' that is already depended on by existing Durable Objects.`,
    );
  }
  const namespace = { id: state.newId(), class: name, script: script.name, use_sqlite };
  namespaces.set(name, { ...namespace, name: `${script.name}_${name}` });
}

function take(namespaces, name, kind) {
  const namespace = namespaces.get(name);
  if (!namespace) {
    throw new Refusal(
      400,
      10074,
      `Cannot apply ${kind}-class migration to non-existent class '${name}'.`,
    );
  }
  namespaces.delete(name);
  return namespace;
}

/**
 * Every class with a namespace must be exported by the code.
 * @param {object} before the script @param {Map<string, object>} namespaces @param {string[]} classes
 */
export function checkExports(before, namespaces, classes) {
  for (const name of namespaces.keys()) {
    if (classes.includes(name)) continue;
    if (before.namespaces.has(name)) {
      throw new Refusal(
        400,
        10064,
        `New version of script does not export class '${name}' which is depended on by existing Durable Objects. If you want to delete the class's Durable Objects, use a delete-class migration.`,
      );
    }
    throw new Refusal(
      400,
      10070,
      `Cannot apply new-sqlite-class migration to class '${name}' that is not exported by script.`,
    );
  }
}
