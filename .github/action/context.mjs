// What the runner tells about the run: which repository and commit, whose change it is, where GitHub answers.

import { readFileSync } from "node:fs";

/**
 * A pull request that started the run.
 * @typedef {object} PullRequest
 * @property {number} number
 * @property {boolean} fork Its commits are those of another repository.
 * @property {boolean} writable The run's own token may be allowed to write comments.
 */

/**
 * @typedef {object} Context
 * @property {string} repository The repository that the workflow runs for, as `owner/name`.
 * @property {string} sha The commit that is planned or deployed.
 * @property {string} workspace The folder of the checkout.
 * @property {string} api The base URL of GitHub's REST API.
 * @property {string} runUrl This run, for people.
 * @property {PullRequest | null} pullRequest
 */

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Context}
 */
export function readContext(env) {
  const repository = env.GITHUB_REPOSITORY ?? "";
  const event = readEvent(env.GITHUB_EVENT_PATH);
  const pull = event.pull_request;
  return {
    repository,
    // On `pull_request` GITHUB_SHA is a merge that nobody has made; what people look at is the head.
    sha: pull?.head?.sha ?? env.GITHUB_SHA ?? "",
    workspace: env.GITHUB_WORKSPACE ?? process.cwd(),
    api: env.GITHUB_API_URL ?? "https://api.github.com",
    runUrl: `${env.GITHUB_SERVER_URL ?? "https://github.com"}/${repository}/actions/runs/${env.GITHUB_RUN_ID ?? ""}`,
    pullRequest: pull ? pullRequest(pull, env.GITHUB_EVENT_NAME ?? "") : null,
  };
}

/**
 * @param {any} pull
 * @param {string} eventName
 * @returns {PullRequest}
 */
function pullRequest(pull, eventName) {
  // A fork that was deleted meanwhile has no repository any more.
  const fork = pull.head?.repo?.full_name !== pull.base?.repo?.full_name;
  // GitHub gives the runs of forks a token that only reads, but on `pull_request_target`.
  return { number: pull.number, fork, writable: !fork || eventName === "pull_request_target" };
}

/**
 * @param {string | undefined} path
 * @returns {any}
 */
function readEvent(path) {
  return path ? JSON.parse(readFileSync(path, "utf8")) : {};
}
