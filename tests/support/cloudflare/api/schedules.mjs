// The endpoints of schedules. They are remembered; nothing runs by them.

import { mistake, ok } from "./answers.mjs";
import { Endpoint } from "./endpoint.mjs";
import { SCRIPTS } from "./permissions.mjs";

const OF_SCRIPT = "/accounts/:account/workers/scripts/:script/schedules";

export const scheduleEndpoints = [
  new Endpoint(`GET ${OF_SCRIPT}`, { accepts: SCRIPTS.read }, ({ script }) =>
    ok({ schedules: script.schedules }),
  ),
  new Endpoint(`PUT ${OF_SCRIPT}`, { accepts: SCRIPTS.write }, (call) => {
    const { state, script } = call;
    const schedules = call.json();
    if (!Array.isArray(schedules) || !schedules.every(({ cron }) => typeof cron === "string")) {
      throw mistake("schedules are a list of objects with cron");
    }
    const now = state.now();
    script.schedules = schedules.map(({ cron }) => ({ cron, created_on: now, modified_on: now }));
    return ok({ schedules: script.schedules });
  }),
];
