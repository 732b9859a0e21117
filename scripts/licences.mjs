// Collects the licences of the packages that are linked into `mizan`, as one Markdown document on
// standard output: what each package declares, and every text that the packages carry.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The platforms of deny.toml: a package that only one of them needs is in the list. */
const PLATFORMS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
];
const LICENCE_FILE = /^(licen[cs]e|unlicense|copying|copyright|notice)/i;
/** Files that belong to a licence which the choice of MIT makes unnecessary. */
const OTHER_CHOICE = /^(unlicense|copying|licen[cs]e-(0bsd|apache|bsd|boost|isc|zlib))/i;

function metadata(platform) {
  const args = ["metadata", "--locked", "--format-version", "1", "--filter-platform", platform];
  return JSON.parse(
    execFileSync("cargo", args, { maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "inherit"] }),
  );
}

/** What the program is linked with, directly or not; tools of the build and of the tests are not. */
function linked({ packages, resolve }) {
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const reached = new Set();
  const pending = [resolve.root];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (reached.has(id)) continue;
    reached.add(id);
    const needed = nodes
      .get(id)
      .deps.filter(({ dep_kinds }) => dep_kinds.some(({ kind }) => kind === null));
    pending.push(...needed.map(({ pkg }) => pkg));
  }
  reached.delete(resolve.root);
  return packages.filter(({ id }) => reached.has(id));
}

function allLinked() {
  const found = PLATFORMS.flatMap((platform) => linked(metadata(platform)));
  const unique = [...new Map(found.map((found) => [found.id, found])).values()];
  return unique.sort((a, b) => compare(a.name, b.name) || compare(a.version, b.version));
}

const compare = (a, b) => (a < b ? -1 : Number(a > b));

/** The texts that hold for us: with a choice that includes MIT, those of the alternatives do not. */
function textsOf({ license, manifest_path }) {
  const folder = dirname(manifest_path);
  const files = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && LICENCE_FILE.test(entry.name))
    .map(({ name }) => name)
    .sort();
  const chooses = /\b(OR)\b|\//.test(license) && !/\bAND\b/.test(license);
  const mit = chooses && files.some((name) => /^licen[cs]e-mit/i.test(name));
  const kept = mit ? files.filter((name) => !OTHER_CHOICE.test(name)) : files;
  return kept.map((name) => readFileSync(join(folder, name), "utf8").replace(/\r\n/g, "\n").trim());
}

/** Each text once, with the packages that carry it. */
function byText(packages) {
  const users = new Map();
  for (const found of packages) {
    for (const text of new Set(textsOf(found))) {
      users.set(text, [...(users.get(text) ?? []), label(found)]);
    }
  }
  return [...users];
}

const label = ({ name, version }) => `${name} ${version}`;
const fenced = (text) => ["~~~~text", text, "~~~~"].join("\n");

function page(packages) {
  const silent = packages.filter((found) => textsOf(found).length === 0);
  const rows = packages.map(
    ({ name, version, license }) => `| ${name} | ${version} | ${license} |`,
  );
  return [
    "# Licences of the software in `mizan`",
    "Made by `scripts/licences.sh write`; do not edit. `scripts/licences.sh check` tells whether it is fresh.",
    "`mizan` itself is closed source: see [LICENSE](LICENSE). The program contains the libraries below. Where a " +
      "library offers a choice that includes MIT, MIT is chosen. Which licences are accepted is in " +
      "[deny.toml](deny.toml).",
    "## Not part of the program",
    "`workerd` (Apache-2.0) runs Edge and Render on the target `local`. It is not shipped: the user's own npm client " +
      "fetches the package `@cloudflare/workerd-<platform>` at the first deploy. The JavaScript inside the program " +
      "(`templates/`) has no dependencies. All npm packages that the lock files of this repository name are tools of " +
      "its tests, or part of the example app; none is in the program.",
    "## Packages",
    ["| package | version | licence, as declared |", "|---|---|---|", ...rows].join("\n"),
    "These packages carry no text of their own; the one of their licence below holds: " +
      `${silent.map((found) => `${label(found)} (${found.license})`).join(", ") || "none"}.`,
    "## Texts",
    ...byText(packages).map(([text, users]) => `### ${users.join(", ")}\n\n${fenced(text)}`),
    "",
  ]
    .join("\n\n")
    .trimEnd();
}

console.log(page(allLinked()));
