// The local data plane in its real layout: a hub process that outlives releases, and a process
// per release, both workerd, with sockets handed over as the tool hands them over.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs/promises";
import http from "node:http";
import { createRequire } from "node:module";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { boardData } from "./data.mjs";
import { FakeOrigin } from "./origin.mjs";
import { eventually, withResolvers } from "./promises.mjs";

export const TEMPLATES = new URL("../../../templates/", import.meta.url).pathname;
const SOURCES = ["hub.js", "edge.js", "render.js", "hub", "edge", "render", "local"];
const BUNDLE = new URL("bundle.js", import.meta.url).pathname;

/** The first descriptor after stdin, stdout and stderr. */
const HANDED_OVER = 3;

/**
 * How long the Edge waits for the Hub, and for another's question. Its own limits are right for visitors; here a
 * machine that is busy for a second must not be taken for a Hub that is away. One that is stopped refuses at once.
 */
const PATIENT = {
  "edge/hub-client.js": ["READ_TIMEOUT_MS", "WRITE_TIMEOUT_MS"],
  "edge/contexts.js": ["SHARED_WAIT_MS"],
};
const PATIENCE_MS = 600_000;

export class Plane {
  #folder = "";
  #hub = null;
  #releases = [];
  port = 0;

  /** @param {{ data?: object, assets?: Record<string, string>, publicUrl?: string, purgeKey?: string }} [options] */
  static async start(options = {}) {
    const plane = new Plane();
    plane.publicUrl = options.publicUrl ?? "http://board.localhost:8000";
    plane.purgeKey = options.purgeKey;
    plane.#folder = await fs.mkdtemp(path.join(os.tmpdir(), "mizan-plane-"));
    plane.origin = await FakeOrigin.start();
    try {
      await plane.startHub();
      plane.port = await plane.startRelease(options);
      return plane;
    } catch (error) {
      await plane.stop();
      throw error;
    }
  }

  /** At once: after a test that failed, a request may be under way that nobody answers any more. */
  async stop() {
    for (const child of [...this.#releases, this.#hub]) await end(child, "SIGKILL");
    await this.origin.stop();
    await fs.rm(this.#folder, { recursive: true, force: true });
  }

  get hubSocket() {
    return path.join(this.#folder, "hub.sock");
  }

  async startHub() {
    const storage = path.join(this.#folder, "storage");
    await fs.mkdir(storage, { recursive: true });
    await fs.rm(this.hubSocket, { force: true });
    this.#hub = startWorkerd(TEMPLATES, "hub", {
      flags: [`--socket-addr=hub=unix:${this.hubSocket}`, `--directory-path=storage=${storage}`],
    });
    await eventually(async () => (await this.askHub("GET", "/v1/log")).status === 200);
  }

  async stopHub(signal) {
    await end(this.#hub, signal);
    this.#hub = null;
  }

  /** Its storage is lost. */
  forgetHub() {
    return fs.rm(path.join(this.#folder, "storage"), { recursive: true });
  }

  /** Start a release (a second one beside the first, if called again). @returns the Edge's port */
  async startRelease({ data = {}, assets = {} } = {}) {
    const content = boardData(data);
    const folder = path.join(this.#folder, `release-${this.#releases.length}`);
    await writeRelease(folder, content, assets);
    const { child, port } = await serveOnPort(folder, "release", {
      flags: [
        `--external-addr=hub=unix:${this.hubSocket}`,
        `--directory-path=assets=${folder}/assets`,
      ],
      env: {
        MIZAN_ORIGIN: this.origin.url,
        MIZAN_PUBLIC_URL: this.publicUrl,
        MIZAN_SIGNING_KEY: "a key for tests",
        ...(this.purgeKey && { MIZAN_PURGE_KEY: this.purgeKey }),
      },
    });
    this.#releases.push(child);
    const ready = () => request({ port, path: "/__mizan/ready" });
    await eventually(async () => (await ready()).json().release === content.release);
    return port;
  }

  /** What the first release's process has printed. */
  releaseLog() {
    return this.#releases[0].log;
  }

  /** Ask the Edge. The path goes out as it is written. */
  ask(path, options = {}) {
    return request({ port: this.port, path, ...options });
  }

  get(path, headers = {}) {
    return this.ask(path, { headers });
  }

  call(name, params, headers = {}, port = this.port) {
    return this.ask("/api/mizan/call/", {
      port,
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify({ function: name, params }),
    });
  }

  askHub(method, path, value) {
    const body = value && JSON.stringify(value);
    return request({ socketPath: this.hubSocket, path, method, body, headers: { Host: "hub" } });
  }

  /** Ask until the store answers, and fail if it never does. */
  async warm(path) {
    let answer;
    await eventually(async () => {
      answer = await this.get(path);
      return answer.isHit;
    });
    return answer;
  }
}

/** An HTTP exchange without a client's good manners: no normalised path, any header. */
export function request({ port, socketPath, path, method = "GET", headers = {}, body }) {
  const { promise, resolve, reject } = withResolvers();
  const where = socketPath ? { socketPath } : { host: "127.0.0.1", port };
  const host = { Host: "board.localhost:8000", ...headers };
  const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
  const outgoing = http.request({ ...where, path, method, headers: { ...host, ...length } });
  outgoing.on("error", reject);
  outgoing.on("response", async (response) => {
    try {
      resolve(answerOf(response, Buffer.concat(await response.toArray())));
    } catch (error) {
      reject(error);
    }
  });
  outgoing.end(body);
  return promise;
}

function answerOf(response, bytes) {
  const { statusCode: status, headers } = response;
  const text = bytes.toString();
  return {
    status,
    headers,
    text,
    bytes,
    json: () => JSON.parse(text),
    isHit: /; hit/.test(headers["cache-status"] ?? ""),
    cookies: (headers["set-cookie"] ?? []).map((cookie) => cookie.split(";")[0]).join("; "),
  };
}

/** @param {{ patient?: boolean }} [options] false: the Edge's own limits */
export async function writeRelease(folder, data, assets, { patient = true } = {}) {
  await fs.mkdir(path.join(folder, "assets"), { recursive: true });
  for (const source of SOURCES) {
    await fs.cp(path.join(TEMPLATES, source), path.join(folder, source), { recursive: true });
  }
  for (const [file, limits] of Object.entries(patient ? PATIENT : {})) {
    await makePatient(path.join(folder, file), limits);
  }
  await fs.copyFile(BUNDLE, path.join(folder, "bundle.js"));
  await fs.writeFile(path.join(folder, "mizan-data.js"), `export default ${JSON.stringify(data)}`);
  for (const [name, text] of Object.entries(assets)) {
    const file = path.join(folder, "assets", name);
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, text);
  }
}

async function makePatient(file, limits) {
  let text = await fs.readFile(file, "utf8");
  for (const limit of limits) {
    const definition = new RegExp(`^const ${limit} = .*;$`, "m");
    assert.match(text, definition, `${file} has no ${limit}`);
    text = text.replace(definition, `const ${limit} = ${PATIENCE_MS};`);
  }
  await fs.writeFile(file, text);
}

/** The listening socket is handed over, as the tool does it: nobody is refused meanwhile. */
export async function serveOnPort(folder, name, { flags, env }) {
  const listener = net.createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address();
  const handed = [`--socket-fd=edge=${HANDED_OVER}`, ...flags];
  const child = startWorkerd(folder, name, { flags: handed, env, fds: [listener._handle.fd] });
  listener.close();
  return { child, port };
}

export function startWorkerd(folder, name, { flags, env = {}, fds = [] }) {
  const args = ["serve", path.join(folder, "local", `${name}.capnp`), name, ...flags];
  const child = spawn(workerdBinary(), args, { env, stdio: ["ignore", "pipe", "pipe", ...fds] });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  child.log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      child.log += data;
      if (process.env.MIZAN_TEST_LOG) process.stderr.write(data);
    });
  }
  return child;
}

export async function end(child, signal = "SIGTERM") {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, "exit");
}

/** The platform's own binary: the package's launcher is a Node script where install scripts are off. */
function workerdBinary() {
  if (process.env.MIZAN_WORKERD) return process.env.MIZAN_WORKERD;
  const require = createRequire(path.join(TEMPLATES, "node_modules", "workerd", "package.json"));
  const arch = process.arch === "x64" ? "64" : process.arch;
  return require.resolve(`@cloudflare/workerd-${process.platform}-${arch}/bin/workerd`);
}
