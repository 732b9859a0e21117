// wrangler, deploying to the stand-in: its own processes, folders and settings, and a proxy that
// hears whatever it would ask elsewhere.

import { execFile } from "node:child_process";
import fs from "node:fs/promises";
import http from "node:http";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { withResolvers } from "../../../workers/support/promises.mjs";
import { ACCOUNT_ID } from "../state.mjs";

const require = createRequire(import.meta.url);
const NEEDED = [22, 12];

/** wrangler wants a newer Node than everything else here: one comes with its packages. */
function nodeBinary() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return process.execPath;
  return require.resolve(`node-${process.platform}-${process.arch}/bin/node`);
}

export class Wrangler {
  /** What it asked elsewhere than the stand-in. @type {string[]} */
  elsewhere = [];
  /** A command that runs it, such as one that measures. @type {string[]} */
  through = [];
  #proxy = http.createServer((request, response) => {
    this.elsewhere.push(`${request.method} ${request.url}`);
    response.writeHead(502).end();
  });

  /** @param {import("./client.mjs").Client} client */
  static async start(client) {
    const wrangler = new Wrangler();
    wrangler.client = client;
    wrangler.folder = await fs.mkdtemp(path.join(os.tmpdir(), "mizan-wrangler-"));
    const proxy = wrangler.#proxy;
    proxy.on("connect", (request, socket) => {
      wrangler.elsewhere.push(`CONNECT ${request.url}`);
      socket.destroy();
    });
    await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    return wrangler;
  }

  async stop() {
    this.#proxy.close();
    this.#proxy.closeAllConnections();
    await fs.rm(this.folder, { recursive: true, force: true });
  }

  /** A project. @param {object} config of wrangler @param {Record<string, string>} files */
  async project(config, files) {
    const folder = path.join(this.folder, config.name);
    const all = { "wrangler.json": JSON.stringify(config), ...files };
    for (const [name, text] of Object.entries(all)) {
      await fs.mkdir(path.dirname(path.join(folder, name)), { recursive: true });
      await fs.writeFile(path.join(folder, name), text);
    }
    return (...args) => this.run(folder, args);
  }

  /** @param {string[]} args the last may be `{ input }` for stdin @returns {Promise<string>} what it printed */
  run(cwd, args) {
    const { input = "" } = typeof args.at(-1) === "object" ? args.pop() : {};
    const { promise, resolve, reject } = withResolvers();
    const script = path.join(
      path.dirname(require.resolve("wrangler/package.json")),
      "bin",
      "wrangler.js",
    );
    const [program, ...all] = [...this.through, nodeBinary(), script, ...args];
    const child = execFile(
      program,
      all,
      { cwd, env: this.#environment() },
      (error, stdout, stderr) => {
        if (error) reject(new Error(`wrangler ${args.join(" ")}: ${stdout}${stderr}`));
        else resolve(stdout);
      },
    );
    child.stdin.end(input);
    return promise;
  }

  #environment() {
    const proxy = `http://127.0.0.1:${this.#proxy.address().port}`;
    return {
      PATH: process.env.PATH,
      HOME: this.folder,
      TMPDIR: this.folder,
      CI: "true",
      CLOUDFLARE_API_BASE_URL: this.client.fake.api,
      CLOUDFLARE_API_TOKEN: this.client.token,
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT_ID,
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_SEND_ERROR_REPORTS: "false",
      WRANGLER_HIDE_BANNER: "true",
      WRANGLER_LOG_PATH: path.join(this.folder, "logs"),
      DO_NOT_TRACK: "1",
      NO_COLOR: "1",
      HTTP_PROXY: proxy,
      HTTPS_PROXY: proxy,
      NO_PROXY: "127.0.0.1",
    };
  }
}
