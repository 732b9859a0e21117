// Starts the stand-in for Cloudflare as a process of its own: its addresses are the one line on
// stdout, and it ends, with everything it started, when stdin closes or on SIGTERM.

import { Fake } from "./fake.mjs";

const fake = await Fake.start();
const { api, traffic, control } = fake;
process.stdout.write(`${JSON.stringify({ api, traffic, control })}\n`);

let ending = false;
async function end() {
  if (ending) return;
  ending = true;
  await fake.stop();
  process.exit(0);
}
process.on("SIGTERM", end);
process.on("SIGINT", end);
process.stdin.on("end", end).on("close", end).on("error", end).resume();
