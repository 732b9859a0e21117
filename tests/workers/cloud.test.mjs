// What Hub and Edge do on Cloudflare only: the Hub says where the origin is and what a deployment changed, a version is asked
// before visitors meet it, and an Edge asks for the Render that it belongs to.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { Cloud, HOST } from "./support/cloud.mjs";
import { Plane } from "./support/plane.mjs";
import { eventually } from "./support/promises.mjs";

const OVERRIDES = "cloudflare-workers-version-overrides";
const SECRET = "x-mizan-origin-secret";
const PREVIEW = `0123abcd-${HOST}`;
const PIN = 'mizan-board-production-render="05825368-bbbb-4071-94db-26c2213e2fe4"';

let cloud;

before(async () => {
  cloud = await Cloud.start();
});
after(() => cloud.stop());
beforeEach(() => {
  cloud.render.requests.length = 0;
  cloud.render.headers = {};
  cloud.origin.requests.length = 0;
  cloud.other.requests.length = 0;
});

/** The changes of everything that the Hub has recorded. */
const wholes = ({ records }) => records.filter(({ context }) => context === "*");

test("the Hub tells the origin, if it was told one", async () => {
  await cloud.startHub();
  assert.equal((await cloud.log()).origin, undefined);
  await cloud.startHub({ ORIGIN: "http://192.0.2.1:8000" });
  assert.equal((await cloud.log()).origin, "http://192.0.2.1:8000");
});

test("a higher mark is recorded once, as a change of everything; one that is not higher is not", async () => {
  await cloud.startHub({ MARK: "0" });
  const { epoch, seq } = await cloud.log();
  assert.equal(wholes(await cloud.log()).length, 0);
  const since = async () => cloud.log(`?epoch=${epoch}&since=${seq}&window=300`);
  await cloud.startHub({ MARK: "3" });
  for (let asked = 0; asked < 3; asked += 1) {
    const log = await since();
    assert.equal(log.seq, seq + 1);
    assert.deepEqual(
      log.records.map(({ context, params }) => ({ context, params })),
      [{ context: "*", params: {} }],
    );
  }
  for (const mark of ["2", "3", "0", "", "x", "-1", "1e99"]) {
    await cloud.startHub({ MARK: mark });
    assert.equal((await since()).seq, seq + 1, `after ${mark}`);
  }
  await cloud.startHub({ MARK: "4" });
  assert.equal((await since()).seq, seq + 2);
});

test("nobody who asks the Hub's object says what the Worker says", async () => {
  await cloud.startHub({ ORIGIN: "http://192.0.2.1:8000", MARK: "0" });
  const { seq } = await cloud.log();
  const headers = { "mizan-origin": "http://192.0.2.66", "mizan-mark": "999" };
  const log = await cloud.log("", headers);
  assert.deepEqual([log.seq, log.origin], [seq, "http://192.0.2.1:8000"]);
});

test("the origin is where the Hub says, and the next one when it says so", async () => {
  await cloud.startHub({ ORIGIN: cloud.origin.url });
  const ask = await cloud.startEdge({ FALLBACK_ORIGIN: cloud.other.url });
  assert.equal((await ask("/about/")).text, "origin GET /about/");
  assert.equal(cloud.origin.asked("/about/").length, 1);
  assert.equal(cloud.other.requests.length, 0);
  await cloud.startHub({ ORIGIN: cloud.other.url });
  await eventually(async () => {
    assert.equal((await ask("/about/")).status, 200);
    return cloud.other.asked("/about/").length > 0;
  });
});

test("an Edge that never heard the Hub goes to its own origin; one that did, to where it was sent", async () => {
  await cloud.startHub({ ORIGIN: cloud.origin.url });
  const knows = await cloud.startEdge({ FALLBACK_ORIGIN: cloud.other.url });
  await knows("/about/");
  await cloud.stopHub();
  const never = await cloud.startEdge({ FALLBACK_ORIGIN: cloud.other.url });
  assert.equal((await never("/never/")).status, 200);
  assert.equal(cloud.other.asked("/never/").length, 1);
  assert.equal((await knows("/knows/")).status, 200);
  assert.equal(cloud.origin.asked("/knows/").length, 1);
  const lost = await cloud.startEdge();
  assert.equal((await lost("/lost/")).status, 502);
});

test("under the name of a preview, a version asks the origin that it was made for", async () => {
  await cloud.startHub({ ORIGIN: cloud.origin.url });
  const ask = await cloud.startEdge({ FALLBACK_ORIGIN: cloud.other.url });
  assert.equal((await ask("/about/", { headers: { Host: PREVIEW } })).status, 200);
  assert.equal(cloud.other.asked("/about/").length, 1);
  // The app sees its own name all the same.
  assert.equal(cloud.other.asked("/about/")[0].headers["x-forwarded-host"], HOST);
  assert.equal((await ask("/about/")).status, 200);
  assert.equal(cloud.origin.asked("/about/").length, 1);
});

/** Everything by which the origin can be asked. */
async function askEverything(ask, headers) {
  await ask("/about/", { headers });
  await ask("/api/mizan/ctx/posts/", { headers });
  await ask("/api/mizan/ctx/me/", { headers: { Cookie: "sessionid=1", ...headers } });
  await ask("/me/", { headers: { Cookie: "sessionid=1", ...headers } });
  const body = JSON.stringify({ function: "add_comment", params: {} });
  const type = { "Content-Type": "application/json" };
  await ask("/api/mizan/call/", { method: "POST", body, headers: { ...type, ...headers } });
}

test("the origin is shown its secret with every question, and never a visitor's", async () => {
  await cloud.startHub({ ORIGIN: cloud.origin.url });
  const forged = { "X-Mizan-Origin-Secret": "forged", X_Mizan_Origin_Secret: "forged" };
  const ask = await cloud.startEdge({ ORIGIN_SECRET: "s3cret" });
  await askEverything(ask, forged);
  assert.ok(cloud.origin.requests.length >= 5);
  for (const { url, headers } of cloud.origin.requests)
    assert.equal(headers[SECRET], "s3cret", url);
  cloud.origin.requests.length = 0;
  const without = await cloud.startEdge();
  await askEverything(without, forged);
  assert.ok(cloud.origin.requests.length >= 5);
  for (const { url, headers } of cloud.origin.requests)
    assert.equal(headers[SECRET], undefined, url);
  const all = JSON.stringify(cloud.origin.requests);
  assert.ok(!all.includes("forged"), all);
});

test("the secret is in no answer", async () => {
  await cloud.startHub({ ORIGIN: cloud.origin.url });
  const ask = await cloud.startEdge({ ORIGIN_SECRET: "s3cret" });
  for (const path of ["/about/", "/api/mizan/ctx/posts/", "/", "/no/such/"]) {
    const { headers, text } = await ask(path);
    assert.ok(!JSON.stringify(headers).includes("s3cret") && !text.includes("s3cret"), path);
  }
});

test("an Edge asks for the Render that it was released with", async () => {
  await cloud.startHub({ ORIGIN: cloud.origin.url });
  const ask = await cloud.startEdge({ RENDER_VERSION: PIN });
  assert.equal((await ask("/")).status, 200);
  assert.equal(cloud.render.requests.at(-1)[OVERRIDES], PIN);
  const hostile = { "Cloudflare-Workers-Version-Overrides": 'mizan-board-production-render="old"' };
  assert.equal((await ask("/", { headers: hostile })).status, 200);
  assert.equal(cloud.render.requests.at(-1)[OVERRIDES], PIN);
  await askEverything(ask, hostile);
  for (const { url, headers } of cloud.origin.requests)
    assert.equal(headers[OVERRIDES], undefined, url);
  const free = await cloud.startEdge();
  assert.equal((await free("/", { headers: hostile })).status, 200);
  assert.equal(cloud.render.requests.at(-1)[OVERRIDES], undefined);
});

test("a page that failed tells so under the name of a preview only", async () => {
  await cloud.startHub({ ORIGIN: cloud.origin.url });
  const ask = await cloud.startEdge({ FALLBACK_ORIGIN: cloud.origin.url });
  cloud.render.headers = { "Mizan-Render-Error": "Error: no such component" };
  const asVisitor = await ask("/");
  assert.deepEqual([asVisitor.status, asVisitor.headers["mizan-render-error"]], [200, undefined]);
  const asked = await ask("/", { headers: { Host: PREVIEW } });
  assert.equal(asked.headers["mizan-render-error"], "Error: no such component");
});

test("visitors get a kept page without Render; under the name of a preview Render is asked each time", async () => {
  await cloud.startHub({ ORIGIN: cloud.origin.url });
  const ask = await cloud.startEdge({ FALLBACK_ORIGIN: cloud.origin.url });
  await eventually(async () => (await ask("/")).isHit);
  cloud.render.requests.length = 0;
  assert.ok((await ask("/")).isHit);
  assert.equal(cloud.render.requests.length, 0);
  for (let asked = 1; asked <= 2; asked += 1) {
    const { headers } = await ask("/", { headers: { Host: PREVIEW } });
    assert.match(headers["cache-status"], /detail=preview/);
    assert.equal(cloud.render.requests.length, asked);
  }
});

test("Render tells that the app's code threw, in one line", async () => {
  const plane = await Plane.start();
  try {
    const headers = { Host: PREVIEW };
    const failed = await plane.ask("/throws/", { headers });
    assert.equal(failed.status, 200);
    assert.match(failed.headers["mizan-render-error"], /^\w*Error: [ -~]+$/);
    assert.equal((await plane.ask("/", { headers })).headers["mizan-render-error"], undefined);
    assert.equal((await plane.get("/throws/")).headers["mizan-render-error"], undefined);
  } finally {
    await plane.stop();
  }
});

test("Render says which version of it has answered", async () => {
  const ask = await cloud.startRender("v7");
  const { headers } = await ask({ path: "/", page: "Home", props: {}, contexts: [] });
  assert.equal(headers["mizan-render-version"], "v7");
});
