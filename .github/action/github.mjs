// GitHub's REST API, as far as the step needs it: what can pass is tried again, what is refused says why.

import { setTimeout as sleep } from "node:timers/promises";

/** How often something is asked. */
const TRIES = 4;
/** The longest wait that is worth it, in milliseconds: a runner costs money while it waits. */
const LONGEST_WAIT = 60_000;
/** How long one answer may take, in milliseconds. */
const TIMEOUT = 30_000;
/** What a page holds at most. */
const PER_PAGE = 100;

/** GitHub refused, or did not answer. */
export class GithubError extends Error {
  /**
   * @param {string} message
   * @param {number} status The HTTP status; 0 if there was no answer.
   */
  constructor(message, status) {
    super(message);
    this.status = status;
  }

  /** It may go well another time. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/**
 * @typedef {object} Call
 * @property {unknown} [body]
 * @property {string} [permission] What the job must be allowed, e.g. `deployments: write`.
 * @property {string} [accept]
 * @property {boolean} [once] It is not asked twice: it may have been done although no answer came.
 */

export class Github {
  #api;
  #token;
  #wait;

  /**
   * @param {string} api The base URL.
   * @param {string} token
   * @param {(milliseconds: number) => Promise<unknown>} [wait]
   */
  constructor(api, token, wait = sleep) {
    this.#api = api.replace(/\/$/, "");
    this.#token = token;
    this.#wait = wait;
  }

  /**
   * Leaves GitHub alone for a while.
   * @param {number} attempt How often it was asked.
   */
  async pause(attempt) {
    await this.#wait(backOff(attempt));
  }

  /**
   * Asks, and gives the answer's JSON.
   *
   * @param {string} method
   * @param {string} path
   * @param {Call} [call]
   * @returns {Promise<any>}
   */
  async ask(method, path, call = {}) {
    const response = await this.#send(method, path, call);
    return response.json();
  }

  /**
   * All of a list, page by page.
   *
   * @param {string} path
   * @param {Call} call
   * @returns {AsyncGenerator<any>}
   */
  async *list(path, call) {
    const separator = path.includes("?") ? "&" : "?";
    for (let page = 1; ; page += 1) {
      const items = await this.ask(
        "GET",
        `${path}${separator}per_page=${PER_PAGE}&page=${page}`,
        call,
      );
      yield* items;
      if (items.length < PER_PAGE) {
        return;
      }
    }
  }

  /**
   * The bytes of a file.
   *
   * @param {string} path
   * @returns {Promise<Buffer>}
   */
  async download(path) {
    const response = await this.#send("GET", path, { accept: "application/octet-stream" });
    return Buffer.from(await response.arrayBuffer());
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Call} call
   * @returns {Promise<Response>}
   */
  async #send(method, path, call) {
    const what = `${method} ${path}`;
    for (let attempt = 1; ; attempt += 1) {
      const response = await this.#fetch(method, path, call).catch((error) => failure(what, error));
      if (response instanceof Response && response.ok) {
        return response;
      }
      const limited = response instanceof Response && isRateLimit(response);
      const error =
        response instanceof Response ? await refusal(what, response, call, limited) : response;
      const again = limited || (error.passing && !call.once);
      const wait = response instanceof Response ? asked(response) : null;
      const milliseconds = wait ?? backOff(attempt);
      if (!again || attempt === TRIES || milliseconds > LONGEST_WAIT) {
        throw error;
      }
      await this.#wait(milliseconds);
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Call} call
   */
  #fetch(method, path, { body, accept = "application/vnd.github+json" }) {
    /** @type {Record<string, string>} */
    const headers = {
      accept,
      "user-agent": "mizan-action",
      "x-github-api-version": "2022-11-28",
      ...(this.#token ? { authorization: `Bearer ${this.#token}` } : {}),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    return fetch(`${this.#api}${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT),
    });
  }
}

/** @param {number} attempt */
function backOff(attempt) {
  return 1000 * 2 ** (attempt - 1);
}

/**
 * @param {string} what
 * @param {any} error
 */
function failure(what, error) {
  const why = error?.cause?.message ?? error?.message ?? String(error);
  return new GithubError(`GitHub did not answer to ${what}: ${why}`, 0);
}

/**
 * GitHub says 403 to both: to who may not, and to who asks too often.
 * @param {Response} response
 */
function isRateLimit(response) {
  const spent = response.headers.get("x-ratelimit-remaining") === "0";
  const told = response.headers.has("retry-after");
  return response.status === 429 || (response.status === 403 && (spent || told));
}

/**
 * How long GitHub wants to be left alone, in milliseconds.
 * @param {Response} response
 * @returns {number | null}
 */
function asked(response) {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  if (Number.isFinite(seconds)) {
    return seconds * 1000;
  }
  const reset = Number(response.headers.get("x-ratelimit-reset") ?? Number.NaN);
  const spent = response.headers.get("x-ratelimit-remaining") === "0";
  return spent && Number.isFinite(reset) ? Math.max(0, reset * 1000 - Date.now()) : null;
}

/**
 * @param {string} what
 * @param {Response} response
 * @param {Call} call
 * @param {boolean} limited
 */
async function refusal(what, response, { permission }, limited) {
  const text = await response.text();
  const message = parsed(text)?.message ?? text.slice(0, 200);
  // To a token that may not see something, GitHub says that it is not there.
  const missing = !limited && (response.status === 403 || response.status === 404) && permission;
  const advice = missing ? `; the job needs \`permissions: {${permission}}\`` : "";
  const told = `GitHub answered ${response.status} to ${what}: ${message}${advice}`;
  return new GithubError(told, limited ? 429 : response.status);
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
