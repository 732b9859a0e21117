// Holds the data of contexts: what the server rendered, what was fetched since, and what a mutation made stale.

/** @typedef {{name: string, params: Record<string, unknown>}} Context */
/** @typedef {{status: "loading" | "ready" | "error", data?: any, error?: Error}} Snapshot what a component sees of it */

const LOADING = { status: "loading" };

export class Store {
  #entries = new Map();
  #read;

  /** @param {(Context & {data: any})[]} rendered the contexts that came with the page
   *  @param {(name: string, params: object) => Promise<any>} read fetches one */
  constructor(rendered, read) {
    this.#read = read;
    for (const { name, params, data } of rendered) {
      Object.assign(this.#entry(name, params), {
        snapshot: { status: "ready", data },
        fresh: true,
      });
    }
  }

  /** @returns {Snapshot} */
  snapshot(name, params) {
    return this.#entry(name, params).snapshot;
  }

  /** Call `listener` on each change. What appears on the screen is fetched, while the data of its last appearance is
   *  shown; only what came with the page is new enough the first time. */
  subscribe(name, params, listener) {
    const entry = this.#entry(name, params);
    const appears = entry.listeners.size === 0;
    entry.listeners.add(listener);
    if (appears && !entry.fresh && !entry.fetching) this.#fetch(entry);
    entry.fresh = false;
    return () => entry.listeners.delete(listener);
  }

  /** Fetch again what is on the screen and named by `invalidate`, and forget what is named but not on the screen. */
  async invalidate(invalidate) {
    const stale = [...this.#entries].filter(([, entry]) =>
      invalidate.some((scope) => covers(scope, entry)),
    );
    await Promise.all(
      stale.map(([key, entry]) =>
        entry.listeners.size ? this.#fetch(entry) : this.#entries.delete(key),
      ),
    );
  }

  #entry(name, params) {
    const key = keyOf(name, params);
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = {
        name,
        params,
        snapshot: LOADING,
        listeners: new Set(),
        fresh: false,
        fetching: null,
      };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  async #fetch(entry) {
    const attempt = {};
    entry.fetching = attempt;
    const snapshot = await this.#read(entry.name, entry.params).then(
      (data) => ({ status: "ready", data }),
      (error) => ({ status: "error", error }),
    );
    if (entry.fetching !== attempt) return; // a later fetch knows better
    entry.fetching = null;
    entry.snapshot = snapshot;
    for (const listener of entry.listeners) listener();
  }
}

/** Parameters are compared as text: a path gives "3" where an answer gives 3. */
function keyOf(name, params) {
  return JSON.stringify([
    name,
    Object.entries(params)
      .map(([k, v]) => [k, String(v)])
      .sort(),
  ]);
}

/** Does this item of `invalidate` (a name, or a name with parameters) cover the entry? */
function covers(scope, entry) {
  const { context, params = {} } = typeof scope === "string" ? { context: scope } : scope;
  const agrees = ([k, v]) => !(k in entry.params) || String(entry.params[k]) === String(v);
  return entry.name === context && Object.entries(params).every(agrees);
}
