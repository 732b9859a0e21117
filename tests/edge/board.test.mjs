// The example app as it runs in Docker, behind Workers on the stand-in for Cloudflare: deployed by `mizan`, visited through
// the Edge and Render that were uploaded.
//
//   MIZAN=… MIZAN_BOARD=folder MIZAN_BOARD_URL=http://board.localhost:8080 node --test board.test.mjs
//
// The folder is a copy of the board with an environment `cf` whose origin is that URL's port.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import fs from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { DEFAULT_TOKEN } from "../support/cloudflare/api/permissions.mjs";
import { answering, Client } from "../support/cloudflare/testing/client.mjs";
import { eventually } from "../workers/support/promises.mjs";

const HOST = "board.example.com";
const POSTS = "/api/mizan/ctx/posts/";
const POST = "/api/mizan/ctx/post/?post_id=1";
const PAGES = path.join(process.env.MIZAN_BOARD ?? "", "frontend", "src", "pages");

let client;
let theirs;

before(async () => {
  client = await Client.start();
  await client.control("POST", "zones", { name: "example.com" });
  await client.put("theirs", answering("theirs"));
  await client.done("PUT", "/workers/domains", {
    hostname: "theirs.example.com",
    service: "theirs",
  });
  theirs = await foreign();
});
after(() => client.stop());

/** Runs `mizan` in the board's folder. @returns what it printed */
function mizan(...args) {
  const env = {
    ...process.env,
    CLOUDFLARE_API_TOKEN: DEFAULT_TOKEN,
    CLOUDFLARE_API_BASE_URL: client.fake.api,
    MIZAN_CLOUDFLARE_WORKERS: client.fake.traffic,
  };
  return new Promise((resolve, reject) => {
    const all = ["-C", process.env.MIZAN_BOARD, ...args, "-e", "cf"];
    execFile(process.env.MIZAN, all, { env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`mizan ${args.join(" ")}: ${stdout}${stderr}`));
      else resolve(stdout + stderr);
    });
  });
}

/** What is not ours in the account. */
async function foreign() {
  const { scripts, domains, dns, routes } = await client.control("GET", "state");
  const isOurs = (name) => name?.startsWith("mizan-");
  const rest = Object.values(dns).flat();
  return {
    scripts: scripts.filter(({ name }) => !isOurs(name)),
    domains: domains.filter(({ service }) => !isOurs(service)),
    records: rest.filter(({ worker }) => !isOurs(worker)),
    routes,
  };
}

const get = (url, headers = {}) => client.visit(HOST, url, { headers });
const isHit = ({ headers }) => /; hit/.test(headers["cache-status"] ?? "");
const cookiesOf = ({ headers }) =>
  (headers["set-cookie"] ?? []).map((cookie) => cookie.split(";")[0]);

async function page(url) {
  const { status, headers, text } = await get(url);
  assert.equal(status, 200, text);
  assert.match(headers["content-type"], /^text\/html/);
  return text;
}

/** A comment, as a browser sends it. @returns the cookies that its writer has afterwards */
async function comment(text) {
  const csrf = await get("/api/mizan/csrf/");
  const cookies = cookiesOf(csrf);
  const token = cookies.find((cookie) => cookie.startsWith("csrftoken=")).split("=")[1];
  const answer = await client.visit(HOST, "/api/mizan/call/", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Cookie: cookies.join("; "),
      "X-CSRFToken": token,
      Origin: `https://${HOST}`,
    },
    body: JSON.stringify({ function: "add_comment", params: { post_id: 1, text } }),
  });
  assert.equal(answer.status, 200, answer.text);
  return [...cookies, ...cookiesOf(answer)].join("; ");
}

test("a first deploy, and another that finds nothing to do", async () => {
  const told = await mizan("deploy", "--yes");
  assert.match(told, /https:\/\/board\.example\.com/);
  assert.match(await mizan("deploy", "--yes"), /Nothing to change\./);
  assert.deepEqual(await foreign(), theirs);
});

test("a page comes rendered, with its assets", async () => {
  const html = await page("/");
  assert.match(html, /<h1>Board<\/h1>/);
  assert.match(html, /Welcome to the board/);
  const [, script] = /src="(\/static\/[^"]+\.js)"/.exec(html);
  const asset = await get(script);
  assert.equal(asset.status, 200);
  assert.match(asset.headers["content-type"], /javascript/);
  assert.match(asset.headers["cache-control"], /immutable/);
  assert.match(await page("/posts/1/"), /<main/);
});

test("a context is asked for once, and then comes from the store", async () => {
  for (const url of [POSTS, POST]) {
    assert.equal((await get(url)).status, 200);
    await eventually(async () => isHit(await get(url)));
  }
});

test("a comment is there at once for its writer, and soon for everybody", async () => {
  await eventually(async () => isHit(await get(POST)));
  const text = `through the Edge, ${Date.now()}`;
  const Cookie = await comment(text);
  const own = await get(POST, { Cookie });
  assert.equal(own.status, 200);
  assert.ok(own.text.includes(text), own.text);
  await eventually(async () => (await get(POST)).text.includes(text));
  await eventually(async () => {
    const again = await get(POST);
    return isHit(again) && again.text.includes(text);
  });
});

test("a changed line is the next version, and a rollback brings the earlier one back", async () => {
  const file = await homePage();
  const source = await fs.readFile(file, "utf8");
  await fs.writeFile(file, source.replace("<h1>Board</h1>", "<h1>The changed board</h1>"));
  await mizan("deploy", "--yes");
  assert.match(await page("/"), /<h1>The changed board<\/h1>/);
  await mizan("rollback", "--yes");
  assert.match(await page("/"), /<h1>Board<\/h1>/);
  assert.deepEqual(await foreign(), theirs);
});

test("destroy takes what is ours, and nothing else", async () => {
  await mizan("destroy", "--yes");
  const { scripts, domains } = await client.control("GET", "state");
  assert.deepEqual(
    scripts.map(({ name }) => name),
    ["theirs"],
  );
  assert.deepEqual(
    domains.map(({ service }) => service),
    ["theirs"],
  );
  assert.deepEqual(await foreign(), theirs);
});

/** The file whose heading is the board's. */
async function homePage() {
  for (const name of await fs.readdir(PAGES)) {
    const file = path.join(PAGES, name);
    if ((await fs.readFile(file, "utf8")).includes("<h1>Board</h1>")) return file;
  }
  return assert.fail("no page has the heading");
}
