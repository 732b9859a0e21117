// What people read on GitHub: the comment on a pull request, and the summary of the job.

import { encoded, foreign, printable } from "./text.mjs";

/** What of a commit's id is shown. */
const SHORT_SHA = 7;
/** The end of what is folded away; before an empty line it would not be one. */
const CLOSING = "\n\n</details>";
/** How a run ended, by the kind of its error (docs/exit-codes.md). */
const ENDINGS = /** @type {Record<string, string>} */ ({
  rolled_back: "failed, and was taken back",
  left_over: "failed, and something is left over",
  locked: "found another deploy under way",
  denied: "was not allowed",
  interrupted: "was interrupted",
});

/**
 * @typedef {import("./mizan.mjs").Run} Run
 * @typedef {import("./mizan.mjs").Failure} Failure
 * @typedef {import("./inputs.mjs").Request} Request
 * @typedef {import("./context.mjs").Context} Context
 */

/**
 * What is told, and where it comes from.
 * @typedef {object} Story
 * @property {Run} run
 * @property {Request} request
 * @property {Context} context
 * @property {boolean} offline Planned without credentials.
 */

/**
 * The comment, without its marker. No log lines: others may read it than those who may read logs.
 *
 * @param {Story} story
 * @returns {string}
 */
export function commentBody(story) {
  const { run, context } = story;
  const body = run.error ? [failure(run.error)] : [run.markdown.trim()];
  const of = `<sub>${foreign(context.sha.slice(0, SHORT_SHA))}, [this run](${context.runUrl})</sub>`;
  return [title(story), ...remarks(story), ...body, of].join("\n\n");
}

/**
 * The summary of the job; here the last lines of a log may stand, as beside it.
 *
 * @param {Story} story
 * @returns {string}
 */
export function summaryBody(story) {
  const { run } = story;
  const parts = [title(story), ...remarks(story)];
  if (run.error) {
    parts.push(failure(run.error), ...logOf(run.error));
  } else if (run.value?.url) {
    parts.push(live(run.value));
  }
  if (run.markdown) {
    parts.push(
      run.error || run.value ? folded("The plan", run.markdown.trim()) : run.markdown.trim(),
    );
  }
  return parts.join("\n\n");
}

/** @param {Story} story */
function title({ run, request }) {
  const where = request.directory === "." ? "" : ` (${foreign(request.directory)})`;
  const environment = request.environment ? ` of ${foreign(request.environment)}` : "";
  return `### mizan: ${request.command}${environment}${where}${run.error ? ` ${ENDINGS[run.error.kind] ?? "failed"}` : ""}`;
}

/** @param {Story} story */
function remarks({ run, offline }) {
  const said = offline
    ? [
        "This change comes from a fork, so it was planned without credentials and compared with nothing: this is what a first deploy would create.",
      ]
    : [];
  const warnings = [
    ...run.problems
      .filter(({ level }) => level === "warning")
      .map(({ file, line, message }) => `${file}:${line}: ${message}`),
    ...run.warnings,
  ];
  return [...said, ...warnings.map((text) => `> Warning: ${foreign(text)}`)];
}

/** @param {{url: string, release?: string | null, changed?: boolean, millis?: number}} value */
function live({ url, release, changed, millis }) {
  const name = release ? foreign(release) : "The release";
  const link = /^https?:\/\/[\w.:/-]+$/.test(url) ? `<${url}>` : foreign(url);
  return changed
    ? `${name} is live at ${link}, after ${((millis ?? 0) / 1000).toFixed(1)} s.`
    : `Nothing to change: ${name} is live at ${link}.`;
}

/**
 * An error in the words and the order that it has in a terminal.
 * @param {Failure} error
 */
function failure({ message, causes = [], hints = [], left_over: leftOver = [] }) {
  const lines = [`**error:** ${foreign(message)}`, ""];
  lines.push(...causes.map((cause) => `- because: ${foreign(cause)}`));
  lines.push(...leftOver.map((resource) => `- left over: ${foreign(resource)}`));
  lines.push(...hints.map((hint) => `- hint: ${foreign(hint)}`));
  return lines.join("\n").trim();
}

/** @param {Failure} error */
function logOf({ log = [] }) {
  const lines = log.map((line) => encoded(printable(line))).join("\n");
  return log.length > 0 ? [folded("The last lines of its log", `<pre>${lines}</pre>`)] : [];
}

/**
 * @param {string} summary
 * @param {string} body
 */
function folded(summary, body) {
  return `<details><summary>${summary}</summary>\n\n${body}\n\n</details>`;
}

/**
 * Cuts a text at the end of a line, closes what is open, and says where the rest is.
 *
 * @param {string} text
 * @param {number} length The longest result; `size` says of what.
 * @param {string} rest
 * @param {(text: string) => number} [size]
 * @returns {string}
 */
export function cut(text, length, rest, size = (part) => part.length) {
  if (size(text) <= length) {
    return text;
  }
  const kept = [];
  let [used, open] = [size(`\n\n${rest}`), 0];
  for (const line of text.split("\n")) {
    const opened = open + count(line, "<details>") - count(line, "</details>");
    if (used + size(`${line}\n`) + size(CLOSING) * opened > length) {
      break;
    }
    kept.push(line);
    used += size(`${line}\n`);
    open = opened;
  }
  return `${kept.join("\n")}${CLOSING.repeat(open)}\n\n${rest}`;
}

/**
 * @param {string} text
 * @param {string} part
 */
function count(text, part) {
  return text.split(part).length - 1;
}
