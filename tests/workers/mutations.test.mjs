// Mutations: who sees a change, and when; and what happens when something breaks half-way.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { json } from "./support/origin.mjs";
import { Plane } from "./support/plane.mjs";
import { eventually, seenByEveryone, sleep } from "./support/promises.mjs";

const CALL = "/api/mizan/call/";
const POST = "/api/mizan/ctx/post/";
const POSTS = "/api/mizan/ctx/posts/";
const PUBLIC = "public, max-age=60";

let plane;
let origin;
let unused = 1;

before(async () => {
  plane = await Plane.start();
  origin = plane.origin;
});
after(() => plane.stop());
beforeEach(async () => {
  origin.faults.clear();
  // Of everything, and through this Edge: its log is then as new as the hub's.
  await plane.call("forget", { invalidate: ["no such context"] });
  origin.requests.length = 0;
});

const postPath = (id) => `${POST}?post_id=${id}`;
const scoped = (id) => [{ context: "post", params: { post_id: id } }];
const hubLog = async () => (await plane.askHub("GET", "/v1/log")).json();
const newVersion = () => `version ${unused++}`;

/** Warm these paths, mutate, and tell which of them the store still answers for the writer. */
async function keptAfter(paths, change) {
  for (const path of paths) await plane.warm(path);
  const { cookies } = await change();
  const kept = [];
  for (const path of paths) {
    if ((await plane.get(path, { Cookie: cookies })).isHit) kept.push(path);
  }
  return kept;
}

test("the writer sees the change at once, by cookie and by header", async () => {
  for (const carry of [
    ({ cookies }) => ({ Cookie: `a=b; ${cookies}` }),
    ({ headers }) => ({ "Mizan-Sequence": headers["mizan-sequence"] }),
  ]) {
    await plane.warm(POSTS);
    const version = newVersion();
    const answer = await plane.call("add_comment", { version, invalidate: ["posts"] });
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.equal((await plane.get(POSTS, carry(answer))).json().version, version);
  }
});

test("everyone else sees it within 5 s, in another release's process too", async () => {
  const port = await plane.startRelease({ data: { release: "r2" } });
  const elsewhere = async () => (await plane.ask(POSTS, { port })).json().version;
  const stored = await elsewhere();
  await eventually(async () => (await plane.ask(POSTS, { port })).isHit);
  const version = newVersion();
  const answer = await plane.call("add_comment", { version, invalidate: ["posts"] });
  const changed = Date.now();
  const withToken = await plane.ask(POSTS, { port, headers: { Cookie: answer.cookies } });
  assert.equal(withToken.json().version, version);
  assert.notEqual(stored, version);
  await seenByEveryone(changed, async () => (await elsewhere()) === version);
});

test("an idle process does not answer from a log that is over 5 s old", async () => {
  const port = await plane.startRelease({ data: { release: "idle" } });
  await eventually(async () => (await plane.ask(POSTS, { port })).isHit);
  const version = newVersion();
  await plane.call("add_comment", { version, invalidate: ["posts"] });
  await sleep(5100);
  assert.equal((await plane.ask(POSTS, { port })).json().version, version);
});

test("scoped: only the entries with that value", async () => {
  const paths = [postPath(5), `${postPath(5)}&limit=3`, postPath(6), POSTS];
  const kept = await keptAfter(paths, () => plane.call("add_comment", { invalidate: scoped(5) }));
  assert.deepEqual(kept, [postPath(6), POSTS]);
});

for (const [why, invalidate, expected] of [
  ["without parameters, the whole context", ["post"], [POSTS]],
  ["text and number are one value", scoped("5"), [postPath(6), POSTS]],
  [
    "an undeclared set widens to the context",
    [{ context: "post", params: { limit: 20 } }],
    [POSTS],
  ],
  ["an odd value widens to the context", scoped("05"), [POSTS]],
  ["null widens to the context", scoped(null), [POSTS]],
  ["a number beyond 2^53 widens to the context", scoped(2 ** 53), [POSTS]],
  ["an unknown context is everything", ["nobody"], []],
  ["an item that is none is everything", [7], []],
  ["a malformed list is everything", "posts", []],
  ["nothing changed, nothing is lost", [], [postPath(5), postPath(6), POSTS]],
]) {
  test(`invalidate: ${why}`, async () => {
    const paths = [postPath(5), postPath(6), POSTS];
    assert.deepEqual(
      await keptAfter(paths, () => plane.call("add_comment", { invalidate })),
      expected,
    );
  });
}

test("a value whose type allows two spellings widens to the context", async () => {
  const paths = ["/api/mizan/ctx/tagged/?tag=A", POSTS];
  const invalidate = [{ context: "tagged", params: { tag: "a" } }];
  const kept = await keptAfter(paths, () => plane.call("add_comment", { invalidate }));
  assert.deepEqual(kept, [POSTS]);
});

test("an answer that is not JSON, or has no list, is everything", async () => {
  for (const [type, text] of [
    ["text/html", "<p>done</p>"],
    ["application/json", "{"],
    ["application/json", '{"result":1}'],
    ["application/json", "null"],
  ]) {
    origin.faults.set(CALL, (_q, response) => {
      response.writeHead(200, { "Content-Type": type });
      response.end(text);
    });
    assert.deepEqual(await keptAfter([postPath(5)], () => plane.call("add_comment", {})), []);
  }
});

test("5xx: it may have committed, so all that it declares is gone, unscoped", async () => {
  const paths = [postPath(5), POSTS, "/api/mizan/ctx/tagged/?tag=A"];
  const kept = await keptAfter(paths, () => plane.call("add_comment", { status: 500 }));
  assert.deepEqual(kept, ["/api/mizan/ctx/tagged/?tag=A"]);
});

test("5xx of an unknown function: everything", async () => {
  assert.deepEqual(await keptAfter([POSTS], () => plane.call("surprise", { status: 500 })), []);
});

/** Of a plane of its own: these mutations stay open. */
async function withOwnPlane(use) {
  const own = await Plane.start();
  try {
    await use(own);
  } finally {
    await own.stop();
  }
}

const openOf = async (own) => (await own.askHub("GET", "/v1/log")).json().open.sort();

test("a broken connection counts as 5xx, and the client gets a 502", () =>
  withOwnPlane(async (own) => {
    const paths = [postPath(5), POSTS];
    for (const path of paths) await own.warm(path);
    own.origin.faults.set(CALL, (request) => request.socket.destroy());
    const { status, cookies } = await own.call("add_comment", {});
    assert.equal(status, 502);
    for (const path of paths) {
      assert.equal((await own.get(path, { Cookie: cookies })).isHit, false, path);
    }
    assert.deepEqual(await openOf(own), ["post", "posts"], "it may still commit");
  }));

test("a call that breaks off on its way to the origin has changed nothing", () =>
  withOwnPlane(async (own) => {
    const before = (await (await own.askHub("GET", "/v1/log")).json()).seq;
    const head = `POST ${CALL} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 9`;
    const socket = connect(own.port, "127.0.0.1").on("error", () => {});
    socket.write(`${head}\r\n\r\nhalf`);
    await eventually(async () => (await openOf(own)).length > 0);
    socket.destroy();
    await eventually(async () => (await openOf(own)).length === 0);
    assert.equal((await (await own.askHub("GET", "/v1/log")).json()).seq, before);
  }));

test("one without a length is read before it is passed on, so what breaks off reaches nobody", () =>
  withOwnPlane(async (own) => {
    const before = (await (await own.askHub("GET", "/v1/log")).json()).seq;
    const head = `POST ${CALL} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked`;
    const socket = connect(own.port, "127.0.0.1").on("error", () => {});
    socket.write(`${head}\r\n\r\n4\r\nhalf\r\n`);
    await own.ask("//"); // the Edge has taken what came before it
    socket.destroy();
    const chunked = { method: "POST", headers: { "Transfer-Encoding": "chunked" } };
    const whole = JSON.stringify({ function: "add_comment", params: { invalidate: ["posts"] } });
    const json = { ...chunked.headers, "Content-Type": "application/json" };
    assert.equal((await own.ask(CALL, { ...chunked, headers: json, body: whole })).status, 200);
    assert.equal((await own.ask(CALL, { ...chunked, body: "x".repeat(2 ** 20 + 1) })).status, 411);
    assert.deepEqual(
      own.origin.asked(CALL).map(({ body }) => body),
      [whole],
    );
    assert.equal((await (await own.askHub("GET", "/v1/log")).json()).seq, before + 1);
  }));

test("one that the origin has whole may be committed, though its connection breaks", () =>
  withOwnPlane(async (own) => {
    own.origin.faults.set(CALL, (request) => request.socket.destroy());
    const headers = { "Content-Type": "text/plain" };
    const { status } = await own.ask(CALL, { method: "POST", headers, body: "whole" });
    assert.equal(status, 502);
    assert.deepEqual(await openOf(own), ["*"]);
  }));

test("an origin that a proxy gave up may still commit, so its mutation stays open", () =>
  withOwnPlane(async (own) => {
    await own.call("add_comment", { status: 504 });
    assert.deepEqual(await openOf(own), ["post", "posts"]);
  }));

for (const status of [200, 403, 500]) {
  test(`the origin's own ${status} ends its mutation`, async () => {
    await plane.call("add_comment", { status, invalidate: [] });
    assert.deepEqual((await hubLog()).open, []);
  });
}

test("4xx changed nothing, unless it says so", async () => {
  const refuse = (invalidate) => () => plane.call("add_comment", { status: 403, invalidate });
  assert.deepEqual(await keptAfter([POSTS], refuse([])), [POSTS]);
  origin.faults.set(CALL, (_q, response) => json(response, 400, "no-store", { error: "no" }));
  assert.deepEqual(await keptAfter([POSTS], () => plane.call("add_comment", {})), [POSTS]);
  origin.faults.clear();
  assert.deepEqual(await keptAfter([POSTS], refuse(["posts"])), []);
});

test("the change is recorded before its client hears of it", async () => {
  for (let i = 0; i < 20; i++) {
    const before = (await hubLog()).seq;
    await plane.call("add_comment", { invalidate: ["posts"] });
    assert.equal((await hubLog()).seq, before + 1);
  }
});

test("while a mutation is under way its contexts are stored, and its record outdates them", async () => {
  const [path, old, version] = [postPath(7), newVersion(), newVersion()];
  let finish;
  origin.faults.set(CALL, (_q, response) => {
    finish = () => json(response, 200, "no-store", { result: 1, invalidate: scoped(7) });
  });
  origin.version = old;
  const call = plane.call("add_comment", {});
  await eventually(async () => (await hubLog()).open.includes("post"));
  assert.deepEqual((await hubLog()).inDoubt, []);
  assert.equal((await plane.warm(path)).json().version, old);
  origin.version = version;
  finish();
  const { cookies } = await call;
  assert.equal((await plane.get(path, { Cookie: cookies })).json().version, version);
});

test("while nobody would tell that a mutation commits, its contexts are served, but not stored", () =>
  withOwnPlane(async (own) => {
    await own.warm(POSTS);
    await own.call("add_comment", { status: 504, invalidate: [] });
    const { open, inDoubt } = (await own.askHub("GET", "/v1/log")).json();
    assert.deepEqual(
      [open.sort(), inDoubt.sort()],
      [
        ["post", "posts"],
        ["post", "posts"],
      ],
    );
    for (let i = 0; i < 3; i++) {
      assert.equal((await own.get(postPath(7))).isHit, false);
      await sleep(50);
    }
  }));

test("an intent that nobody closes becomes a record of the whole context", async () => {
  const before = await hubLog();
  const intend = (ttl) =>
    plane.askHub("POST", "/v1/intents", { id: "lost", contexts: ["post"], window: 300, ttl });
  await intend(3_600_000);
  assert.deepEqual((await hubLog()).open, ["post"]);
  await intend(1); // the same one, which is over soon
  await eventually(async () => (await hubLog()).open.length === 0);
  const later = await hubLog();
  assert.equal(later.seq, before.seq + 1);
  assert.ok(
    later.records.some(
      ({ context, params, seq }) =>
        context === "post" && Object.keys(params).length === 0 && seq === later.seq,
    ),
  );
});

test("an old reading that ends after the change is not stored", async () => {
  for (let i = 0; i < 5; i++) {
    const [path, old, version] = [postPath(100 + i), newVersion(), newVersion()];
    const gate = origin.hold(path, (_q, response) => json(response, 200, PUBLIC, { version: old }));
    const slow = plane.get(path);
    await eventually(() => gate.questions > 0);
    origin.faults.clear();
    const { cookies } = await plane.call("add_comment", { version, invalidate: scoped(100 + i) });
    gate.open();
    assert.equal((await slow).json().version, old);
    await sleep(50);
    assert.equal((await plane.get(path, { Cookie: cookies })).json().version, version);
    assert.equal((await plane.get(path)).json().version, version);
  }
});

test("an old reading does not come back through another process's older log", async () => {
  const port = await plane.startRelease({ data: { release: "r3" } });
  const path = postPath(200);
  const elsewhere = (headers) => plane.ask(path, { port, headers });
  await plane.ask(POSTS, { port });
  const gate = origin.hold(path, (_q, response) => json(response, 200, PUBLIC, { version: "old" }));
  const slow = elsewhere();
  await eventually(() => gate.questions > 0);
  origin.faults.clear();
  const version = newVersion();
  const { cookies } = await plane.call("add_comment", { version, invalidate: scoped(200) });
  const changed = Date.now();
  gate.open();
  await slow;
  assert.equal((await elsewhere({ Cookie: cookies })).json().version, version);
  await seenByEveryone(changed, async () => (await elsewhere()).json().version === version);
});

test("a forged or a foreign token is ignored", async () => {
  await plane.warm(POSTS);
  const { headers } = await plane.call("add_comment", { invalidate: scoped(1) });
  const [epoch, seq, until, signature] = headers["mizan-sequence"].split(".");
  for (const token of [
    [epoch, Number(seq) + 1000, until, signature].join("."),
    [epoch, seq, Date.now() + 60_000, signature].join("."),
    [epoch, seq, until, `A${signature.slice(1)}B`].join("."),
    `${headers["mizan-sequence"]}.`,
    "nonsense",
  ]) {
    assert.ok((await plane.get(POSTS, { "Mizan-Sequence": token })).isHit, token);
  }
});

test("the cookie: HttpOnly and Lax, and Secure with its prefix where there is TLS", async () => {
  const { headers } = await plane.call("add_comment", { invalidate: ["posts"] });
  assert.match(
    headers["set-cookie"][0],
    /^mizan-sequence=[^;]+; Path=\/; Max-Age=360; HttpOnly; SameSite=Lax$/,
  );
  const secure = await Plane.start({ publicUrl: "https://board.example" });
  try {
    const answer = await secure.call("add_comment", { invalidate: ["posts"] });
    assert.match(answer.headers["set-cookie"][0], /^__Host-mizan-sequence=[^;]+;.*; Secure$/);
    await secure.warm(POSTS);
    const { cookies } = await secure.call(
      "add_comment",
      { version: "tls", invalidate: ["posts"] },
      { Cookie: answer.cookies },
    );
    assert.equal((await secure.get(POSTS, { Cookie: cookies })).json().version, "tls");
  } finally {
    await secure.stop();
  }
});

test("the body and the visitor's headers reach the origin unchanged", async () => {
  const text = "é ".repeat(1000);
  const sent = { Cookie: "sessionid=a; csrftoken=t", "X-CSRFToken": "t", Origin: plane.publicUrl };
  const answer = await plane.call("add_comment", { text, invalidate: [] }, sent);
  assert.equal(answer.status, 200);
  const [{ headers, body }] = origin.asked(CALL);
  assert.equal(JSON.parse(body).params.text, text);
  assert.equal(headers["x-csrftoken"], "t");
  assert.equal(headers.origin, plane.publicUrl);
  assert.equal(headers["content-length"], String(Buffer.byteLength(body)));
  assert.equal(answer.headers["mizan-sequence"], undefined);
});

test("a function that declares nothing troubles the hub only if it says it changed something", async () => {
  const before = (await hubLog()).seq;
  assert.equal((await plane.call("search", {})).headers["mizan-sequence"], undefined);
  assert.equal((await plane.call("search", { status: 500 })).headers["mizan-sequence"], undefined);
  assert.equal((await hubLog()).seq, before);
  assert.ok((await plane.call("search", { invalidate: ["posts"] })).headers["mizan-sequence"]);
  assert.equal((await hubLog()).seq, before + 1);
});

test("an answer without a body passes", async () => {
  for (const status of [204, 205]) {
    origin.faults.set(CALL, (_q, response) => {
      response.writeHead(status, { "Content-Type": "application/json" });
      response.end();
    });
    assert.equal((await plane.call("add_comment", {})).status, status);
  }
});

test("a body that is not JSON passes, and its intent is everything", async () => {
  let open;
  origin.faults.set(CALL, async (_q, response) => {
    await eventually(async () => (await hubLog()).open.length > 0);
    open = (await hubLog()).open;
    json(response, 200, "no-store", { result: 1, invalidate: ["posts"] });
  });
  const answer = await plane.ask(CALL, {
    method: "POST",
    headers: { "Content-Type": "multipart/form-data; boundary=x" },
    body: "--x--",
  });
  assert.equal(answer.status, 200);
  assert.deepEqual(open, ["*"]);
  assert.equal(origin.asked(CALL)[0].headers["content-length"], "5");
});
