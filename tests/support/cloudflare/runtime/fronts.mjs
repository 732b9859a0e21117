// One process for each version that has visitors. A version that is no longer deployed keeps its
// process until others need the place, so that what is under way ends in its own time.

import { versionOf } from "../versions.mjs";
import { frontSocket } from "./version-configs.mjs";

/** Beyond this many the least recently used that are idle are stopped. */
const MOST = 8;

export class Fronts {
  /** By version. @type {Map<string, Promise<import("./workerd.mjs").Workerd>>} */
  #started = new Map();
  #processes;
  #configs;

  constructor(processes, configs) {
    this.#processes = processes;
    this.#configs = configs;
  }

  /** A socket of an entrypoint of a version, counted until it is released. */
  async use(script, id, entrypoint = "default") {
    const version = versionOf(script, id);
    for (;;) {
      const started = this.#started.get(id) ?? this.#start(script, version);
      const process = await started;
      if (this.#started.get(id) !== started) continue;
      if (process.isRunning) return process.use(frontSocket(entrypoint));
      this.#started.delete(id);
    }
  }

  #start(script, version) {
    const started = this.#launch(script, version);
    this.#started.set(version.id, started);
    started.then(
      () => this.#evict(),
      () => this.#started.delete(version.id),
    );
    return started;
  }

  async #launch(script, version) {
    const folder = this.#processes.newFolder();
    return this.#processes.launch(folder, await this.#configs.front(script, version, folder));
  }

  async #evict() {
    const all = await Promise.allSettled(
      [...this.#started].map(async ([id, started]) => ({ id, process: await started })),
    );
    const idle = all.map(({ value }) => value).filter((front) => front?.process.inFlight === 0);
    idle.sort((one, other) => one.process.lastUsed - other.process.lastUsed);
    const surplus = Math.max(0, this.#started.size - MOST);
    for (const { id, process } of idle.slice(0, surplus)) {
      this.#started.delete(id);
      await this.#processes.stop(process);
    }
  }

  /** A script was deleted: what is under way ends in its own time. */
  forget(script) {
    for (const { id } of script.versions) {
      const started = this.#started.get(id);
      this.#started.delete(id);
      started?.then(
        (process) => process.idle().then(() => this.#processes.stop(process)),
        () => {},
      );
    }
  }

  clear() {
    this.#started.clear();
  }
}
