// The processes that run a version: one for visitors, and one for its Durable Objects.

import fs from "node:fs/promises";
import path from "node:path";
import { writeAssets } from "./assets-folder.mjs";
import { Config } from "./config.mjs";

export class VersionConfigs {
  #state;
  #router;

  constructor(state, router) {
    this.#state = state;
    this.#router = router;
  }

  /** For visitors and for service bindings. @param {string} folder of the process */
  async front(script, version, folder) {
    const config = await this.#config(script, version, folder);
    config.sockets.push([frontSocket("default"), version.assets ? "assets" : "main"]);
    for (const name of version.entrypoints) config.sockets.push([frontSocket(name), "main", name]);
    return config;
  }

  /** For the objects. @param {string} storage the folder that outlives the process */
  async objects(script, version, folder, storage) {
    await fs.mkdir(storage, { recursive: true });
    const namespaces = [...script.namespaces.values()];
    const config = await this.#config(script, version, folder, {
      durableObjectNamespaces: namespaces.map((namespace) => ({
        className: namespace.class,
        uniqueKey: namespace.id,
        enableSql: namespace.use_sqlite,
      })),
      durableObjectStorage: { localDisk: "storage" },
    });
    config.services.push({ name: "storage", disk: { path: storage, writable: true } });
    config.own("objects", "objects.js", {
      bindings: namespaces.map((namespace) => ({
        name: namespace.class,
        durableObjectNamespace: { className: namespace.class, serviceName: "main" },
      })),
    });
    config.sockets.push([OBJECTS_SOCKET, "objects"]);
    return config;
  }

  async #config(script, version, folder, more = {}) {
    const config = new Config(this.#router);
    const target = { kind: "tail", script: script.name, version: version.id };
    const tail = config.own("tail", "tail.js", { globalOutbound: config.external(target) });
    const hasMain = config.main(script, this.#resolved(version), { ...more, tails: [tail] });
    if (version.assets) {
      const assets = path.join(folder, "assets");
      await writeAssets(this.#state, version.assets, assets);
      config.assets(version, assets, hasMain);
    }
    return config;
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
}

export const frontSocket = (entrypoint) => `e-${entrypoint}`;
export const OBJECTS_SOCKET = "objects";
