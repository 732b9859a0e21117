// An Edge under attack, between a generous origin and another host that nobody may be sent to: sends requests byte by byte, and
// judges what each of them did.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { makeLenient } from "./lenient.mjs";
import { sleep } from "./promises.mjs";
import { rawRequest, sendRaw } from "./raw.mjs";
import { below, oneIn, pick } from "./seeded.mjs";
import { World } from "./world.mjs";

export const CALL = "/api/mizan/call/";
export const POSTS = "/api/mizan/ctx/posts/";
export const MUTATION = JSON.stringify({ function: "add_comment", params: {} });
export const JSON_BODY = "Content-Type: application/json";
/** In every request that tries to get into what others are shown. */
export const POISON = "poison-for-others";
const ANY_POISON = new RegExp(POISON);

const METHODS = ["GET", "POST", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "post"];
/** Whose client has left may be recorded a little later. */
const RECORDED_WITHIN_MS = 3000;

export class Siege {
  #hasLeft = false;
  /** Somebody else's server: nobody may be sent there, with whatever request. */
  #elsewhere = http.createServer((_request, response) => {
    this.#hasLeft = true;
    response.end("elsewhere\n");
  });

  /** @param {import("./patches.mjs").Patch[]} [patches] */
  static async start(patches = []) {
    const siege = new Siege();
    siege.world = await World.start({ locations: 1, isolates: 1, patches });
    [siege.edge] = siege.world.locations;
    siege.origin = makeLenient(siege.world.origin);
    siege.#elsewhere.listen(0, "127.0.0.1");
    await once(siege.#elsewhere, "listening");
    return siege;
  }

  async stop() {
    await this.world.stop();
    this.#elsewhere.closeAllConnections();
    this.#elsewhere.close();
  }

  get otherHost() {
    return `127.0.0.1:${this.#elsewhere.address().port}`;
  }

  /** @param {string | Parameters<typeof rawRequest>[0]} request @returns the answer */
  async attack(request) {
    const before = { changes: this.origin.changes, seq: await this.#seq() };
    const text = typeof request === "string" ? request : rawRequest(request);
    const answer = await sendRaw(this.edge.port(0), text);
    const until = Date.now() + RECORDED_WITHIN_MS;
    while ((await this.#seq()) - before.seq < this.origin.changes - before.changes) {
      assert.ok(Date.now() < until, `changed something, recorded nothing:\n${text}`);
      await sleep(20);
    }
    assert.ok(!this.#hasLeft, `left for another host:\n${text}`);
    return answer;
  }

  /** What everyone is shown is of the Edge's own asking. */
  async assertClean() {
    for (const path of [POSTS, "/api/mizan/ctx/post/?post_id=5"]) {
      const { status, text, headers } = await this.edge.read(0, path);
      assert.equal(status, 200);
      assert.doesNotMatch(text + JSON.stringify(headers), ANY_POISON, path);
    }
    for (const { url, raw } of this.edge.puts) assert.doesNotMatch(url + raw, ANY_POISON, url);
  }

  /** Any spelling with any method and any headers. */
  async attackAtRandom(times) {
    for (let i = 0; i < times; i += 1) {
      const method = pick(METHODS);
      const headers = Array.from({ length: below(4) }, anyHeader);
      const body = oneIn(4) || method === "GET" ? "" : MUTATION;
      await this.attack({ method, target: this.#anyTarget(), headers, body });
      if (i % 20 === 0) await this.assertClean();
    }
    await this.assertClean();
  }

  async #seq() {
    return (await this.world.hubLog()).seq;
  }

  #anyTarget() {
    const path = disguise(pick([CALL, CALL, POSTS, "/api/mizan/ctx/post/?post_id=5", "/about/"]));
    if (oneIn(8)) return `http://${this.otherHost}${path}`;
    return oneIn(8) ? `//${this.otherHost}${path}` : path;
  }
}

/** A spelling that some server may take for this path: hardly another one, or one in which nothing is plain. */
function disguise(path) {
  const rarely = pick([3, 12, 60]);
  const written = [...path].map((c) => {
    if (!oneIn(rarely)) return c;
    if (c === "/") return pick(["//", "/./", "/x/../", "%2f", "\\", "%5C"]);
    const code = c.charCodeAt(0).toString(16);
    return pick([`%${code}`, `%${code.toUpperCase()}`, `%25${code}`, `%2525${code}`]);
  });
  const ends = ["?_method=POST", "?_method=PUT", "?x=1", "#x", "%00", ";x", "."];
  return written.join("") + (oneIn(4) ? pick(ends) : "");
}

const anyHeader = () =>
  pick([
    JSON_BODY,
    "Content-Type: text/plain",
    "X-HTTP-Method-Override: POST",
    `X-Original-URL: ${CALL}`,
    `X-Forwarded-Host: ${POISON}`,
    `X-Custom: ${POISON}`,
    `Cookie: sessionid=${POISON}; mizan-sequence=a.1.0.x`,
    `Authorization: Bearer ${POISON}`,
    "Upgrade: websocket",
    "Expect: 100-continue",
    "Range: bytes=0-3",
    "Connection: close, Cookie, Host",
  ]);
