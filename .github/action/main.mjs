// The step: installs mizan, runs it, and tells GitHub what came of it.

import { delimiter, dirname, join, relative, resolve } from "node:path";
import { putComment } from "./comment.mjs";
import { readContext } from "./context.mjs";
import { childEnvironment, withoutValues } from "./credentials.mjs";
import { beginDeployment, tellDeployment } from "./deployment.mjs";
import { Github } from "./github.mjs";
import { commandLine, InputError, isPlan, readRequest } from "./inputs.mjs";
import { provide, readOrigin, wanted } from "./install.mjs";
import { logLine, printable } from "./log.mjs";
import { commentBody, cut, summaryBody } from "./markdown.mjs";
import { runMizan } from "./mizan.mjs";
import { Runner } from "./runner.mjs";

/** `EX_USAGE`, as mizan's own (docs/exit-codes.md). */
const USAGE = 64;
/** What GitHub takes of all outputs of a job is 1 MB in UTF-16; larger ones are left out. */
const LONGEST_OUTPUT = 200_000;

const { env } = process;
const runner = new Runner(env, (text) => process.stdout.write(text));

/**
 * @typedef {import("./markdown.mjs").Story} Story
 * @typedef {import("./mizan.mjs").Run} Run
 */

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
  const fork = context.pullRequest?.fork ?? false;
  if (fork && request.command !== "install" && !isPlan(request)) {
    throw new InputError(
      `this change comes from a fork: it may be planned, but \`command: ${request.command}\` is refused`,
    );
  }
  const github = new Github(context.api, request.token);
  const binary = await provide(wanted(request.version, readOrigin(env)), github, {
    origin: readOrigin(env),
    cache: env.RUNNER_TOOL_CACHE ?? join(env.RUNNER_TEMP ?? "/tmp", "tools"),
    env: childEnvironment(env, { trusted: false }),
    token: request.token,
    say: (text) => runner.say(text),
  });
  runner.addPath(dirname(binary));
  if (request.command === "install") {
    return 0;
  }

  const deploys = request.command === "deploy" && !isPlan(request) && request.deployment;
  const deployment = deploys ? await begin(github, context, request.environment) : null;
  const run = await runner.withoutCommands(() =>
    runMizan({
      binary,
      args: commandLine(request, { untrusted: fork }),
      directory: resolve(context.workspace, request.directory),
      env: {
        ...childEnvironment(env, { trusted: !fork }),
        PATH: [dirname(binary), env.PATH].join(delimiter),
      },
      onEvent: (event) => {
        const line = logLine(event);
        if (line !== null) {
          runner.say(line);
        }
      },
      onLine: (line) => runner.say(printable(line)),
    }),
  );
  const story = { run: withoutValues(run, env), request, context, offline: fork };
  await report(github, story, deployment);
  return run.code;
}

/**
 * Whatever becomes of what is told, the step ends as mizan ended: what cannot be told is a warning.
 *
 * @param {Github} github
 * @param {Story} story
 * @param {number | null} deployment
 */
async function report(github, story, deployment) {
  const { run, request, context } = story;
  annotate(story);
  writeOutputs(run);
  const rest = `The rest is in the log of [the run](${context.runUrl}).`;
  const summary = summaryBody(story);
  runner.summary((bytes) => cut(summary, bytes, rest, (text) => Buffer.byteLength(text)));
  if (deployment !== null) {
    await attempt("the deployment", () => end(github, story, deployment));
    runner.state("ended", "true");
  }
  if (request.comment && isPlan(request) && context.pullRequest) {
    await comment(github, story);
  }
}

/**
 * @param {Github} github
 * @param {Story} story
 */
async function comment(github, story) {
  const { request, context } = story;
  if (!context.pullRequest?.writable) {
    runner.say("no comment: GitHub lets no run of a fork write one; the plan is in the summary");
    return;
  }
  // Where mizan.yaml is broken nobody knows the app's name; its folder is always known.
  const key = `${request.directory}\n${request.environment}`;
  await attempt("the comment", async () => {
    const done = await putComment(github, context, key, commentBody(story));
    runner.say(`the comment is ${done}`);
  });
}

/**
 * @param {Github} github
 * @param {import("./context.mjs").Context} context
 * @param {string} environment
 * @returns {Promise<number | null>}
 */
async function begin(github, context, environment) {
  if (environment === "") {
    runner.say("no deployment is recorded on GitHub: `environment` is not given");
    return null;
  }
  return attempt("the deployment", async () => {
    const id = await beginDeployment(github, context, environment);
    if (id !== null) {
      runner.state("deployment", String(id));
    }
    return id;
  });
}

/**
 * @param {Github} github
 * @param {Story} story
 * @param {number} id
 */
async function end(github, { run, context }, id) {
  if (!run.error) {
    const { url, release, changed } = run.value ?? {};
    const said = changed === false ? "nothing to change" : `${release ?? "the release"} is live`;
    await tellDeployment(github, context, id, "success", said, url);
    return;
  }
  const state = run.error.kind === "interrupted" ? "error" : "failure";
  await tellDeployment(github, context, id, state, run.error.message);
}

/**
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} work
 * @returns {Promise<T | null>}
 */
async function attempt(what, work) {
  try {
    return await work();
  } catch (error) {
    const why = /** @type {Error} */ (error).message;
    runner.annotate("warning", why, { title: `mizan: ${what} on GitHub is not up to date` });
    return null;
  }
}

/** @param {Story} story */
function annotate({ run, request, context }) {
  const title = `mizan ${request.command}`;
  for (const problem of run.problems) {
    const path = relative(
      context.workspace,
      resolve(context.workspace, request.directory, problem.file),
    );
    const message = [problem.message, problem.hint && `hint: ${problem.hint}`].filter(Boolean);
    runner.annotate(problem.level, message.join("\n"), { title, ...place(path, problem) });
  }
  const told = run.problems.some(({ level }) => level === "error");
  if (run.error && !told) {
    const causes = (run.error.causes ?? []).map((cause) => `because: ${cause}`);
    const hints = (run.error.hints ?? []).map((hint) => `hint: ${hint}`);
    const message = [run.error.message, ...causes, ...hints].join("\n");
    runner.annotate("error", message, { title: `${title} failed` });
  }
}

/**
 * GitHub takes columns only within one line, and counts the last one in.
 *
 * @param {string} file
 * @param {import("./mizan.mjs").Problem} problem
 */
function place(file, { line, end_line: endLine, column: col, end_column: end }) {
  const columns = line === endLine ? { col, endColumn: Math.max(col, end - 1) } : {};
  return { file, line, endLine, ...columns };
}

/** @param {Run} run */
function writeOutputs({ plan, markdown, value, error }) {
  const changes = plan ? plan.steps.length > 0 : value?.changed;
  const outputs = {
    url: value?.url ?? "",
    release: value?.release ?? "",
    changes: error || changes === undefined ? "" : String(changes),
    plan: markdown,
    "plan-json": plan ? JSON.stringify(plan) : "",
  };
  for (const [name, text] of Object.entries(outputs)) {
    const fits = text.length <= LONGEST_OUTPUT;
    runner.output(name, fits ? text : "");
    if (!fits) {
      runner.annotate("warning", `the output \`${name}\` is empty: GitHub takes no longer ones`);
    }
  }
}
