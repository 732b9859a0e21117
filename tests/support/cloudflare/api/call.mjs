// A request to the API, taken apart, and what endpoints ask of it.

import { Refusal } from "./answers.mjs";
import { readMultipart } from "./multipart.mjs";
import { has, sees, unauthorised } from "./permissions.mjs";
import { check } from "./schema.mjs";

export class Call {
  /** Who asks. */
  token = null;
  /** The variable pieces of the path. */
  params = {};

  constructor(state, runtime, { request, url, path, body }) {
    this.state = state;
    this.runtime = runtime;
    this.method = request.method;
    this.headers = request.headers;
    this.url = url;
    this.path = path;
    this.query = url.searchParams;
    this.body = body;
  }

  /** The body, as JSON; checked where a schema is named. @param {string} [schema] */
  json(schema) {
    let value;
    try {
      value = JSON.parse(this.body.toString());
    } catch {
      throw new Refusal(400, 9207, "Request body is invalid.");
    }
    if (schema) check(schema, value);
    return value;
  }

  multipart() {
    return readMultipart(this.headers["content-type"] ?? "", this.body);
  }

  /** Refuses parameters that the vendor does not document: here they are a mistake of ours. */
  allowParameters(allowed) {
    for (const name of this.query.keys()) {
      if (!allowed.includes(name)) throw new Refusal(400, 1001, `unknown parameter ${name}`);
    }
  }

  /** @param {string[]} accepted the permissions of which one is enough */
  require(accepted) {
    if (!has(this.token, accepted)) throw unauthorised();
  }

  requireAccount() {
    const { account } = this.params;
    if (!/^[0-9a-f]{32}$/.test(account)) throw couldNotRoute(`/accounts/${account}`);
    if (account !== this.state.account.id) throw new Refusal(403, 10000, "Authentication error");
  }

  /** The zone that the path names. */
  get zone() {
    const zone = this.state.zones.find(({ id }) => id === this.params.zone);
    if (!zone) throw couldNotRoute(`/zones/${this.params.zone}`);
    if (!sees(this.token, zone)) throw unauthorised();
    return zone;
  }

  /** The script that the path names. */
  get script() {
    const script = this.state.scripts.get(this.params.script);
    if (script) return script;
    throw new Refusal(404, 10007, "This Worker does not exist on your account.");
  }
}

const couldNotRoute = (path) =>
  new Refusal(
    404,
    7003,
    `Could not route to /client/v4${path}, perhaps your object identifier is invalid?`,
  );
