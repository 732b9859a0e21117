// Requests that are made to confuse: none leaves for another host, none changes anything that is not recorded, none leaves a
// trace in what others are shown. Behind the Edge is an origin that reads them as generously as any server does.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { rawRequest, sendRaw, statusOf } from "./support/raw.mjs";
import { seed } from "./support/seeded.mjs";
import { CALL, JSON_BODY, MUTATION, POISON, POSTS, Siege } from "./support/siege.mjs";

const ATTACKS = Number(process.env.MIZAN_HOSTILE_REQUESTS ?? 600);

let siege;

before(async () => {
  siege = await Siege.start();
});
after(() => siege.stop());

test("an origin that reads generously would be changed by such requests", async () => {
  const { port } = new URL(siege.world.origin.url);
  const { changes } = siege.origin;
  const disguised = { method: "POST", target: "/api/mizan/c%2561ll/", body: MUTATION };
  await sendRaw(Number(port), rawRequest(disguised));
  const headers = ["X-HTTP-Method-Override: POST", "X-Original-URL: /api/mizan/call/"];
  await sendRaw(Number(port), rawRequest({ method: "PUT", target: "/", headers, body: MUTATION }));
  assert.equal(siege.origin.changes, changes + 2);
});

for (const target of [
  "/api/mizan/c%61ll/",
  "/api/mizan/c%2561ll/",
  "/api/mizan/%63all/",
  "/api/mizan/x/../call/",
  "/api/mizan/x/%2e%2e/call/",
  "/api/mizan/x%2f..%2fcall/",
  "/api%2fmizan%2fcall%2f",
  "/api\\mizan\\call/",
  "/api/mizan%5ccall/",
  "/api//mizan//call//",
  "/x/..%2f/api/mizan/call/",
  "/./api/./mizan/./call/",
  "/%2e/api/mizan/call/",
  "/api/mizan/call/?_method=PUT",
  "/api/mizan/call/#x",
]) {
  test(`POST ${target} is recorded or does nothing`, async () => {
    await siege.attack({ method: "POST", target, headers: [JSON_BODY], body: MUTATION });
    await siege.assertClean();
  });
}

for (const target of ["//HOST/x", "///HOST/x", "/\\HOST/x", "/%2f/HOST/x", "http://HOST/x"]) {
  test(`${target} does not leave for that host`, async () => {
    const headers = ["Cookie: sessionid=alice"];
    await siege.attack({ target: target.replace("HOST", siege.otherHost), headers });
    await siege.assertClean();
  });
}

test("a request in the absolute form is about this app whatever host it names", async () => {
  for (const host of [siege.otherHost, "evil.example", "user:secret@evil.example"]) {
    const answer = await siege.attack({
      target: `http://${host}${POSTS}`,
      headers: [`X: ${POISON}`],
    });
    assert.ok([200, 400].includes(statusOf(answer)), answer);
    await siege.attack({ ...post, target: `http://${host}${CALL}` });
  }
  await siege.assertClean();
});

test("no header makes a mutation of a question, or another question of it", async () => {
  const { changes } = siege.origin;
  for (const name of [
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "X_Http_Method",
  ]) {
    for (const method of ["GET", "PUT", "DELETE", "OPTIONS"]) {
      await siege.attack({
        method,
        target: CALL,
        headers: [`${name}: POST`, JSON_BODY],
        body: MUTATION,
      });
    }
  }
  for (const name of ["X-Original-URL", "X-Rewrite-URL", "X_Original_Url"]) {
    const headers = [`${name}: ${CALL}`, JSON_BODY];
    for (const method of ["GET", "POST"]) {
      await siege.attack({ method, target: "/about/", headers, body: MUTATION });
    }
  }
  assert.equal(siege.origin.changes, changes);
});

test("forged hosts and addresses do not reach the origin, nor an entry", async () => {
  const headers = [
    ...["X-Forwarded-Host", "X-Forwarded-For", "X-Forwarded-Server", "X-Real-IP", "Via"],
    ...["Forwarded", "X-Original-Host", "CF-Connecting-IP", "True-Client-IP", "X_Forwarded_Host"],
  ].map((name) => `${name}: ${POISON}`);
  siege.world.origin.requests.length = 0;
  for (const target of [POSTS, `${POSTS}?x=1`, "/about/", "/api/mizan/ctx/me/"]) {
    await siege.attack({ target, headers });
  }
  assert.doesNotMatch(JSON.stringify(siege.world.origin.requests), new RegExp(POISON));
  await siege.assertClean();
});

test("forged and cut sequences open nothing and break nothing", async () => {
  const { headers } = await siege.edge.call(0, {});
  const real = headers["mizan-sequence"];
  const [epoch, seq, until, signature] = real.split(".");
  const forged = [
    ...Array.from({ length: real.length }, (_, length) => real.slice(0, length)),
    `${epoch}.${Number(seq) + 1}.${until}.${signature}`,
    `${epoch}.${seq}.${Date.now() + 1e6}.${signature}`,
    `${epoch}.-1.${until}.${signature}`,
    `.${seq}.${until}.${signature}`,
    `${epoch}.${"9".repeat(400)}.0.${signature}`,
    `${real},${real}`,
    "\u00e9".repeat(50),
    "...",
  ];
  await siege.edge.warm(0, POSTS);
  for (const token of forged) {
    for (const header of [`Mizan-Sequence: ${token}`, `Cookie: mizan-sequence=${token}`]) {
      const answer = await siege.attack({ target: POSTS, headers: [header] });
      assert.equal(statusOf(answer), 200, header);
      assert.match(answer, /; hit/, header);
    }
  }
});

test("what is far too large is refused, and the next visitor is served", async () => {
  for (const headers of [
    [`X-Large: ${POISON.repeat(10_000)}`],
    Array.from({ length: 3000 }, (_, i) => `X-Many-${i}: ${POISON}`),
    [`Cookie: ${`a=${POISON}; `.repeat(5000)}`],
  ]) {
    await siege.attack({ target: POSTS, headers });
    await siege.assertClean();
  }
  await siege.attack({ target: `${POSTS}?${POISON.repeat(5000)}` });
  await siege.attack({ target: `/${POISON.repeat(10_000)}` });
  await siege.assertClean();
});

test("one request that claims to be two", async () => {
  const second = rawRequest({ method: "POST", target: CALL, headers: [JSON_BODY], body: MUTATION });
  for (const headers of [
    ["Content-Length: 0", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", `Content-Length: ${second.length + 5}`],
    ["Transfer-Encoding: xchunked", "Content-Length: 0"],
    ["Content-Length: 0", "Content-Length: 5"],
    [" Content-Length: 5"],
  ]) {
    for (const target of ["/about/", POSTS, CALL]) {
      await siege.attack({ method: "POST", target, headers, body: `0\r\n\r\n${second}` });
    }
  }
  await siege.assertClean();
});

test(`any spelling with any method and any header (seed ${seed})`, async (t) => {
  const { changes } = siege.origin;
  await siege.attackAtRandom(ATTACKS);
  t.diagnostic(`${ATTACKS} requests, ${siege.origin.changes - changes} recorded mutations`);
});

const post = { method: "POST", headers: [JSON_BODY], body: MUTATION };

for (const [wrong, attack, ...patches] of [
  [
    "an Edge that lets odd spellings of the call path through",
    () => ({ ...post, target: "/api/mizan/c%61ll/" }),
    {
      file: "edge/policy.js",
      from: 'if (plain !== path && plain.startsWith(base)) return { kind: "refuse", status: 404 };',
      to: "void [plain, base];",
    },
  ],
  [
    "an Edge that lets the path be overridden",
    () => ({ ...post, target: "/about/", headers: [`X-Original-URL: ${CALL}`, JSON_BODY] }),
    { file: "edge/headers.js", from: '  "x-original-url",\n', to: "" },
  ],
  [
    "an Edge that joins a path with the origin's address",
    ({ otherHost }) => ({ target: `//${otherHost}/x` }),
    {
      file: "edge/policy.js",
      from: 'if (path.startsWith("//")) return { kind: "refuse", status: 400 };',
      to: "",
    },
    {
      file: "edge/origin.js",
      from: "const target = new URL(url);\n  target.protocol",
      to: "return new URL(url.pathname + url.search, base);\n  const target = new URL(url);\n  target.protocol",
    },
  ],
]) {
  test(`${wrong} is found out`, async () => {
    const wrongOne = await Siege.start(patches);
    try {
      await assert.rejects(wrongOne.attack(attack(wrongOne)), { code: "ERR_ASSERTION" });
    } finally {
      await wrongOne.stop();
    }
  });
}
