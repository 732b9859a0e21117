// Which mizan the step runs, and where it comes from: a release, this action's own source, or the machine.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { GithubError } from "./github.mjs";
import { InputError } from "./inputs.mjs";
import { assetName, downloadRelease, NoSuchAsset, targetTriple } from "./release.mjs";

/** The root of the checkout of this action. */
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** A full commit id. */
const COMMIT = /^[0-9a-f]{40}$/;
/** A tag of a release, or one that moves from release to release (`v1`). */
const RELEASE_TAG = /^v\d+(\.\d+){0,2}$/;

/**
 * Where this action comes from.
 * @typedef {object} Origin
 * @property {string} repository As `owner/name`.
 * @property {boolean} local It is the checkout itself: `uses: ./`.
 * @property {string} ref As after the `@`.
 * @property {string} version The version in its own source.
 */

/**
 * What is to be installed.
 * @typedef {{from: "machine"} | {from: "source", why: string} | {from: "release", version: string, commit: string | null}} Wanted
 */

/**
 * @typedef {object} Place
 * @property {Origin} origin
 * @property {string} cache Where the runner keeps tools from job to job.
 * @property {NodeJS.ProcessEnv} env Of programs that are run: without credentials.
 * @property {string} token
 * @property {(text: string) => void} say
 */

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Origin}
 */
export function readOrigin(env) {
  const manifest = readFileSync(join(ROOT, "Cargo.toml"), "utf8");
  return {
    repository: env.GITHUB_ACTION_REPOSITORY || env.GITHUB_REPOSITORY || "",
    local: !env.GITHUB_ACTION_REPOSITORY,
    ref: env.GITHUB_ACTION_REF ?? "",
    version: /^version = "([^"]+)"/m.exec(manifest)?.[1] ?? "",
  };
}

/**
 * What an input and the action's own ref ask for. A branch may be ahead of the release that its source still names, so
 * what it stands for is built.
 *
 * @param {string} version The input.
 * @param {Origin} origin
 * @returns {Wanted}
 */
export function wanted(version, { local, ref, version: own }) {
  if (version === "installed") {
    return { from: "machine" };
  }
  if (version === "source") {
    return { from: "source", why: "`version: source` asks for it" };
  }
  if (version !== "") {
    if (!/^\d+\.\d+\.\d+([-+][\w.+-]+)?$/.test(version)) {
      throw new InputError(
        `\`version: ${version}\` is neither a version, \`source\` nor \`installed\``,
      );
    }
    return { from: "release", version, commit: null };
  }
  if (local) {
    return { from: "source", why: "the action is used from the checkout" };
  }
  if (RELEASE_TAG.test(ref)) {
    return { from: "release", version: own, commit: null };
  }
  if (COMMIT.test(ref)) {
    return { from: "release", version: own, commit: ref };
  }
  return { from: "source", why: `${ref || "this ref of the action"} is no release` };
}

/**
 * The path of mizan, which is installed if it is not there.
 *
 * @param {Wanted} what
 * @param {import("./github.mjs").Github} github
 * @param {Place} place
 * @returns {Promise<string>}
 */
export async function provide(what, github, place) {
  if (process.platform === "win32") {
    throw new InputError("mizan runs on Linux and macOS: choose such a runner with `runs-on`");
  }
  switch (what.from) {
    case "machine":
      return onPath(place.env);
    case "source":
      place.say(`mizan is built from source: ${what.why}`);
      return fromSource(place);
    case "release":
      return fromRelease(what, github, place);
  }
}

/**
 * @param {{version: string, commit: string | null}} release
 * @param {import("./github.mjs").Github} github
 * @param {Place} place
 */
async function fromRelease({ version, commit }, github, place) {
  const triple = targetTriple();
  // What was installed for a tag was not held against a commit.
  const folder = join(place.cache, "mizan", commit ?? version, triple ?? "none");
  const binary = join(folder, "mizan");
  // The mark is written last: a folder without it is of an installation that was cut off.
  const mark = `${folder}.complete`;
  if (existsSync(mark) && existsSync(binary)) {
    place.say(`mizan ${version} is there already`);
    return binary;
  }
  try {
    if (triple === null) {
      throw new NoSuchAsset("there are none for this system");
    }
    const archive = await downloadRelease(
      github,
      { ...place.origin, version, commit, triple },
      place,
    );
    rmSync(mark, { force: true });
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    execFileSync("tar", ["-xzf", archive, "-C", folder, "--strip-components=1"], {
      env: place.env,
    });
    writeFileSync(mark, "");
    place.say(`mizan ${version} is installed: ${assetName(version, triple)}`);
    return binary;
  } catch (error) {
    // Nothing is wrong with what is not there; what is there and is not what it should be stops the step.
    const absent =
      error instanceof NoSuchAsset || (error instanceof GithubError && error.status === 404);
    if (!absent) {
      throw error;
    }
    if (version !== place.origin.version) {
      throw new Error(`mizan ${version} cannot be installed: ${error.message}`);
    }
    place.say(`mizan is built from source: no binary of release ${version} fits: ${error.message}`);
    return fromSource(place);
  }
}

/** @param {Place} place */
function fromSource({ cache, env, origin, say }) {
  const fixed = COMMIT.test(origin.ref);
  const folder = join(cache, "mizan", `source-${fixed ? origin.ref : "build"}`);
  const binary = join(folder, "bin", "mizan");
  if (fixed && existsSync(binary)) {
    say("mizan is there already, built from this commit");
    return binary;
  }
  say("it takes many minutes; a release is installed in seconds");
  try {
    const args = [
      "install",
      "--locked",
      "--force",
      "--path",
      ROOT,
      "--root",
      folder,
      "--bin",
      "mizan",
    ];
    execFileSync("cargo", args, { env, stdio: ["ignore", "inherit", "inherit"] });
  } catch (error) {
    const missing = /** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT";
    throw new Error(
      missing
        ? "mizan cannot be built: there is no cargo here; install Rust before this step, or name a release with `version`"
        : "mizan cannot be built; the log of cargo is above",
    );
  }
  return binary;
}

/** @param {NodeJS.ProcessEnv} env */
function onPath(env) {
  const folders = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const found = folders.map((folder) => join(folder, "mizan")).find((path) => existsSync(path));
  if (found === undefined) {
    throw new InputError("`version: installed`, but there is no mizan on the path");
  }
  return found;
}
