// The step: installs mizan, runs it, and has GitHub told what came of it.

import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { readContext } from "./context.mjs";
import { childEnvironment, withoutValues } from "./credentials.mjs";
import { Github } from "./github.mjs";
import { commandLine, InputError, isPlan, readRequest } from "./inputs.mjs";
import { provide, readOrigin, wanted } from "./install.mjs";
import { logLine } from "./log.mjs";
import { runMizan } from "./mizan.mjs";
import { Reporter } from "./report.mjs";
import { Runner } from "./runner.mjs";
import { printable } from "./text.mjs";

/** `EX_USAGE`, as mizan's own (docs/exit-codes.md). */
const USAGE = 64;

const { env } = process;
const runner = new Runner(env, (text) => process.stdout.write(text));

try {
  process.exitCode = await step();
} catch (error) {
  runner.annotate("error", /** @type {Error} */ (error).message, { title: "mizan" });
  process.exitCode = error instanceof InputError ? USAGE : 1;
}

/** @returns {Promise<number>} The exit code. */
async function step() {
  const context = readContext(env);
  const request = readRequest(env);
  const untrusted = context.pullRequest?.fork ?? false;
  if (untrusted && request.command !== "install" && !isPlan(request)) {
    throw new InputError(
      `this change comes from a fork: it may be planned, but \`command: ${request.command}\` is refused`,
    );
  }
  const github = new Github(context.api, request.token);
  const binary = await install(request, github);
  if (request.command === "install") {
    return 0;
  }
  const reporter = new Reporter(runner, github, context, request);
  await reporter.begin();
  const directory = resolve(context.workspace, request.directory);
  const args = commandLine(request, { untrusted });
  const run = await runner.withoutCommands(() => runIn(directory, binary, args, !untrusted));
  await reporter.end(withoutValues(run, env));
  return run.code;
}

/**
 * @param {import("./inputs.mjs").Request} request
 * @param {Github} github
 * @returns {Promise<string>} The path of mizan, which later steps find, too.
 */
async function install({ version, token }, github) {
  const origin = readOrigin(env);
  const binary = await provide(wanted(version, origin), github, {
    origin,
    token,
    cache: env.RUNNER_TOOL_CACHE ?? join(env.RUNNER_TEMP ?? tmpdir(), "tools"),
    env: childEnvironment(env, { trusted: false }),
    say: (text) => runner.say(text),
  });
  runner.addPath(dirname(binary));
  return binary;
}

/**
 * @param {string} directory
 * @param {string} binary
 * @param {string[]} args
 * @param {boolean} trusted
 */
function runIn(directory, binary, args, trusted) {
  const path = [dirname(binary), env.PATH].join(delimiter);
  return runMizan({
    binary,
    args,
    directory,
    env: { ...childEnvironment(env, { trusted }), PATH: path },
    onEvent: (event) => {
      const line = logLine(event);
      if (line !== null) {
        runner.say(line);
      }
    },
    onLine: (line) => runner.say(printable(line)),
  });
}
