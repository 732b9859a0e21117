// One operation of the API: its method and path, who may call it, and with which parameters.

/** Parameters of every list that has pages. */
export const PAGING = ["page", "per_page"];

export class Endpoint {
  /**
   * @param {string} signature such as `GET /zones/:zone/dns_records`
   * @param {{ accepts?: string[], query?: string[] }} rules permissions of which one is enough
   * @param {(call: import("./call.mjs").Call) => unknown} handle
   */
  constructor(signature, { accepts, query = [] }, handle) {
    const [method, path] = signature.split(" ");
    this.method = method;
    this.pattern = new RegExp(`^${path.replace(/:(\w+)/g, "(?<$1>[^/]+)")}/?$`);
    this.ofAccount = path.startsWith("/accounts/:account");
    this.accepts = accepts;
    this.query = query;
    this.handle = handle;
  }

  /** The variable pieces of the path if this endpoint is meant, else undefined. */
  match(method, path) {
    const found = method === this.method && this.pattern.exec(path);
    if (!found) return undefined;
    const pieces = Object.entries(found.groups ?? {});
    return Object.fromEntries(pieces.map(([name, value]) => [name, decodeURIComponent(value)]));
  }

  async serve(call) {
    call.allowParameters(this.query);
    if (this.ofAccount) call.requireAccount();
    if (this.accepts) call.require(this.accepts);
    return await this.handle(call);
  }
}
