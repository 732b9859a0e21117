// A yardstick: a Worker that answers a constant, as large as a context. Nothing in workerd is faster.

const HEADERS = { headers: { "Content-Type": "application/json" } };

export default {
  /** @param {Request} _request @param {{ BODY: string }} env */
  fetch: (_request, { BODY }) => new Response(BODY, HEADERS),
};
