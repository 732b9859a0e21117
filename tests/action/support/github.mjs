// A fake of GitHub on this machine: the few calls of the step, in memory. Every request and every answer is held
// against GitHub's own description of them (github-api.json); what does not fit it is a violation, and a test that
// has any fails.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import Ajv from "ajv";

const { operations } = JSON.parse(
  readFileSync(new URL("github-api.json", import.meta.url), "utf8"),
);
// Formats and descriptions are not in the excerpt; `nullable` is OpenAPI's.
const ajv = new Ajv({ strict: false, allErrors: true });
const OPERATIONS = operations.map((operation) => ({
  ...operation,
  pattern: new RegExp(
    `^${operation.path.replace(/\{[^}]+\}/g, "([^/]+)").replace("([^/]+)/([^/]+)", "([^/]+/[^/]+)")}$`,
  ),
  checkBody: operation.body && ajv.compile(closed(operation.body)),
  checkAnswer: ajv.compile(closed(operation.answer)),
}));

/** What GitHub itself refuses, in characters. */
const LONGEST_COMMENT = 65_536;
const LONGEST_DESCRIPTION = 140;

/** Fields that nobody documented are wrong. */
function closed(schema) {
  if (schema === null || typeof schema !== "object") {
    return schema;
  }
  const inner = Array.isArray(schema)
    ? schema.map(closed)
    : Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  return schema.type === "object" && schema.properties
    ? { ...inner, properties: inner.properties, additionalProperties: false }
    : inner;
}

export class FakeGithub {
  repository = "octo-org/board";
  token = "ghs_of-the-test";
  /** Whom the token belongs to; "Bot" is the job's own. */
  me = { login: "github-actions[bot]", type: "Bot" };
  comments = [];
  deployments = [];
  statuses = [];
  releases = [];
  commits = {};
  assets = new Map();
  requests = [];
  violations = [];
  #refusals = [];
  #ids = 100;
  #server;

  async start() {
    this.#server = createServer((request, response) => this.#serve(request, response));
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${this.#server.address().port}`;
    return this;
  }

  async stop() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The next requests that fit get this answer. `after`: what was asked for is done nevertheless. */
  refuse(what, { status, message = "no", headers = {}, times = 1, after = false }) {
    this.#refusals.push({ what, status, message, headers, times, after });
  }

  addComment(issue, body, user = this.me) {
    const comment = { id: this.#id(), body, user, issue };
    this.comments.push(comment);
    return comment;
  }

  addRelease(tag, files) {
    const assets = Object.entries(files).map(([name, bytes]) => {
      const id = this.#id();
      this.assets.set(id, bytes);
      return { id, name };
    });
    this.releases.push({ tag_name: tag, assets });
  }

  #id() {
    this.#ids += 1;
    return this.#ids;
  }

  async #serve(request, response) {
    const url = new URL(request.url, this.url);
    const chunks = [];
    for await (const chunk of request) {
      chunks.push(chunk);
    }
    const text = Buffer.concat(chunks).toString("utf8");
    const what = `${request.method} ${url.pathname}`;
    this.requests.push({
      what,
      body: text === "" ? null : JSON.parse(text),
      headers: request.headers,
    });

    const refusal = this.#refusals.find((one) => one.times > 0 && what.match(one.what));
    if (refusal) {
      refusal.times -= 1;
      if (refusal.after) {
        this.#answer(request, url, text);
      }
      send(response, refusal.status, { message: refusal.message }, refusal.headers);
      return;
    }
    const { status, body, operation } = this.#answer(request, url, text);
    if (body instanceof Buffer) {
      response.writeHead(status, { "content-type": "application/octet-stream" }).end(body);
      return;
    }
    if (operation && status < 300 && !operation.checkAnswer(body)) {
      this.violations.push(
        `the fake's answer to ${what}: ${ajv.errorsText(operation.checkAnswer.errors)}`,
      );
    }
    send(response, status, body);
  }

  #answer(request, url, text) {
    const operation = OPERATIONS.find(
      (one) => one.method === request.method && one.pattern.test(url.pathname),
    );
    const what = `${request.method} ${url.pathname}`;
    if (!operation) {
      this.violations.push(`nothing of GitHub's is at ${what}`);
      return { status: 404, body: { message: "Not Found" } };
    }
    const wrong = this.#wrong(operation, request, url, text);
    if (wrong !== null) {
      this.violations.push(`${what}: ${wrong}`);
      return { status: 422, body: { message: wrong } };
    }
    if (request.headers.authorization !== `Bearer ${this.token}`) {
      return { status: 401, body: { message: "Bad credentials" } };
    }
    const [, ...parameters] = operation.pattern.exec(url.pathname);
    const binary = request.headers.accept === "application/octet-stream";
    const answer = this.#do(
      operation,
      parameters,
      url.searchParams,
      text && JSON.parse(text),
      binary,
    );
    return { status: operation.status, ...answer, operation };
  }

  #wrong(operation, request, url, text) {
    if (!request.headers["user-agent"] || !request.headers["x-github-api-version"]) {
      return "a header is missing";
    }
    const strange = [...url.searchParams.keys()].filter((name) => !operation.query.includes(name));
    if (strange.length > 0) {
      return `no such parameters: ${strange}`;
    }
    if (operation.checkBody && !operation.checkBody(JSON.parse(text))) {
      return ajv.errorsText(operation.checkBody.errors);
    }
    return null;
  }

  #do(operation, parameters, query, body, binary) {
    const missing = { status: 404, body: { message: "Not Found" } };
    const page = (list) => {
      const [size, number] = [Number(query.get("per_page") ?? 30), Number(query.get("page") ?? 1)];
      return { body: list.slice((number - 1) * size, number * size) };
    };
    const [, id] = parameters;
    switch (`${operation.method} ${operation.path.replace("/repos/{owner}/{repo}", "")}`) {
      case "GET /user":
        return this.me.type === "User"
          ? { body: { login: this.me.login } }
          : { status: 403, body: { message: "Resource not accessible by integration" } };
      case "GET /issues/{issue_number}/comments":
        return page(this.comments.filter(({ issue }) => issue === Number(id)).map(shown));
      case "POST /issues/{issue_number}/comments":
        return tooLong(body) ?? { body: shown(this.addComment(Number(id), body.body)) };
      case "PATCH /issues/comments/{comment_id}": {
        const comment = this.comments.find((one) => one.id === Number(id));
        return comment ? (tooLong(body) ?? { body: shown(Object.assign(comment, body)) }) : missing;
      }
      case "GET /deployments":
        return page(
          this.deployments
            .filter((one) => !query.has("sha") || one.sha === query.get("sha"))
            .filter(
              (one) => !query.has("environment") || one.environment === query.get("environment"),
            ),
        );
      case "POST /deployments": {
        const { ref, environment } = body;
        const deployment = { id: this.#id(), sha: ref, ref, environment };
        this.deployments.push(deployment);
        return { body: deployment };
      }
      case "GET /deployments/{deployment_id}/statuses":
        return page(
          this.statuses
            .filter(({ deployment }) => deployment === Number(id))
            .map(({ deployment: _, ...status }) => status)
            .reverse(),
        );
      case "POST /deployments/{deployment_id}/statuses": {
        if ((body.description ?? "").length > LONGEST_DESCRIPTION) {
          return { status: 422, body: { message: "description is too long" } };
        }
        const status = { id: this.#id(), ...body };
        this.statuses.push({ deployment: Number(id), ...status });
        return { body: status };
      }
      case "GET /commits/{ref}":
        return this.commits[id] ? { body: { sha: this.commits[id] } } : missing;
      case "GET /releases/tags/{tag}": {
        const release = this.releases.find((one) => one.tag_name === id);
        return release ? { body: release } : missing;
      }
      case "GET /releases/assets/{asset_id}":
        return this.assets.has(Number(id)) && binary
          ? { body: this.assets.get(Number(id)) }
          : missing;
      default:
        throw new Error(`the fake does not do ${operation.method} ${operation.path}`);
    }
  }
}

const shown = ({ issue: _, ...comment }) => comment;

const tooLong = ({ body }) =>
  body.length > LONGEST_COMMENT
    ? { status: 422, body: { message: "body is too long (maximum is 65536 characters)" } }
    : null;

function send(response, status, body, headers = {}) {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}
