// The step against the fake of GitHub, with the real mizan wherever it can do without an engine.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, test } from "node:test";
import { FakeGithub } from "./support/github.mjs";
import { Job, pullRequest, RUN, SHA } from "./support/step.mjs";

const PULL = { event: "pull_request", payload: pullRequest() };
const PLAN = { command: "plan", environment: "local", args: "--offline" };
const PERSON = { login: "mallory", type: "User" };

/** @type {FakeGithub} */
let github;
/** @type {Job} */
let job;

beforeEach(async () => {
  github = await new FakeGithub().start();
  job = new Job(github);
});

afterEach(async () => {
  await github.stop();
  job.remove();
  assert.deepEqual(github.violations, []);
});

describe("a plan on a pull request", () => {
  test("is told in a comment, and the next one in the same comment", async () => {
    const first = await job.run(PLAN, PULL);
    assert.equal(first.code, 0, first.log);
    assert.match(first.log, /the comment is created/);
    const [created] = github.comments;
    assert.match(created.body, /^### mizan: plan of <code>local<\/code>$/m);
    assert.match(created.body, /\*\*Plan: \d+ to create/);
    assert.match(created.body, /<code>service worker<\/code>/);

    job.write(
      "mizan.yaml",
      readFileSync(`${job.workspace}/mizan.yaml`, "utf8").replace("worker:", "mailer:"),
    );
    const second = await job.run(PLAN, PULL);
    assert.equal(second.code, 0, second.log);
    assert.match(second.log, /the comment is updated/);
    assert.equal(github.comments.length, 1);
    const [{ id, body }] = github.comments;
    assert.equal(id, created.id);
    assert.match(body, /<code>service mailer<\/code>/);
    assert.doesNotMatch(body, /<code>service worker<\/code>/);
  });

  test("gives its outputs and its summary", async () => {
    const { outputs, summary, path, log } = await job.run(PLAN, PULL);
    assert.equal(outputs.changes, "true");
    const plan = JSON.parse(outputs["plan-json"]);
    assert.equal(plan.format, "mizan-plan");
    assert.ok(plan.totals.create > 0);
    assert.match(outputs.plan, /^\*\*Plan: /);
    assert.ok(summary.includes(outputs.plan.trim()));
    assert.match(path, /target\/debug$/);
    assert.match(log, /^ {2}\+ create service web$/m);
    assert.deepEqual([outputs.url, outputs.release], ["", ""]);
  });

  test("has a comment for each environment and each app", async () => {
    job.write("shop/mizan.yaml", readFileSync(`${job.workspace}/mizan.yaml`, "utf8"));
    job.write("shop/Dockerfile", "FROM python:3.12-slim\n");
    for (const inputs of [{}, { environment: "" }, { "working-directory": "shop" }, {}]) {
      const { code, log } = await job.run({ ...PLAN, ...inputs }, PULL);
      assert.equal(code, 0, log);
    }
    assert.equal(github.comments.length, 3);
    assert.match(github.comments[2].body, /^### .*<code>shop<\/code>/m);
  });

  test("finds its comment behind a hundred others", async () => {
    await job.run(PLAN, PULL);
    const mine = github.comments.pop();
    for (let count = 0; count < 120; count += 1) {
      github.addComment(7, `remark ${count}`, PERSON);
    }
    github.comments.push(mine);
    await job.run(PLAN, PULL);
    assert.equal(github.comments.length, 121);
  });

  test("never writes into a comment that somebody else has made to look like it", async () => {
    await job.run(PLAN, PULL);
    const [{ body }] = github.comments;
    github.comments = [];
    const forged = github.addComment(7, body, PERSON);
    await job.run(PLAN, PULL);
    assert.equal(forged.body, body);
    assert.equal(github.comments.length, 2);
  });

  test("knows the comment of the person whose token it has", async () => {
    github.me = { login: "ada", type: "User" };
    await job.run(PLAN, PULL);
    await job.run(PLAN, PULL);
    assert.equal(github.comments.length, 1);
  });

  test("writes none where none is wanted, and none outside of pull requests", async () => {
    await job.run({ ...PLAN, comment: "false" }, PULL);
    await job.run(PLAN);
    assert.deepEqual(github.requests, []);
  });

  test("names the permission that the job lacks, and goes well nevertheless", async () => {
    github.refuse(/comments/, { status: 403, message: "Resource not accessible by integration" });
    const { code, annotations, summary } = await job.run(PLAN, PULL);
    assert.equal(code, 0);
    assert.equal(annotations[0].level, "warning");
    assert.match(annotations[0].message, /permissions: \{pull-requests: write\}/);
    assert.match(summary, /\*\*Plan: /);
  });

  test("asks again when GitHub is busy, as late as GitHub says", async () => {
    github.refuse(/GET .*comments/, { status: 429, headers: { "retry-after": "1" } });
    const begin = Date.now();
    const { code } = await job.run(PLAN, PULL);
    assert.equal(code, 0);
    assert.ok(Date.now() - begin >= 1000);
    assert.equal(github.comments.length, 1);
  });

  test("does not wait for an hour", async () => {
    github.refuse(/GET .*comments/, { status: 403, headers: { "retry-after": "3600" }, times: 9 });
    const { code, annotations } = await job.run(PLAN, PULL);
    assert.equal(code, 0);
    assert.match(annotations[0].message, /403/);
    assert.equal(github.requests.length, 1);
  });

  test("makes one comment although the answer to the first attempt was lost", async () => {
    github.refuse(/POST .*comments/, { status: 502, after: true });
    const { log } = await job.run(PLAN, PULL);
    assert.match(log, /the comment is updated/);
    assert.equal(github.comments.length, 1);
  });

  test("is cut where GitHub would refuse it, and says where the rest is", async () => {
    const markdown = `<details><summary>The plan</summary>\n\n<details><summary>Fields</summary>\n\n${"| `x` | y |\n".repeat(9000)}\n</details>\n</details>`;
    const plan = { format: "mizan-plan", version: 1, steps: [], notes: [] };
    const path = job.program({ events: [{ event: "plan", plan, markdown }, ok({})] });
    const { code, summary } = await job.run(PLAN, { ...PULL, path });
    assert.equal(code, 0);
    const [{ body }] = github.comments;
    assert.ok(body.length <= 65_536 && body.length > 60_000, String(body.length));
    assert.equal(count(body, "<details>"), count(body, "</details>"));
    assert.equal(count(body, "<details>"), 2);
    assert.ok(body.endsWith(`The rest is in the summary of [the run](${RUN}).`));
    assert.ok(summary.length > 90_000);
  });
});

describe("a plan larger than GitHub takes", () => {
  test("is cut in the summary, and left out of the outputs", async () => {
    const markdown = "| ü | y |\n".repeat(120_000);
    const plan = { format: "mizan-plan", version: 1, steps: [], notes: [] };
    const path = job.program({ events: [{ event: "plan", plan, markdown }, ok({})] });
    const { code, summary, outputs, annotations } = await job.run(PLAN, { path });
    assert.equal(code, 0);
    const bytes = Buffer.byteLength(summary);
    assert.ok(bytes < 1_048_576 && bytes > 900_000, String(bytes));
    assert.ok(summary.endsWith(`The rest is in the log of [the run](${RUN}).\n`));
    assert.equal(outputs.plan, "");
    assert.deepEqual(JSON.parse(outputs["plan-json"]), plan);
    assert.match(annotations[0].message, /the output `plan` is empty/);
  });
});

describe("a mizan.yaml with a mistake", () => {
  const inputs = { ...PLAN, "working-directory": "apps/shop" };

  beforeEach(() => {
    const text = readFileSync(`${job.workspace}/mizan.yaml`, "utf8");
    job.write("apps/shop/mizan.yaml", text.replace("port: 8000", "port: 8000, cpus: 1"));
  });

  test("is marked at its line", async () => {
    const { code, annotations } = await job.run(inputs, PULL);
    assert.equal(code, 65);
    const [first] = annotations;
    assert.equal(first.level, "error");
    assert.deepEqual([first.file, first.line, first.endLine], ["apps/shop/mizan.yaml", "5", "5"]);
    assert.deepEqual([first.col, first.endColumn], ["21", "24"]);
    assert.match(first.message, /unknown field `cpus`\nhint: did you mean `cpu`\?/);
  });

  test("is told in the comment, in place of an older plan", async () => {
    await job.run({ ...inputs, "working-directory": "." }, PULL);
    job.write("mizan.yaml", "version: 1\napp: shop\n");
    await job.run({ ...inputs, "working-directory": "." }, PULL);
    const [{ body }] = github.comments;
    assert.match(body, /^### .* failed$/m);
    assert.doesNotMatch(body, /to create/);
    assert.equal(github.comments.length, 1);
  });
});

describe("a change from a fork", () => {
  const fork = pullRequest({ head: "mallory/board" });

  test("is planned without credentials, without an engine, and without a comment", async () => {
    // It would tell what it is given, and what it was called with.
    const path = job.program({ script: 'env >&2; printf "called with %s\\n" "$*" >&2' });
    const env = {
      AWS_SECRET_ACCESS_KEY: "aws-of-the-owner",
      CLOUDFLARE_API_TOKEN: "cloudflare-of-the-owner",
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: "oidc-of-the-owner",
      DATABASE_PASSWORD: "password-of-the-owner",
      LEVEL: "info",
    };
    const inputs = {
      command: "plan",
      environment: "local",
      args: "--out plan --detailed-exitcode",
    };
    const { code, log } = await job.run(inputs, {
      event: "pull_request",
      payload: fork,
      env,
      path,
    });
    assert.equal(code, 0, log);
    assert.doesNotMatch(log, /of-the-owner|ghs_of-the-test/);
    assert.match(log, /LEVEL=info/);
    assert.match(log, /called with deploy --plan .* --env local --offline$/m);
    assert.match(log, /no comment: GitHub lets no run of a fork/);
    assert.deepEqual(github.requests, []);
  });

  test("has its plan in the summary", async () => {
    const inputs = { command: "plan", environment: "local" };
    const { code, summary, log } = await job.run(inputs, { event: "pull_request", payload: fork });
    assert.equal(code, 0, log);
    assert.match(summary, /planned without credentials/);
    assert.match(summary, /<code>service web<\/code>/);
  });

  test("whose fork is gone is one too", async () => {
    const payload = pullRequest({ head: null });
    const { log } = await job.run({ command: "plan" }, { event: "pull_request", payload });
    assert.match(log, /no comment/);
  });

  test("gets a comment where the run may write one, and still no credentials", async () => {
    const options = { event: "pull_request_target", payload: fork };
    const { code } = await job.run({ command: "plan" }, options);
    assert.equal(code, 0);
    assert.match(github.comments[0].body, /planned without credentials/);
  });

  test("is never deployed", async () => {
    const path = job.program({ stderr: "it ran" });
    for (const command of ["deploy", "rollback", "destroy"]) {
      const options = { event: "pull_request_target", payload: fork, path };
      const { code, log } = await job.run({ command, environment: "local" }, options);
      assert.equal(code, 64);
      assert.doesNotMatch(log, /it ran/);
    }
    assert.deepEqual(github.requests, []);
  });
});

describe("a deploy", () => {
  const inputs = { command: "deploy", environment: "production" };
  const url = "https://shop.example.com";
  const went = [ok({ url, release: "r7", changed: true, millis: 4400 })];

  test("is a deployment, in progress and then live at its URL", async () => {
    const path = job.program({ events: went });
    const { code, outputs, summary, state } = await job.run(inputs, { path });
    assert.equal(code, 0);
    assert.deepEqual(
      github.requests.find(({ what }) => what.endsWith("/deployments") && what.startsWith("POST"))
        ?.body,
      {
        ref: SHA,
        environment: "production",
        description: "mizan deploy",
        auto_merge: false,
        required_contexts: [],
      },
    );
    assert.deepEqual(
      github.statuses.map(({ state, environment_url, log_url }) => [
        state,
        environment_url,
        log_url,
      ]),
      [
        ["in_progress", undefined, RUN],
        ["success", url, RUN],
      ],
    );
    assert.deepEqual([outputs.url, outputs.release, outputs.changes], [url, "r7", "true"]);
    assert.match(
      summary,
      /<code>r7<\/code> is live at <https:\/\/shop\.example\.com>, after 4\.4 s/,
    );
    const requests = github.requests.length;
    await job.end(inputs, state);
    assert.equal(github.requests.length, requests, "the end of the job has nothing to add");
  });

  test("that cannot reach the engine says so in the summary", async () => {
    const { code, summary, annotations } = await job.run({
      command: "deploy",
      environment: "local",
    });
    assert.equal(code, 69);
    assert.match(summary, /^### mizan: deploy of <code>local<\/code> failed$/m);
    assert.match(summary, /\*\*error:\*\* <code>/);
    assert.match(summary, /- because: <code>/);
    assert.match(summary, /docker&#46;sock/);
    assert.equal(annotations[0].level, "error");
    assert.equal(github.statuses.at(-1).state, "failure");
  });

  test("that was taken back tells cause, log and advice, and tells no strangers of the log", async () => {
    const error = {
      kind: "rolled_back",
      message: "service web did not become healthy",
      causes: ["waited 60 s", "/healthz answers 502\nand nothing else"],
      log: ["boot \u001b[31mred\u001b[0m", "</pre><script>alert(1)</script> @everyone \u202etxt"],
      hints: ["look at the log: mizan logs web"],
      left_over: ["service web"],
    };
    const step = { step: "service/web", millis: 60_012, error };
    const events = [
      { event: "step_failed", ...step },
      { event: "result", ok: false, exit_code: 70, error },
    ];
    const path = job.program({ events, code: 70 });
    const { code, summary, log } = await job.run(inputs, { path });
    assert.equal(code, 70);
    assert.match(summary, /^### .* failed, and was taken back$/m);
    assert.match(log, /✘ service\/web: service web did not become healthy \(60\.0 s\)/);
    assert.match(summary, /- because: <code>waited 60 s<\/code>/);
    assert.match(summary, /502<\/code><br><code>and nothing else/);
    assert.match(summary, /- left over: <code>service web<\/code>/);
    assert.match(summary, /- hint: <code>look at the log/);
    assert.match(summary, /^<pre>boot red$/m);
    assert.equal(count(summary, "<script>"), 0);
    assert.equal(count(summary, "@everyone"), 0);
    assert.doesNotMatch(summary, /\u202e|8238/);
    const { state, description } = github.statuses.at(-1);
    assert.deepEqual([state, description], ["failure", "service web did not become healthy"]);

    await job.run(PLAN, { ...PULL, path });
    assert.doesNotMatch(github.comments[0].body, /boot/);
  });

  test("leaves the deployment to GitHub where the job's own environment has one", async () => {
    github.deployments.push({ id: 1, sha: SHA, ref: SHA, environment: "production" });
    github.statuses.push({ deployment: 1, id: 2, state: "in_progress", log_url: `${RUN}/job/5` });
    const { code } = await job.run(inputs, { path: job.program({ events: went }) });
    assert.equal(code, 0);
    assert.equal(github.deployments.length, 1);
    assert.equal(github.statuses.length, 1);
  });

  test("goes on where deployments may not be written, and says what is missing", async () => {
    github.refuse(/deployments/, { status: 403, times: 9 });
    const { code, annotations, outputs } = await job.run(inputs, {
      path: job.program({ events: went }),
    });
    assert.equal(code, 0);
    assert.equal(outputs.url, url);
    assert.match(annotations[0].message, /permissions: \{deployments: write\}/);
  });

  test("records none where none is wanted", async () => {
    await job.run({ ...inputs, deployment: "false" }, { path: job.program({ events: went }) });
    assert.deepEqual(github.requests, []);
  });

  test("that changes nothing is live all the same", async () => {
    const events = [ok({ url, release: "r6", changed: false, millis: 0 })];
    const { outputs, summary } = await job.run(inputs, { path: job.program({ events }) });
    assert.equal(outputs.changes, "false");
    assert.match(summary, /Nothing to change: <code>r6<\/code> is live/);
    assert.equal(github.statuses.at(-1).state, "success");
  });
});

describe("a run that is cancelled", () => {
  const inputs = { command: "deploy", environment: "production" };
  const error = { kind: "interrupted", message: "interrupted" };
  const result = JSON.stringify({ event: "result", ok: false, exit_code: 130, error });

  test("lets mizan take back what it did, and hands on one signal of two", async () => {
    // Not in bash, which counts two signals as one while it waits for a program.
    const counting = `let signals = 0;
      for (const name of ["SIGINT", "SIGTERM"]) { process.on(name, () => { signals += 1; }); }
      console.error("begun");
      setTimeout(() => {
        console.error("signals: " + signals);
        console.log(process.env.RESULT);
        process.exit(130);
      }, 700);`;
    const script = `RESULT='${result}' exec '${process.execPath}' -e '${counting}'`;
    const onStart = (child, output) => {
      const ready = setInterval(() => {
        if (output().includes("begun")) {
          clearInterval(ready);
          // To all of the step at once, as a terminal would.
          process.kill(-child.pid, "SIGINT");
          setTimeout(() => child.kill("SIGTERM"), 200);
        }
      }, 20);
    };
    const path = job.program({ script, code: 130 });
    const { code, log } = await job.run(inputs, { path, onStart });
    assert.match(log, /signals: 1$/m);
    assert.equal(code, 130);
    assert.equal(github.statuses.at(-1).state, "error");
  });

  test("and killed leaves no deployment that goes on for ever", async () => {
    const onStart = (child, output) => {
      const ready = setInterval(() => {
        if (output().includes("begun")) {
          clearInterval(ready);
          child.kill("SIGKILL");
        }
      }, 20);
    };
    const path = job.program({ script: "echo begun >&2\nsleep 1" });
    const { state } = await job.run(inputs, { path, onStart });
    assert.equal(github.statuses.at(-1).state, "in_progress");
    await job.end(inputs, state);
    const { state: last, description } = github.statuses.at(-1);
    assert.equal(last, "error");
    assert.match(description, /stopped before mizan had ended/);
  });
});

describe("what programs print", () => {
  test("is never obeyed by the runner", async () => {
    const events = [
      { event: "step_log", step: "image/shop", stream: "output", line: "::error file=x::forged" },
      { event: "step_progress", step: "image/shop", message: "a\n::add-mask::e" },
      ok({ url: "https://a.example", release: "r1", changed: true, millis: 1 }),
    ];
    const path = job.program({ events, stderr: "::set-output name=url::forged\n" });
    const { annotations, lines, outputs } = await job.run({ command: "deploy" }, { path });
    assert.deepEqual(annotations, []);
    assert.ok(lines.some((line) => line === "::set-output name=url::forged"));
    assert.equal(outputs.url, "https://a.example");
  });

  test("ends no output and no command", async () => {
    const message = "100%\n::error::forged";
    const error = { kind: "failed", message };
    const value = {
      url: "https://a.example\nrelease=forged\nEOF",
      release: "r1",
      changed: true,
      millis: 1,
    };
    const failing = job.program({ events: [{ event: "result", ok: false, error }], code: 1 });
    const failed = await job.run({ command: "deploy" }, { path: failing });
    assert.deepEqual(
      failed.annotations.map(({ message }) => message),
      [message],
    );
    const { outputs, summary } = await job.run(
      { command: "deploy" },
      { path: job.program({ events: [ok(value)] }) },
    );
    assert.equal(outputs.url, value.url);
    assert.equal(outputs.release, "r1");
    assert.doesNotMatch(summary, /<https/);
  });

  test("shows no values of credentials on GitHub", async () => {
    const value = "s3cr3t+value/of=a-key";
    const error = { kind: "failed", message: `refused: ${value}`, log: [value] };
    const markdown = "<code>s3cr3t&#43;value/of&#61;a-key</code>";
    const plan = { event: "plan", plan: { steps: [] }, markdown };
    const path = job.program({ events: [plan, { event: "result", ok: false, error }], code: 1 });
    const options = { ...PULL, path, env: { STRIPE_API_KEY: value } };
    const { summary, outputs } = await job.run(PLAN, options);
    assert.match(summary, /refused&#58; &#42;&#42;&#42;/);
    const told = [summary, outputs.plan, github.comments[0].body].join("\n");
    assert.doesNotMatch(told, /s3cr3t/);
  });

  test("is told when mizan dies without a word", async () => {
    const path = job.program({ stderr: "Segmentation fault", code: 139 });
    const { code, summary, annotations } = await job.run({ command: "deploy" }, { path });
    assert.equal(code, 139);
    assert.match(annotations[0].message, /mizan ended with 139/);
    assert.match(summary, /Segmentation fault/);
  });
});

describe("inputs", () => {
  test("that make no sense are named", async () => {
    for (const [inputs, said] of [
      [{ command: "deplyo" }, /`command: deplyo` is none of plan, deploy/],
      [{ comment: "yes" }, /`comment: yes` is neither true nor false/],
      [{ args: "-c 'mizan.yaml" }, /`args`: the quote ' is never closed/],
      [{ version: "latest" }, /`version: latest` is neither/],
    ]) {
      const { code, annotations } = await job.run(inputs);
      assert.equal(code, 64);
      assert.match(annotations[0].message, said);
    }
  });

  test("reach mizan word by word, and no shell", async () => {
    const path = job.program({ script: "printf '[%s]' \"$@\" >&2; echo >&2" });
    const args = `-c "a b.yaml" '$(id)' x'y'z ""`;
    const { log } = await job.run({ command: "rollback", environment: "e", args }, { path });
    assert.match(log, /\[rollback\].*\[--env\]\[e\]\[-c\]\[a b\.yaml\]\[\$\(id\)\]\[xyz\]\[\]$/m);
  });

  test("of mizan that are wrong are told as mizan tells them", async () => {
    const { code, summary } = await job.run({ command: "plan", args: "--no-such-option" });
    assert.equal(code, 64);
    assert.match(summary, /unexpected argument/);
  });
});

/** @param {unknown} value */
function ok(value) {
  return { event: "result", ok: true, value };
}

/**
 * @param {string} text
 * @param {string} part
 */
function count(text, part) {
  return text.split(part).length - 1;
}
