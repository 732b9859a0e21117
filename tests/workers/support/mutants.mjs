// Scripts that are wrong in one way each, and the race that must show it.

/** @typedef {{ wrong: string, patches: import("./patches.mjs").Patch[], scenario: string }} Mutant */

const CLIENT = "edge/hub-client.js";
const MUTATION = "edge/mutation.js";

/** @type {Mutant[]} */
export const mutants = [
  {
    wrong: "late record: the client is answered while the change is being recorded",
    scenario: "recordThenAnswer",
    patches: [
      {
        file: MUTATION,
        from: "? await recordChanges(site, call, ended) : null;",
        to: "? void call.ctx.waitUntil(recordChanges(site, call, ended)) : null;",
      },
    ],
  },
  {
    wrong: "early prune: a record is dropped before the entries that it outdates",
    scenario: "recordsOutliveEntries",
    patches: [
      {
        file: "hub/journal.js",
        from: "=> 2 * window * 1000 + RETENTION_MARGIN_MS;",
        to: "=> 0 * window * RETENTION_MARGIN_MS;",
      },
    ],
  },
  {
    wrong: "no intent: the Hub does not know of mutations that are under way",
    scenario: "deadMutation",
    patches: [
      {
        file: CLIENT,
        from: `await post(hub, "/v1/intents", { ...intent, window: this.window });`,
        to: "void [hub, intent];",
      },
    ],
  },
  {
    wrong: "no floor: what a client has seen does not make an isolate ask",
    scenario: "ownWriteElsewhere",
    patches: [
      {
        file: CLIENT,
        from: "&& !this.#mayLack(floor)) {",
        to: "&& (true || !this.#mayLack(floor))) {",
      },
    ],
  },
  {
    wrong: "joined refresh: who has mutated waits for a question that began before",
    scenario: "questionOfBefore",
    patches: [
      {
        file: CLIENT,
        from: "return (await this.ask(hub)) && !this.#lacks(floor);",
        to: `void this.#lacks;
    this.joined ??= this.ask(hub).finally(() => {
      this.joined = undefined;
    });
    return this.joined;`,
      },
    ],
  },
  {
    wrong: "kept index: the numbers of a Hub that is gone count in keys of the next one",
    scenario: "sameNumberAgain",
    patches: [
      {
        file: "edge/log.js",
        from: "    this.#index.clear();\n    this.#hubNow = 0;",
        to: "    this.#hubNow = 0;",
      },
    ],
  },
  {
    wrong: "no doubt: an origin that gave up counts as one that will be heard of",
    scenario: "lateCommit",
    patches: [
      {
        file: "hub/journal.js",
        from: "if (!intent.awaited) this.#forget(intent.id);",
        to: "if (!intent.awaited) return;",
      },
    ],
  },
  {
    wrong: "lingers for all: who has mutated is shown what was there before",
    scenario: "ownWriteElsewhere",
    patches: [
      {
        file: "edge/linger.js",
        from: "if (token && (token.epoch !== epoch || token.seq > seq)) return null;",
        to: "void token;",
      },
    ],
  },
  {
    wrong: "closed intent: an origin that gave up counts as one that is done",
    scenario: "lateCommit",
    patches: [
      {
        file: MUTATION,
        from: `return status > 0 && status <= 500 ? "failed" : "unknown";`,
        to: `return "failed";`,
      },
    ],
  },
];
