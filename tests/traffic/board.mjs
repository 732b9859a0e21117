// The deployed copy of the board under test: its source, `mizan` for it, and what runs because of it.

import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { lookup } from "../support/loopback.mjs";

/** Long after a busy machine has started it: visitors are asked whether it was soon enough. */
const PATIENCE_MS = 120_000;

export class Board {
  url = fromEnvironment("MIZAN_BOARD_URL");
  #program = fromEnvironment("MIZAN");
  #folder = fromEnvironment("MIZAN_BOARD");
  #data = fromEnvironment("XDG_DATA_HOME");
  #app = new URL(this.url).hostname.split(".")[0];

  /** Runs `mizan` for this app; resolves however it ends. */
  mizan(...args) {
    return new Promise((resolve) => {
      execFile(this.#program, ["-C", this.#folder, ...args], (error, stdout, stderr) =>
        resolve({ code: error ? error.code : 0, stdout, stderr }),
      );
    });
  }

  /** A deploy that hangs before `step` as soon as `reached`, and unwinds when it is told to `interrupt`. */
  hangingDeploy(step) {
    const child = spawn(this.#program, ["-C", this.#folder, "deploy", "--yes"], {
      env: { ...process.env, MIZAN_FAULT: `hang:before:${step}` },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    const reached = withResolvers();
    child.stderr.setEncoding("utf8").on("data", (text) => {
      stderr += text;
      if (stderr.includes(`… ${step.replace("/", " ")}: running`)) reached.resolve();
    });
    const ended = once(child, "close").then(([code]) => ({ code, stderr }));
    ended.then(() => reached.reject(new Error(`it never came to ${step}:\n${stderr}`)));
    return {
      reached: reached.promise,
      interrupt() {
        child.kill("SIGINT");
        return ended;
      },
    };
  }

  /** The release that a deploy would make now. */
  async nextRelease() {
    const { stdout } = await this.mizan("status", "--format", "json");
    return `r${Number(JSON.parse(stdout).release.slice(1)) + 1}`;
  }

  /** What the front page of the next release says. */
  async setVersion(name) {
    const file = this.#source("backend/board/api.py");
    const text = await readFile(file, "utf8");
    await writeFile(
      file,
      text.replace(/^TAGLINE = .*$/m, `TAGLINE = "Traffic test, version ${name}."`),
    );
  }

  /** What the front page says. */
  version(pattern) {
    return new Promise((resolve, reject) => {
      const call = request(this.url, { lookup, agent: false }, async (response) => {
        const chunks = await response.toArray();
        resolve(pattern.exec(Buffer.concat(chunks).toString())?.[1]);
      });
      call.on("error", reject).end();
    });
  }

  /** An edit of the source that can be taken back. */
  replace(name, from, to) {
    return this.#edit(name, async (file, text) => {
      assert.ok(text.includes(from), `${name} no longer has ${from}`);
      await writeFile(file, text.replace(from, to));
    });
  }

  /** An addition to a file of the source, or a new one, that can be taken back. */
  append(name, addition) {
    return this.#edit(name, (file) => appendFile(file, addition));
  }

  #edit(name, make) {
    const file = this.#source(name);
    let before;
    return {
      async make() {
        before = await readFile(file, "utf8").catch(() => undefined);
        await make(file, before);
      },
      takeBack: () => (before === undefined ? rm(file) : writeFile(file, before)),
    };
  }

  #source(name) {
    return path.join(this.#folder, name);
  }

  /** The containers of this app, running or not. */
  containers() {
    const args = ["ps", "--all", "--filter", `label=mizan.app=${this.#app}`];
    const names = execFileSync("docker", [...args, "--format", "{{.Names}}"], { encoding: "utf8" });
    return names.trim().split("\n").sort();
  }

  /** The process of this app's data plane whose command line holds `mark`. */
  find(mark) {
    const [pid] = this.#processes(mark);
    assert.ok(pid, `no process ${mark} of this app runs`);
    return pid;
  }

  /** Kills such a process the hard way. */
  kill(mark) {
    const pid = this.find(mark);
    process.kill(pid, "SIGKILL");
    return pid;
  }

  /** Waits until another process does the work of the killed one. */
  async successor(mark, killed) {
    const end = Date.now() + PATIENCE_MS;
    while (Date.now() < end) {
      const pid = this.#processes(mark).find((found) => found !== killed);
      if (pid) return pid;
      await pause(20);
    }
    throw new Error(`nobody took over from ${mark} ${killed}`);
  }

  isAlive(pid) {
    return processes().some((found) => found.pid === pid);
  }

  /** Each is given a path below the data folder, which belongs to this test alone. */
  #processes(mark) {
    const ours = processes().filter(({ args }) => args.includes(this.#data) && args.includes(mark));
    return ours.map(({ pid }) => pid);
  }
}

/** Every process that is alive; a zombie has ended. */
function processes() {
  const columns = ["pid", "stat", "args"].flatMap((column) => ["-o", `${column}=`]);
  const lines = execFileSync("ps", ["-A", "-ww", ...columns], { encoding: "utf8" }).split("\n");
  const found = lines.map((line) => /^\s*(\d+)\s+([^Z]\S*)\s+(.*)$/.exec(line)).filter(Boolean);
  return found.map(([, pid, , args]) => ({ pid: Number(pid), args }));
}

function withResolvers() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

function fromEnvironment(name) {
  return process.env[name] ?? assert.fail(`${name} is not set`);
}
