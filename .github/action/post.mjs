// The end of the job: a deployment that nobody has ended must not look as if it went on for ever. The step itself
// cannot see to it when the runner kills it, ten seconds after a run is cancelled.

import { readContext } from "./context.mjs";
import { tellDeployment } from "./deployment.mjs";
import { Github } from "./github.mjs";
import { readRequest } from "./inputs.mjs";
import { Runner } from "./runner.mjs";

const { env } = process;
const id = Number(env.STATE_deployment);
if (id && env.STATE_ended !== "true") {
  const context = readContext(env);
  const github = new Github(context.api, readRequest(env).token);
  const said = "stopped before mizan had ended; run it again, it goes on from what is there";
  try {
    await tellDeployment(github, context, id, "error", said);
  } catch (error) {
    const runner = new Runner(env, (text) => process.stdout.write(text));
    runner.annotate("warning", /** @type {Error} */ (error).message);
  }
}
