// Runs mizan, and gathers from its events (docs/events.md) what the run came to.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** How much of what mizan says on standard error is kept, in lines: for when there is no result. */
const KEPT_LINES = 40;
/** What shells report for SIGINT. */
const INTERRUPTED = 130;

/**
 * A place in mizan.yaml or the schema, and what is to be said about it.
 * @typedef {object} Problem
 * @property {"error" | "warning"} level
 * @property {string} file
 * @property {number} line
 * @property {number} column
 * @property {number} end_line
 * @property {number} end_column
 * @property {string} message
 * @property {string} [hint]
 */

/**
 * @typedef {object} Failure
 * @property {string} kind
 * @property {string} message
 * @property {string[]} [causes]
 * @property {string[]} [log]
 * @property {string[]} [hints]
 * @property {string[]} [left_over]
 */

/**
 * What a run came to.
 * @typedef {object} Run
 * @property {number} code The exit code.
 * @property {any} plan The plan, if there was one.
 * @property {string} markdown The same for people.
 * @property {Problem[]} problems
 * @property {string[]} warnings
 * @property {Failure | null} error
 * @property {any} value The result of a command that went well.
 */

/**
 * @param {object} options
 * @param {string} options.binary
 * @param {string[]} options.args
 * @param {string} options.directory
 * @param {NodeJS.ProcessEnv} options.env
 * @param {(event: any) => void} options.onEvent
 * @param {(line: string) => void} options.onLine A line that is no event.
 * @returns {Promise<Run>}
 */
export async function runMizan({ binary, args, directory, env, onEvent, onLine }) {
  const child = spawn(binary, args, {
    cwd: directory,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own: a signal to ours must not reach it a second time, which would abort it.
    detached: true,
  });
  const stopPassing = passSignals(child, onLine);
  /** @type {Run} */
  const run = {
    code: 0,
    plan: null,
    markdown: "",
    problems: [],
    warnings: [],
    error: null,
    value: null,
  };
  /** @type {string[]} */
  const said = [];
  const events = eachLine(child.stdout, (line) => {
    const event = parsed(line);
    if (event === null) {
      onLine(line);
      return;
    }
    note(run, event);
    onEvent(event);
  });
  const words = eachLine(child.stderr, (line) => {
    said.push(line);
    said.splice(0, said.length - KEPT_LINES);
    onLine(line);
  });
  try {
    const [code] = await Promise.all([ended(child), events, words]);
    return settled(run, code, said);
  } finally {
    stopPassing();
  }
}

/**
 * @param {Run} run
 * @param {any} event
 */
function note(run, event) {
  switch (event.event) {
    case "plan":
      run.plan = event.plan;
      run.markdown = event.markdown ?? "";
      break;
    case "problem":
      run.problems.push(event);
      break;
    case "warning":
      run.warnings.push(event.message);
      break;
    case "result":
      run.error = event.ok ? null : event.error;
      run.value = event.ok ? event.value : null;
      break;
  }
}

/**
 * @param {Run} run
 * @param {number} code
 * @param {string[]} said
 * @returns {Run}
 */
function settled(run, code, said) {
  // With a plan, 2 tells of changes (`--detailed-exitcode`).
  const failed = code !== 0 && !(code === 2 && run.plan);
  if (!failed || run.error) {
    return { ...run, code };
  }
  // It ended before it could say why in an event: a wrong argument, or somebody killed it.
  const error = { kind: "failed", message: `mizan ended with ${code}`, log: said };
  return { ...run, code, error };
}

/**
 * When a run is cancelled, the runner sends SIGINT to this process alone, SIGTERM after 7.5 s, and after 2.5 s more it
 * kills everything. mizan takes back what it did at the first signal and would drop it at a second one: it gets one.
 *
 * @param {import("node:child_process").ChildProcess} child
 * @param {(line: string) => void} onLine
 */
function passSignals(child, onLine) {
  let passed = false;
  const pass = () => {
    if (passed) {
      return;
    }
    passed = true;
    onLine("cancelled: mizan takes back what it did, for as long as the runner lets it");
    child.kill("SIGINT");
  };
  process.on("SIGINT", pass).on("SIGTERM", pass);
  return () => process.off("SIGINT", pass).off("SIGTERM", pass);
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<number>}
 */
function ended(child) {
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new Error(`mizan could not be started: ${error.message}`)));
    child.on("close", (code) => resolve(code ?? INTERRUPTED));
  });
}

/**
 * @param {NodeJS.ReadableStream | null} stream
 * @param {(line: string) => void} take
 */
async function eachLine(stream, take) {
  if (stream) {
    for await (const line of createInterface({
      input: stream,
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      take(line);
    }
  }
}

/** @param {string} line */
function parsed(line) {
  try {
    const value = JSON.parse(line);
    return typeof value?.event === "string" ? value : null;
  } catch {
    return null;
  }
}
