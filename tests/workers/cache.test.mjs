// The local store behind the Cache API: what workerd sends it, and what it may hold.

import assert from "node:assert/strict";
import { test } from "node:test";
import cache from "../../templates/local/cache.js";

const MIB = 1024 * 1024;
const url = (name) => `http://cache.test/${name}`;

const put = (name, body, head = "Cache-Control: public, max-age=60") =>
  cache.fetch(
    new Request(url(name), {
      method: "PUT",
      body: new Blob([`HTTP/1.1 200 OK\r\nX-Kept: yes\r\n${head}\r\n\r\n`, body]),
    }),
  );
const get = (name, headers) => cache.fetch(new Request(url(name), { headers }));
const isHit = async (name) => (await get(name)).headers.get("CF-Cache-Status") === "HIT";

test("what was put comes back, until it is purged", async () => {
  assert.equal((await put("a", "hello")).status, 204);
  const answer = await get("a");
  assert.equal(await answer.text(), "hello");
  assert.equal(answer.headers.get("X-Kept"), "yes");
  assert.equal(answer.headers.get("CF-Cache-Status"), "HIT");
  const purge = () => cache.fetch(new Request(url("a"), { method: "PURGE" }));
  assert.equal((await purge()).status, 200);
  assert.equal((await purge()).status, 404);
  const miss = await get("a");
  assert.equal(miss.status, 504);
  assert.equal(miss.headers.get("CF-Cache-Status"), "MISS");
});

test("a chunked body is put together", async () => {
  await put(
    "chunked",
    "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nCache-Control: max-age=9",
  );
  const answer = await get("chunked");
  assert.equal(await answer.text(), "hello world");
  assert.equal(answer.headers.get("Transfer-Encoding"), null);
});

test("bytes stay bytes", async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
  await put("bytes", bytes);
  assert.deepEqual(new Uint8Array(await (await get("bytes")).arrayBuffer()), bytes);
});

test("namespaces are apart", async () => {
  await put("shared", "x");
  assert.equal((await get("shared", { "CF-Cache-Namespace": "other" })).status, 504);
});

test("what may not be kept is refused, and what is over is gone", async (t) => {
  for (const head of [
    "Cache-Control: no-store, max-age=9",
    "Cache-Control: private, max-age=9",
    "X: y",
  ]) {
    assert.equal((await put("refused", "x", head)).status, 413);
  }
  assert.equal((await put("large", new Uint8Array(5 * MIB))).status, 413);
  t.mock.timers.enable({ apis: ["Date"], now: 1e6 });
  await put("short", "x", "Cache-Control: max-age=1");
  t.mock.timers.setTime(1e6 + 999);
  assert.ok(await isHit("short"));
  t.mock.timers.setTime(1e6 + 1000);
  assert.equal(await isHit("short"), false);
});

test("memory is bounded: the least recently used go first", async () => {
  for (let n = 0; n < 10; n++) await put(`big-${n}`, new Uint8Array(4 * MIB));
  assert.ok(await isHit("big-0"));
  for (let n = 10; n < 20; n++) await put(`big-${n}`, new Uint8Array(4 * MIB));
  assert.ok(await isHit("big-0"), "used since");
  assert.equal(await isHit("big-1"), false);
  const hits = await Promise.all(Array.from({ length: 20 }, (_, n) => isHit(`big-${n}`)));
  assert.equal(hits.filter(Boolean).length, 15);
});
