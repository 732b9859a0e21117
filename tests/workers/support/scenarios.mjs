// Races in a fixed order, over two locations: each ends with reads that must not be stale. `races.test.mjs` runs them with the
// scripts as they are, `mutants.test.mjs` some of them with scripts that are wrong in just that.

import assert from "node:assert/strict";
import { json } from "./origin.mjs";
import { intentsLive, neverByTheClock } from "./patches.mjs";
import { eventually, sleep } from "./promises.mjs";

const CALL = "/api/mizan/call/";
const CONTEXT = "/api/mizan/ctx/post/";
const LOG = "/v1/log";
const RECORDS = "/v1/records";
const INTENT_MS = 300;
/** How long a mutant may take to do what scripts that are right do at once. */
const MUTANT_PATIENCE_MS = 2000;

/** Somebody was shown what they must not be shown any more. */
export class Stale extends Error {}

/** Isolates hear from the Hub only where they must ask it. */
const deaf = { patches: neverByTheClock };
/** The same, and for nobody else: in this world mutations stay open. */
const longIntents = { ...deaf };
/** The same, where nobody else has anything to record. */
const alone = { ...deaf };
const shortIntents = { patches: [...neverByTheClock, intentsLive(INTENT_MS)] };

let unused = 1;

/** One post, of which every answer that is stored stays fresh for long. */
class Post {
  constructor(world) {
    this.world = world;
    this.id = unused++;
    this.path = `${CONTEXT}?post_id=${this.id}`;
    this.origin = world.origin;
    this.origin.version = "old";
    this.origin.faults.clear();
    this.origin.faults.set(CONTEXT, (_question, response) => this.#answer(response));
  }

  /** What a mutation sends, and what the origin then says that it changed. */
  get change() {
    return { version: "new", invalidate: [{ context: "post", params: { post_id: this.id } }] };
  }

  #answer(response, version = this.origin.version) {
    json(response, 200, "public, max-age=300", { version });
  }

  /** The next readings are of now, and are answered when the gate is opened. */
  holdReading() {
    const { version } = this.origin;
    return this.origin.hold(this.path, (_question, response) => this.#answer(response, version));
  }

  /** What the origin does with a mutation, instead of the usual. */
  onMutation(answer) {
    this.origin.faults.set(CALL, answer);
  }

  async mustBeNew(location, isolate, cookies) {
    const answer = await location.read(isolate, this.path, cookies);
    if (answer.json().version !== "new") {
      throw new Stale(`post ${this.id} is old: ${answer.headers["cache-status"]}`);
    }
  }

  async mustBeNewEverywhere(cookies) {
    for (const location of this.world.locations) {
      for (let i = 0; i < location.isolates; i += 1) await this.mustBeNew(location, i, cookies);
    }
  }

  async warmEverywhere() {
    for (const location of this.world.locations) {
      for (let i = 0; i < location.isolates; i += 1) await location.warm(i, this.path);
    }
  }
}

/** @typedef {{ about: string, world: object, run: (world: import("./world.mjs").World) => Promise<void> }} Scenario */

/** @type {Record<string, Scenario>} */
export const scenarios = {
  recordThenAnswer: {
    about: "a client hears of its mutation when the change is recorded, not before",
    world: deaf,
    async run(world) {
      const [here] = world.locations;
      const post = new Post(world);
      await here.warm(0, post.path);
      const record = here.line.holdNext(RECORDS, "request");
      let early;
      const call = here.call(0, post.change);
      call.then((answer) => {
        early = answer;
      });
      await eventually(() => record.questions > 0);
      await here.roundTrips(0);
      if (early) await post.mustBeNew(here, 0, early.cookies);
      record.open();
      await post.mustBeNew(here, 0, (await call).cookies);
    },
  },

  recordsOutliveEntries: {
    about: "a record stays as long as the entries that it keeps from being shown",
    world: deaf,
    async run(world) {
      const [here] = world.locations;
      const post = new Post(world);
      await post.warmEverywhere();
      await here.call(0, post.change);
      await sleep(5); // the record is of an earlier millisecond from now on
      // The Hub prunes when it records, an isolate when it hears from the Hub.
      const { cookies } = await here.call(0, { invalidate: ["tagged"] });
      await post.mustBeNewEverywhere(cookies);
    },
  },

  deadMutation: {
    about: "what a location committed before it died becomes known by its intent",
    world: shortIntents,
    async run(world) {
      const [here] = world.locations;
      const post = new Post(world);
      await here.warm(0, post.path);
      const commit = world.origin.hold(CALL);
      here.call(1, post.change).catch(() => {});
      await eventually(() => commit.questions > 0);
      await intendedOrNever(world);
      world.origin.version = "new";
      await here.kill();
      await sleep(INTENT_MS + 1);
      await here.start();
      await post.mustBeNew(here, 0);
      await post.mustBeNew(here, 1);
    },
  },

  ownWriteElsewhere: {
    about: "who has mutated in one location sees it in the other, where nobody has heard of it",
    world: deaf,
    async run(world) {
      const post = new Post(world);
      await post.warmEverywhere();
      const { cookies } = await world.locations[0].call(0, post.change);
      await post.mustBeNewEverywhere(cookies);
    },
  },

  questionOfBefore: {
    about: "who has mutated is not answered with what the Hub said before",
    world: deaf,
    async run(world) {
      const [here, there] = world.locations;
      const post = new Post(world);
      await there.warm(0, post.path);
      await there.kill();
      await there.start(); // cold, with a warm cache: it has to ask
      const question = there.line.holdNext(LOG, "answer");
      const stranger = there.read(1, post.path);
      await eventually(() => question.questions > 0);
      const { cookies } = await here.call(0, post.change);
      const own = post.mustBeNew(there, 1, cookies);
      await there.roundTrips(1);
      question.open();
      await Promise.all([own, stranger]);
    },
  },

  lateCommit: {
    about: "what is committed after the Edge was told that the origin gave up is seen",
    world: longIntents,
    async run(world) {
      const [here] = world.locations;
      const post = new Post(world);
      await post.warmEverywhere();
      post.onMutation((_question, response) => json(response, 504, "no-store", {}));
      const { status, cookies } = await here.call(0, post.change);
      assert.equal(status, 504);
      for (let i = 0; i < 3; i += 1) {
        for (const location of world.locations) {
          await location.read(0, post.path, cookies);
          await location.roundTrips(0);
        }
      }
      world.origin.version = "new";
      await post.mustBeNewEverywhere(cookies);
    },
  },

  brokenAfterCommit: {
    about: "a mutation that commits and then breaks the connection",
    world: shortIntents,
    async run(world) {
      const post = new Post(world);
      await post.warmEverywhere();
      post.onMutation((question) => {
        world.origin.version = "new";
        question.socket.destroy();
      });
      const { status, cookies } = await world.locations[0].call(0, post.change);
      assert.equal(status, 502);
      await post.mustBeNewEverywhere(cookies);
    },
  },

  longReading: {
    about: "a reading that begins before a mutation and ends after it",
    world: deaf,
    async run(world) {
      const [here, there] = world.locations;
      for (const reader of [here, there]) {
        const post = new Post(world);
        const reading = post.holdReading();
        const slow = reader.read(0, post.path);
        await eventually(() => reading.questions > 0);
        world.origin.faults.delete(post.path);
        const { cookies } = await here.call(0, post.change);
        await post.mustBeNewEverywhere(cookies);
        reading.open();
        assert.equal((await slow).json().version, "old");
        await reader.roundTrips(0);
        await post.mustBeNewEverywhere(cookies);
      }
    },
  },

  hubOutOfReach: {
    about: "a mutation whose location cannot reach the Hub",
    world: deaf,
    async run(world) {
      const [here] = world.locations;
      const post = new Post(world);
      await post.warmEverywhere();
      here.line.cut();
      const { status, cookies } = await here.call(0, post.change);
      assert.equal(status, 200);
      await post.mustBeNewEverywhere(cookies);
      here.line.mend();
      await post.mustBeNewEverywhere(cookies);
    },
  },

  lostAnswer: {
    about: "a record that the Hub made and nobody was told of",
    world: deaf,
    async run(world) {
      const [here] = world.locations;
      const post = new Post(world);
      await post.warmEverywhere();
      here.line.loseAnswers(RECORDS);
      const { cookies } = await here.call(0, post.change);
      here.line.keepAnswers();
      await post.mustBeNewEverywhere(cookies);
    },
  },

  hubDiesBetween: {
    about: "the Hub dies between the intent and the record",
    world: deaf,
    async run(world) {
      const [here] = world.locations;
      const post = new Post(world);
      await post.warmEverywhere();
      const record = here.line.holdNext(RECORDS, "request");
      const call = here.call(0, post.change);
      await eventually(() => record.questions > 0);
      await world.killHub();
      record.open();
      const { cookies } = await call;
      await post.mustBeNewEverywhere(cookies);
      await world.startHub();
      assert.deepEqual((await world.hubLog()).open.sort(), ["post", "posts"]);
      await post.mustBeNewEverywhere(cookies);
    },
  },

  anotherHub: {
    about: "the Hub is evicted with its storage, and created anew",
    world: deaf,
    async run(world) {
      const [here] = world.locations;
      const post = new Post(world);
      await post.warmEverywhere();
      const before = await here.call(0, post.change);
      await world.killHub();
      await world.forgetHub();
      await world.startHub();
      await post.mustBeNewEverywhere(before.cookies);
      world.origin.version = "old";
      await post.warmEverywhere();
      const { cookies } = await here.call(0, post.change, before.cookies);
      await post.mustBeNewEverywhere(cookies);
      await post.mustBeNewEverywhere(before.cookies);
    },
  },

  sameNumberAgain: {
    about:
      "the sequence of a Hub that was created anew gets to numbers that the one before had given",
    world: alone,
    async run(world) {
      const [here] = world.locations;
      const post = new Post(world);
      const { cookies: before } = await here.call(0, post.change);
      await post.mustBeNewEverywhere(before);
      const { seq } = await world.hubLog();
      await world.killHub();
      await world.forgetHub();
      await world.startHub();
      // A fill asks the Hub, which has nothing to tell but that it is another one.
      await new Post(world).warmEverywhere();
      await post.warmEverywhere();
      for (let n = 1; n < seq; n += 1) await world.record([{ context: "other", params: {} }]);
      const { cookies } = await here.call(0, post.change);
      assert.equal((await world.hubLog()).seq, seq);
      await post.mustBeNewEverywhere(cookies);
    },
  },

  coldIsolates: {
    about: "isolates that start with a cache full of what was replaced",
    world: deaf,
    async run(world) {
      const [here, there] = world.locations;
      const post = new Post(world);
      await post.warmEverywhere();
      await here.call(0, post.change);
      for (const location of [here, there]) {
        await location.kill();
        await location.start();
      }
      await post.mustBeNewEverywhere();
    },
  },
};

/** A location that never intends anything is what one of the mutants is. */
async function intendedOrNever(world) {
  const until = Date.now() + MUTANT_PATIENCE_MS;
  await eventually(async () => {
    const { open } = await world.hubLog();
    return open.includes("post") || Date.now() > until;
  });
}
