// Tells GitHub what came of a run: marks at lines, outputs, the summary, the deployment, the comment. Whatever becomes of
// that, the step ends as mizan ended: what cannot be told is a warning.

import { relative, resolve } from "node:path";
import { putComment } from "./comment.mjs";
import { makeDeployment, tellDeployment } from "./deployment.mjs";
import { isPlan } from "./inputs.mjs";
import { commentBody, cut, summaryBody } from "./markdown.mjs";

/** What GitHub takes of all outputs of a job is 1 MB in UTF-16; larger ones are left out. */
const LONGEST_OUTPUT = 200_000;

/** @typedef {import("./mizan.mjs").Run} Run */

export class Reporter {
  #runner;
  #github;
  #context;
  #request;
  /** @type {number | null} */
  #deployment = null;

  /**
   * @param {import("./runner.mjs").Runner} runner
   * @param {import("./github.mjs").Github} github
   * @param {import("./context.mjs").Context} context
   * @param {import("./inputs.mjs").Request} request
   */
  constructor(runner, github, context, request) {
    this.#runner = runner;
    this.#github = github;
    this.#context = context;
    this.#request = request;
  }

  /** Before mizan runs: a deploy becomes a deployment. */
  async begin() {
    const { command, deployment, environment } = this.#request;
    if (command !== "deploy" || isPlan(this.#request) || !deployment) {
      return;
    }
    if (environment === "") {
      this.#runner.say("no deployment is recorded on GitHub: `environment` is not given");
      return;
    }
    await this.#attempt("the deployment", async () => {
      this.#deployment = await makeDeployment(this.#github, this.#context, environment);
      if (this.#deployment !== null) {
        // Kept first: from here on somebody has to end it.
        this.#runner.state("deployment", String(this.#deployment));
        await this.#tell("in_progress", "mizan deploys");
      }
    });
  }

  /**
   * After mizan has run.
   * @param {Run} run
   */
  async end(run) {
    const offline = this.#context.pullRequest?.fork ?? false;
    const story = { run, request: this.#request, context: this.#context, offline };
    this.#annotate(run);
    this.#writeOutputs(run);
    const summary = summaryBody(story);
    const rest = `The rest is in the log of [the run](${this.#context.runUrl}).`;
    this.#runner.summary((bytes) => cut(summary, bytes, rest, (text) => Buffer.byteLength(text)));
    if (this.#deployment !== null) {
      await this.#attempt("the deployment", () => this.#endDeployment(run));
      this.#runner.state("ended", "true");
    }
    if (this.#request.comment && isPlan(this.#request) && this.#context.pullRequest) {
      await this.#comment(commentBody(story));
    }
  }

  /** @param {Run} run */
  async #endDeployment({ error, value }) {
    if (error) {
      await this.#tell(error.kind === "interrupted" ? "error" : "failure", error.message);
      return;
    }
    const { url, release, changed } = value ?? {};
    const said = changed === false ? "nothing to change" : `${release ?? "the release"} is live`;
    await this.#tell("success", said, url);
  }

  /**
   * @param {import("./deployment.mjs").State} state
   * @param {string} description
   * @param {string} [url]
   */
  async #tell(state, description, url) {
    const id = /** @type {number} */ (this.#deployment);
    await tellDeployment(this.#github, this.#context, id, state, description, url);
  }

  /** @param {string} body */
  async #comment(body) {
    if (!this.#context.pullRequest?.writable) {
      this.#runner.say(
        "no comment: GitHub lets no run of a fork write one; the plan is in the summary",
      );
      return;
    }
    // Where mizan.yaml is broken nobody knows the app's name; its folder is always known.
    const key = `${this.#request.directory}\n${this.#request.environment}`;
    await this.#attempt("the comment", async () => {
      const done = await putComment(this.#github, this.#context, key, body);
      this.#runner.say(`the comment is ${done}`);
    });
  }

  /** @param {Run} run */
  #annotate({ problems, error }) {
    const title = `mizan ${this.#request.command}`;
    const { workspace } = this.#context;
    for (const problem of problems) {
      const file = resolve(workspace, this.#request.directory, problem.file);
      const message = [problem.message, problem.hint && `hint: ${problem.hint}`].filter(Boolean);
      const properties = { title, ...place(relative(workspace, file), problem) };
      this.#runner.annotate(problem.level, message.join("\n"), properties);
    }
    const marked = problems.some(({ level }) => level === "error");
    if (error && !marked) {
      const causes = (error.causes ?? []).map((cause) => `because: ${cause}`);
      const hints = (error.hints ?? []).map((hint) => `hint: ${hint}`);
      const message = [error.message, ...causes, ...hints].join("\n");
      this.#runner.annotate("error", message, { title: `${title} failed` });
    }
  }

  /** @param {Run} run */
  #writeOutputs({ plan, markdown, value, error }) {
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
      this.#runner.output(name, fits ? text : "");
      if (!fits) {
        const message = `the output \`${name}\` is empty: GitHub takes no longer ones`;
        this.#runner.annotate("warning", message);
      }
    }
  }

  /**
   * @param {string} what
   * @param {() => Promise<void>} work
   */
  async #attempt(what, work) {
    try {
      await work();
    } catch (error) {
      const title = `mizan: ${what} on GitHub is not up to date`;
      this.#runner.annotate("warning", /** @type {Error} */ (error).message, { title });
    }
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
