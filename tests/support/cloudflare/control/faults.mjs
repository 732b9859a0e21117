// What goes wrong where a test says so.

/** @typedef {{ kind: string, at: number | null, from: number | null, onwards: boolean, match: RegExp | null, retryAfter?: number, seen: number }} Fault */

const KINDS = ["403", "429", "500", "cut-before", "cut-after", "hang", "hang-after"];

/**
 * Reads a fault. Calls that match are counted from now: the `at`-th is struck, or every one from
 * the `from`-th on, with `onwards` also all others from then on; without both the next one.
 */
export function readFault({ kind, at, from, onwards, match, retryAfter, ...unknown }) {
  if (!KINDS.includes(String(kind))) throw new Error(`kind must be one of ${KINDS.join(", ")}`);
  const [odd] = Object.keys(unknown);
  if (odd) throw new Error(`unknown field ${odd}`);
  return {
    kind: String(kind),
    at: at ?? (from === undefined ? 1 : null),
    from: from ?? null,
    onwards: onwards ?? false,
    match: match ? new RegExp(match) : null,
    retryAfter,
    seen: 0,
  };
}

/** The fault that strikes this call, with the answer if there is one. The first that fits counts. */
export function faultOf(state, { method, path }) {
  const fits = state.faults.filter(({ match }) => match?.test(`${method} ${path}`) ?? true);
  for (const fault of fits) fault.seen += 1;
  const fault = fits.find(({ seen, at, from }) => seen === at || (from !== null && seen >= from));
  if (fault?.onwards) fault.match = null;
  return fault && { kind: fault.kind, answer: ANSWERS[fault.kind]?.(fault) };
}

const refused = (status, code, message, headers = {}) => ({
  status,
  headers,
  body: { success: false, errors: [{ code, message }], messages: [], result: null },
});

const ANSWERS = {
  429: ({ retryAfter = 0 }) =>
    refused(429, 971, "Please wait and consider throttling your request speed", {
      "Retry-After": String(retryAfter),
    }),
  403: () => refused(403, 10000, "Authentication error"),
  500: () => refused(500, 10002, "An unknown error has occurred. Please contact support."),
};
