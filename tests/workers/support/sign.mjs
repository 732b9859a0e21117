// Announcements of changes, signed as docs/invalidation.md says, or wrongly where a test says so.

import { createHash, createHmac, randomBytes } from "node:crypto";

const PATH = "/__mizan/invalidate";

/** The headers of an announcement. What is given replaces what would be right. */
export function signed(body, { key, host = "board.localhost:8000", time, nonce, signature } = {}) {
  const t = time ?? Math.floor(Date.now() / 1000);
  const n = nonce ?? randomBytes(18).toString("base64url");
  const text = ["v1", host, t, n, createHash("sha256").update(body).digest("hex")].join("\n");
  const s = signature ?? createHmac("sha256", key).update(text).digest("hex");
  return { "Content-Type": "application/json", "Mizan-Signature": `v1,t=${t},n=${n},s=${s}` };
}

/** Announce it to the Edge of a plane. */
export function announce(plane, list, { key = plane.purgeKey.split(",")[0], ...more } = {}) {
  const body = JSON.stringify({ invalidate: list });
  return plane.ask(PATH, { method: "POST", body, headers: signed(body, { key, ...more }) });
}
