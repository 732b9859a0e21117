// README.md names a test for every point of the design; here, that these tests exist.

import assert from "node:assert/strict";
import fs from "node:fs/promises";
import { test } from "node:test";

const here = (name) => new URL(name, import.meta.url);
const readme = await fs.readFile(here("README.md"), "utf8");

/** Files, each with the names that stand behind it: `file`: "name", "name". */
const mentions = [...readme.matchAll(/`([\w-]+\.test\.mjs)`: ((?:"[^"]+"(?:, )?)+)/g)].map(
  ([, file, names]) => [file, [...names.matchAll(/"([^"]+)"/g)].map(([, name]) => name)],
);

test("every test that the README names is there", async () => {
  for (const [file, names] of mentions) {
    const source = await fs.readFile(here(file), "utf8");
    const titles = [...source.matchAll(/\btest\(\s*(["`])(.*?)\1,/gs)].map(([, , title]) => title);
    for (const name of names) {
      const isThere = titles.some((title) => fits(title, name));
      assert.ok(isThere, `${file} has no test ${JSON.stringify(name)}`);
    }
  }
});

/** An … stands for what differs between the tests of a loop. @param {string} title @param {string} name */
function fits(title, name) {
  if (!name.includes("…")) return title === name;
  const [before, after] = name.split("…");
  return title.startsWith(before) && title.endsWith(after.trimStart());
}

test("every point has one, and so has Render", () => {
  for (let point = 1; point <= 16; point++) {
    assert.match(
      readme,
      new RegExp(`^\\| ${point} +\\| .+ \\| \`.+\\.test\\.mjs\`: ".+ \\|$`, "m"),
    );
  }
  assert.ok(readme.split("## Render")[1].split("\n").length > 10);
});
