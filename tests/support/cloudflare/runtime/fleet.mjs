// Everything that runs, behind two questions: who serves this version, who has these objects.

import { Fronts } from "./fronts.mjs";
import { Objects } from "./objects.mjs";
import { Processes } from "./processes.mjs";
import { VersionConfigs } from "./version-configs.mjs";

export class Fleet {
  #fronts;
  #objects;

  /** @param {string} folder for the processes */
  constructor(folder, { state, router }) {
    this.processes = new Processes(folder);
    const configs = new VersionConfigs(state, router);
    this.#fronts = new Fronts(this.processes, configs);
    this.#objects = new Objects(this.processes, configs);
  }

  /** @returns {Promise<{ socketPath: string, release: () => void, connections: Set<object> }>} */
  useFront(script, version, entrypoint) {
    return this.#fronts.use(script, version, entrypoint);
  }

  /** @returns {Promise<{ socketPath: string, release: () => void, connections: Set<object> }>} */
  useObjects(script) {
    return this.#objects.use(script);
  }

  forgetNamespaces(script, namespaces) {
    return this.#objects.forget(script, namespaces);
  }

  async forgetScript(script) {
    this.#fronts.forget(script);
    await this.#objects.forget(script, [...script.namespaces.values()]);
  }

  async stopAll() {
    this.#fronts.clear();
    this.#objects.clear();
    await this.processes.stopAll();
  }
}
