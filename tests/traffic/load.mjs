// tests/support/load.mjs as a child: begun here, ended when there has been enough of it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../support/load.mjs", import.meta.url));

/** Starts the load and resolves when all its clients are there; `stop()` resolves to what it saw. */
export async function startLoad(url, options) {
  const child = spawn(process.execPath, [PROGRAM, "--url", url, ...options], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stderr.pipe(process.stderr);
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  const closed = once(child, "close");
  await once(child.stderr, "data"); // it says so
  return {
    /** After a last lap of every client. */
    async stop() {
      child.kill("SIGTERM");
      await closed;
      return JSON.parse(output);
    },
  };
}
