// What a version looks like to workerd: its modules, its bindings, and everything around them.
// Every way out (services, Durable Objects, cache, tails) leads to the router, which knows what
// is active at that moment.

import fs from "node:fs";
import path from "node:path";
import { embed, Raw } from "./capnp.mjs";
import { HTTP_OPTIONS } from "./workerd.mjs";

const OWN = new URL("./workers/", import.meta.url).pathname;
const VOID = new Raw("void");

export class Config {
  services = [];
  sockets = [];
  /** By the name in the process's folder. @type {Map<string, Buffer | string>} */
  files = new Map();
  #targets;
  #routerSocket;

  /** @param {import("./router.mjs").Router} router */
  constructor(router) {
    this.#targets = router.targets;
    this.#routerSocket = router.socket;
    this.services.push(this.#behindRouter("internet", this.#targets.idOf({ kind: "internet" })));
  }

  /** A service that is somewhere behind the router. @returns its name */
  external(target) {
    const id = this.#targets.idOf(target);
    const name = `external-${id}`;
    if (!this.services.some((service) => service.name === name)) {
      this.services.push(this.#behindRouter(name, id));
    }
    return name;
  }

  #behindRouter(name, id) {
    const http = {
      ...HTTP_OPTIONS,
      injectRequestHeaders: [{ name: "x-stand-in-target", value: id }],
      capnpConnectHost: id,
    };
    return { name, external: { address: `unix:${this.#routerSocket}`, http } };
  }

  /** A Worker of the stand-in itself. @returns its name */
  own(name, file, worker = {}) {
    const modules = [
      { name: file, esModule: this.file(`own-${file}`, fs.readFileSync(path.join(OWN, file))) },
    ];
    this.services.push({ name, worker: { modules, compatibilityDate: "2026-10-01", ...worker } });
    return name;
  }

  /** The version's own Worker. @returns whether it has one */
  main(script, version, more = {}) {
    const modules = this.modules(version);
    if (modules === null) return false;
    this.services.push({
      name: "main",
      worker: {
        ...modules,
        compatibilityDate: version.compatibility_date,
        compatibilityFlags: version.compatibility_flags,
        bindings: version.bindings
          .map((binding) => this.#binding(script, version, binding))
          .filter(Boolean),
        cacheApiOutbound: this.external({ kind: "cache" }),
        ...more,
      },
    });
    return true;
  }

  modules({ metadata, modules }) {
    if (metadata.body_part) {
      const script = modules.find(({ name }) => name === metadata.body_part);
      return { serviceWorkerScript: this.file("script.js", script.content) };
    }
    if (!metadata.main_module) return null;
    const isMain = ({ name }) => Number(name === metadata.main_module);
    const ordered = [...modules].sort((one, other) => isMain(other) - isMain(one));
    return { modules: ordered.map((module, at) => this.#module(module, at)).filter(Boolean) };
  }

  #module({ name, type, content }, at) {
    const kind = MODULE_KINDS[type];
    if (!kind) return null;
    return { name: path.posix.normalize(name), [kind]: this.file(`module-${at}`, content) };
  }

  file(name, content) {
    this.files.set(name, content);
    return embed(name);
  }

  #binding(script, version, binding) {
    const { name } = binding;
    switch (binding.type) {
      case "plain_text":
      case "secret_text":
        return { name, text: binding.text };
      case "json":
        return { name, json: JSON.stringify(binding.json) };
      case "version_metadata":
        return { name, json: JSON.stringify(versionMetadata(version)) };
      case "assets":
        return { name, service: { name: "assets", entrypoint: "AssetWorker" } };
      case "service": {
        const { service, entrypoint = "default" } = binding;
        return { name, service: this.external({ kind: "service", script: service, entrypoint }) };
      }
      case "kv_namespace":
        return { name, kvNamespace: this.external({ kind: "unserved", what: "KV" }) };
      case "durable_object_namespace":
        return { name, durableObjectNamespace: this.#objects(script, binding) };
      default:
        return null;
    }
  }

  /**
   * A namespace whose objects are in another process: here each has a stand-in of the same id,
   * which passes on what it is asked.
   */
  #objects(script, { class_name, script_name = script.name, namespace }) {
    const service = `objects-${script_name}-${class_name}`;
    if (!this.services.some(({ name }) => name === service)) {
      this.own(service, "remote-object.js", {
        bindings: [
          { name: "CLASS", text: class_name },
          { name: "OBJECTS", service: this.external({ kind: "objects", script: script_name }) },
        ],
        durableObjectNamespaces: [
          { className: "RemoteObject", uniqueKey: namespace, preventEviction: true },
        ],
        durableObjectStorage: { inMemory: VOID },
      });
    }
    return { className: "RemoteObject", serviceName: service };
  }

  /** Static assets, in front of the Worker if there is one: the service `assets`. */
  assets({ assets, compatibility_date, compatibility_flags }, folder, hasMain) {
    const { _headers: headers, _redirects: redirects, ...config } = assets.config ?? {};
    this.services.push({
      name: "assets",
      assets: {
        path: folder,
        config: JSON.stringify({ ...config, headers, redirects }),
        ...(hasMain
          ? { userWorker: "main" }
          : { compatibilityDate: compatibility_date, compatibilityFlags: compatibility_flags }),
      },
    });
  }
}

const versionMetadata = ({ id, annotations, created_on }) => ({
  id,
  tag: annotations?.["workers/tag"] ?? "",
  timestamp: created_on,
});

/** Source maps are not modules. */
const MODULE_KINDS = {
  "application/javascript+module": "esModule",
  "text/javascript+module": "esModule",
  "application/javascript": "commonJsModule",
  "text/javascript": "commonJsModule",
  "text/x-python": "pythonModule",
  "text/plain": "text",
  "application/octet-stream": "data",
  "application/wasm": "wasm",
  "application/json": "json",
};
