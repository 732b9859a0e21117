// Releases under load: visitors notice nothing, whether a release succeeds, fails or is taken back.
//
//   MIZAN=target/debug/mizan MIZAN_BOARD=DIR MIZAN_BOARD_URL=http://board.localhost:8080 node --test traffic.test.mjs
//
// MIZAN_BOARD is a deployed copy of the example app, which these tests edit. MIZAN_TRAFFIC_REQUESTS (2000) is how many
// requests each load sends at least. The tests stand on each other: they run in order.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Board } from "./board.mjs";
import { startLoad } from "./load.mjs";

const FAILED_AND_UNDONE = 70;
const INTERRUPTED = 130;
const REQUESTS = Number(process.env.MIZAN_TRAFFIC_REQUESTS ?? 2000);
const VERSION = /Traffic test, version (\w+)\./;
const READERS_ONLY = ["--posts", "0"];
const NO_SOCKETS = ["--sockets", "0"];

const board = new Board();

before(async () => {
  await board.setVersion("blue");
  const { code, stderr } = await board.mizan("deploy", "--yes");
  assert.equal(code, 0, stderr);
});

test("a redeploy with a changed line fails no request and drains the WebSocket", async (t) => {
  await board.setVersion("green");
  const { seen, outcome } = await under(t, () => board.mizan("deploy", "--yes"));
  assert.equal(outcome.code, 0, outcome.stderr);
  assertBoth(seen, "blue", "green");
});

test("a rollback fails no request and drains the WebSocket", async (t) => {
  const { seen, outcome } = await under(t, () => board.mizan("rollback", "--yes"));
  assert.equal(outcome.code, 0, outcome.stderr);
  assertBoth(seen, "green", "blue");
  await board.setVersion("blue"); // the source says again what runs
});

test("a release whose health check fails: the old one serves on", async (t) => {
  const sick = board.replace(
    "backend/config/health.py",
    'return answer(200, "ok")',
    'logger.error("sick on purpose"); return answer(500, "sick on purpose")',
  );
  // Long enough for a busy machine to start it and ask it, short enough to wait for.
  const impatient = board.replace(
    "mizan.yaml",
    "health: /healthz,",
    "health: /healthz, health_timeout: 30s,",
  );
  await refused(
    t,
    [sick, impatient],
    [
      /web-r\d+ did not become healthy within \d+ s/,
      /GET \/healthz: 500 .*sick on purpose/,
      /ERROR .*sick on purpose/,
    ],
  );
});

test("a release that crashes at its start: the old one serves on", async (t) => {
  const edit = board.append("backend/config/asgi.py", 'raise RuntimeError("crash on purpose")\n');
  await refused(
    t,
    [edit],
    [
      /web-r\d+ crashed (with exit code 1|and was started again)/,
      /RuntimeError: crash on purpose/, // from the container's log
    ],
  );
});

test("a release whose migration fails: the old one serves on", async (t) => {
  const edit = board.append("backend/board/migrations/0002_fails.py", FAILING_MIGRATION);
  await refused(
    t,
    [edit],
    [
      /the release step .* failed with exit code 1/,
      /RuntimeError: migration fails on purpose/, // from the container's log
    ],
  );
});

test("a deploy that is taken back after traffic has moved sends its visitors back", async (t) => {
  await board.setVersion("withdrawn");
  const containers = board.containers();
  const deploy = board.hangingDeploy(`release/${await board.nextRelease()}`);
  await deploy.reached;
  const { seen, outcome } = await under(t, () => deploy.interrupt());
  await board.setVersion("blue");
  assert.equal(outcome.code, INTERRUPTED, outcome.stderr);
  assertBoth(seen, "withdrawn", "blue");
  assert.deepEqual(board.containers(), containers);
});

test("an Edge that is killed comes back, and readers wait instead of failing", async (t) => {
  const { outcome } = await under(t, async () => {
    const killed = board.kill("release.capnp");
    return { killed, successor: await board.successor("release.capnp", killed) };
  }, [...READERS_ONLY, ...NO_SOCKETS]);
  assert.notEqual(outcome.successor, outcome.killed);
});

test("a Hub that is killed comes back, and nobody notices", async (t) => {
  const { outcome } = await under(t, async () => {
    const killed = board.kill("hub.capnp");
    return { killed, successor: await board.successor("hub.capnp", killed) };
  });
  assert.notEqual(outcome.successor, outcome.killed);
});

test("a supervisor that is killed is started again by the next deploy", async () => {
  const orphans = [board.find("release.capnp"), board.find("hub.capnp")];
  const killed = board.kill("__supervise");
  const outcome = await board.mizan("deploy", "--yes");
  assert.equal(outcome.code, 0, outcome.stderr);
  assert.notEqual(board.find("__supervise"), killed);
  assert.equal(await board.version(VERSION), "blue");
  for (const pid of orphans) assert.ok(!board.isAlive(pid), `${pid} was left running`);
});

test("a release that fails while the front is down leaves it running", async (t) => {
  board.kill("__supervise");
  const edit = board.append("backend/board/migrations/0002_fails.py", FAILING_MIGRATION);
  await edit.make();
  const outcome = await board.mizan("deploy", "--yes");
  await edit.takeBack();
  assert.equal(outcome.code, FAILED_AND_UNDONE, outcome.stderr);
  await under(t, () => {});
});

/** Does something while visitors are there, and holds that none of them saw a failure. */
async function under(t, action, options = []) {
  const load = await startLoad(board.url, [
    ...["--at-least", String(REQUESTS), "--seconds", "600"],
    ...["--version-pattern", VERSION.source],
    ...options,
  ]);
  const began = performance.now();
  const outcome = await action();
  const took = performance.now() - began;
  const seen = await load.stop();
  t.diagnostic(summary(seen, took));
  assert.deepEqual([seen.failed, seen.errors], [0, []]);
  assert.ok(seen.ok >= REQUESTS, `only ${seen.ok} requests`);
  return { seen, outcome };
}

/** A deploy that must fail with the cause, and leave everything as it was. */
async function refused(t, edits, causes) {
  const containers = board.containers();
  await board.setVersion("never");
  for (const edit of edits) await edit.make();
  const { seen, outcome } = await under(t, () => board.mizan("deploy", "--yes"));
  for (const edit of edits) await edit.takeBack();
  await board.setVersion("blue");
  assert.equal(outcome.code, FAILED_AND_UNDONE, outcome.stderr);
  for (const cause of causes) assert.match(outcome.stderr, cause);
  assert.deepEqual(Object.keys(seen.versions), ["blue"]);
  assert.equal(seen.kinds.websocket.reconnects ?? 0, 0, "the WebSocket was closed");
  assert.deepEqual(board.containers(), containers);
}

function assertBoth(seen, before, after) {
  assert.deepEqual(Object.keys(seen.versions).sort(), [before, after].sort());
  assert.ok(seen.kinds.websocket.reconnects >= 1, "the WebSocket was not drained");
}

function summary(seen, took) {
  const kinds = Object.entries(seen.kinds).map(([kind, { ok }]) => `${ok} ${kind}`);
  const versions = Object.entries(seen.versions).map(([name, count]) => `${count} of ${name}`);
  return (
    `${seen.ok + seen.failed} requests in ${seen.seconds} s (${kinds.join(", ")}), ${seen.failed} failed; ` +
    `versions: ${versions.join(", ")}; WebSocket drained ${seen.kinds.websocket.reconnects ?? 0} times; ` +
    `what happened meanwhile took ${(took / 1000).toFixed(1)} s`
  );
}

const FAILING_MIGRATION = `from django.db import migrations


def fail(apps, schema_editor):
    raise RuntimeError("migration fails on purpose")


class Migration(migrations.Migration):
    dependencies = [("board", "0001_initial")]
    operations = [migrations.RunPython(fail)]
`;
