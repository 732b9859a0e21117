// Where the processes' calls meet: a service binding, a Durable Object, the cache, a tail. Who is
// meant is decided for each call, so that a deployment counts from the next call on.

import { once } from "node:events";
import http from "node:http";
import { publish } from "../api/tails.mjs";
import { chooseVersion } from "./choice.mjs";
import { outside } from "./outside.mjs";
import { passConnect, passedHeaders, passRequest, passUpgrade } from "./proxy.mjs";
import { Targets } from "./targets.mjs";

const TARGET = "x-stand-in-target";

export class Router {
  targets = new Targets();
  #state;
  #fleet;
  #cache;
  #server = http.createServer((request, response) => this.#serve(request, response));

  /** @param {string} socket where it listens */
  constructor(socket, { state, cache }) {
    this.socket = socket;
    this.#state = state;
    this.#cache = cache;
    this.#server.on("upgrade", (...asked) => this.#upgrade(...asked));
    this.#server.on("connect", (...asked) => this.#connect(...asked));
    // The processes end the connections: if both did, one could be chosen for a call while it ends.
    this.#server.keepAliveTimeout = 0;
    this.#server.requestTimeout = 0;
  }

  /** @param {import("./fleet.mjs").Fleet} fleet */
  async start(fleet) {
    this.#fleet = fleet;
    this.#server.listen(this.socket);
    await once(this.#server, "listening");
  }

  stop() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(request, response) {
    const target = this.targets.get(request.headers[TARGET]);
    switch (target?.kind) {
      case "cache":
        return this.#cache.serve(request, response);
      case "tail":
        return this.#tail(target, request, response);
      case "internet":
      case "service":
      case "objects":
        return this.#pass(target, request, response);
      default:
        response.writeHead(501).end("the stand-in does not serve this\n");
    }
  }

  async #pass(target, request, response) {
    try {
      const { release, ...place } = await this.#reach(target, request.headers);
      passRequest(request, response, {
        place,
        headers: passedHeaders(request, { drop: [TARGET] }),
        // The caller's code sees an exception, as it would with the vendor.
        onUncaught: () => response.destroy(),
        onDone: release,
      });
    } catch {
      response.destroy();
    }
  }

  async #upgrade(request, socket, head) {
    try {
      const target = this.targets.get(request.headers[TARGET]);
      const { release, ...place } = await this.#reach(target, request.headers);
      // A WebSocket may last: a switch of versions does not wait for it.
      release();
      const headers = passedHeaders(request, { isUpgrade: true, drop: [TARGET] });
      passUpgrade(request, socket, head, { place, headers, onDone: () => {} });
    } catch {
      socket.destroy();
    }
  }

  /** RPC: the name that it connects to is the target. */
  async #connect(request, socket, head) {
    try {
      const target = this.targets.get(request.url.replace(/:\d+$/, ""));
      const { release, connections, ...place } = await this.#reach(target, {});
      release();
      connections.add(socket);
      socket.on("close", () => connections.delete(socket));
      passConnect(socket, head, { place, onDone: () => {} });
    } catch {
      socket.destroy();
    }
  }

  /** A process that serves the target, counted until it is released. */
  async #reach(target, headers) {
    try {
      if (target?.kind === "internet") return outside(this.#state.hosts, headers.host);
      const script = this.#state.scripts.get(target?.script);
      if (!script) throw new Error("it does not exist");
      if (target.kind === "objects") return await this.#fleet.useObjects(script);
      return await this.#fleet.useFront(script, chooseVersion(script, headers), target.entrypoint);
    } catch (error) {
      console.error("the stand-in could not reach", target, error.message);
      throw error;
    }
  }

  async #tail({ script, version }, request, response) {
    const events = JSON.parse(Buffer.concat(await request.toArray()).toString());
    response.end();
    const found = this.#state.scripts.get(script);
    if (!found) return;
    publish(
      found,
      events.map((event) => ({ ...event, scriptName: script, scriptVersion: { id: version } })),
    );
  }
}
