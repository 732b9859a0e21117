// Says what a Worker's main module exports; that it can say so means that the code starts.

import { DurableObject, WorkerEntrypoint, WorkflowEntrypoint } from "cloudflare:workers";
import * as main from "./stand-in-main.js";

const EVENTS = ["fetch", "scheduled", "queue", "tail", "email", "trace", "alarm", "connect"];

const isClass = (value) => typeof value === "function";
const extending = (base, value) => isClass(value) && value.prototype instanceof base;
const eventsOf = (value) => {
  const methods = isClass(value) ? value.prototype : value;
  return EVENTS.filter((event) => typeof methods?.[event] === "function");
};

export default {
  fetch() {
    const named = Object.entries(main).filter(([name]) => name !== "default");
    const isEntrypoint = (value) =>
      extending(WorkerEntrypoint, value) ||
      (typeof value === "object" && eventsOf(value).length > 0);
    return Response.json({
      handlers: eventsOf(main.default),
      entrypoints: named.filter(([, value]) => isEntrypoint(value)).map(([name]) => name),
      // A class that extends nothing can be a Durable Object too, in the older style.
      classes: named
        .filter(
          ([, value]) =>
            isClass(value) && !isEntrypoint(value) && !extending(WorkflowEntrypoint, value),
        )
        .filter(([, value]) => extending(DurableObject, value) || value.prototype !== undefined)
        .map(([name]) => name),
    });
  },
};
