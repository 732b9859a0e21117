// The step with the real mizan on the real Docker engine: a deploy that fails, and one that goes well.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { FakeGithub } from "./support/github.mjs";
import { Job } from "./support/step.mjs";

const APP = `shop-action-${process.pid}`;
const ENGINE = { env: { DOCKER_HOST: process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock" } };
const DEPLOY = { command: "deploy", environment: "local" };

/** @type {FakeGithub} */
let github;
/** @type {Job} */
let job;

before(async () => {
  github = await new FakeGithub().start();
  job = new Job(github);
  job.write(
    "Dockerfile",
    'FROM python:3.12-slim\nCOPY app.py /app.py\nCMD ["python", "/app.py"]\n',
  );
  job.write(
    "app.py",
    `import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("", 8000), Handler).serve_forever()
`,
  );
});

after(async () => {
  const args = "--volumes --yes";
  const { code, log } = await job.run({ ...DEPLOY, command: "destroy", args }, ENGINE);
  await github.stop();
  job.remove();
  assert.equal(code, 0, log);
  assert.deepEqual(github.violations, []);
});

test("a deploy that fails shows its cause in the summary, and leaves nothing behind", async () => {
  configure("python -c 'raise SystemExit(\"no such column, slug\")'");
  const { code, summary, annotations } = await job.run(DEPLOY, ENGINE);
  assert.equal(code, 70);
  assert.match(summary, /^### mizan: deploy of <code>local<\/code> failed, and was taken back$/m);
  assert.match(summary, /\*\*error:\*\* <code>the release step .* failed with exit code 1/);
  assert.match(summary, /<pre>no such column, slug<\/pre>/);
  assert.match(annotations[0].message, /the release step .* failed with exit code 1/);
  assert.equal(github.statuses.at(-1).state, "failure");
  assert.deepEqual(containers(), []);
});

test("a deploy that is cancelled is taken back in the time that the runner gives", async () => {
  // A program that ends when it is asked to; one that does not is killed later than the runner waits.
  configure(
    "python -c 'import signal, time; signal.signal(signal.SIGTERM, exit); print(1, flush=True); time.sleep(60)'",
  );
  let cancelled = 0;
  const onStart = (child, output) => {
    const begun = setInterval(() => {
      if (output().includes("release-step/r1 | 1")) {
        clearInterval(begun);
        cancelled = Date.now();
        child.kill("SIGINT");
      }
    }, 20);
    child.on("close", () => clearInterval(begun));
  };
  const { code, summary, log } = await job.run(DEPLOY, { ...ENGINE, onStart });
  assert.equal(code, 130, log);
  assert.ok(Date.now() - cancelled < 10_000, log);
  assert.match(summary, /^### .* was interrupted$/m);
  assert.equal(github.statuses.at(-1).state, "error");
  assert.deepEqual(containers(), []);
});

test("a deploy that goes well is live where the step says", async () => {
  configure("'true'");
  const { code, outputs, log } = await job.run(DEPLOY, ENGINE);
  assert.equal(code, 0, log);
  const { port } = new URL(outputs.url);
  const response = await fetch(`http://127.0.0.1:${port}/healthz`, {
    headers: { host: new URL(outputs.url).host },
  });
  assert.equal(response.status, 200);
  assert.equal(github.statuses.at(-1).environment_url, outputs.url);
});

function configure(release) {
  job.write(
    "mizan.yaml",
    `version: 1
app: ${APP}
schema: none
services:
  web: {port: 8000, health: /healthz, stop_timeout: 1s, drain: 1s}
release: ${release}
environments:
  local: {target: local}
`,
  );
}

function containers() {
  const args = ["ps", "--all", "--quiet", "--filter", `label=mizan.app=${APP}`];
  const listed = execFileSync("docker", args, {
    encoding: "utf8",
    env: { ...process.env, ...ENGINE.env },
  });
  return listed.split("\n").filter(Boolean);
}
