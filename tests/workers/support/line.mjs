// The line from one location to the Hub, in the test's own hands: it can be cut, be slow, hold what passes, and lose answers.

import { once } from "node:events";
import fs from "node:fs/promises";
import http from "node:http";
import { sleep, withResolvers } from "./promises.mjs";

export class HubLine {
  /** No request passes, and those that are under way break. */
  isCut = false;
  /** Milliseconds that each request waits, as `delay()` says. */
  delay = () => 0;

  #hub = "";
  /** What to do with the next requests to a path: `{ path, side, opened, gate }`. */
  #holds = [];
  #lossy = new Set();
  #agent = new http.Agent({ keepAlive: true });
  #server = http.createServer((request, response) => this.#carry(request, response));

  /** @param {string} socket where Edges find it @param {string} hub the Hub's own socket */
  static async start(socket, hub) {
    const line = new HubLine();
    line.#hub = hub;
    line.#server.keepAliveTimeout = 0;
    await fs.rm(socket, { force: true });
    line.#server.listen(socket);
    await once(line.#server, "listening");
    return line;
  }

  async stop() {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  cut() {
    this.isCut = true;
    this.#server.closeAllConnections();
  }

  mend() {
    this.isCut = false;
  }

  /**
   * The next request to this path waits until the gate is opened: before the Hub hears of it, or after the Hub has
   * answered.
   * @param {string} path @param {"request" | "answer"} side
   */
  holdNext(path, side) {
    const opened = withResolvers();
    const gate = { questions: 0, open: opened.resolve };
    this.#holds.push({ path, side, opened: opened.promise, gate });
    return gate;
  }

  /** The Hub hears of every request to this path, and its answer does not come back. @param {string} path */
  loseAnswers(path) {
    this.#lossy.add(path);
  }

  keepAnswers() {
    this.#lossy.clear();
  }

  async #carry(request, response) {
    const chunks = await request.toArray().catch(() => null);
    if (!chunks) return; // the location was killed meanwhile
    const body = Buffer.concat(chunks);
    const path = request.url.split("?")[0];
    const hold = this.#takeHold(path);
    try {
      await sleepFor(this.delay());
      await passGate(hold, "request");
      if (this.isCut) throw new Error("the line is cut");
      const answer = await this.#ask(request, body);
      await passGate(hold, "answer");
      if (this.isCut || this.#lossy.has(path)) throw new Error("the answer is lost");
      response.writeHead(answer.status, answer.headers).end(answer.body);
    } catch {
      response.socket?.destroy();
    }
  }

  #takeHold(path) {
    const at = this.#holds.findIndex((hold) => hold.path === path);
    return at < 0 ? null : this.#holds.splice(at, 1)[0];
  }

  #ask({ method, url, headers }, body) {
    const { promise, resolve, reject } = withResolvers();
    const where = { socketPath: this.#hub, agent: this.#agent };
    const outgoing = http.request({ ...where, method, path: url, headers });
    outgoing.on("error", reject);
    outgoing.on("response", async (response) => {
      try {
        const bytes = Buffer.concat(await response.toArray());
        const type = response.headers["content-type"] ?? "text/plain";
        const length = { "Content-Type": type, "Content-Length": bytes.length };
        resolve({ status: response.statusCode, headers: length, body: bytes });
      } catch (error) {
        reject(error);
      }
    });
    outgoing.end(body);
    return promise;
  }
}

const sleepFor = (ms) => (ms > 0 ? sleep(ms) : undefined);

async function passGate(hold, side) {
  if (hold?.side !== side) return;
  hold.gate.questions += 1;
  await hold.opened;
}
