// Runs wrangler in a folder against a stand-in that is another process:
//
//   node deploy.mjs API TOKEN FOLDER WRANGLER-ARGUMENT...

import { Wrangler } from "./wrangler.mjs";

const [api, token, folder, ...args] = process.argv.slice(2);
const wrangler = await Wrangler.start({ fake: { api }, token });
try {
  process.stdout.write(await wrangler.run(folder, args));
} finally {
  await wrangler.stop();
}
