// The release that is measured: the Worker scripts as they are, with Edges of several sizes of data module, and the
// yardsticks beside them in the same process, before the same cache.

import fs from "node:fs/promises";
import path from "node:path";
import { replaceOnce } from "../../workers/support/patches.mjs";
import { writeRelease } from "../../workers/support/plane.mjs";
import { dataOfSize, postOf } from "./board.mjs";

const YARDSTICKS = new URL("yardsticks/", import.meta.url).pathname;
const BUNDLE = new URL("../../../examples/board/frontend/dist/ssr/entry.js", import.meta.url)
  .pathname;
const EDGE_WORKER = /^const edgeWorker :Workerd\.Worker = \(.*?^\);$/ms;

/** How many contexts the data module of an Edge has. */
export const SIZES = [10, 100, 1000];
/** @param {number} size */
export const edgeName = (size) => `edge-${size}`;
/** What can be asked, each at a socket of that name. */
export const SERVICES = [...SIZES.map(edgeName), "render", "constant", "match", "bundle"];

const YARDSTICK_WORKERS = `
const constantWorker :Workerd.Worker = (
  modules = [(name = "constant.js", esModule = embed "../yardsticks/constant.js")],
  compatibilityDate = "2026-10-01",
  bindings = [(name = "BODY", text = embed "../yardsticks/body.json")],
);
const matchWorker :Workerd.Worker = (
  modules = [(name = "match.js", esModule = embed "../yardsticks/match.js")],
  compatibilityDate = "2026-10-01",
  bindings = [(name = "BODY", text = embed "../yardsticks/body.json")],
  cacheApiOutbound = "cache",
);
const bundleWorker :Workerd.Worker = (
  modules = [
    (name = "bundle-alone.js", esModule = embed "../yardsticks/bundle-alone.js"),
    (name = "bundle.js", esModule = embed "../bundle.js"),
  ],
  compatibilityDate = "2026-10-01",
  globalOutbound = "nowhere",
);
`;

/** @param {string} folder */
export async function writeMeasuredRelease(folder) {
  await writeRelease(folder, dataOfSize(SIZES[0]), {}, { patient: false });
  await fs.copyFile(BUNDLE, path.join(folder, "bundle.js"));
  for (const size of SIZES) {
    const data = `export default ${JSON.stringify(dataOfSize(size))}`;
    await fs.writeFile(path.join(folder, `mizan-data-${size}.js`), data);
  }
  await fs.cp(YARDSTICKS, path.join(folder, "yardsticks"), { recursive: true });
  await fs.writeFile(path.join(folder, "yardsticks/body.json"), JSON.stringify(postOf(1)));
  const config = path.join(folder, "local/release.capnp");
  await fs.writeFile(config, withAllServices(await fs.readFile(config, "utf8")));
}

/** @param {string} config local/release.capnp */
function withAllServices(config) {
  const [worker] = EDGE_WORKER.exec(config) ?? [];
  if (!worker) throw new Error("local/release.capnp has no edgeWorker");
  const edges = SIZES.map((size) => {
    const named = replaceOnce(
      worker,
      "const edgeWorker ",
      `const edgeWorker${size} `,
      "edgeWorker",
    );
    return replaceOnce(named, '"../mizan-data.js"', `"../mizan-data-${size}.js"`, "edgeWorker");
  });
  const services = [
    ...SIZES.map((size) => `(name = "${edgeName(size)}", worker = .edgeWorker${size})`),
    ...["constant", "match", "bundle"].map((name) => `(name = "${name}", worker = .${name}Worker)`),
  ];
  const sockets = SERVICES.map((name) => `(name = "${name}", http = (), service = "${name}")`);
  const changes = [
    [worker, edges.join("\n")],
    ['(name = "edge", worker = .edgeWorker)', services.join(", ")],
    ['(name = "edge", http = (), service = "edge")', sockets.join(", ")],
  ];
  const changed = changes.reduce(
    (text, [from, to]) => replaceOnce(text, from, to, "local/release.capnp"),
    config,
  );
  return changed + YARDSTICK_WORKERS;
}
