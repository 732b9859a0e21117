// Tails: whoever opened one hears, on a WebSocket, what a script's requests logged.

import { WebSocketServer } from "ws";
import { ok, Refusal } from "./answers.mjs";
import { Endpoint } from "./endpoint.mjs";
import { TAIL } from "./permissions.mjs";

const OF_SCRIPT = "/accounts/:account/workers/scripts/:script/tails";
const PROTOCOL = "trace-v1";
const LIFETIME_MS = 6 * 3600 * 1000;

export const tailEndpoints = [
  new Endpoint(`GET ${OF_SCRIPT}`, { accepts: TAIL }, ({ state, script }) =>
    ok([...script.tails.values()].map((tail) => described(state, tail))),
  ),
  new Endpoint(`POST ${OF_SCRIPT}`, { accepts: TAIL }, ({ state, script }) => {
    const tail = { id: state.newId(), expires: Date.now() + LIFETIME_MS, listeners: new Set() };
    script.tails.set(tail.id, tail);
    return ok(described(state, tail));
  }),
  new Endpoint(`DELETE ${OF_SCRIPT}/:tail`, { accepts: TAIL }, ({ script, params }) => {
    const tail = script.tails.get(params.tail);
    if (!tail) throw new Refusal(404, 10007, "workers.api.error.tail_not_found");
    for (const listener of tail.listeners) listener.close();
    script.tails.delete(tail.id);
    return ok(null);
  }),
];

const described = (state, { id, expires }) => ({
  id,
  url: `${state.addresses.control.replace(/^http/, "ws")}/tails/${id}`,
  expires_at: new Date(expires).toISOString(),
});

/** Accepts the WebSockets of tails. @param {import("node:http").Server} server */
export function acceptTails(server, state) {
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => PROTOCOL });
  server.on("upgrade", (request, socket, head) => {
    const id = /^\/_fake\/tails\/([0-9a-f]{32})$/.exec(request.url)?.[1];
    const tail = id && tailOf(state, id);
    if (!tail || request.headers["sec-websocket-protocol"] !== PROTOCOL) return socket.destroy();
    sockets.handleUpgrade(request, socket, head, (listener) => {
      tail.listeners.add(listener);
      listener.on("close", () => tail.listeners.delete(listener));
      listener.on("error", () => {});
    });
  });
}

function tailOf(state, id) {
  const scripts = [...state.scripts.values()];
  return scripts.map(({ tails }) => tails.get(id)).find(Boolean);
}

/** Tells the tails of a script about events. @param {object[]} events as a tail Worker gets them */
export function publish(script, events) {
  for (const { listeners } of script.tails.values()) {
    for (const listener of listeners) {
      for (const event of events) listener.send(JSON.stringify(event));
    }
  }
}
