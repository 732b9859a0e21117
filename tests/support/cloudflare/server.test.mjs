// The stand-in as a process: what it prints, and that nothing is left when it ends. It needs the
// vendor's schemas, which MIZAN_TEST_DATA names.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { eventually } from "../../workers/support/promises.mjs";
import { answering, Client } from "./testing/client.mjs";

const SERVER = new URL("server.mjs", import.meta.url).pathname;

let child;
let folder;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "mizan-server-"));
});
afterEach(() => {
  child.kill("SIGKILL");
  fs.rmSync(folder, { recursive: true });
});

/** Starts it, and lets it run a Worker. @returns the processes that it has started */
async function start() {
  child = spawn(process.execPath, [SERVER], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, TMPDIR: folder },
  });
  const [line] = await once(child.stdout.setEncoding("utf8"), "data");
  const client = new Client();
  client.fake = JSON.parse(line);
  assert.deepEqual(Object.keys(client.fake), ["api", "traffic", "control"]);
  await client.put("one", answering("runs"));
  await client.publish("one");
  assert.equal(await client.read("one"), "runs");
  const children = fs.readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
  return children.trim().split(" ").map(Number);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function assertGone(pids) {
  assert.ok(pids.length > 0);
  await eventually(() => !pids.some(isAlive));
}

test("it ends with everything when its stdin closes", async () => {
  const started = await start();
  const ended = once(child, "exit");
  child.stdin.end();
  assert.deepEqual(await ended, [0, null]);
  await assertGone(started);
  assert.deepEqual(fs.readdirSync(folder), []);
});

test("it ends with everything on SIGTERM", async () => {
  const started = await start();
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null]);
  await assertGone(started);
});

test("what it started does not outlive it, though it was killed", async () => {
  const started = await start();
  child.kill("SIGKILL");
  await assertGone(started);
});
