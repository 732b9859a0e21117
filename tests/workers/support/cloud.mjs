// Hub and Edge with the bindings that they have on Cloudflare, in workerd: what differs from the local data plane. Render is
// a server of the test, which hears how it is asked.

import fs from "node:fs/promises";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { boardData } from "./data.mjs";
import { FakeOrigin } from "./origin.mjs";
import { end, request, serveOnPort, startWorkerd, TEMPLATES, writeRelease } from "./plane.mjs";
import { eventually } from "./promises.mjs";

export const HOST = "board.example.com";

/** Answers with a page, and remembers what it was asked. */
class FakeRender {
  /** Headers of each request. */
  requests = [];
  /** Headers of each answer. */
  headers = {};

  #server = http.createServer(async (incoming, response) => {
    await incoming.toArray();
    this.requests.push(incoming.headers);
    response.writeHead(200, { "Content-Type": "text/html", ...this.headers }).end("<main></main>");
  });

  start() {
    return new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get address() {
    return `127.0.0.1:${this.#server.address().port}`;
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

export class Cloud {
  render = new FakeRender();
  #folder = "";
  #hub = null;
  #releases = [];

  /** The app behind is `origin`; `other` is another one. */
  static async start() {
    const cloud = new Cloud();
    cloud.#folder = await fs.mkdtemp(path.join(os.tmpdir(), "mizan-cloud-"));
    cloud.origin = await FakeOrigin.start();
    cloud.other = await FakeOrigin.start();
    await cloud.render.start();
    return cloud;
  }

  async stop() {
    for (const child of [...this.#releases, this.#hub]) await end(child, "SIGKILL");
    this.render.stop();
    await this.origin.stop();
    await this.other.stop();
    await fs.rm(this.#folder, { recursive: true, force: true });
  }

  get #socket() {
    return path.join(this.#folder, "hub.sock");
  }

  /** A deployment of the Hub: its object's storage stays. @param {Record<string, string>} vars */
  async startHub(vars = {}) {
    await this.stopHub();
    const folder = path.join(this.#folder, "hub");
    const storage = path.join(this.#folder, "storage");
    await fs.mkdir(storage, { recursive: true });
    for (const source of ["hub.js", "hub", "local"]) {
      await fs.cp(path.join(TEMPLATES, source), path.join(folder, source), { recursive: true });
    }
    await edit(path.join(folder, "local", "hub.capnp"), (text) =>
      text.replace(/bindings = \[(.*)\]/, `bindings = [$1, ${bindings(vars).join(", ")}]`),
    );
    await fs.rm(this.#socket, { force: true });
    this.#hub = startWorkerd(folder, "hub", {
      flags: [`--socket-addr=hub=unix:${this.#socket}`, `--directory-path=storage=${storage}`],
    });
    await eventually(async () => (await this.log()) !== undefined);
  }

  async stopHub() {
    await end(this.#hub, "SIGTERM");
    this.#hub = null;
  }

  /** What the Hub tells an Edge. */
  async log(query = "", headers = {}) {
    const answer = await request({
      socketPath: this.#socket,
      path: `/v1/log${query}`,
      headers: { Host: "hub", ...headers },
    });
    return answer.json();
  }

  /** An Edge that knows nothing yet. @param {Record<string, string>} vars @returns how it is asked */
  async startEdge(vars = {}) {
    const folder = path.join(this.#folder, `edge-${this.#releases.length}`);
    await writeRelease(folder, boardData(), {});
    const all = { PUBLIC_URL: `https://${HOST}`, SIGNING_KEY: "a key for tests", ...vars };
    await edit(path.join(folder, "local", "release.capnp"), (text) =>
      text
        .replace(/ *\(name = "(ORIGIN|PUBLIC_URL|SIGNING_KEY)", fromEnvironment.*\n/g, "")
        .replace('(name = "LOCAL", text = "true")', bindings(all).join(", "))
        .replace(
          '(name = "render", worker = .renderWorker)',
          '(name = "render", external = (http = ()))',
        ),
    );
    const { child, port } = await serveOnPort(folder, "release", {
      flags: [
        `--external-addr=hub=unix:${this.#socket}`,
        `--external-addr=render=${this.render.address}`,
        `--directory-path=assets=${folder}/assets`,
      ],
      env: {},
    });
    this.#releases.push(child);
    const ask = (url, { headers = {}, ...options } = {}) =>
      request({ port, path: url, headers: { Host: HOST, ...headers }, ...options });
    // An asset is nobody else's business.
    await eventually(async () => (await ask("//")).status > 0);
    return ask;
  }

  /** Render itself, as a version of that id. @param {string} id @returns how it is asked for a page */
  async startRender(id) {
    const folder = path.join(this.#folder, `render-${id}`);
    await writeRelease(folder, boardData(), {});
    const version = `(name = "VERSION", json = ${JSON.stringify(JSON.stringify({ id }))})`;
    await edit(path.join(folder, "local", "release.capnp"), (text) =>
      text
        .replace('[(name = "LOCAL", text = "true")]', `[${version}]`)
        .replace('http = (), service = "edge"', 'http = (), service = "render"'),
    );
    const { child, port } = await serveOnPort(folder, "release", {
      flags: [
        `--external-addr=hub=unix:${this.#socket}`,
        `--directory-path=assets=${folder}/assets`,
      ],
      env: {},
    });
    this.#releases.push(child);
    const at = { port, path: "/", headers: { Host: "render", "Content-Type": "application/json" } };
    await eventually(async () => (await request(at)).status > 0);
    return (page) => request({ ...at, method: "POST", body: JSON.stringify(page) });
  }
}

const bindings = (vars) =>
  Object.entries(vars).map(([name, text]) => `(name = "${name}", text = ${JSON.stringify(text)})`);

async function edit(file, change) {
  const text = await fs.readFile(file, "utf8");
  const changed = change(text);
  if (changed === text) throw new Error(`${file} is not what was expected`);
  await fs.writeFile(file, changed);
}
