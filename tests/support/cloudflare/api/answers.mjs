// Answers in the vendor's envelope: `{ success, errors, messages, result }`.

/** Thrown by whatever finds that a request cannot be served. */
export class Refusal extends Error {
  /** @param {number} status @param {number} code one of the vendor's @param {string} message */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }

  get answer() {
    const errors = [{ code: this.code, message: this.message }];
    return { status: this.status, body: { success: false, errors, messages: [], result: null } };
  }
}

/** @param {unknown} result @param {number} [status] */
export const ok = (result, status = 200) => ({
  status,
  body: { success: true, errors: [], messages: [], result },
});

/** One page of a list. @param {unknown[]} items @param {URLSearchParams} query */
export function list(items, query, { perPage = 20, most = 1000 } = {}) {
  const { slice, info } = paged(items, query, { perPage, most });
  return { status: 200, body: { ...ok(slice).body, result_info: info } };
}

/** One page of a list that the vendor wraps in an object. */
export function wrappedList(name, items, query, limits = { perPage: 20, most: 1000 }) {
  const { slice, info } = paged(items, query, limits);
  return { status: 200, body: { ...ok({ [name]: slice }).body, result_info: info } };
}

function paged(items, query, { perPage, most }) {
  const page = whole(query, "page", 1, Number.MAX_SAFE_INTEGER);
  const size = whole(query, "per_page", perPage, most);
  const slice = items.slice((page - 1) * size, page * size);
  const info = {
    page,
    per_page: size,
    count: slice.length,
    total_count: items.length,
    total_pages: Math.max(1, Math.ceil(items.length / size)),
  };
  return { slice, info };
}

function whole(query, name, otherwise, most) {
  const text = query.get(name);
  if (text === null) return otherwise;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new Refusal(400, 1001, `invalid ${name}: ${text}`);
}

/** Of what the vendor refuses in words that are not known: a mistake of the caller. */
export const mistake = (message) => new Refusal(400, 9005, message);
