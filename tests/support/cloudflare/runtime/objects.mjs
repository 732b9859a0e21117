// One process for each script that has Durable Objects: only one may have the storage. When
// another version is deployed, the old process ends before the new one begins; calls wait.

import fs from "node:fs/promises";
import path from "node:path";
import { versionOf } from "../versions.mjs";
import { objectsVersion } from "./choice.mjs";
import { OBJECTS_SOCKET } from "./version-configs.mjs";

/** How long a switch waits for calls that are under way: one of them may wait for the switch. */
const PATIENCE_MS = 10_000;

export class Objects {
  /** By the script's tag. @type {Map<string, { version: string, started: Promise<object> }>} */
  #held = new Map();
  #processes;
  #configs;

  constructor(processes, configs) {
    this.#processes = processes;
    this.#configs = configs;
  }

  /** The socket of a script's objects, counted until it is released. */
  async use(script) {
    for (;;) {
      const held = this.#current(script);
      const process = await held.started;
      if (this.#held.get(script.tag) !== held) continue;
      if (process.isRunning) return process.use(OBJECTS_SOCKET);
      this.#held.delete(script.tag);
    }
  }

  #current(script) {
    const before = this.#held.get(script.tag);
    const version = objectsVersion(script);
    if (before?.version === version) return before;
    const held = { version, started: this.#replace(script, version, before) };
    this.#held.set(script.tag, held);
    held.started.catch(() => {
      if (this.#held.get(script.tag) === held) this.#held.delete(script.tag);
    });
    return held;
  }

  async #replace(script, id, before) {
    await this.#end(before);
    const folder = this.#processes.newFolder();
    const storage = this.#processes.storageOf(script);
    const version = versionOf(script, id);
    const config = await this.#configs.objects(script, version, folder, storage);
    return this.#processes.launch(folder, config);
  }

  async #end(held) {
    const process = await held?.started.catch(() => null);
    if (!process) return;
    let timer;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS);
    });
    await Promise.race([process.idle(), patience]);
    clearTimeout(timer);
    await this.#processes.stop(process, "SIGTERM");
  }

  /** Namespaces are gone, with what their objects stored. */
  async forget(script, namespaces) {
    if (namespaces.length === 0) return;
    const held = this.#held.get(script.tag);
    this.#held.delete(script.tag);
    await this.#end(held);
    for (const { id } of namespaces) {
      const folder = path.join(this.#processes.storageOf(script), id);
      await fs.rm(folder, { recursive: true, force: true });
    }
  }

  clear() {
    this.#held.clear();
  }
}
