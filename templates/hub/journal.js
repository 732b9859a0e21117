// The Hub's tables: records of what changed, and intents of what may be changing.

/** @import { AnnounceRequest, HubLog, HubRecord, IntentRequest, Invalidation, RecordRequest } from "../types.d.ts" */

/** Above this many scoped records, a context is recorded as a whole: the log stays small. */
const RECORDS_PER_CONTEXT = 5000;
/** Added to twice the window: clocks, and requests that were already under way. */
const RETENTION_MARGIN_MS = 60_000;

const SCHEMA = `
  create table if not exists meta (
    id integer primary key check (id = 1),
    epoch text not null,
    seq integer not null,
    window integer not null
  );
  create table if not exists records (
    context text not null,
    params text not null,
    seq integer not null,
    at integer not null,
    primary key (context, params)
  );
  create index if not exists records_by_seq on records (seq);
  create table if not exists marks (
    id integer primary key check (id = 1),
    mark integer not null
  );
  create table if not exists intents (
    id text primary key,
    contexts text not null,
    deadline integer not null
  );
  create table if not exists awaited (
    id text primary key
  );
  create table if not exists nonces (
    nonce text primary key,
    forget_at integer not null
  );
`;

export class Journal {
  /** @param {SqlStorage} sql */
  constructor(sql) {
    this.sql = sql;
    sql.exec(SCHEMA);
    // The epoch is random: a hub that was created anew cannot restart the sequence under old keys.
    sql.exec("insert or ignore into meta values (1, ?, 0, 0)", crypto.randomUUID());
  }

  /**
   * What an Edge that knows `since` of `epoch` has missed; everything if it knows nothing of ours.
   * @param {string | undefined} epoch @param {number | undefined} since @param {number} window
   * @returns {HubLog}
   */
  log(epoch, since, window) {
    this.#widen(window);
    const meta = this.#meta();
    const known = epoch === meta.epoch && since !== undefined && since <= meta.seq ? since : -1;
    return {
      epoch: meta.epoch,
      seq: meta.seq,
      now: Date.now(),
      retention: retention(meta.window),
      full: known < 0,
      records: this.#recordsAfter(known),
      open: this.#contextsOf("select contexts from intents"),
      inDoubt: this.#contextsOf(
        "select contexts from intents where id not in (select id from awaited)",
      ),
    };
  }

  /** @param {IntentRequest} intent @param {number} now */
  open(intent, now) {
    this.#widen(intent.window);
    // What begins late never undoes what was said at the end.
    if (!intent.awaited) this.#forget(intent.id);
    const { rowsWritten } = this.sql.exec(
      "insert or ignore into intents values (?, ?, ?)",
      intent.id,
      JSON.stringify(intent.contexts),
      now + intent.ttl,
    );
    if (intent.awaited && rowsWritten > 0) {
      this.sql.exec("insert or ignore into awaited values (?)", intent.id);
    }
  }

  /** @param {RecordRequest} ended @param {number} now */
  record(ended, now) {
    this.#widen(ended.window);
    this.#append(ended.items, now);
    if (ended.intent !== undefined) this.#forget(ended.intent);
    this.#prune(now);
  }

  /**
   * Record under a nonce, unless it was used. Run it in a transaction: a nonce without its record,
   * or a record without its nonce, would be a lie.
   * @param {AnnounceRequest} announced @param {number} now @returns {boolean} false: it was used
   */
  announce(announced, now) {
    this.sql.exec("delete from nonces where forget_at <= ?", now);
    const { rowsWritten } = this.sql.exec(
      "insert or ignore into nonces values (?, ?)",
      announced.nonce,
      now + announced.remember,
    );
    if (rowsWritten === 0) return false;
    this.record(announced, now);
    return true;
  }

  /**
   * A deployment says that everything changed. It says so with every request until the next one,
   * and for a while two deployments speak at once: only a higher mark is news.
   * @param {number} mark @param {number} now
   */
  mark(mark, now) {
    if (!Number.isSafeInteger(mark) || mark <= 0) return;
    const known = this.sql.exec("select mark from marks").toArray()[0];
    if (known && Number(known.mark) >= mark) return;
    this.sql.exec("insert or replace into marks values (1, ?)", mark);
    this.#append([{ context: "*", params: {} }], now);
  }

  /** Intents that nobody closed become records of their whole contexts. @param {number} now */
  expire(now) {
    const overdue = this.sql
      .exec("select id, contexts from intents where deadline <= ?", now)
      .toArray();
    for (const intent of overdue) {
      /** @type {string[]} */
      const contexts = JSON.parse(String(intent.contexts));
      this.#append(
        contexts.map((context) => ({ context, params: {} })),
        now,
      );
      this.#forget(String(intent.id));
    }
  }

  /** @returns {number | null} */
  nextDeadline() {
    const { next } = this.sql.exec("select min(deadline) as next from intents").one();
    return next === null ? null : Number(next);
  }

  /** All items of one mutation share one sequence number. @param {Invalidation[]} items @param {number} now */
  #append(items, now) {
    if (items.length === 0) return;
    const { seq } = this.sql.exec("update meta set seq = seq + 1 returning seq").one();
    for (const { context, params } of items) {
      this.sql.exec(
        `insert into records values (?, ?, ?, ?)
         on conflict (context, params) do update set seq = excluded.seq, at = excluded.at`,
        context,
        canonical(params),
        seq,
        now,
      );
      this.#collapse(context, Number(seq), now);
    }
  }

  /** @param {string} context @param {number} seq @param {number} now */
  #collapse(context, seq, now) {
    const { n } = this.sql
      .exec("select count(*) as n from records where context = ?", context)
      .one();
    if (Number(n) <= RECORDS_PER_CONTEXT) return;
    this.sql.exec("delete from records where context = ?", context);
    this.sql.exec("insert into records values (?, '{}', ?, ?)", context, seq, now);
  }

  /** @param {number} now */
  #prune(now) {
    this.sql.exec("delete from records where at < ?", now - retention(this.#meta().window));
  }

  /** The longest window that any release has named: shrinking it would prune records too early. @param {number} window */
  #widen(window) {
    this.sql.exec("update meta set window = ? where window < ?", window, window);
  }

  #meta() {
    const { epoch, seq, window } = this.sql.exec("select epoch, seq, window from meta").one();
    return { epoch: String(epoch), seq: Number(seq), window: Number(window) };
  }

  /** @param {number} seq @returns {HubRecord[]} */
  #recordsAfter(seq) {
    return this.sql
      .exec("select context, params, seq, at from records where seq > ? order by seq", seq)
      .toArray()
      .map((row) => ({
        context: String(row.context),
        params: JSON.parse(String(row.params)),
        seq: Number(row.seq),
        at: Number(row.at),
      }));
  }

  /** @param {string} intent */
  #forget(intent) {
    this.sql.exec("delete from intents where id = ?", intent);
    this.sql.exec("delete from awaited where id = ?", intent);
  }

  /** @param {string} intents a query @returns {string[]} */
  #contextsOf(intents) {
    const rows = this.sql.exec(intents).toArray();
    return [...new Set(rows.flatMap((row) => JSON.parse(String(row.contexts))))];
  }
}

/** @param {number} window */
const retention = (window) => 2 * window * 1000 + RETENTION_MARGIN_MS;

/** One text per set of parameters. @param {Record<string, string>} params */
const canonical = (params) => JSON.stringify(Object.fromEntries(Object.entries(params).sort()));
