// The door to the Durable Objects of this process: others name an object and what they ask it.

import { WorkerEntrypoint } from "cloudflare:workers";

export default class Objects extends WorkerEntrypoint {
  fetch(request) {
    const headers = new Headers(request.headers);
    const object = JSON.parse(headers.get("x-stand-in-object"));
    headers.delete("x-stand-in-object");
    return this.#stub(object).fetch(new Request(request, { headers }));
  }

  call(object, method, args) {
    return this.#stub(object)[method](...args);
  }

  #stub([className, id, name]) {
    const namespace = this.env[className];
    // By its name if it has one: then the object knows it too.
    return namespace.get(
      name === undefined || name === null ? namespace.idFromString(id) : namespace.idFromName(name),
    );
  }
}
