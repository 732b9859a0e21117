// GitHub's record of a deploy: made before it begins, told how it ended.

/** What GitHub takes of a description, in characters. */
const DESCRIPTION = 140;
/** What the job must be allowed. */
const permission = "deployments: write";

/**
 * @typedef {import("./context.mjs").Context} Context
 * @typedef {import("./github.mjs").Github} Github
 * @typedef {"in_progress" | "success" | "failure" | "error"} State
 */

/**
 * Makes a deployment; it is told that it is in progress by `tellDeployment`.
 *
 * @param {Github} github
 * @param {Context} context
 * @param {string} environment
 * @returns {Promise<number | null>} Its id; none if GitHub itself keeps one for this job.
 */
export async function makeDeployment(github, context, environment) {
  if (await keptByGithub(github, context, environment)) {
    return null;
  }
  const deployment = await github.ask("POST", `/repos/${context.repository}/deployments`, {
    permission,
    body: {
      ref: context.sha,
      environment,
      description: "mizan deploy",
      // This very commit, and now: what must be true before a deploy is the workflow's to say.
      auto_merge: false,
      required_contexts: [],
    },
  });
  return deployment.id;
}

/**
 * @param {Github} github
 * @param {Context} context
 * @param {number} id
 * @param {State} state
 * @param {string} description
 * @param {string} [url] Where the app answers.
 */
export async function tellDeployment(github, context, id, state, description, url) {
  await github.ask("POST", `/repos/${context.repository}/deployments/${id}/statuses`, {
    permission,
    body: {
      state,
      description: description.slice(0, DESCRIPTION),
      log_url: context.runUrl,
      ...(url ? { environment_url: url } : {}),
    },
  });
}

/**
 * For a job with `environment:` GitHub makes a deployment itself, whose log is that job; a second one beside it would
 * only confuse.
 *
 * @param {Github} github
 * @param {Context} context
 * @param {string} environment
 */
async function keptByGithub(github, context, environment) {
  const query = new URLSearchParams({ sha: context.sha, environment });
  const path = `/repos/${context.repository}/deployments`;
  for await (const { id } of github.list(`${path}?${query}`, { permission })) {
    for await (const { log_url: log } of github.list(`${path}/${id}/statuses`, { permission })) {
      if (log?.startsWith(`${context.runUrl}/job`)) {
        return true;
      }
    }
  }
  return false;
}
