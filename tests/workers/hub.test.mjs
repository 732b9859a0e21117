// The Hub: what it keeps over a restart, what it tells, and how the Edge does without it.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { json } from "./support/origin.mjs";
import { Plane, request } from "./support/plane.mjs";
import { eventually, seenByEveryone, sleep } from "./support/promises.mjs";

const POSTS = "/api/mizan/ctx/posts/";
const AN_HOUR = 3_600_000;

let plane;

before(async () => {
  plane = await Plane.start();
});
after(() => plane.stop());
afterEach(() => plane.origin.faults.clear());

const hubLog = async (query = "") => (await plane.askHub("GET", `/v1/log${query}`)).json();
const record = (items, more = {}) =>
  plane.askHub("POST", "/v1/records", { items, window: 300, ...more });

const open = (id, ttl, more = {}) =>
  plane.askHub("POST", "/v1/intents", { id, contexts: ["post"], window: 300, ttl, ...more });

async function killHub() {
  await plane.stopHub("SIGKILL");
  await plane.startHub();
}

test("deltas: only what is newer than what the asker has, and all of it for a stranger", async () => {
  const { epoch, seq } = (await record([{ context: "posts", params: {} }])).json();
  await record([{ context: "post", params: { post_id: "1" } }]);
  const delta = await hubLog(`?epoch=${epoch}&since=${seq}&window=300`);
  assert.equal(delta.full, false);
  assert.deepEqual(
    delta.records.map(({ context, params }) => ({ context, params })),
    [{ context: "post", params: { post_id: "1" } }],
  );
  for (const query of ["", "?epoch=another&since=1", `?epoch=${epoch}&since=999999`]) {
    const whole = await hubLog(query);
    assert.equal(whole.full, true);
    assert.ok(whole.records.length >= 2);
  }
});

test("a record is kept for twice the longest window that was named, and a minute", async () => {
  assert.equal((await hubLog("?window=300")).retention, 660_000);
  assert.equal((await hubLog("?window=400")).retention, 860_000);
  assert.equal((await hubLog("?window=10")).retention, 860_000);
});

test("many scoped records become one of the whole context", async () => {
  const items = Array.from({ length: 5001 }, (_, n) => ({
    context: "many",
    params: { n: String(n) },
  }));
  await record(items);
  const records = (await hubLog()).records.filter(({ context }) => context === "many");
  assert.deepEqual(
    records.map(({ params }) => params),
    [{}],
  );
});

test("epoch, sequence, records and intents survive kill -9", async () => {
  await open("i", AN_HOUR);
  await record([{ context: "posts", params: {} }]);
  const before = await hubLog();
  assert.deepEqual(before.open, ["post"]);
  await killHub();
  const after = await hubLog();
  assert.deepEqual({ ...after, now: 0 }, { ...before, now: 0 });
  await record([], { intent: "i" });
  assert.deepEqual((await hubLog()).open, []);
});

test("an intent is in doubt unless its Edge waits for it, and stays so whatever comes late", async () => {
  const awaited = () => open("w", AN_HOUR, { awaited: true });
  const named = async () => {
    const { open, inDoubt } = await hubLog();
    return { open, inDoubt };
  };
  await awaited();
  assert.deepEqual(await named(), { open: ["post"], inDoubt: [] });
  await killHub();
  assert.deepEqual(await named(), { open: ["post"], inDoubt: [] });
  await open("w", AN_HOUR);
  assert.deepEqual(await named(), { open: ["post"], inDoubt: ["post"] });
  await awaited();
  assert.deepEqual(await named(), { open: ["post"], inDoubt: ["post"] });
  await record([], { intent: "w" });
  assert.deepEqual(await named(), { open: [], inDoubt: [] });
  await awaited();
  assert.deepEqual((await named()).inDoubt, [], "nothing is left of the one before");
  await record([], { intent: "w" });
});

test("an intent that nobody closes becomes a record, though its hub was killed", async () => {
  const before = await hubLog();
  await open("lost", 1000);
  await killHub();
  await eventually(async () => (await hubLog()).open.length === 0);
  const after = await hubLog();
  assert.equal(after.seq, before.seq + 1);
  const [last] = after.records.filter(({ seq }) => seq === after.seq);
  assert.deepEqual([last.context, last.params], ["post", {}]);
});

test("a browser page cannot speak to the hub: another Host is refused", async () => {
  const answer = await request({ socketPath: plane.hubSocket, path: "/v1/log" });
  assert.equal(answer.status, 403);
});

test("a record of everything, as the tool writes it after a migration, empties the store", async () => {
  await plane.warm(POSTS);
  plane.origin.version = "migrated";
  assert.equal((await record([{ context: "*", params: {} }])).status, 200);
  await seenByEveryone(
    Date.now(),
    async () => (await plane.get(POSTS)).json().version === "migrated",
  );
});

test("while the hub is away for long: reads bypass, and this release is not ready", async () => {
  await plane.warm(POSTS);
  await plane.stopHub();
  await sleep(5100);
  assert.match((await plane.get(POSTS)).headers["cache-status"], /detail=hub/);
  assert.equal((await plane.get("/__mizan/ready")).status, 503);
  await plane.startHub();
  await plane.warm(POSTS);
});

test("while the hub is away: mutations go through, the writer sees their own, and all when it is back", async () => {
  // Fresh for long: only the record, when it comes, makes the stored answer a miss.
  plane.origin.faults.set(POSTS, (_q, response) =>
    json(response, 200, "public, max-age=300", { version: plane.origin.version }),
  );
  await plane.call("add_comment", { invalidate: ["posts"] });
  await plane.warm(POSTS);
  await plane.stopHub();
  const answer = await plane.call("add_comment", { version: "unrecorded", invalidate: ["posts"] });
  assert.equal(answer.status, 200);
  const own = await plane.get(POSTS, { Cookie: answer.cookies });
  assert.equal(own.json().version, "unrecorded");
  assert.match(own.headers["cache-status"], /detail=unrecorded-write/);
  await plane.startHub();
  // The record is retried for a quarter of a minute; afterwards everyone sees the change, and the store is in use again.
  await eventually(async () => {
    const everyone = await plane.get(POSTS);
    return everyone.isHit && everyone.json().version === "unrecorded";
  });
  const writer = await plane.get(POSTS, { Cookie: answer.cookies });
  assert.match(writer.headers["cache-status"], /detail=unrecorded-write/);
});

test("a hub that was created anew has another epoch, and no old entry comes back", async () => {
  await plane.warm(POSTS);
  const { epoch } = await hubLog();
  const { cookies } = await plane.call("add_comment", { invalidate: ["posts"] });
  await plane.warm(POSTS);
  await plane.stopHub();
  await plane.forgetHub();
  await plane.startHub();
  assert.notEqual((await hubLog()).epoch, epoch);
  plane.origin.version = "after the hub's birth";
  await eventually(async () => (await plane.get(POSTS)).json().version === "after the hub's birth");
  await plane.warm(POSTS);
  const answer = await plane.call(
    "add_comment",
    { version: "own", invalidate: ["posts"] },
    { Cookie: cookies },
  );
  for (const carried of [answer.cookies, cookies]) {
    assert.equal((await plane.get(POSTS, { Cookie: carried })).json().version, "own");
  }
});
