// The store: what is fetched when, and which entries an `invalidate` list covers.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Store } from "../mizan-react/store.js";

const rendered = (name, params, data) => ({ name, params, data });
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A store whose fetches are recorded, and answered by `answer`. */
function recorded(contexts, answer = () => "new") {
  const reads = [];
  const store = new Store(contexts, async (name, params) => {
    reads.push([name, params]);
    return answer(name, params);
  });
  return { store, reads };
}

test("what came with the page is shown without a fetch", async () => {
  const { store, reads } = recorded([rendered("posts", {}, "old")]);
  store.subscribe("posts", {}, () => {});
  await settled();
  assert.deepEqual(store.snapshot("posts", {}), { status: "ready", data: "old" });
  assert.deepEqual(reads, []);
});

test("a parameter from the path finds the entry of the answer", () => {
  const { store } = recorded([rendered("post", { post_id: 3 }, "three")]);
  assert.equal(store.snapshot("post", { post_id: "3" }).data, "three");
});

test("what is missing is fetched once, and its listeners hear of it", async () => {
  const { store, reads } = recorded([]);
  let heard = 0;
  store.subscribe("posts", {}, () => heard++);
  store.subscribe("posts", {}, () => heard++);
  assert.equal(store.snapshot("posts", {}).status, "loading");
  await settled();
  assert.deepEqual(store.snapshot("posts", {}), { status: "ready", data: "new" });
  assert.deepEqual([reads.length, heard], [1, 2]);
});

test("what appears again is fetched again, and shown as it was until then", async () => {
  const { store, reads } = recorded([rendered("posts", {}, "old")]);
  store.subscribe("posts", {}, () => {})();
  store.subscribe("posts", {}, () => {});
  assert.equal(store.snapshot("posts", {}).data, "old");
  await settled();
  assert.deepEqual([store.snapshot("posts", {}).data, reads.length], ["new", 1]);
});

test("a failed fetch is an error, not an exception", async () => {
  const problem = new Error("404");
  const { store } = recorded([], () => {
    throw problem;
  });
  store.subscribe("post", { post_id: 9 }, () => {});
  await settled();
  assert.deepEqual(store.snapshot("post", { post_id: 9 }), { status: "error", error: problem });
});

test("scoped invalidation fetches the entries that agree, by name all of them", async () => {
  const { store, reads } = recorded([1, 2].map((id) => rendered("post", { post_id: id }, "old")));
  for (const id of [1, 2]) store.subscribe("post", { post_id: id }, () => {});
  await store.invalidate(["posts", { context: "post", params: { post_id: "2" } }]);
  assert.deepEqual(reads, [["post", { post_id: 2 }]]);
  await store.invalidate(["post"]);
  assert.equal(reads.length, 3);
});

test("what is not on the screen is forgotten instead of fetched", async () => {
  const { store, reads } = recorded([rendered("posts", {}, "old")]);
  await store.invalidate(["posts"]);
  assert.deepEqual([store.snapshot("posts", {}).status, reads.length], ["loading", 0]);
});

test("an answer that was overtaken does not replace a newer one", async () => {
  const answers = [];
  const store = new Store([], () => new Promise((resolve) => answers.push(resolve)));
  store.subscribe("posts", {}, () => {});
  const again = store.invalidate(["posts"]);
  answers[1]("second");
  await again;
  answers[0]("first");
  await settled();
  assert.equal(store.snapshot("posts", {}).data, "second");
});
