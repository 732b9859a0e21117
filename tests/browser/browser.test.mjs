// A deployed board in a real browser: server HTML, hydration, a comment, and who sees it when.
//
//   MIZAN_BOARD_URL=http://board.localhost:8080 node --test browser.test.mjs
//
// The board must run with BOARD_DEMO=1 (its local environment does): one test signs in as a demo user.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { request } from "node:http";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { chromium } from "playwright-core";
import { lookup } from "../support/loopback.mjs";

const BOARD = process.env.MIZAN_BOARD_URL ?? assert.fail("MIZAN_BOARD_URL names no board");
const CHROMIUM = process.env.MIZAN_CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox", // a build machine runs as root
  "--disable-gpu",
  "--disable-dev-shm-usage", // it may be in a container, whose /dev/shm is small
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const SEEN_BY_OTHERS_WITHIN_MS = 5000;
/** Long after a busy machine has come so far. */
const PATIENCE_MS = 120_000;

let browser;
let visitors = [];

before(async () => {
  assert.ok(existsSync(CHROMIUM), `no Chromium at ${CHROMIUM}`);
  browser = await chromium.launch({
    executablePath: CHROMIUM, // with a profile of its own
    args: FLAGS,
    timeout: PATIENCE_MS,
  });
});
after(() => browser?.close());

// Whatever a test looked at: nothing went wrong in any of its pages.
afterEach(async () => {
  const troubles = visitors.flatMap((visitor) => visitor.troubles);
  await Promise.all(visitors.map((visitor) => visitor.page.context().close()));
  visitors = [];
  assert.deepEqual(troubles, []);
});

test("the HTML from the server holds the page before any script runs", async () => {
  const home = await rawHtml("/");
  assert.equal(home.status, 200);
  assert.match(home.headers["content-type"], /^text\/html/);
  assert.match(home.body, /<h1>Board<\/h1>/);
  assert.match(home.body, /Welcome to the board/);
  assert.match(home.body, /<title>[^<]+<\/title>/);

  const { page } = await visitor({ javaScriptEnabled: false });
  await page.goto(`${BOARD}/posts/1/`);
  assert.equal(await page.locator("article h1").textContent(), "Welcome to the board");
  assert.ok((await page.locator("#comments > li").count()) >= 2);
});

test("a title full of markup is text, in the HTML and after hydration", async () => {
  const { body } = await rawHtml("/posts/3/");
  assert.ok(body.includes("&lt;escaped&gt;"));

  const { page } = await visitor();
  await open(page, "/posts/3/");
  assert.match(await page.locator("article h1").textContent(), /^What is <escaped> & what is not$/);
  assert.match(
    await page.locator("article .body").textContent(),
    /<b>tags<\/b>, <\/script> and emoji/,
  );
});

test("hydration takes over the server's elements and fetches nothing again", async () => {
  const { page } = await visitor();
  const reads = [];
  page.on("request", (sent) => sent.url().includes("/api/mizan/ctx/") && reads.push(sent.url()));
  await page.addInitScript(() => {
    const parser = new MutationObserver(() => {
      globalThis.heading ??= document.querySelector("h1"); // as the parser made it, before any script
    });
    parser.observe(document, { childList: true, subtree: true });
  });
  await open(page, "/");
  assert.ok(
    await page.evaluate(() => globalThis.heading === document.querySelector("h1")),
    "React made a new <h1>",
  );
  assert.deepEqual(reads, []);
});

test("links change the page without loading a document", async () => {
  const { page } = await visitor();
  await open(page, "/");
  await page.evaluate(() => {
    globalThis.sameDocument = true;
  });
  await page.getByRole("link", { name: "Welcome to the board" }).click();
  await page.locator("#comments > li").first().waitFor();
  assert.equal(new URL(page.url()).pathname, "/posts/1/");
  assert.ok(await page.evaluate(() => globalThis.sameDocument === true));
});

test("a comment is there at once for its writer, and within 5 s for somebody else", async () => {
  const writer = await visitor();
  const other = await visitor();
  await open(writer.page, "/posts/2/");
  await open(other.page, "/posts/2/");
  const text = `from the browser test, ${Date.now()}`;

  const firstRead = writer.page.waitForResponse((response) =>
    response.url().includes("/api/mizan/ctx/post/"),
  );
  await comment(writer.page, text);
  assert.ok(
    (await (await firstRead).text()).includes(text),
    "the first read after the mutation was stale",
  );
  const written = Date.now();
  await writer.page.locator("#comments > li", { hasText: text }).waitFor();
  await open(writer.page, "/posts/2/");
  assert.ok(await shows(writer.page, text), "the writer's own reload was stale");

  // Who asks late enough sees it at once: what counts is when they ask, so a slow machine changes nothing.
  for (let seen = false; !seen; await pause(100)) {
    const late = Date.now() - written;
    await open(other.page, "/posts/2/");
    seen = await shows(other.page, text);
    assert.ok(seen || late <= SEEN_BY_OTHERS_WITHIN_MS, `not seen ${late} ms after the comment`);
  }
});

test("somebody who signs in sees their name, and nobody else does", async () => {
  const ada = await visitor();
  const other = await visitor();
  await signIn(ada.page, "ada");
  await open(ada.page, "/");
  await ada.page.locator("#username", { hasText: "ada" }).waitFor();

  await open(other.page, "/");
  assert.equal(await other.page.locator("#username").count(), 0);
  assert.ok(await other.page.getByRole("link", { name: "Sign in" }).isVisible());
});

test("who signs out leaves nothing of themselves to the next one in the same browser", async () => {
  const { page } = await visitor();
  await signIn(page, "ada");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("link", { name: "Sign in" }).waitFor();
  await open(page, "/");
  assert.equal(await page.locator("#username").count(), 0);
  await signIn(page, "grace");
  await open(page, "/posts/1/");
  await page.locator("#username", { hasText: "grace" }).waitFor();
});

test("back and forward show the page that was left", async () => {
  const { page } = await visitor();
  await open(page, "/posts/2/");
  const title = await page.locator("article h1").textContent();
  await page.getByRole("link", { name: "Board", exact: true }).click();
  await page.getByRole("heading", { name: "Board", exact: true }).waitFor();
  await page.goBack();
  await page.locator("article h1", { hasText: title }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/posts/2/");
  await page.goForward();
  await page.getByRole("heading", { name: "Board", exact: true }).waitFor();
  // The same by documents.
  await open(page, "/posts/1/");
  await page.goBack();
  await page.getByRole("heading", { name: "Board", exact: true }).waitFor();
  await page.goBack();
  await page.locator("article h1", { hasText: title }).waitFor();
});

test("the WebSocket channel counts the visitors who are here", async () => {
  const first = await visitor();
  await open(first.page, "/");
  await online(first.page, 1); // when those of the tests before have left
  const second = await visitor();
  await open(second.page, "/");
  await online(first.page, 2);
  await online(second.page, 2);
});

/** A new browser context (its own cookies and cache) with one page; its troubles fail the test afterwards. */
async function visitor(options = {}) {
  const page = await (await browser.newContext(options)).newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const troubles = [];
  page.on("pageerror", (error) => troubles.push(`page error: ${error.message}`));
  page.on("console", (line) => isComplaint(line) && troubles.push(`console: ${line.text()}`));
  page.on(
    "requestfailed",
    (sent) => isBroken(sent) && troubles.push(`${sent.url()}: ${sent.failure().errorText}`),
  );
  page.on(
    "response",
    (got) => got.status() >= 400 && troubles.push(`${got.url()}: ${got.status()}`),
  );
  page.on("websocket", (socket) =>
    socket.on("socketerror", (error) => troubles.push(`websocket: ${error}`)),
  );
  const newcomer = { page, troubles };
  visitors.push(newcomer);
  return newcomer;
}

function isComplaint(line) {
  return line.type() === "error" || line.type() === "warning";
}

/** A request that the page itself gave up, because its visitor went on, is none. */
function isBroken(sent) {
  return sent.failure().errorText !== "net::ERR_ABORTED";
}

/** Opens a page and waits until it answers clicks. */
async function open(page, path) {
  const response = await page.goto(`${BOARD}${path}`);
  assert.equal(response.status(), 200);
  await page.locator("html[data-hydrated=true]").waitFor({ state: "attached" });
}

/** The demo users' passwords are made of their names. */
async function signIn(page, name) {
  await open(page, "/sign-in/");
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(`pw-${name}`);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator("#username", { hasText: name }).waitFor();
}

async function comment(page, text) {
  await page.getByLabel("Your comment").fill(text);
  await page.getByRole("button", { name: "Comment" }).click();
}

async function shows(page, text) {
  return (await page.locator("#comments > li", { hasText: text }).count()) === 1;
}

/** Waits until the page says that so many visitors are here. */
async function online(page, count) {
  await page.locator("#presence", { hasText: new RegExp(`^${count} here`) }).waitFor();
}

function rawHtml(path) {
  return new Promise((resolve, reject) => {
    const call = request(new URL(path, BOARD), { lookup, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode, headers: response.headers, body }),
      );
      response.on("error", reject);
    });
    call.on("error", reject);
    call.end();
  });
}
