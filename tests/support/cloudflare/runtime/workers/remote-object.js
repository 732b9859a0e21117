// Stands in for a Durable Object that lives in another process: whatever it is asked, it passes
// on to the object of the same id there.

import { DurableObject } from "cloudflare:workers";

class Base extends DurableObject {
  get object() {
    return [this.env.CLASS, this.ctx.id.toString(), this.ctx.id.name];
  }

  fetch(request) {
    const headers = new Headers(request.headers);
    headers.set("x-stand-in-object", JSON.stringify(this.object));
    return this.env.OBJECTS.fetch(new Request(request, { headers }));
  }
}

/** Any method that somebody calls exists: whether the real object has it, it will say. */
const methods = new Proxy(Base.prototype, {
  get(target, name, self) {
    if (typeof name === "symbol" || name in target || LIFECYCLE.includes(name)) {
      return Reflect.get(target, name, self);
    }
    return function (...args) {
      return this.env.OBJECTS.call(this.object, name, args);
    };
  },
});

const LIFECYCLE = ["alarm", "webSocketMessage", "webSocketClose", "webSocketError", "then"];

export class RemoteObject extends DurableObject {
  constructor(state, env) {
    super(state, env);
    Object.setPrototypeOf(Object.getPrototypeOf(this), methods);
  }
}
