// What is measured, running: the Hub in one workerd, the release with the yardsticks in another, and the origin.

import { once } from "node:events";
import fs from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { end, request, startWorkerd, TEMPLATES } from "../../workers/support/plane.mjs";
import { eventually } from "../../workers/support/promises.mjs";
import { PUBLIC_URL } from "./board.mjs";
import { Origin } from "./origin.mjs";
import { edgeName, SERVICES, SIZES, writeMeasuredRelease } from "./release.mjs";

/** The first descriptor after stdin, stdout and stderr. */
const HANDED_OVER = 3;

export class Bed {
  /** Where each service listens, and the origin. @type {Record<string, number>} */
  ports = {};
  #folder = "";
  #processes = [];

  static async start() {
    const bed = new Bed();
    bed.#folder = await fs.mkdtemp(path.join(os.tmpdir(), "mizan-bench-"));
    bed.origin = await Origin.start();
    bed.ports.origin = bed.origin.port;
    try {
      await bed.#startHub();
      await bed.#startRelease();
      return bed;
    } catch (error) {
      await bed.stop();
      throw error;
    }
  }

  async stop() {
    for (const child of this.#processes) await end(child, "SIGKILL");
    await this.origin.stop();
    await fs.rm(this.#folder, { recursive: true, force: true });
  }

  get #hubSocket() {
    return path.join(this.#folder, "hub.sock");
  }

  async #startHub() {
    const storage = path.join(this.#folder, "storage");
    await fs.mkdir(storage);
    const flags = [
      `--socket-addr=hub=unix:${this.#hubSocket}`,
      `--directory-path=storage=${storage}`,
    ];
    this.#processes.push(startWorkerd(TEMPLATES, "hub", { flags }));
    const log = { socketPath: this.#hubSocket, path: "/v1/log", headers: { Host: "hub" } };
    await eventually(async () => (await request(log)).status === 200);
  }

  async #startRelease() {
    const folder = path.join(this.#folder, "release");
    await writeMeasuredRelease(folder);
    const listeners = await Promise.all(SERVICES.map(listen));
    SERVICES.forEach((name, at) => {
      this.ports[name] = listeners[at].address().port;
    });
    const child = startWorkerd(folder, "release", {
      flags: [
        ...SERVICES.map((name, at) => `--socket-fd=${name}=${HANDED_OVER + at}`),
        `--external-addr=hub=unix:${this.#hubSocket}`,
        `--directory-path=assets=${folder}/assets`,
      ],
      env: {
        MIZAN_ORIGIN: this.origin.url,
        MIZAN_PUBLIC_URL: PUBLIC_URL,
        MIZAN_SIGNING_KEY: "a key for measuring",
      },
      fds: listeners.map((listener) => listener._handle.fd),
    });
    for (const listener of listeners) listener.close();
    this.#processes.push(child);
    for (const size of SIZES) await this.#readiness(this.ports[edgeName(size)], child);
  }

  async #readiness(port, child) {
    await eventually(async () => {
      if (child.exitCode !== null) return true;
      return (await request({ port, path: "/__mizan/ready" })).status === 200;
    });
    if (child.exitCode !== null) throw new Error(`workerd ended: ${child.log}`);
  }
}

async function listen() {
  const listener = net.createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  return listener;
}
