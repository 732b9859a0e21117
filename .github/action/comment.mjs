// The one comment of a pull request per app and environment: made by the first plan, brought up to date by the others.

import { GithubError } from "./github.mjs";
import { cut } from "./markdown.mjs";

/** What GitHub takes of a comment, in characters. */
const LONGEST = 65_536;
/** How often a comment is made that may have been made already. */
const TRIES = 3;
/** What the job must be allowed. */
const permission = "pull-requests: write";

/**
 * @typedef {import("./context.mjs").Context} Context
 * @typedef {import("./github.mjs").Github} Github
 */

/**
 * @param {Github} github
 * @param {Context} context
 * @param {string} key Which comment: one per app and environment.
 * @param {string} body
 * @returns {Promise<"created" | "updated">}
 */
export async function putComment(github, context, key, body) {
  const marker = `<!-- mizan-plan ${Buffer.from(key).toString("base64url")} -->`;
  const rest = `The rest is in the summary of [the run](${context.runUrl}).`;
  const text = cut(`${marker}\n${body}`, LONGEST, rest);
  for (let attempt = 1; ; attempt += 1) {
    const known = await find(github, context, marker);
    if (known !== null) {
      const path = `/repos/${context.repository}/issues/comments/${known}`;
      await github.ask("PATCH", path, { body: { body: text }, permission });
      return "updated";
    }
    try {
      const path = `/repos/${context.repository}/issues/${context.pullRequest?.number}/comments`;
      await github.ask("POST", path, { body: { body: text }, permission, once: true });
      return "created";
    } catch (error) {
      // It may be there although no answer came: looked for again, so that there are never two.
      if (!(error instanceof GithubError && error.passing) || attempt === TRIES) {
        throw error;
      }
      await github.pause(attempt);
    }
  }
}

/**
 * The comment of an earlier run. Anybody can write the marker into a comment of their own, and would then own what we
 * write there: only that of a bot counts, or that of whom the token belongs to.
 *
 * @param {Github} github
 * @param {Context} context
 * @param {string} marker
 * @returns {Promise<number | null>}
 */
async function find(github, context, marker) {
  const path = `/repos/${context.repository}/issues/${context.pullRequest?.number}/comments`;
  const byPeople = [];
  for await (const comment of github.list(path, { permission })) {
    if (!comment.body?.startsWith(marker)) {
      continue;
    }
    if (comment.user?.type === "Bot") {
      return comment.id;
    }
    byPeople.push(comment);
  }
  if (byPeople.length === 0) {
    return null;
  }
  const login = await ownLogin(github);
  return byPeople.find(({ user }) => login !== null && user?.login === login)?.id ?? null;
}

/**
 * Who the token belongs to, if to a person.
 * @param {Github} github
 * @returns {Promise<string | null>}
 */
async function ownLogin(github) {
  try {
    return (await github.ask("GET", "/user")).login;
  } catch (error) {
    if (error instanceof GithubError && (error.status === 401 || error.status === 403)) {
      return null;
    }
    throw error;
  }
}
