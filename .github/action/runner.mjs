// How a step speaks to the runner: commands on standard output, and files that it names.

import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";

/** What GitHub takes of a summary, in bytes, with room for what other writers add. */
const SUMMARY_BYTES = 1_000_000;

/**
 * A place in a file of the repository; lines and columns begin at 1.
 * @typedef {object} Place
 * @property {string} file
 * @property {number} line
 * @property {number} endLine
 * @property {number} [col]
 * @property {number} [endColumn]
 */

export class Runner {
  #env;
  #write;

  /**
   * @param {NodeJS.ProcessEnv} env
   * @param {(text: string) => void} write
   */
  constructor(env, write) {
    this.#env = env;
    this.#write = write;
  }

  /**
   * A line of the log.
   * @param {string} text
   */
  say(text) {
    this.#write(`${text}\n`);
  }

  /**
   * Shows a message beside the run, and at a place in a file if there is one.
   * @param {"error" | "warning" | "notice"} level
   * @param {string} message
   * @param {{title?: string} & Partial<Place>} [properties]
   */
  annotate(level, message, properties = {}) {
    this.#command(level, properties, message);
  }

  /**
   * The runner obeys whatever looks like a command, and programs print what they like. While `work` runs, lines are
   * lines.
   *
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async withoutCommands(work) {
    const token = randomUUID();
    this.#command("stop-commands", {}, token);
    try {
      return await work();
    } finally {
      this.#command(token, {}, "");
    }
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  output(name, value) {
    this.#pair("GITHUB_OUTPUT", name, value);
  }

  /**
   * Keeps a value for the end of the job.
   * @param {string} name
   * @param {string} value
   */
  state(name, value) {
    this.#pair("GITHUB_STATE", name, value);
  }

  /** @param {string} folder */
  addPath(folder) {
    this.#append("GITHUB_PATH", `${folder}\n`);
  }

  /**
   * @param {(bytes: number) => string} markdown The summary, in so many bytes.
   */
  summary(markdown) {
    this.#append("GITHUB_STEP_SUMMARY", `${markdown(SUMMARY_BYTES)}\n`);
  }

  /**
   * @param {string} name
   * @param {Record<string, string | number | undefined>} properties
   * @param {string} message
   */
  #command(name, properties, message) {
    const given = Object.entries(properties).filter(([, value]) => value !== undefined);
    const list = given.map(([key, value]) => `${key}=${escapeProperty(String(value))}`).join(",");
    this.#write(`::${name}${list ? ` ${list}` : ""}::${escapeData(message)}\n`);
  }

  /**
   * @param {string} file
   * @param {string} name
   * @param {string} value
   */
  #pair(file, name, value) {
    // The value cannot end itself: nobody knows the delimiter before.
    const end = `end-${randomUUID()}`;
    this.#append(file, `${name}<<${end}\n${value}\n${end}\n`);
  }

  /**
   * @param {string} variable
   * @param {string} text
   */
  #append(variable, text) {
    const path = this.#env[variable];
    if (path) {
      appendFileSync(path, text);
    }
  }
}

/** @param {string} text */
function escapeData(text) {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

/** @param {string} text */
function escapeProperty(text) {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
