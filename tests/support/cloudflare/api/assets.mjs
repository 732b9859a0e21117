// The endpoints of static assets.

import { addToken, startSession } from "../assets.mjs";
import { mistake, ok, Refusal } from "./answers.mjs";
import { Endpoint } from "./endpoint.mjs";
import { SCRIPTS } from "./permissions.mjs";

const MAX_BYTES = 25 * 1024 * 1024;
const MAX_FILES = 100_000;

export const assetEndpoints = [
  // The script need not be there yet.
  new Endpoint(
    "POST /accounts/:account/workers/scripts/:script/assets-upload-session",
    { accepts: SCRIPTS.write },
    (call) => {
      const { manifest } = call.json("AssetSession");
      checkManifest(manifest);
      return ok(startSession(call.state, call.params.script, manifest));
    },
  ),
  // Who has the session's token may upload: there is no other check.
  new Endpoint("POST /accounts/:account/workers/assets/upload", { query: ["base64"] }, (call) => {
    const { state, token } = call;
    if (!token.session) throw new Refusal(401, 10000, "Authentication error");
    if (call.query.get("base64") !== "true") throw mistake("base64 must be true");
    for (const part of call.multipart()) store(state, token.session, part);
    if (token.session.missing.size > 0) return ok({}, 202);
    return ok({ jwt: addToken(state, token.session) }, 201);
  }),
];

function checkManifest(manifest) {
  const entries = Object.entries(manifest);
  if (entries.length > MAX_FILES) throw mistake(`more than ${MAX_FILES} assets`);
  for (const [path, { hash, size }] of entries) {
    if (!path.startsWith("/")) throw mistake(`the path of an asset must begin with /: ${path}`);
    if (!/^[0-9a-f]{32}$/.test(hash)) throw mistake(`not 32 hexadecimal digits: ${hash}`);
    if (size > MAX_BYTES) throw mistake(`${path} is larger than ${MAX_BYTES} bytes`);
  }
}

function store(state, session, { name, fileName, type, content }) {
  const wanted = Object.values(session.manifest).find(({ hash }) => hash === name);
  if (!wanted) throw mistake(`the manifest does not name ${name}`);
  if (fileName !== name) throw mistake(`the file name of the part "${name}" must be its name`);
  const decoded = Buffer.from(content.toString(), "base64");
  if (decoded.toString("base64") !== content.toString()) throw mistake(`${name} is not base64`);
  if (decoded.length !== wanted.size) throw mistake(`${name} has not the size that was said`);
  const none = type === undefined || type === "application/null";
  state.assets.set(name, { type: none ? null : type, content: decoded });
  session.missing.delete(name);
}
