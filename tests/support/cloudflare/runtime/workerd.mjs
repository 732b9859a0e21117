// A workerd process: started from a configuration in a folder of its own, ready when its sockets
// listen, and counted by those who send it requests.

import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { write } from "./capnp.mjs";

const BINARY = (() => {
  const require = createRequire(import.meta.url);
  const folder = path.dirname(require.resolve("workerd/package.json"));
  return path.join(folder, "bin", "workerd");
})();
const LOG_LINES = 200;

/** It did not start; the message is what it printed. */
export class StartError extends Error {}

export class Workerd {
  /** Requests that it is serving. */
  inFlight = 0;
  lastUsed = 0;
  log = [];
  #child = null;
  #idle = [];

  /** @param {string} folder for its configuration and sockets */
  constructor(folder) {
    this.folder = folder;
  }

  socket(name) {
    return path.join(this.folder, `${name}.sock`);
  }

  /**
   * @param {{ services: object[], sockets: string[][], files: Map<string, Buffer | string> }} config
   *   a socket is its name and the service (with an entrypoint) behind it
   */
  async start({ services, sockets, files }) {
    await fs.mkdir(this.folder, { recursive: true });
    for (const [name, content] of files) await fs.writeFile(path.join(this.folder, name), content);
    const text = write({ services, sockets: sockets.map((socket) => this.#socketConfig(socket)) });
    const file = path.join(this.folder, "config.capnp");
    const head =
      'using Workerd = import "/workerd/workerd.capnp";\nconst config :Workerd.Config = ';
    await fs.writeFile(file, `${head}${text};\n`);
    const child = spawn(BINARY, ["serve", "--experimental", "--control-fd=3", file, "config"], {
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      cwd: this.folder,
    });
    this.#child = child;
    this.ended = once(child, "exit").catch(() => {});
    this.#remember(child.stdout);
    this.#remember(child.stderr);
    await this.#listening(child, sockets.length);
  }

  #socketConfig([name, service, entrypoint]) {
    return {
      name,
      address: `unix:${this.socket(name)}`,
      http: { ...HTTP_OPTIONS, capnpConnectHost: "rpc" },
      service: { name: service, entrypoint },
    };
  }

  #remember(stream) {
    let rest = "";
    stream.setEncoding("utf8").on("data", (chunk) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop();
      this.log = [...this.log, ...lines].slice(-LOG_LINES);
    });
  }

  /** Until all sockets listen. */
  async #listening(child, sockets) {
    const messages = child.stdio[3];
    let seen = "";
    const ready = new Promise((resolve) => {
      messages.setEncoding("utf8").on("data", (chunk) => {
        seen += chunk;
        if (seen.split('"listen"').length > sockets) resolve(true);
      });
    });
    const failed = once(child, "close").then(() => false);
    if (await Promise.race([ready, failed])) return;
    throw new StartError(this.log.join("\n"));
  }

  get isRunning() {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  /** Counts a request until `release` is called. @returns {() => void} release */
  use() {
    this.inFlight += 1;
    this.lastUsed = Date.now();
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.inFlight -= 1;
      if (this.inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
    };
  }

  /** Until it serves nothing. */
  async idle() {
    if (this.inFlight > 0) await new Promise((resolve) => this.#idle.push(resolve));
  }

  /** @param {"SIGTERM" | "SIGKILL"} [signal] SIGTERM lets it close its storage */
  async stop(signal = "SIGKILL") {
    if (this.isRunning) {
      this.#child.kill(signal);
      const patience = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
      await this.ended;
      clearTimeout(patience);
    }
    await fs.rm(this.folder, { recursive: true, force: true });
  }
}

/** How processes speak HTTP with the router: scheme and `request.cf` travel in headers of ours. */
export const HTTP_OPTIONS = {
  forwardedProtoHeader: "x-stand-in-proto",
  cfBlobHeader: "x-stand-in-cf",
};
