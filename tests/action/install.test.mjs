// Where mizan comes from: releases with their checksums and attestations, this action's source, or the machine.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { wanted } from "../../.github/action/install.mjs";
import { assetName, targetTriple } from "../../.github/action/release.mjs";
import { FakeGithub } from "./support/github.mjs";
import { Job } from "./support/step.mjs";

const VERSION = /^version = "([^"]+)"/m.exec(
  readFileSync(new URL("../../Cargo.toml", import.meta.url), "utf8"),
)[1];
const TRIPLE = targetTriple();
const NAME = assetName(VERSION, TRIPLE);
const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const RELEASED = { GITHUB_ACTION_REPOSITORY: "octo-org/mizan", GITHUB_ACTION_REF: "v1" };
const INSTALL = { command: "install", version: "" };

/** @type {FakeGithub} */
let github;
/** @type {Job} */
let job;
/** @type {string} */
let programs;

beforeEach(async () => {
  github = await new FakeGithub().start();
  job = new Job(github);
  programs = mkdtempSync(join(tmpdir(), "mizan-programs-"));
  program(
    "gh",
    'echo "--source-ref"; echo "gh $*" >> "$HOME/calls"; [ "$GH_TOKEN" = "" ] || echo "with a token" >> "$HOME/calls"',
  );
  program(
    "cargo",
    'env | grep -c TOKEN >> "$HOME/calls"; echo "cargo $*" >> "$HOME/calls"; while [ "$1" != --root ]; do shift; done; mkdir -p "$2/bin"; echo "#!/bin/sh" > "$2/bin/mizan"; chmod +x "$2/bin/mizan"',
  );
});

afterEach(async () => {
  await github.stop();
  job.remove();
  rmSync(programs, { recursive: true });
  assert.deepEqual(github.violations, []);
});

describe("a release", () => {
  test("is believed after its checksum and its attestation, and is there the next time", async () => {
    release();
    const { code, path, log } = await install();
    assert.equal(code, 0, log);
    assert.equal(execFileSync(join(path, "mizan"), { encoding: "utf8" }), "the released one\n");
    const verify = calls().find((call) => call.includes(NAME));
    assert.match(verify, /gh attestation verify \S+ --repo octo-org\/mizan /);
    assert.match(verify, /--signer-workflow octo-org\/mizan\/\.github\/workflows\/release\.yml /);
    assert.match(
      verify,
      new RegExp(`--source-ref refs/tags/v${VERSION} --deny-self-hosted-runners`),
    );
    assert.ok(calls().includes("with a token"));

    const requests = github.requests.length;
    const again = await install();
    assert.match(again.log, /is there already/);
    assert.equal(github.requests.length, requests);
  });

  test("that is not what its checksum says stops the step", async () => {
    release({ sums: `${"0".repeat(64)}  ${NAME}\n` });
    const { code, annotations, path } = await install();
    assert.equal(code, 1);
    assert.match(annotations[0].message, /is not what the release says: its SHA-256 is/);
    assert.equal(path, "");
    assert.ok(!calls().some((call) => call.startsWith("cargo")));
  });

  test("whose checksum is missing stops the step", async () => {
    release({ sums: "" });
    const { code, annotations } = await install();
    assert.equal(code, 1);
    assert.match(annotations[0].message, /SHA256SUMS has none of it/);
  });

  test("whose attestation does not hold stops the step", async () => {
    release();
    program(
      "gh",
      'case "$*" in *--help*) echo "--source-ref";; *) echo "no attestations found" >&2; exit 1;; esac',
    );
    const { code, annotations, path } = await install();
    assert.equal(code, 1);
    assert.match(
      annotations[0].message,
      /the attestation of mizan-.* does not hold: no attestations/,
    );
    assert.equal(path, "");
    assert.ok(!calls().some((call) => call.startsWith("cargo")));
  });

  test("that cannot be verified here is not installed: mizan is built", async () => {
    release();
    program("gh", 'echo "an older one"');
    const { code, log } = await install();
    assert.equal(code, 0, log);
    assert.match(log, /cannot be verified without a GitHub CLI/);
    assert.ok(calls().some((call) => call.startsWith("cargo install --locked")));
  });

  test("of an installation that was cut off is installed again", async () => {
    release();
    const folder = join(job.tools, "mizan", VERSION, TRIPLE);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "mizan"), "half");
    const { path } = await install();
    assert.equal(execFileSync(join(path, "mizan"), { encoding: "utf8" }), "the released one\n");
  });

  test("is taken for a commit only if its tag is that commit", async () => {
    release();
    const env = { ...RELEASED, GITHUB_ACTION_REF: COMMIT };
    github.commits[`v${VERSION}`] = COMMIT;
    assert.match((await install()).log, /is installed: mizan-/);
    assert.match((await install({}, env)).log, /is installed: mizan-/);
    rmSync(join(job.tools, "mizan", COMMIT), { recursive: true });
    github.commits[`v${VERSION}`] = "f".repeat(40);
    assert.match((await install({}, env)).log, /is another commit than the one/);
  });

  test("of another version that is not there is an error, not another program", async () => {
    const { code, annotations } = await install({ version: "99.0.0" });
    assert.equal(code, 1);
    assert.match(annotations[0].message, /mizan 99\.0\.0 cannot be installed: GitHub answered 404/);
  });
});

describe("the source", () => {
  test("is built where no binary fits, without any credentials", async () => {
    release({ name: `mizan-${VERSION}-riscv64gc-unknown-linux-gnu.tar.gz` });
    const { code, log, path } = await install({}, { ...RELEASED, SOME_TOKEN: "of-the-owner" });
    assert.equal(code, 0, log);
    assert.match(log, /no binary of release .* fits/);
    assert.match(path, /source-build\/bin$/);
    assert.equal(calls()[0], "0", "variables with a token");
  });

  test("is built once for a commit", async () => {
    const env = { ...RELEASED, GITHUB_ACTION_REF: COMMIT };
    await install({ version: "source" }, env);
    const { log } = await install({ version: "source" }, env);
    assert.match(log, /is there already, built from this commit/);
    assert.equal(calls().filter((call) => call.startsWith("cargo")).length, 1);
  });

  test("needs Rust, and says so", async () => {
    rmSync(join(programs, "cargo"));
    const env = { ...RELEASED, PATH: `${programs}:/usr/bin:/bin` };
    const { code, annotations } = await install({ version: "source" }, env);
    assert.equal(code, 1);
    assert.match(annotations[0].message, /there is no cargo here; install Rust/);
  });
});

test("what is wanted follows from the input, and else from the ref of the action", () => {
  const from = (version, ref, repository = "octo-org/mizan") =>
    wanted(version, { repository, local: repository === "", ref, version: "1.4.2" });
  assert.deepEqual(from("", "v1"), { from: "release", version: "1.4.2", commit: null });
  assert.deepEqual(from("", "v1.4.2"), { from: "release", version: "1.4.2", commit: null });
  assert.deepEqual(from("", COMMIT), { from: "release", version: "1.4.2", commit: COMMIT });
  assert.deepEqual(from("1.3.0", "main"), { from: "release", version: "1.3.0", commit: null });
  assert.equal(from("", "main").from, "source");
  assert.equal(from("", "", "").from, "source");
  assert.equal(from("source", "v1").from, "source");
  assert.equal(from("installed", "v1").from, "machine");
  assert.throws(() => from("../../1.0.0", "v1"), /is neither a version/);
});

function install(inputs = {}, env = RELEASED) {
  return job.run({ ...INSTALL, ...inputs }, { env, path: programs });
}

/** A release as the workflow makes it; `sums` and `name` for what can be wrong with it. */
function release({ name = NAME, sums } = {}) {
  const top = NAME.replace(".tar.gz", "");
  mkdirSync(join(programs, top));
  writeFileSync(join(programs, top, "mizan"), '#!/bin/sh\necho "the released one"\n', {
    mode: 0o755,
  });
  const archive = execFileSync("tar", ["-cz", "-C", programs, top]);
  const sum = createHash("sha256").update(archive).digest("hex");
  github.addRelease(`v${VERSION}`, {
    [name]: archive,
    SHA256SUMS: Buffer.from(sums ?? `${sum}  ${name}\n`),
  });
}

function program(name, script) {
  writeFileSync(join(programs, name), `#!/usr/bin/env bash\n${script}\n`, { mode: 0o755 });
}

function calls() {
  try {
    return readFileSync(join(job.home, "calls"), "utf8").trim().split("\n");
  } catch {
    return [];
  }
}
