// A released binary: downloaded, and believed only when its checksum and its attestation are right.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The file with the checksums of a release, as `sha256sum` writes it. */
const CHECKSUMS = "SHA256SUMS";
/** The workflow that alone may have built a release. */
const SIGNER = ".github/workflows/release.yml";
/** Rust's names of systems. */
const SYSTEMS = /** @type {Record<string, string>} */ ({
  linux: "unknown-linux-gnu",
  darwin: "apple-darwin",
});
const ARCHITECTURES = /** @type {Record<string, string>} */ ({ x64: "x86_64", arm64: "aarch64" });

/** No released binary can be used here, and nothing is wrong with that. */
export class NoSuchAsset extends Error {}

/**
 * What this machine is called in the names of assets; none where there are no binaries.
 * @returns {string | null}
 */
export function targetTriple() {
  const [system, architecture] = [SYSTEMS[process.platform], ARCHITECTURES[process.arch]];
  return system && architecture && !isMusl() ? `${architecture}-${system}` : null;
}

/** Node tells which C library it runs with: on Alpine, for one, none that our binaries know. */
function isMusl() {
  const report = /** @type {any} */ (process.report.getReport());
  return process.platform === "linux" && !report.header.glibcVersionRuntime;
}

/**
 * @param {string} version
 * @param {string} triple
 */
export function assetName(version, triple) {
  return `mizan-${version}-${triple}.tar.gz`;
}

/**
 * Downloads the archive of a release and verifies it; gives its path.
 *
 * @param {import("./github.mjs").Github} github
 * @param {object} release
 * @param {string} release.repository
 * @param {string} release.version
 * @param {string} release.triple
 * @param {string | null} release.commit What the tag has to stand for, if the action is pinned to a commit.
 * @param {{env: NodeJS.ProcessEnv, token: string}} tools
 * @returns {Promise<string>}
 */
export async function downloadRelease(github, { repository, version, triple, commit }, tools) {
  const [tag, name] = [`v${version}`, assetName(version, triple)];
  if (commit !== null) {
    await requireCommit(github, repository, tag, commit);
  }
  const release = await github.ask("GET", `/repos/${repository}/releases/tags/${tag}`);
  const [archive, checksums] = [asset(release, name), asset(release, CHECKSUMS)];
  requireGh(tools.env);
  const [bytes, list] = await Promise.all(
    [archive, checksums].map(({ id }) =>
      github.download(`/repos/${repository}/releases/assets/${id}`),
    ),
  );
  requireChecksum(name, bytes, list.toString("utf8"));
  const path = join(mkdtempSync(join(tmpdir(), "mizan-")), name);
  writeFileSync(path, bytes);
  requireAttestation(path, repository, tag, tools);
  return path;
}

/**
 * @param {import("./github.mjs").Github} github
 * @param {string} repository
 * @param {string} tag
 * @param {string} commit
 */
async function requireCommit(github, repository, tag, commit) {
  const { sha } = await github.ask("GET", `/repos/${repository}/commits/${tag}`);
  if (sha !== commit) {
    throw new NoSuchAsset(`${tag} is another commit than the one this action is pinned to`);
  }
}

/**
 * @param {any} release
 * @param {string} name
 */
function asset(release, name) {
  const found = release.assets.find((/** @type {any} */ one) => one.name === name);
  if (!found) {
    throw new NoSuchAsset(`${release.tag_name} has no ${name}`);
  }
  return found;
}

/**
 * @param {string} name
 * @param {Buffer} bytes
 * @param {string} list
 */
function requireChecksum(name, bytes, list) {
  const line = list.split("\n").find((one) => one.trim().split(/ [ *]/)[1] === name);
  const actual = createHash("sha256").update(bytes).digest("hex");
  if (line?.slice(0, actual.length) !== actual) {
    throw new Error(
      `${name} is not what the release says: its SHA-256 is ${actual}, and ${CHECKSUMS} has ${line ? line.split(" ")[0] : "none of it"}`,
    );
  }
}

/**
 * Asked before anything is downloaded: without it nothing downloaded could be believed.
 * @param {NodeJS.ProcessEnv} env
 */
function requireGh(env) {
  let help = "";
  try {
    help = execFileSync("gh", ["attestation", "verify", "--help"], { env, encoding: "utf8" });
  } catch {
    // Told below, as an older one is.
  }
  if (!help.includes("--source-ref")) {
    throw new NoSuchAsset(
      "its attestation cannot be verified without a GitHub CLI that can do that",
    );
  }
}

/**
 * The checksums lie beside the archive, so who could change one could change both: the attestation says that this
 * repository's release workflow built these bytes from this tag.
 *
 * @param {string} path
 * @param {string} repository
 * @param {string} tag
 * @param {{env: NodeJS.ProcessEnv, token: string}} tools
 */
function requireAttestation(path, repository, tag, { env, token }) {
  const args = ["attestation", "verify", path, "--repo", repository];
  args.push("--signer-workflow", `${repository}/${SIGNER}`, "--source-ref", `refs/tags/${tag}`);
  args.push("--deny-self-hosted-runners");
  try {
    execFileSync("gh", args, {
      env: { ...env, GH_TOKEN: token },
      stdio: ["ignore", "ignore", "pipe"],
    });
  } catch (error) {
    const said = String(/** @type {any} */ (error).stderr ?? "").trim();
    throw new Error(`the attestation of ${assetOf(path)} does not hold: ${said}`);
  }
}

/** @param {string} path */
function assetOf(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}
