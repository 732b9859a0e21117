// Static assets: contents by hash, and which of them a version has under which path.

import crypto from "node:crypto";
import { mistake } from "./api/answers.mjs";

const TOKEN_SECONDS = 3600;

/** Starts the upload of what a manifest names. @returns {{ jwt: string, buckets: string[][] }} */
export function startSession(state, script, manifest) {
  const hashes = [...new Set(Object.values(manifest).map(({ hash }) => hash))];
  const missing = hashes.filter((hash) => !state.assets.has(hash));
  const session = { script, manifest, missing: new Set(missing) };
  const jwt = addToken(state, session);
  return { jwt, buckets: bucketsOf(missing) };
}

/** A token for a session; whether it is complete is for the session to say. */
export function addToken(state, session) {
  const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { jti: crypto.randomUUID(), exp: Math.floor(Date.now() / 1000) + TOKEN_SECONDS };
  const token = [encoded({ alg: "none" }), encoded(claims), "stand-in"].join(".");
  state.assetSessions.set(token, session);
  return token;
}

/** Small ones, so that an upload of more than a few files takes more than one request. */
const BUCKET = 50;

function bucketsOf(hashes) {
  const buckets = [];
  for (let at = 0; at < hashes.length; at += BUCKET) buckets.push(hashes.slice(at, at + BUCKET));
  return buckets;
}

/** The assets of a version: those of a completed session, the earlier ones, or none. */
export function versionAssets(state, script, { assets, keep_assets }) {
  const previous = script.versions[0]?.assets;
  if (!assets?.jwt) {
    if (keep_assets && previous) return { ...previous, config: assets?.config ?? previous.config };
    if (assets || keep_assets) throw mistake("there are no assets to keep");
    return null;
  }
  const session = state.assetSessions.get(assets.jwt);
  if (!session || session.script !== script.name)
    throw mistake("the token of the assets is unknown");
  if (session.missing.size > 0) throw mistake("the token of the assets is not a completion token");
  return { manifest: session.manifest, config: assets.config ?? {} };
}
