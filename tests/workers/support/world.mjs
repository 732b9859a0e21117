// A small Cloudflare: one Hub, and locations with a cache and several isolates each. The caches and the lines to the Hub are
// in the test's own hands; scripts can be patched.

import { once } from "node:events";
import fs from "node:fs/promises";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { Cache } from "../../support/cloudflare/runtime/cache.mjs";
import { boardData } from "./data.mjs";
import { HubLine } from "./line.mjs";
import { FakeOrigin } from "./origin.mjs";
import { applyPatches } from "./patches.mjs";
import { end, request, startWorkerd, writeRelease } from "./plane.mjs";
import { eventually } from "./promises.mjs";

const PUBLIC_URL = "http://board.localhost:8000";
const CALL = "/api/mizan/call/";
/** The first descriptor after stdin, stdout and stderr. */
const HANDED_OVER = 3;

export class World {
  /** @type {Location[]} */
  locations = [];
  #folder = "";
  #hub = null;

  /**
   * @param {object} [options]
   * @param {number} [options.locations] @param {number} [options.isolates] in each
   * @param {object} [options.data] what differs from the board's
   * @param {import("./patches.mjs").Patch[]} [options.patches]
   * @param {boolean} [options.patient] false: an Edge waits for the Hub as long as it does for visitors
   */
  static async start({
    locations = 2,
    isolates = 2,
    data = {},
    patches = [],
    patient = true,
  } = {}) {
    const world = new World();
    world.#folder = await fs.mkdtemp(path.join(os.tmpdir(), "mizan-world-"));
    world.origin = await FakeOrigin.start();
    try {
      await writeRelease(world.#scripts, boardData(data), {}, { patient });
      await applyPatches(world.#scripts, patches);
      await shapeLocations(world.#scripts, isolates);
      await world.startHub();
      for (let i = 0; i < locations; i += 1) {
        world.locations.push(await Location.create(world.#scripts, `${world.#folder}/${i}`, world));
      }
      await Promise.all(world.locations.map((location) => location.start(isolates)));
      return world;
    } catch (error) {
      await world.stop();
      throw error;
    }
  }

  async stop() {
    for (const location of this.locations) await location.stop();
    await end(this.#hub, "SIGKILL");
    await this.origin.stop();
    await fs.rm(this.#folder, { recursive: true, force: true });
  }

  get #scripts() {
    return path.join(this.#folder, "scripts");
  }

  get hubSocket() {
    return path.join(this.#folder, "hub.sock");
  }

  async startHub() {
    const storage = path.join(this.#folder, "storage");
    await fs.mkdir(storage, { recursive: true });
    await fs.rm(this.hubSocket, { force: true });
    this.#hub = startWorkerd(this.#scripts, "hub", {
      flags: [`--socket-addr=hub=unix:${this.hubSocket}`, `--directory-path=storage=${storage}`],
    });
    await eventually(async () => (await this.hubLog()).epoch !== "");
  }

  async killHub() {
    await end(this.#hub, "SIGKILL");
    this.#hub = null;
  }

  /** Its storage is lost: the next one is another hub. */
  async forgetHub() {
    await fs.rm(path.join(this.#folder, "storage"), { recursive: true });
  }

  /** Not over a line that a test has cut. */
  async hubLog() {
    const answer = await this.#askHub("GET", "/v1/log");
    return answer.json();
  }

  /** As the tool records what changed. */
  record(items, more = {}) {
    return this.#askHub("POST", "/v1/records", { items, window: 0, ...more });
  }

  #askHub(method, path, value) {
    const body = value && JSON.stringify(value);
    return request({ socketPath: this.hubSocket, path, method, body, headers: { Host: "hub" } });
  }
}

export class Location {
  #folder = "";
  #scripts = "";
  #origin = "";
  #child = null;
  #ports = [];
  /** Every `{ url, raw }` that was put into the cache. */
  puts = [];
  /** Milliseconds until the cache does what it is asked, as `cacheDelay()` says. */
  cacheDelay = () => 0;
  #cache = new Cache((url, raw) => this.puts.push({ url, raw: raw.toString("latin1") }));
  #cacheServer = http.createServer(async (request, response) => {
    const delay = this.cacheDelay();
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    this.#cache.serve(request, response);
  });

  static async create(scripts, folder, world) {
    await fs.mkdir(folder, { recursive: true });
    const location = new Location();
    location.line = await HubLine.start(`${folder}/line.sock`, world.hubSocket);
    location.#folder = folder;
    location.#scripts = scripts;
    location.#origin = world.origin.url;
    location.#cacheServer.keepAliveTimeout = 0;
    location.#cacheServer.listen(`${folder}/cache.sock`);
    await once(location.#cacheServer, "listening");
    return location;
  }

  /** All isolates are cold; the cache is as it was. */
  async start(isolates = this.#ports.length) {
    const listeners = await Promise.all(Array.from({ length: isolates }, listen));
    this.#ports = listeners.map((listener) => listener.address().port);
    this.#child = startWorkerd(this.#scripts, "release", {
      flags: [
        ...listeners.map((_, i) => `--socket-fd=edge-${i}=${HANDED_OVER + i}`),
        `--external-addr=hub=unix:${this.#folder}/line.sock`,
        `--external-addr=cache=unix:${this.#folder}/cache.sock`,
        `--directory-path=assets=${this.#scripts}/assets`,
      ],
      env: {
        MIZAN_ORIGIN: this.#origin,
        MIZAN_PUBLIC_URL: PUBLIC_URL,
        MIZAN_SIGNING_KEY: "a key for tests",
      },
      fds: listeners.map((listener) => listener._handle.fd),
    });
    for (const listener of listeners) listener.close();
    // Without the Hub, so that every isolate still knows nothing of it.
    await eventually(async () => (await this.ask(0, "//")).status > 0);
  }

  /** What is under way there is gone. */
  async kill() {
    await end(this.#child, "SIGKILL");
  }

  async stop() {
    await this.kill();
    this.#cacheServer.closeAllConnections();
    this.#cacheServer.close();
    await this.line.stop();
  }

  /** The cache forgets everything. */
  evict() {
    this.#cache.clear();
  }

  get isolates() {
    return this.#ports.length;
  }

  port(isolate) {
    return this.#ports[isolate];
  }

  ask(isolate, path, options = {}) {
    return request({ port: this.#ports[isolate], path, ...options });
  }

  read(isolate, path, cookies = "") {
    return this.ask(isolate, path, { headers: cookies ? { Cookie: cookies } : {} });
  }

  call(isolate, params, cookies = "", name = "add_comment") {
    return this.ask(isolate, CALL, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(cookies && { Cookie: cookies }) },
      body: JSON.stringify({ function: name, params }),
    });
  }

  /** Until the cache answers. */
  async warm(isolate, path) {
    let answer;
    await eventually(async () => {
      answer = await this.read(isolate, path);
      return answer.isHit;
    });
    return answer;
  }

  /** Until an isolate has certainly begun with what it was asked before: it has done so much since. */
  async roundTrips(isolate, times = 20) {
    for (let i = 0; i < times; i += 1) await this.ask(isolate, "//");
  }
}

async function listen() {
  const listener = net.createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  return listener;
}

/** The Edge as several isolates with one cache, which is outside. @param {string} folder @param {number} isolates */
function shapeLocations(folder, isolates) {
  const file = "local/release.capnp";
  const names = Array.from({ length: isolates }, (_, i) => `edge-${i}`);
  const services = names.map((name) => `(name = "${name}", worker = .edgeWorker)`);
  const sockets = names.map((name) => `(name = "${name}", http = (), service = "${name}")`);
  return applyPatches(folder, [
    { file, from: '(name = "edge", worker = .edgeWorker)', to: services.join(", ") },
    { file, from: '(name = "edge", http = (), service = "edge")', to: sockets.join(", ") },
    {
      file,
      from: '(name = "cache", worker = .cacheWorker)',
      to: '(name = "cache", external = (http = ()))',
    },
  ]);
}
