// Starts a version's code once, apart from everything: the vendor takes no code that does not
// start, and says what it found in code that does.

import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { mistake, Refusal } from "../api/answers.mjs";
import { Config } from "./config.mjs";
import { StartError } from "./workerd.mjs";

const SOURCE = fs.readFileSync(new URL("./workers/probe.js", import.meta.url), "utf8");

/**
 * @param {import("./processes.mjs").Processes} processes @param {object} content of the version
 * @returns what it exports: `{ handlers, entrypoints, classes, etag, startup_time_ms }`
 */
export async function probe(processes, router, name, content) {
  const etag = etagOf(content);
  const { main_module, body_part } = content.metadata;
  if (!main_module && !body_part) return { ...NOTHING, etag };
  if (!content.compatibility_date) throw mistake("the metadata has no compatibility_date");
  const found = await run(processes, configFor(router, name, content));
  if (found.handlers.length + found.entrypoints.length + found.classes.length === 0) {
    throw new Refusal(400, 10068, "The uploaded script has no registered event handlers.");
  }
  return { ...found, etag, startup_time_ms: 1 };
}

const NOTHING = { handlers: [], entrypoints: [], classes: [], startup_time_ms: 0 };

function configFor(router, name, content) {
  const config = new Config(router);
  const version = {
    ...content,
    id: "00000000-0000-4000-8000-000000000000",
    bindings: content.bindings
      .filter(({ type }) => type !== "assets")
      .map((binding) => ({ ...binding, namespace: `probe-${binding.class_name}` })),
  };
  config.main({ name }, version);
  const main = content.metadata.main_module;
  if (main) {
    const { worker } = config.services.find((service) => service.name === "main");
    const source = SOURCE.replace("./stand-in-main.js", `./${path.posix.normalize(main)}`);
    config.files.set("probe.js", source);
    worker.modules.unshift({
      name: "stand-in-probe.js",
      esModule: config.file("probe.js", source),
    });
  }
  config.sockets.push(["probe", "main"]);
  return config;
}

async function run(processes, config) {
  let process;
  try {
    process = await processes.launch(processes.newFolder(), config);
    if (!config.files.has("probe.js")) return { ...NOTHING, handlers: ["fetch"] };
    return JSON.parse(await ask(process.socket("probe")));
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    throw new Refusal(400, 10021, error.message.replaceAll(/^service main: /gm, "").trim());
  } finally {
    if (process) await processes.stop(process);
  }
}

async function ask(socketPath) {
  const request = http.get({ socketPath, path: "/", headers: { Host: "probe" }, agent: false });
  const [response] = await new Promise((resolve, reject) => {
    request.on("response", (...answer) => resolve(answer)).on("error", reject);
  });
  return Buffer.concat(await response.toArray()).toString();
}

function etagOf({ modules }) {
  const hash = crypto.createHash("sha256");
  for (const { name, type, content } of modules) hash.update(`${name}\0${type}\0`).update(content);
  return hash.digest("hex");
}
