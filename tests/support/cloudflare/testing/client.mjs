// A plain client of the stand-in, for its tests: calls of the API and of the control, visitors.

import http from "node:http";
import { DEFAULT_TOKEN } from "../api/permissions.mjs";
import { Fake } from "../fake.mjs";
import { ACCOUNT_ID } from "../state.mjs";

export const ES_MODULE = "application/javascript+module";
export const DATE = "2026-10-01";
const ACCOUNT = `/accounts/${ACCOUNT_ID}`;

/** A Worker that answers with a text. */
export const answering = (text) =>
  `export default { fetch: () => new Response(${JSON.stringify(text)}) };`;

export class Client {
  token = DEFAULT_TOKEN;

  static async start() {
    const client = new Client();
    client.fake = await Fake.start();
    return client;
  }

  stop() {
    return this.fake.stop();
  }

  /**
   * A call of the API; a path that begins with `/` is below the account.
   * @returns {Promise<{ status: number, result: any, codes: number[], body: any, headers: Headers }>}
   */
  async call(method, path, body, headers = {}) {
    const url = path.startsWith("/") ? `${ACCOUNT}${path}` : `/${path}`;
    const isForm = body instanceof FormData;
    const response = await fetch(`${this.fake.api}${url}`, {
      method,
      headers: {
        Authorization: `Bearer ${this.token}`,
        ...(body !== undefined && !isForm && { "Content-Type": "application/json" }),
        ...headers,
      },
      body: isForm || body === undefined ? body : JSON.stringify(body),
    });
    const value = await response.json();
    const codes = (value.errors ?? []).map(({ code }) => code);
    return {
      status: response.status,
      result: value.result,
      codes,
      body: value,
      headers: response.headers,
    };
  }

  /** As `call`, of which the test expects that it succeeds. @returns the result */
  async done(method, path, body, headers) {
    const { status, result, body: told } = await this.call(method, path, body, headers);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(told)}`);
    return result;
  }

  /** Uploads and deploys a script. @param {string | Record<string, string>} code */
  put(name, code, metadata = {}) {
    return this.call("PUT", `/workers/scripts/${name}`, upload(code, metadata));
  }

  /** Uploads a version. */
  version(name, code, metadata = {}) {
    return this.call("POST", `/workers/scripts/${name}/versions`, upload(code, metadata));
  }

  /** Deploys versions: ids and percentages. */
  deploy(name, shares) {
    const versions = Object.entries(shares).map(([version_id, percentage]) => ({
      version_id,
      percentage,
    }));
    return this.call("POST", `/workers/scripts/${name}/deployments`, {
      strategy: "percentage",
      versions,
    });
  }

  /** Makes a script reachable at `<name>.<subdomain>.workers.dev`. */
  publish(name) {
    return this.done("POST", `/workers/scripts/${name}/subdomain`, { enabled: true });
  }

  async control(method, path, body) {
    const response = await fetch(`${this.fake.control}/${path}`, {
      method,
      body: body && JSON.stringify(body),
    });
    const value = await response.json();
    if (response.status !== 200) throw new Error(`${method} ${path}: ${JSON.stringify(value)}`);
    return value;
  }

  /** A visitor. The path goes out as it is written. */
  visit(host, path = "/", { method = "GET", headers = {}, body } = {}) {
    const { hostname, port } = new URL(this.fake.traffic);
    return new Promise((resolve, reject) => {
      const options = {
        hostname,
        port,
        path,
        method,
        headers: { Host: host, ...headers },
        agent: false,
      };
      const request = http.request(options, async (response) => {
        const text = Buffer.concat(await response.toArray()).toString();
        resolve({
          status: response.statusCode,
          headers: response.headers,
          text,
          json: () => JSON.parse(text),
        });
      });
      request.on("error", reject).end(body);
    });
  }

  /** What a visitor of the script's workers.dev host reads. */
  async read(name, path = "/", headers = {}) {
    const { text } = await this.visit(`${name}.somebody.workers.dev`, path, { headers });
    return text;
  }

  /** Uploads assets. @param {Record<string, { type: string, content: string }>} files @returns the token */
  async assets(name, files) {
    const hashed = Object.entries(files).map(([path, file], at) => ({
      path,
      ...file,
      hash: hashOf(name, at, file),
    }));
    const manifest = Object.fromEntries(
      hashed.map(({ path, hash, content }) => [path, { hash, size: Buffer.byteLength(content) }]),
    );
    const session = `/workers/scripts/${name}/assets-upload-session`;
    const { jwt, buckets } = await this.done("POST", session, { manifest });
    let token = jwt;
    for (const bucket of buckets) {
      const form = new FormData();
      for (const { hash, type, content } of hashed.filter((file) => bucket.includes(file.hash))) {
        form.append(hash, new Blob([Buffer.from(content).toString("base64")], { type }), hash);
      }
      const bearer = { Authorization: `Bearer ${jwt}` };
      token = (await this.done("POST", "/workers/assets/upload?base64=true", form, bearer)).jwt;
    }
    return token;
  }
}

const hashOf = (name, at, { content }) =>
  Buffer.from(`${name}${at}${content}`).toString("hex").slice(0, 32).padEnd(32, "0");

/** The body of an upload. @param {string | Record<string, string>} code one module, or several by name */
export function upload(code, metadata) {
  const modules = typeof code === "string" ? { "index.js": code } : code;
  const [main_module] = Object.keys(modules);
  const form = new FormData();
  form.append("metadata", JSON.stringify({ main_module, compatibility_date: DATE, ...metadata }));
  for (const [name, text] of Object.entries(modules)) {
    form.append(name, new Blob([text], { type: ES_MODULE }), name);
  }
  return form;
}

/** A Durable Object that counts, with a Worker that asks it. @param {string} mark of the version */
export const counter = (mark) => `
import { DurableObject } from "cloudflare:workers";
export class Counter extends DurableObject {
  async fetch() {
    return new Response(String(await this.next()));
  }
  async next() {
    const count = ((await this.ctx.storage.get("count")) ?? 0) + 1;
    await this.ctx.storage.put("count", count);
    return ${JSON.stringify(mark)} + count;
  }
}
${COUNTER_USER}`;

/** A Worker that asks it. */
export const COUNTER_USER = `
export default {
  async fetch(request, env) {
    const object = env.COUNTER.get(env.COUNTER.idFromName("one"));
    if (new URL(request.url).pathname === "/rpc") return new Response(await object.next());
    return object.fetch(request);
  },
};
`;

export const COUNTER = {
  bindings: [{ type: "durable_object_namespace", name: "COUNTER", class_name: "Counter" }],
};
export const NEW_COUNTER = {
  ...COUNTER,
  migrations: { new_tag: "v1", steps: [{ new_sqlite_classes: ["Counter"] }] },
};
