// The body of a call that streams through, and whether all of it was passed on.

/** So long may it take until it is known that the last piece was taken. */
const SETTLES_MS = 1000;

/**
 * @typedef {object} Upload
 * @property {ArrayBuffer | ReadableStream | null} body
 * @property {() => Promise<boolean>} isWhole may the origin have all of it?
 */

/** @param {Request} request @param {ArrayBuffer | undefined} body if it was read already @returns {Upload} */
export function uploadOf(request, body) {
  if (body || !request.body) return { body: body ?? null, isWhole: async () => true };
  // With any other stream, what broke off would reach the origin as if it were whole.
  const length = Number(request.headers.get("Content-Length"));
  const { readable, writable } = new FixedLengthStream(length);
  const isPassed = request.body.pipeTo(writable).then(
    () => true,
    () => false,
  );
  return { body: readable, isWhole: () => Promise.race([isPassed, notWithin(SETTLES_MS)]) };
}

/** @param {number} ms @returns {Promise<boolean>} */
const notWithin = (ms) => new Promise((resolve) => setTimeout(resolve, ms, false));
