// The whole stand-in in this process: one port for the API and its control, one for visitors.

import { once } from "node:events";
import http from "node:http";
import { createApi } from "./api/server.mjs";
import { Runtime } from "./runtime/runtime.mjs";
import { State } from "./state.mjs";

export class Fake {
  #servers = [];

  static async start() {
    const fake = new Fake();
    fake.state = new State();
    fake.runtime = await Runtime.start(fake.state);
    try {
      const apiPort = await fake.#listen(createApi(fake.state, fake.runtime));
      const trafficPort = await fake.#listen(fake.runtime.createTrafficServer());
      fake.api = `http://127.0.0.1:${apiPort}/client/v4`;
      fake.control = `http://127.0.0.1:${apiPort}/_fake`;
      fake.traffic = `http://127.0.0.1:${trafficPort}`;
      fake.state.addresses = { api: fake.api, traffic: fake.traffic, control: fake.control };
      return fake;
    } catch (error) {
      await fake.stop();
      throw error;
    }
  }

  async stop() {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
    await this.runtime.stop();
  }

  /** @param {http.Server} server @returns the port */
  async #listen(server) {
    this.#servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return server.address().port;
  }
}
