// What the Edge passes through, what it takes away on the way, and what it refuses.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { after, before, beforeEach, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { json } from "./support/origin.mjs";
import { Plane } from "./support/plane.mjs";
import { eventually, sleep } from "./support/promises.mjs";

const { WebSocket } = createRequire(new URL("../../templates/package.json", import.meta.url))("ws");

let plane;
let origin;

before(async () => {
  plane = await Plane.start();
  origin = plane.origin;
});
after(() => plane.stop());
beforeEach(() => {
  origin.faults.clear();
  origin.requests.length = 0;
});

test("method, path, query and body pass as they are", async () => {
  for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
    const answer = await plane.ask("/admin/thing%20x/?b=2&a=1&a=%2F", { method, body: "hello" });
    assert.equal(answer.text, `origin ${method} /admin/thing%20x/?b=2&a=1&a=%2F`);
    assert.equal(origin.requests.at(-1).body, "hello");
    assert.equal(origin.requests.at(-1).headers["content-length"], "5");
  }
  assert.equal((await plane.ask("/admin/", { method: "OPTIONS" })).status, 200);
  assert.equal((await plane.ask("/admin/", { method: "HEAD" })).text, "");
});

test("redirects and cookies reach the browser, not the Edge", async () => {
  origin.faults.set("/login/", (_q, response) => {
    response.writeHead(302, { Location: "/next/", "Set-Cookie": ["a=1; Path=/", "b=2; Path=/"] });
    response.end();
  });
  const answer = await plane.ask("/login/", { method: "POST", body: "x" });
  assert.equal(answer.status, 302);
  assert.equal(answer.headers.location, "/next/");
  assert.deepEqual(answer.headers["set-cookie"], ["a=1; Path=/", "b=2; Path=/"]);
});

test("an answer streams: its first part arrives before its last exists", async () => {
  let finish;
  origin.faults.set("/stream/", (_q, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write("data: 1\n\n");
    finish = () => response.end("data: 2\n\n");
  });
  const response = await fetch(`http://127.0.0.1:${plane.port}/stream/`);
  const reader = response.body.getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), "data: 1\n\n");
  finish();
  assert.equal(new TextDecoder().decode((await reader.read()).value), "data: 2\n\n");
});

test("a compressed answer passes as it is, and one that the Edge reads is read", async () => {
  const gzipped = (type) => (_q, response) => {
    response.writeHead(200, { "Content-Type": type, "Content-Encoding": "gzip" });
    response.end(gzipSync('{"result":"ok","invalidate":[]}'));
  };
  origin.faults.set("/page/", gzipped("text/html"));
  origin.faults.set("/api/mizan/call/", gzipped("application/json"));
  const page = await plane.get("/page/", { "Accept-Encoding": "gzip" });
  assert.equal(page.headers["content-encoding"], "gzip");
  assert.match(gunzipSync(page.bytes).toString(), /"ok"/);
  const call = await plane.call("add_comment", {}, { "Accept-Encoding": "zstd, br" });
  assert.equal(call.headers["content-encoding"], undefined);
  assert.equal(call.json().result, "ok");
  assert.equal(call.headers["mizan-sequence"], undefined);
  assert.equal(origin.asked("/api/mizan/call/")[0].headers["accept-encoding"], "gzip");
});

test("a compressed call passes as it is, and may change anything", async () => {
  const body = gzipSync('{"function":"add_comment"}');
  let received;
  origin.faults.set("/api/mizan/call/", (_q, response, bytes) => {
    received = bytes;
    response.writeHead(200, { "Content-Type": "application/json" });
    response.end('{"result":1,"invalidate":[]}');
  });
  const headers = { "Content-Type": "application/json", "Content-Encoding": "gzip" };
  await plane.ask("/api/mizan/call/", { method: "POST", headers, body });
  assert.equal(gunzipSync(received).toString(), '{"function":"add_comment"}');
});

test("a large upload arrives whole", async () => {
  const body = "0123456789".repeat(300_000);
  await plane.ask("/upload/", { method: "POST", body });
  assert.equal(origin.requests[0].body.length, body.length);
});

test("what a visitor says about the connection is not believed", async () => {
  await plane.get("/whoami/", {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "1",
    X_Forwarded_Host: "evil.example",
    Forwarded: "for=6.6.6.6;host=evil.example",
    "X-Real-IP": "6.6.6.6",
    "CF-Connecting-IP": "6.6.6.6",
    "X-HTTP-Method-Override": "DELETE",
    "X-Original-URL": "/admin/",
    "X-Rewrite-URL": "/admin/",
    Connection: "close, X-Secret-Hop",
    "X-Secret-Hop": "1",
    TE: "trailers",
    "X-Kept": "yes",
  });
  const { headers, rawHeaders } = origin.requests[0];
  assert.equal(headers["x-forwarded-for"], "127.0.0.1");
  assert.equal(headers["x-forwarded-host"], "board.localhost:8000");
  assert.equal(headers["x-forwarded-proto"], "http");
  assert.equal(headers["x-kept"], "yes");
  assert.doesNotMatch(
    rawHeaders.join("\n"),
    /6\.6\.6\.6|evil|override|original-url|rewrite|hop|forwarded-port|trailers/i,
  );
});

test("//host is refused: it never chooses where a cookie goes", async () => {
  const elsewhere = new URL(origin.url).host;
  for (const path of [`//${elsewhere}/x`, "//evil.example/x", "///x", "/\\evil.example/x"]) {
    const answer = await plane.get(path, { Cookie: "sessionid=alice" });
    assert.equal(answer.status, 400, path);
  }
  assert.equal(origin.requests.length, 0);
});

test("an unsafe method on another spelling of a path under the base is a 404", async () => {
  for (const path of [
    "/api/mizan/c%61ll/",
    "/api/mizan/call%2F",
    "/api/mizan/c%2561ll/",
    "/api//mizan/call/",
    "/api/mizan/./%63all/",
    "/%61pi/mizan/call/",
    "/api/x%2F..%2Fmizan/call/",
    "/api%5Cmizan/call/",
  ]) {
    for (const method of ["POST", "PUT"]) {
      const answer = await plane.ask(path, { method, body: "{}" });
      assert.equal(answer.status, 404, `${method} ${path}`);
    }
  }
  assert.equal(origin.requests.length, 0);
  assert.equal((await plane.ask("/api/mizan/login/", { method: "POST", body: "{}" })).status, 200);
  assert.equal((await plane.ask("/files/caf%C3%A9/", { method: "POST", body: "{}" })).status, 200);
});

test("a path with dots is the mutation that it means, and is recorded as one", async () => {
  const body = JSON.stringify({ function: "add_comment", params: { invalidate: ["posts"] } });
  const headers = { "Content-Type": "application/json" };
  const answer = await plane.ask("/api/mizan/x/../call/", { method: "POST", headers, body });
  assert.ok(answer.headers["mizan-sequence"]);
  assert.equal(origin.requests[0].url, "/api/mizan/call/");
});

test("a mutation that claims to be a WebSocket is still a mutation", async () => {
  const claim = { Upgrade: "websocket", Connection: "Upgrade" };
  const answer = await plane.call("add_comment", { invalidate: ["posts"] }, claim);
  assert.ok(answer.headers["mizan-sequence"] || answer.status >= 400);
  if (answer.status >= 400) assert.equal(origin.asked("/api/mizan/call/").length, 0);
});

test("any unsafe method on the call path is a mutation: the origin may take it for a POST", async () => {
  const body = JSON.stringify({ function: "add_comment", params: { invalidate: ["posts"] } });
  const headers = { "Content-Type": "application/json" };
  for (const method of ["PUT", "PATCH", "DELETE"]) {
    const path = "/api/mizan/call/?_method=POST";
    const answer = await plane.ask(path, { method, headers, body });
    assert.ok(answer.headers["mizan-sequence"], method);
  }
});

test("a safe method carries no body: there is no call in it", async () => {
  for (const method of ["GET", "HEAD", "OPTIONS"]) {
    await plane.ask("/whoami/", { method, body: '{"function":"add_comment"}' });
    assert.equal(origin.requests.at(-1).body, "", method);
  }
});

test("GET on the call path passes through", async () => {
  origin.faults.set("/api/mizan/call/", (_q, response) => response.writeHead(405).end());
  assert.equal((await plane.get("/api/mizan/call/")).status, 405);
});

test("a WebSocket passes through, both ways, and its close too", async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${plane.port}/ws/mizan/?room=1`, {
    headers: { Cookie: "sessionid=alice", "X-Forwarded-Host": "evil.example" },
  });
  await once(socket, "open");
  socket.send("hello");
  assert.equal(String((await once(socket, "message"))[0]), "echo hello");
  socket.close(1000);
  assert.equal((await once(socket, "close"))[0], 1000);
  const [opening] = origin.requests;
  assert.equal(opening.url, "/ws/mizan/?room=1");
  assert.equal(opening.headers.cookie, "sessionid=alice");
  assert.equal(opening.headers["x-forwarded-host"], "board.localhost:8000");
});

test("an origin that is away is a 502 that nobody keeps", async () => {
  origin.faults.set("/gone/", (request) => request.socket.destroy());
  const answer = await plane.get("/gone/");
  assert.equal(answer.status, 502);
  assert.equal(answer.headers["cache-control"], "no-store");
});

test("readiness names the release", async () => {
  const answer = await plane.get("/__mizan/ready");
  assert.deepEqual(answer.json(), {
    app: "board",
    environment: "local",
    release: "r1",
    configured: true,
    hub: true,
    render: true,
  });
});

test("a visitor who leaves in the middle of a mutation does not lose its record", async () => {
  const hubLog = async () => (await plane.askHub("GET", "/v1/log")).json();
  const before = await hubLog();
  const gate = origin.hold("/api/mizan/call/", (_q, response) =>
    json(response, 200, "no-store", { result: 1, invalidate: ["posts"] }),
  );
  const controller = new AbortController();
  const left = fetch(`http://127.0.0.1:${plane.port}/api/mizan/call/`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: '{"function":"add_comment"}',
    signal: controller.signal,
  });
  await eventually(() => gate.questions > 0);
  controller.abort();
  await assert.rejects(left, { name: "AbortError" });
  await sleep(200); // the Edge hears of it
  gate.open();
  const isRecorded = ({ context, seq }) => context === "posts" && seq > before.seq;
  await eventually(async () => (await hubLog()).records.some(isRecorded));
  assert.deepEqual((await hubLog()).open, []);
});
