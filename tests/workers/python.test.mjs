// The Python of docs/invalidation.md, as it stands there, against the Edge.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs/promises";
import net from "node:net";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { Plane } from "./support/plane.mjs";

const DOCS = new URL("../../docs/invalidation.md", import.meta.url);
const POSTS = "/api/mizan/ctx/posts/";
const KEYS = "new-key, old-key";

let plane;
let front;
let blocks;

before(async () => {
  const text = await fs.readFile(DOCS, "utf8");
  blocks = [...text.matchAll(/^```python\n(.*?)^```$/gms)].map(([, code]) => code);
  front = await startFront();
  plane = await Plane.start({ purgeKey: KEYS, publicUrl: front.url });
  front.target = plane.port;
});
after(async () => {
  front.server.close();
  await plane.stop();
});

/** What stands at the public URL: its port has to be known before the Edge is started. */
async function startFront() {
  const front = { target: 0 };
  front.server = net.createServer((visitor) => {
    const edge = net.connect(front.target, "127.0.0.1");
    visitor.pipe(edge).pipe(visitor);
    for (const socket of [visitor, edge]) socket.on("error", () => visitor.destroy());
  });
  front.server.listen(0, "127.0.0.1");
  await once(front.server, "listening");
  front.url = `http://127.0.0.1:${front.server.address().port}`;
  return front;
}

/** Runs Python, with what the container would have in its environment. */
async function python(code, env = {}) {
  const run = promisify(execFile)("python3", ["-c", code], {
    env: { PATH: process.env.PATH, MIZAN_URL: front.url, MIZAN_PURGE_KEY: KEYS, ...env },
  });
  return (await run).stdout;
}

test("the snippet announces, and the Edge has forgotten", async () => {
  await plane.warm(POSTS);
  const code = `${blocks[0]}
print(json.dumps(invalidate("posts", {"context": "post", "params": {"post_id": 5}})))`;
  const answer = JSON.parse(await python(code));
  assert.deepEqual(answer.recorded, [
    { context: "posts", params: {} },
    { context: "post", params: { post_id: "5" } },
  ]);
  assert.ok(answer.seq > 0 && answer.epoch);
  assert.equal((await plane.get(POSTS)).isHit, false);
});

test("a refusal raises, and says why", async () => {
  const code = `${blocks[0]}
import urllib.error
try:
    invalidate("no such context")
except urllib.error.HTTPError as error:
    print(isinstance(error, OSError), error.code, json.load(error)["error"])`;
  assert.match(await python(code), /^True 400 there is no context "no such context"/);
  assert.match(await python(code, { MIZAN_PURGE_KEY: "a wrong one" }), /^True 401 /);
});

test("what the page shows for Celery, the admin and Channels is Python too", async () => {
  assert.equal(blocks.length, 5);
  const code =
    "import json, os\nfor block in json.loads(os.environ['BLOCKS']): compile(block, 'docs', 'exec')";
  await python(code, { BLOCKS: JSON.stringify(blocks) });
});
