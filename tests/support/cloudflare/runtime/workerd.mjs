// A workerd process: started from a configuration in a folder of its own, ready when its sockets
// listen, and counted by those who send it requests.

import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { write } from "./capnp.mjs";

const BINARY = createRequire(import.meta.url)("workerd").default;
/** Where Linux's own tool is at hand, a process does not outlive this one, however it ends. */
const COMMAND = fs.existsSync("/usr/bin/setpriv")
  ? ["/usr/bin/setpriv", "--pdeathsig", "KILL", BINARY]
  : [BINARY];
const LOG_LINES = 200;

/** It did not start; the message is what it printed. */
export class StartError extends Error {}

export class Workerd {
  /** Requests that it is serving. */
  inFlight = 0;
  lastUsed = 0;
  /** What it printed last. @type {string[]} */
  log = [];
  /** Connections that carry RPC; they end with the process. */
  connections = new Set();
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
    await fs.promises.mkdir(this.folder, { recursive: true });
    for (const [name, content] of files)
      await fs.promises.writeFile(path.join(this.folder, name), content);
    const text = write({ services, sockets: sockets.map((socket) => this.#socketConfig(socket)) });
    const file = path.join(this.folder, "config.capnp");
    const head =
      'using Workerd = import "/workerd/workerd.capnp";\nconst config :Workerd.Config = ';
    await fs.promises.writeFile(file, `${head}${text};\n`);
    const [command, ...first] = COMMAND;
    const serve = ["serve", "--experimental", "--control-fd=3", file, "config"];
    const child = spawn(command, [...first, ...serve], {
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

  /** One of its sockets, counted as in use until `release` is called. */
  use(name) {
    this.inFlight += 1;
    this.lastUsed = Date.now();
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      this.inFlight -= 1;
      if (this.inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
    };
    return { socketPath: this.socket(name), release, connections: this.connections };
  }

  /** Until it serves nothing. */
  async idle() {
    if (this.inFlight > 0) await new Promise((resolve) => this.#idle.push(resolve));
  }

  /** @param {"SIGTERM" | "SIGKILL"} [signal] SIGTERM lets it close its storage */
  async stop(signal = "SIGKILL") {
    for (const connection of this.connections) connection.destroy();
    if (this.isRunning) {
      this.#child.kill(signal);
      const patience = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
      await this.ended;
      clearTimeout(patience);
    }
    await fs.promises.rm(this.folder, { recursive: true, force: true });
  }
}

/** How processes speak HTTP with the router: scheme and `request.cf` travel in headers of ours. */
export const HTTP_OPTIONS = {
  forwardedProtoHeader: "x-stand-in-proto",
  cfBlobHeader: "x-stand-in-cf",
};
