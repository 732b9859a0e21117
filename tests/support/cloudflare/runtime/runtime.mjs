// Runs what was uploaded: the processes, what they share, and the visitors' way to them.

import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Cache } from "./cache.mjs";
import { Fleet } from "./fleet.mjs";
import { probe } from "./probe.mjs";
import { Router } from "./router.mjs";
import { createTrafficServer } from "./traffic.mjs";

export class Runtime {
  cache = new Cache();
  #folder;
  #state;
  #router;
  #fleet;

  /** @param {import("../state.mjs").State} state */
  static async start(state) {
    const runtime = new Runtime();
    runtime.#state = state;
    runtime.#folder = await fs.mkdtemp(path.join(os.tmpdir(), "mizan-cf-"));
    const router = new Router(path.join(runtime.#folder, "router.sock"), {
      state,
      cache: runtime.cache,
    });
    runtime.#router = router;
    runtime.#fleet = new Fleet(runtime.#folder, { state, router });
    await router.start(runtime.#fleet);
    return runtime;
  }

  createTrafficServer() {
    return createTrafficServer(this.#state, this.#fleet);
  }

  /** Whether the code of a version starts, and what it exports. */
  check(name, content) {
    return probe(this.#fleet.processes, this.#router, name, content);
  }

  forgetNamespaces(script, namespaces) {
    return this.#fleet.forgetNamespaces(script, namespaces);
  }

  forgetScript(script) {
    return this.#fleet.forgetScript(script);
  }

  /** What the processes that run have printed, by what they are for. */
  logs() {
    return this.#fleet.processes.logs();
  }

  async reset() {
    this.cache.clear();
    await this.#fleet.stopAll();
  }

  async stop() {
    await this.#fleet.processes.end();
    this.#router.stop();
    await fs.rm(this.#folder, { recursive: true, force: true });
  }
}
