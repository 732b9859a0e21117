// An event of mizan as a line of the job's log.

import { printable } from "./text.mjs";

/** The marks of a plan, as mizan prints them. */
const MARKS = { create: "+", update: "~", replace: "-/+", delete: "-", run: ">" };

/**
 * @param {any} event
 * @returns {string | null} Nothing for what mizan itself says on standard error.
 */
export function logLine(event) {
  const text = words(event);
  return text === null ? null : printable(text);
}

/**
 * @param {any} event
 * @returns {string | null}
 */
function words(event) {
  switch (event.event) {
    case "plan":
      return planLines(event.plan);
    case "problem":
      return event.level === "warning"
        ? `warning: ${event.file}:${event.line}:${event.column}: ${event.message}`
        : null;
    case "step_started":
      return `… ${event.step}`;
    case "step_progress":
      return `… ${event.step}: ${event.message}`;
    case "step_log":
      return `  ${event.step} | ${event.line}`;
    case "step_finished":
      return `✔ ${event.step} (${seconds(event.millis)})`;
    case "step_failed":
      return `✘ ${event.step}: ${event.error.message} (${seconds(event.millis)})`;
    case "interrupted":
      return "interrupted: no further step begins";
    case "undo_started":
      return `↩ ${event.step}`;
    case "undo_finished":
      return `↩ ${event.step}: taken back`;
    case "undo_skipped":
      return `↩ ${event.step} stays: ${event.why}`;
    case "undo_failed":
      return `✘ ${event.step} could not be taken back: ${event.error.message}`;
    case "warning":
      return `warning: ${event.message}`;
    default:
      return null;
  }
}

/** @param {any} plan */
function planLines(plan) {
  const steps = plan.steps.map(
    (/** @type {any} */ { change, resource }) =>
      `  ${MARKS[/** @type {keyof typeof MARKS} */ (change.action)] ?? "?"} ${change.action} ${resource.kind} ${resource.name}`,
  );
  return [steps.length > 0 ? "the plan:" : "the plan: no changes", ...steps].join("\n");
}

/** @param {number} millis */
function seconds(millis) {
  return millis < 1000 ? `${millis} ms` : `${(millis / 1000).toFixed(1)} s`;
}
