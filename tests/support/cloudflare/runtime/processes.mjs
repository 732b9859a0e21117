// All workerd processes of the stand-in, and the folder that they are in.

import fs from "node:fs/promises";
import path from "node:path";
import { Workerd } from "./workerd.mjs";

export class Processes {
  #folder;
  #running = new Set();
  #count = 0;
  #ended = false;

  /** @param {string} folder its name is short: the path of a socket has a limit */
  constructor(folder) {
    this.#folder = folder;
  }

  /** A folder for a process that is started next. */
  newFolder() {
    this.#count += 1;
    return path.join(this.#folder, String(this.#count));
  }

  /** Where a script's Durable Objects are, whichever process has them. */
  storageOf(script) {
    return path.join(this.#folder, "storage", script.tag);
  }

  /** @param {object} config as `Workerd.start` takes it @returns {Promise<Workerd>} */
  async launch(folder, config) {
    const process = new Workerd(folder);
    this.#running.add(process);
    try {
      await process.start(config);
      if (this.#ended) throw new Error("the stand-in has ended");
      return process;
    } catch (error) {
      await this.stop(process);
      throw error;
    }
  }

  /** @param {Workerd} process @param {"SIGTERM" | "SIGKILL"} [signal] */
  async stop(process, signal) {
    this.#running.delete(process);
    await process.stop(signal);
  }

  async stopAll() {
    await Promise.all([...this.#running].map((process) => this.stop(process)));
    await fs.rm(path.join(this.#folder, "storage"), { recursive: true, force: true });
  }

  async end() {
    this.#ended = true;
    await this.stopAll();
  }

  /** What those that run have printed. */
  logs() {
    const entries = [...this.#running].map(({ folder, log }) => [path.basename(folder), log]);
    return Object.fromEntries(entries);
  }
}
