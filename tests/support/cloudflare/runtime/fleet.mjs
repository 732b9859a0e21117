// The processes: one for each version that has visitors, and for each script one that holds its
// Durable Objects. They are started when they are asked for the first time.

import fs from "node:fs/promises";
import path from "node:path";
import { versionOf } from "../versions.mjs";
import { writeAssets } from "./assets-folder.mjs";
import { objectsVersion } from "./choice.mjs";
import { Config } from "./config.mjs";
import { Workerd } from "./workerd.mjs";

/** Fronts beyond this many are stopped when they are idle, the least recently used first. */
const MAX_FRONTS = 8;
/** How long a switch of Durable Objects waits for requests that may wait for it themselves. */
const SWITCH_PATIENCE_MS = 10_000;

export class Fleet {
  /** By version. @type {Map<string, Promise<Workerd>>} */
  #fronts = new Map();
  /** By the script's tag. @type {Map<string, { version: string, process: Promise<Workerd> }>} */
  #objects = new Map();
  #running = new Set();
  #stopped = false;
  #count = 0;
  #folder;
  #state;
  #router;

  constructor(folder, { state, router }) {
    this.#folder = folder;
    this.#state = state;
    this.#router = router;
  }

  /** A new folder with a short name: the path of a socket has a limit. */
  newFolder() {
    this.#count += 1;
    return path.join(this.#folder, String(this.#count));
  }

  /** Starts a process that is stopped with the others. */
  async launch(folder, config) {
    const process = new Workerd(folder);
    process.connections = new Set();
    this.#running.add(process);
    try {
      await process.start(config);
      // Everything was stopped meanwhile.
      if (this.#stopped) throw new Error("the stand-in has ended");
      return process;
    } catch (error) {
      await this.stop(process);
      throw error;
    }
  }

  async stop(process, signal) {
    this.#running.delete(process);
    for (const connection of process.connections) connection.destroy();
    await process.stop(signal);
  }

  /** A process that serves an entrypoint of a version, counted until `release` is called. */
  async useFront(script, id, entrypoint = "default") {
    const version = versionOf(script, id);
    const process = await this.#front(script, version);
    return this.#used(process, process.socket(socketName(entrypoint)));
  }

  #used(process, socketPath) {
    return { socketPath, release: process.use(), connections: process.connections };
  }

  async #front(script, version) {
    const existing = await this.#fronts.get(version.id);
    if (existing?.isRunning) return existing;
    if (!existing) await this.#evictFronts();
    const started = this.#fronts.get(version.id);
    if (started && started !== existing && !existing) return started;
    const process = this.#startFront(script, version);
    this.#fronts.set(version.id, process);
    process.catch(() => this.#fronts.delete(version.id));
    return process;
  }

  async #startFront(script, version) {
    const folder = this.newFolder();
    const config = new Config(this.#router);
    const resolved = this.#resolved(version);
    const hasMain = config.main(script, resolved, this.#tails(config, script, version));
    let entry = "main";
    if (version.assets) {
      await writeAssets(this.#state, version.assets, path.join(folder, "assets"));
      entry = config.assets(resolved, path.join(folder, "assets"), hasMain);
    }
    config.sockets.push([socketName("default"), entry]);
    for (const name of version.entrypoints) config.sockets.push([socketName(name), "main", name]);
    return this.launch(folder, config);
  }

  #tails(config, script, version) {
    const target = { kind: "tail", script: script.name, version: version.id };
    return { tails: [config.own("tail", "tail.js", { globalOutbound: config.external(target) })] };
  }

  /** With the namespaces that the classes have now. */
  #resolved(version) {
    const bindings = version.bindings.map((binding) => {
      if (binding.type !== "durable_object_namespace") return binding;
      const owner = this.#state.scripts.get(binding.script_name ?? version.script);
      const namespace = owner?.namespaces.get(binding.class_name)?.id;
      return { ...binding, namespace: namespace ?? `gone-${binding.class_name}` };
    });
    return { ...version, bindings };
  }

  async #evictFronts() {
    if (this.#fronts.size < MAX_FRONTS) return;
    const all = await Promise.all(
      [...this.#fronts].map(async ([id, process]) => ({ id, process: await process })),
    );
    const idle = all.filter(({ process }) => process.inFlight === 0);
    idle.sort((one, other) => one.process.lastUsed - other.process.lastUsed);
    for (const { id, process } of idle.slice(0, all.length - MAX_FRONTS + 1)) {
      this.#fronts.delete(id);
      await this.stop(process);
    }
  }

  /** The process with a script's Durable Objects, counted until `release` is called. */
  async useObjects(script) {
    const wanted = objectsVersion(script);
    let held = this.#objects.get(script.tag);
    if (held?.version !== wanted || !(await held.process).isRunning) {
      held = this.#objects.get(script.tag);
      if (held?.version !== wanted || !(await held.process).isRunning) {
        held = { version: wanted, process: this.#switchObjects(script, wanted, held?.process) };
        this.#objects.set(script.tag, held);
      }
    }
    const process = await held.process;
    return this.#used(process, process.socket("objects"));
  }

  /** Only one process may have the storage: the old one ends before the new one begins. */
  async #switchObjects(script, id, old) {
    await this.#endObjects(old);
    const version = versionOf(script, id);
    const folder = this.newFolder();
    const storage = this.#storageOf(script);
    await fs.mkdir(storage, { recursive: true });
    const config = new Config(this.#router);
    const namespaces = [...script.namespaces.values()];
    config.services.push({ name: "storage", disk: { path: storage, writable: true } });
    config.main(script, this.#resolved(version), {
      ...this.#tails(config, script, version),
      durableObjectNamespaces: namespaces.map((namespace) => ({
        className: namespace.class,
        uniqueKey: namespace.id,
        enableSql: namespace.use_sqlite,
      })),
      durableObjectStorage: { localDisk: "storage" },
    });
    config.own("objects", "objects.js", {
      bindings: namespaces.map((namespace) => ({
        name: namespace.class,
        durableObjectNamespace: { className: namespace.class, serviceName: "main" },
      })),
    });
    config.sockets.push(["objects", "objects"]);
    return this.launch(folder, config);
  }

  async #endObjects(old) {
    const process = await old?.catch(() => null);
    if (!process) return;
    let timer;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, SWITCH_PATIENCE_MS);
    });
    await Promise.race([process.idle(), patience]);
    clearTimeout(timer);
    await this.stop(process, "SIGTERM");
  }

  #storageOf = (script) => path.join(this.#folder, "storage", script.tag);

  /** The objects of namespaces that are gone, and what they stored. */
  async forgetNamespaces(script, namespaces) {
    if (namespaces.length === 0) return;
    await this.#endObjects(this.#objects.get(script.tag)?.process);
    this.#objects.delete(script.tag);
    for (const { id } of namespaces) {
      await fs.rm(path.join(this.#storageOf(script), id), { recursive: true, force: true });
    }
  }

  /** A script was deleted: what is under way ends as it ends. */
  async forgetScript(script) {
    for (const { id } of script.versions) {
      const front = this.#fronts.get(id);
      this.#fronts.delete(id);
      front?.then((process) => process.idle().then(() => this.stop(process))).catch(() => {});
    }
    await this.forgetNamespaces(script, [...script.namespaces.values()]);
  }

  /** Ends everything. */
  async stopAll() {
    this.#fronts.clear();
    this.#objects.clear();
    await Promise.all([...this.#running].map((process) => this.stop(process)));
    await fs.rm(path.join(this.#folder, "storage"), { recursive: true, force: true });
  }

  async end() {
    this.#stopped = true;
    await this.stopAll();
  }
}

const socketName = (entrypoint) => `e-${entrypoint}`;
