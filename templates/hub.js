// Hub: the one place that orders invalidations. A SQLite Durable Object behind a plain Worker.
//
// It outlives releases, so its interface only ever grows: an old Edge must work with a new Hub
// and the other way round. The paths carry the version.

import { DurableObject } from "cloudflare:workers";
import { Journal } from "./hub/journal.js";

/** @import { AnnounceRequest, HubEnv, HubLog, IntentRequest, RecordRequest } from "./types.d.ts" */

/** What the Worker tells its object with each request. */
const ORIGIN = "mizan-origin";
const MARK = "mizan-mark";

export class Hub extends DurableObject {
  /** @param {DurableObjectState} state @param {HubEnv} env */
  constructor(state, env) {
    super(state, env);
    this.journal = new Journal(state.storage.sql);
  }

  /** @param {Request} request */
  async fetch(request) {
    const url = new URL(request.url);
    this.journal.mark(Number(request.headers.get(MARK) ?? 0), Date.now());
    // An alarm can be late or lost with its process; no answer may show an overdue intent as open.
    this.journal.expire(Date.now());
    switch (`${request.method} ${url.pathname}`) {
      case "GET /v1/log":
        return this.answer(request, this.journal.log(...position(url.searchParams)));
      case "POST /v1/intents":
        return this.open(await request.json());
      case "POST /v1/records":
        return this.record(request, await request.json());
      case "POST /v1/announcements":
        return this.announce(request, await request.json());
      default:
        return new Response("unknown operation\n", { status: 404 });
    }
  }

  /** A mutation has begun. @param {IntentRequest} intent */
  async open(intent) {
    this.journal.open(intent, Date.now());
    await this.#wake();
    return Response.json({ ok: true });
  }

  /** A mutation has ended, or the tool says what changed. @param {Request} request @param {RecordRequest} ended */
  async record(request, ended) {
    this.journal.record(ended, Date.now());
    await this.#wake();
    return this.answer(request, this.journal.log(ended.epoch, ended.since, ended.window));
  }

  /** Somebody who can sign says what changed, once. @param {Request} request @param {AnnounceRequest} announced */
  announce(request, announced) {
    const { storage } = this.ctx;
    const isNew = storage.transactionSync(() => this.journal.announce(announced, Date.now()));
    if (!isNew) return Response.json({ error: "this nonce was used" }, { status: 409 });
    return this.answer(
      request,
      this.journal.log(announced.epoch, announced.since, announced.window),
    );
  }

  /** @param {Request} request @param {HubLog} log */
  answer(request, log) {
    const origin = request.headers.get(ORIGIN);
    return Response.json(origin ? { ...log, origin } : log);
  }

  async alarm() {
    this.journal.expire(Date.now());
    await this.#wake();
  }

  async #wake() {
    const at = this.journal.nextDeadline();
    if (at !== null) await this.ctx.storage.setAlarm(at);
  }
}

/** @param {URLSearchParams} query @returns {[string | undefined, number | undefined, number]} */
function position(query) {
  const since = query.get("since");
  return [
    query.get("epoch") ?? undefined,
    since === null ? undefined : Number(since),
    Number(query.get("window") ?? 0),
  ];
}

export default {
  /** @param {Request} request @param {HubEnv} env */
  async fetch(request, env) {
    // Locally this socket is reachable from a browser on the same machine; a page there can
    // choose neither this host name nor, without a preflight, a JSON body.
    if (new URL(request.url).hostname !== "hub") {
      return new Response("this is not a public server\n", { status: 403 });
    }
    // An object keeps its old code and bindings for minutes after a deployment; this part does not.
    const headers = new Headers(request.headers);
    headers.set(ORIGIN, env.ORIGIN ?? "");
    headers.set(MARK, env.MARK ?? "");
    const stub = env.HUB_OBJECT.get(env.HUB_OBJECT.idFromName("hub"));
    return stub.fetch(new Request(request, { headers }));
  },
};
