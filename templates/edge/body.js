// A request's body, read as a whole where it is small enough.

/**
 * @param {Request} request @param {number} limit bytes
 * @returns {Promise<ArrayBuffer | null>} null: there is more
 * @throws who sends it broke off
 */
export async function boundedBody(request, limit) {
  if (Number(request.headers.get("Content-Length") ?? 0) > limit) return null;
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const chunks = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > limit) return null;
    chunks.push(chunk);
  }
  return new Blob(chunks).arrayBuffer();
}
