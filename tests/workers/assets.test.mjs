// Static assets: types, how long a browser keeps them, and what is not one.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Plane } from "./support/plane.mjs";

const FILES = {
  "assets/entry-client-8f3aB2c1.js": "console.log(1)",
  "assets/index-BxK_-d3Q.css": "body{}",
  "assets/fonts/Inter-SemiBold-1a2b3c4D.woff2": "font",
  "assets/date-calendar.js": "not hashed",
  "assets/icon-calendar.woff2": "not hashed",
  "jquery-datepicker.js": "copied as it is",
  "logo.svg": "<svg/>",
  "with space & ümlaut.txt": "text",
  "unknown.weird": "x",
};

let plane;

before(async () => {
  const assets = { prefix: "/static/", files: Object.keys(FILES).sort() };
  plane = await Plane.start({ data: { assets }, assets: { ...FILES, "not-listed.txt": "secret" } });
});
after(() => plane.stop());

const get = (file, headers) => plane.get(`/static/${file}`, headers);

test("hashed names are kept for a year, with their type", async () => {
  for (const [file, type] of [
    ["assets/entry-client-8f3aB2c1.js", "text/javascript; charset=utf-8"],
    ["assets/index-BxK_-d3Q.css", "text/css; charset=utf-8"],
    ["assets/fonts/Inter-SemiBold-1a2b3c4D.woff2", "font/woff2"],
  ]) {
    const answer = await get(file);
    assert.equal(answer.status, 200, file);
    assert.equal(answer.text, FILES[file]);
    assert.equal(answer.headers["content-type"], type);
    assert.equal(answer.headers["cache-control"], "public, max-age=31536000, immutable");
    assert.equal(answer.headers["x-content-type-options"], "nosniff");
  }
});

test("other names are asked for again, by ETag", async () => {
  for (const file of [
    "assets/date-calendar.js",
    "assets/icon-calendar.woff2",
    "jquery-datepicker.js",
    "logo.svg",
  ]) {
    const answer = await get(file);
    assert.equal(answer.headers["cache-control"], "no-cache", file);
    assert.ok(answer.headers.etag);
    const again = await get(file, { "If-None-Match": `"other", ${answer.headers.etag}` });
    assert.equal(again.status, 304);
    assert.equal(again.text, "");
  }
});

test("HEAD, an odd name and an unknown type", async () => {
  const head = await plane.ask("/static/logo.svg", { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.text, "");
  assert.equal((await get(encodeURIComponent("with space & ümlaut.txt"))).text, "text");
  assert.equal((await get("unknown.weird")).headers["content-type"], "application/octet-stream");
});

test("a path that is not listed is the origin's, and its 404 is not kept", async () => {
  assert.equal((await get("admin/css/base.css")).text, "origin GET /static/admin/css/base.css");
  plane.origin.faults.set("/static/assets/gone-12345678.js", (_q, response) =>
    response.writeHead(404, { "Cache-Control": "public, max-age=60" }).end(),
  );
  const gone = await get("assets/gone-12345678.js");
  assert.equal(gone.status, 404);
  assert.equal(gone.headers["cache-control"], "no-store");
});

test("no path leads out of the list", async () => {
  for (const path of [
    "not-listed.txt",
    "..%2fmizan-data.js",
    "%2e%2e%2fmizan-data.js",
    "assets/..%2f..%2fmizan-data.js",
    "../mizan-data.js",
    "..\\mizan-data.js",
    ".%00/mizan-data.js",
    "%zz",
  ]) {
    const { status, text } = await get(path);
    assert.ok(status === 400 || text.startsWith("origin GET"), `${path}: ${status} ${text}`);
  }
});

test("a file that the list names and the folder lacks is a 404 that nobody keeps", async () => {
  const data = { release: "torn", assets: { prefix: "/static/", files: ["lost.js"] } };
  const port = await plane.startRelease({ data });
  const answer = await plane.ask("/static/lost.js", { port });
  assert.equal(answer.status, 404);
  assert.equal(answer.headers["cache-control"], "no-store");
});
