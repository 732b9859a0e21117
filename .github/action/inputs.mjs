// The inputs of the step, and what they ask for.

import { splitWords } from "./words.mjs";

/** The commands of the step, as mizan's own. Others are for a `run:` after this step: mizan is on the path. */
const COMMANDS = {
  plan: ["deploy", "--plan"],
  deploy: ["deploy"],
  rollback: ["rollback"],
  destroy: ["destroy"],
  install: [],
};

/** Arguments of a plan that contradict `--offline`. */
const ONLINE_ONLY = ["--detailed-exitcode"];

/**
 * What the step is asked to do.
 * @typedef {object} Request
 * @property {keyof typeof COMMANDS} command
 * @property {string} environment The environment of mizan.yaml; empty: its only one.
 * @property {string[]} args Further arguments of mizan.
 * @property {string} version The version to install; empty: the one of this action.
 * @property {boolean} comment
 * @property {boolean} deployment
 * @property {string} token
 * @property {string} directory Where mizan runs, relative to the workspace.
 */

/** An input that makes no sense; the message names it. */
export class InputError extends Error {}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Request}
 */
export function readRequest(env) {
  return {
    command: command(input(env, "command") || "plan"),
    environment: input(env, "environment"),
    args: words("args", input(env, "args")),
    version: input(env, "version").replace(/^v(?=\d)/, ""),
    comment: flag(env, "comment"),
    deployment: flag(env, "deployment"),
    token: input(env, "token"),
    directory: input(env, "working-directory") || ".",
  };
}

/**
 * The command line of mizan. `untrusted` is for what somebody outside the repository has written: it is planned from
 * files alone.
 *
 * @param {Request} request
 * @param {{untrusted?: boolean}} [options]
 * @returns {string[]}
 */
export function commandLine(request, { untrusted = false } = {}) {
  const environment = request.environment ? ["--env", request.environment] : [];
  const args = untrusted ? offline(request.args) : request.args;
  // With both, the event of the plan also carries it as Markdown: one plan, looked at once.
  return [...COMMANDS[request.command], "--json", "--format", "markdown", ...environment, ...args];
}

/**
 * True if nothing is to be changed.
 * @param {Request} request
 */
export function isPlan(request) {
  return request.command === "plan" || request.args.includes("--plan");
}

/** @param {string[]} args */
function offline(args) {
  const kept = args.filter((arg, at) => {
    const saved = arg === "--out" || arg.startsWith("--out=") || args[at - 1] === "--out";
    return !saved && !ONLINE_ONLY.includes(arg) && arg !== "--offline";
  });
  return [...kept, "--offline"];
}

/**
 * @param {string} name
 * @returns {keyof typeof COMMANDS}
 */
function command(name) {
  if (Object.hasOwn(COMMANDS, name)) {
    return /** @type {keyof typeof COMMANDS} */ (name);
  }
  const known = Object.keys(COMMANDS).join(", ");
  throw new InputError(
    `\`command: ${name}\` is none of ${known}; for others use \`command: install\` and then \`run: mizan …\``,
  );
}

/**
 * @param {string} name
 * @param {string} text
 */
function words(name, text) {
  try {
    return splitWords(text);
  } catch (error) {
    throw new InputError(`\`${name}\`: ${/** @type {Error} */ (error).message}`);
  }
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string} name
 */
function flag(env, name) {
  const text = input(env, name) || "true";
  if (text !== "true" && text !== "false") {
    throw new InputError(`\`${name}: ${text}\` is neither true nor false`);
  }
  return text === "true";
}

/**
 * The runner keeps the hyphens of a name.
 * @param {NodeJS.ProcessEnv} env
 * @param {string} name
 */
function input(env, name) {
  return (env[`INPUT_${name.toUpperCase()}`] ?? "").trim();
}
