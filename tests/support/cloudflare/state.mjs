// What the stand-in remembers: everything lives here, nothing on disk. Who changes it are the
// endpoints in `api/` and the control; who reads it is the runtime.

import crypto from "node:crypto";
import { DEFAULT_TOKEN } from "./api/permissions.mjs";

export const ACCOUNT_ID = "a".repeat(32);

export class State {
  addresses = {};
  account = { id: ACCOUNT_ID, name: "Somebody's account" };
  user = { id: "3".repeat(32), email: "somebody@example.com" };
  /** The account's subdomain of workers.dev; null until it is registered. */
  subdomain = "somebody";
  #ids = 0;
  #turn = Promise.resolve();

  constructor() {
    this.reset();
  }

  /** As it was at the start. */
  reset() {
    this.subdomain = "somebody";
    /** By their secret. @type {Map<string, object>} */
    this.tokens = new Map([[DEFAULT_TOKEN, { id: this.newId(), permissions: null, zones: null }]]);
    /** @type {object[]} */
    this.zones = [];
    /** Records by zone id. @type {Map<string, object[]>} */
    this.dns = new Map();
    /** Routes by zone id. @type {Map<string, object[]>} */
    this.routes = new Map();
    /** @type {object[]} */
    this.domains = [];
    /** By name. @type {Map<string, object>} */
    this.scripts = new Map();
    /** Contents by hash: `{ type, content }`. @type {Map<string, object>} */
    this.assets = new Map();
    /** Upload sessions by token. @type {Map<string, object>} */
    this.assetSessions = new Map();
    /** By id. @type {Map<string, object>} */
    this.kv = new Map();
    /** @type {object[]} */
    this.calls = [];
    /** What each was, whole. @type {WeakMap<object, { headers: object, body: Buffer, succeeded: boolean }>} */
    this.requests = new WeakMap();
    this.faults = [];
    /** Hosts outside that a test has placed on this machine: `{ pattern, address }`. */
    this.hosts = [];
  }

  /** Calls are served one after the other, as if the vendor's were atomic. */
  inTurn(serve) {
    const served = this.#turn.then(serve);
    this.#turn = served.catch(() => {});
    return served;
  }

  /** Of 32 hexadecimal digits, like the vendor's; they are counted, so that a run can be repeated. */
  newId() {
    this.#ids += 1;
    return (0xc10df1a2e000n + BigInt(this.#ids)).toString(16).padStart(32, "0");
  }

  newUuid() {
    return crypto.randomUUID();
  }

  now() {
    return new Date().toISOString();
  }

  /** Everything that Cloudflare would know, in a stable order, without secrets. */
  snapshot() {
    const scripts = [...this.scripts.values()].sort(byName).map(scriptSnapshot);
    return {
      account: this.account,
      subdomain: this.subdomain,
      zones: [...this.zones].sort(byName),
      dns: ofZones(this.dns, (one, other) =>
        compare(
          `${one.name} ${one.type} ${one.content}`,
          `${other.name} ${other.type} ${other.content}`,
        ),
      ),
      routes: ofZones(this.routes, (one, other) => compare(one.pattern, other.pattern)),
      domains: [...this.domains].sort((one, other) => compare(one.hostname, other.hostname)),
      kv: [...this.kv.values()].map(({ id, title }) => ({ id, title })),
      scripts,
    };
  }
}

const compare = (one, other) => (one < other ? -1 : Number(one > other));
const byName = (one, other) => compare(one.name, other.name);

function ofZones(map, order) {
  const entries = [...map].sort(([one], [other]) => compare(one, other));
  return Object.fromEntries(entries.map(([zone, items]) => [zone, [...items].sort(order)]));
}

const sha256 = (data) => crypto.createHash("sha256").update(data).digest("hex");

function scriptSnapshot(script) {
  const { tails, versions, ...rest } = script;
  return {
    ...rest,
    namespaces: [...script.namespaces.values()].sort((one, other) =>
      compare(one.class, other.class),
    ),
    tails: [...tails.keys()],
    versions: versions.map(versionSnapshot),
  };
}

function versionSnapshot(version) {
  const { modules, bindings, metadata: _uploaded, ...rest } = version;
  return {
    ...rest,
    modules: modules.map(({ name, type, content }) => ({
      name,
      type,
      bytes: content.length,
      sha256: sha256(content),
    })),
    bindings: [...bindings].sort(byName).map(bindingSnapshot),
  };
}

function bindingSnapshot(binding) {
  if (binding.type === "secret_text") return { ...binding, text: `sha256:${sha256(binding.text)}` };
  if (binding.type !== "secret_key") return binding;
  const { key_base64, key_jwk, ...rest } = binding;
  return { ...rest, key: `sha256:${sha256(JSON.stringify(key_base64 ?? key_jwk))}` };
}
