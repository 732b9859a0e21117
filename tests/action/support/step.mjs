// Runs the step as GitHub's runner does: inputs and context in variables, commands read from its output, files for
// what it gives back. Commands are obeyed as the runner obeys them: not while they are stopped.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
/** The real program; `scripts/test.sh action` builds it. */
export const MIZAN = process.env.MIZAN ?? join(ROOT, "target", "debug", "mizan");
export const SHA = "c0ffee1234567890c0ffee1234567890c0ffee12";
export const RUN = "https://github.com/octo-org/board/actions/runs/4711";

const APP = `\
version: 1
app: shop
schema: none
services:
  web: {port: 8000, health: /healthz}
  worker: {command: python manage.py worker}
release: python manage.py migrate --noinput
secrets: [{name: SECRET_KEY, generate: true}]
environments:
  local: {target: local}
`;

/** A checkout, and the folders of a runner beside it. */
export class Job {
  #folder = mkdtempSync(join(tmpdir(), "mizan-action-"));

  /** @param {import("./github.mjs").FakeGithub} github */
  constructor(github) {
    this.github = github;
    this.workspace = this.#make("workspace");
    this.tools = this.#make("tools");
    this.home = this.#make("home");
    this.write("mizan.yaml", APP);
    this.write("Dockerfile", "FROM python:3.12-slim\n");
  }

  write(name, text, mode) {
    const path = join(this.workspace, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode });
    return path;
  }

  /** A program that stands in for mizan: it prints what it is told to, and ends. */
  program({ events = [], stderr = "", code = 0, name = "mizan", script = "" }) {
    const lines = [{ event: "stream", format: "mizan-events", version: 1 }, ...events];
    const text = [
      "#!/usr/bin/env bash",
      `printf '%s' '${stderr.replaceAll("'", "'\\''")}' >&2`,
      ...lines.map((line) => `cat <<'END'\n${JSON.stringify(line)}\nEND`),
      script,
      `exit ${code}`,
    ];
    const path = join(this.#make("programs"), name);
    writeFileSync(path, `${text.join("\n")}\n`, { mode: 0o755 });
    return dirname(path);
  }

  /**
   * @param {Record<string, string>} inputs
   * @param {{event?: string, payload?: object, env?: Record<string, string>, path?: string, file?: string, onStart?: (child: import("node:child_process").ChildProcess, output: () => string) => void}} [options]
   */
  async run(inputs, options = {}) {
    const { event = "push", payload = {}, env = {}, file = "main.mjs" } = options;
    const files = Object.fromEntries(
      ["OUTPUT", "STATE", "PATH", "STEP_SUMMARY"].map((name) => [
        `GITHUB_${name}`,
        this.#file(`${name}.txt`, ""),
      ]),
    );
    const variables = {
      PATH: [options.path ?? dirname(MIZAN), process.env.PATH].join(":"),
      HOME: this.home,
      // Nobody listens there: what needs an engine says so.
      DOCKER_HOST: "unix:///nonexistent/docker.sock",
      GITHUB_ACTIONS: "true",
      CI: "true",
      GITHUB_REPOSITORY: this.github.repository,
      GITHUB_SERVER_URL: "https://github.com",
      GITHUB_API_URL: this.github.url,
      GITHUB_RUN_ID: "4711",
      GITHUB_SHA: SHA,
      GITHUB_WORKSPACE: this.workspace,
      GITHUB_EVENT_NAME: event,
      GITHUB_EVENT_PATH: this.#file("event.json", JSON.stringify(payload)),
      RUNNER_TEMP: this.#make("temp"),
      RUNNER_TOOL_CACHE: this.tools,
      ...files,
      ...asInputs({ version: "installed", token: this.github.token, ...inputs }),
      ...env,
    };
    const { code, output } = await this.#spawn(file, variables, options.onStart);
    const read = (name) => readFileSync(files[`GITHUB_${name}`], "utf8");
    return {
      code,
      log: output,
      ...obeyed(output),
      outputs: pairs(read("OUTPUT")),
      state: pairs(read("STATE")),
      path: read("PATH").trim(),
      summary: read("STEP_SUMMARY"),
    };
  }

  /** The end of the job, with what the step has kept for it. */
  async end(inputs, state, options = {}) {
    const kept = Object.entries(state).map(([name, value]) => [`STATE_${name}`, value]);
    const env = { ...options.env, ...Object.fromEntries(kept) };
    return this.run(inputs, { ...options, env, file: "post.mjs" });
  }

  remove() {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #spawn(file, env, onStart) {
    const main = join(ROOT, ".github", "action", file);
    // A group of its own, which a test can signal as a terminal does.
    const child = spawn(process.execPath, [main], { env, cwd: this.workspace, detached: true });
    let output = "";
    const take = (chunk) => {
      output += chunk;
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    onStart?.(child, () => output);
    return new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
  }

  #make(name) {
    const path = join(this.#folder, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  #file(name, text) {
    const path = join(this.#make("files"), name);
    writeFileSync(path, text);
    return path;
  }
}

/** The event of a pull request, of which `head` is the repository of the change. */
export function pullRequest({ number = 7, head = "octo-org/board", base = "octo-org/board" } = {}) {
  return {
    pull_request: {
      number,
      head: { sha: SHA, repo: head && { full_name: head } },
      base: { repo: { full_name: base } },
    },
  };
}

/** The inputs with the defaults of action.yml, as variables. */
function asInputs(inputs) {
  const given = Object.entries(inputs).map(([name, value]) => [
    `INPUT_${name.toUpperCase()}`,
    value,
  ]);
  return Object.fromEntries(given);
}

/** What the runner makes of the output: annotations, and lines that are only lines. */
function obeyed(output) {
  const annotations = [];
  const lines = [];
  let resume = null;
  for (const line of output.split("\n")) {
    const [, name, properties, message] = /^::([\w-]+)(?: ([^:]*))?::(.*)$/.exec(line) ?? [];
    if (name === undefined || (resume !== null && name !== resume)) {
      lines.push(line);
    } else if (name === resume) {
      resume = null;
    } else if (name === "stop-commands") {
      resume = message;
    } else {
      const given = (properties ?? "").split(",").filter(Boolean);
      const list = given
        .map((one) => one.split("="))
        .map(([key, value]) => [key, unescaped(value)]);
      annotations.push({ level: name, message: unescaped(message), ...Object.fromEntries(list) });
    }
  }
  return { annotations, lines };
}

const unescaped = (text) =>
  text
    .replaceAll("%3A", ":")
    .replaceAll("%2C", ",")
    .replaceAll("%0D", "\r")
    .replaceAll("%0A", "\n")
    .replaceAll("%25", "%");

/** `name<<end`, lines, `end`: what the runner reads from a file. */
function pairs(text) {
  const found = {};
  const lines = text.split("\n");
  while (lines.length > 1) {
    const [name, end] = lines.shift().split("<<");
    const value = [];
    for (let line = lines.shift(); line !== end; line = lines.shift()) {
      if (line === undefined) {
        throw new Error(`${name} never ends`);
      }
      value.push(line);
    }
    found[name] = value.join("\n");
  }
  return found;
}
