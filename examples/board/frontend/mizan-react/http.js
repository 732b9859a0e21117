// Requests to Django: JSON both ways, and the CSRF token on everything that changes something.

const BASE = "/api/mizan/";

/** An answer other than 2xx: `code` is Mizan's name for it. */
export class ApiError extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

/** The data of a context, as it is now. `no-cache` asks the server each time; an ETag keeps the answer short. */
export function readContext(name, params) {
  const query = new URLSearchParams(Object.entries(params).sort());
  return request(`${BASE}ctx/${name}/${query.size ? `?${query}` : ""}`, { cache: "no-cache" });
}

/** Call a mutation: gives `{result, invalidate}`. */
export function callMutation(name, params) {
  return send("POST", `${BASE}call/`, { function: name, params });
}

/** A request that changes something. */
export async function send(method, url, body) {
  const headers = { "Content-Type": "application/json", "X-CSRFToken": await csrfToken() };
  return request(url, { method, headers, body: JSON.stringify(body) });
}

async function request(url, options) {
  const response = await fetch(url, options);
  const answer = await response.json().catch(() => null);
  if (!response.ok)
    throw new ApiError(response.status, answer?.error?.code ?? `http_${response.status}`);
  return answer;
}

/** Read from the cookie each time, because signing in replaces it; asked for only when there is none yet. */
async function csrfToken() {
  const cookie = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
  return cookie ? cookie[1] : (await request(`${BASE}csrf/`, {})).csrfToken;
}
