// The store behind the Cache API of a local workerd, in memory: the least recently used go first.
//
// workerd speaks HTTP to it: PUT carries a whole serialised response, PURGE deletes, and GET wants
// `CF-Cache-Status`. Entries live as long as this process, which is one release.

const MAX_TOTAL = 64 * 1024 * 1024;
const MAX_ENTRY = 4 * 1024 * 1024;
/** A map entry and its strings, roughly, so that many small entries are bounded too. */
const OVERHEAD = 1024;

/** @typedef {{ status: number, headers: [string, string][], body: Uint8Array<ArrayBuffer>, expires: number }} Stored */

class Entries {
  /** In the order of their last use. @type {Map<string, Stored>} */
  #entries = new Map();
  #total = 0;

  /** @param {string} key @returns {Stored | null} */
  get(key) {
    const entry = this.#entries.get(key);
    if (!entry) return null;
    this.delete(key);
    if (entry.expires <= Date.now()) return null;
    this.#insert(key, entry);
    return entry;
  }

  /** @param {string} key @param {Stored} entry */
  set(key, entry) {
    this.delete(key);
    this.#insert(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#total <= MAX_TOTAL) break;
      this.delete(oldest);
    }
  }

  /** @param {string} key */
  delete(key) {
    const entry = this.#entries.get(key);
    if (!entry) return false;
    this.#total -= entry.body.length + OVERHEAD;
    return this.#entries.delete(key);
  }

  /** @param {string} key @param {Stored} entry */
  #insert(key, entry) {
    this.#entries.set(key, entry);
    this.#total += entry.body.length + OVERHEAD;
  }
}

const entries = new Entries();

export default {
  /** @param {Request} request */
  async fetch(request) {
    const key = `${request.headers.get("cf-cache-namespace") ?? ""} ${request.url}`;
    switch (request.method) {
      case "PUT":
        return put(key, new Uint8Array(await request.arrayBuffer()));
      case "PURGE":
        return new Response(null, { status: entries.delete(key) ? 200 : 404 });
      default:
        return get(key);
    }
  },
};

/** @param {string} key */
function get(key) {
  const entry = entries.get(key);
  if (!entry) return new Response(null, { status: 504, headers: { "CF-Cache-Status": "MISS" } });
  const headers = new Headers(entry.headers);
  headers.set("CF-Cache-Status", "HIT");
  return new Response(entry.body, { status: entry.status, headers });
}

/** @param {string} key @param {Uint8Array<ArrayBuffer>} raw */
function put(key, raw) {
  const { status, headers, body } = parseResponse(raw);
  const maxAge = storableFor(headers);
  if (maxAge === 0 || body.length > MAX_ENTRY) return new Response(null, { status: 413 });
  entries.set(key, { status, headers, body, expires: Date.now() + maxAge * 1000 });
  return new Response(null, { status: 204 });
}

/** @param {[string, string][]} headers @returns {number} seconds */
function storableFor(headers) {
  const cacheControl = new Headers(headers).get("Cache-Control") ?? "";
  if (/no-store|private/i.test(cacheControl)) return 0;
  return Number(/max-age=(\d+)/i.exec(cacheControl)?.[1] ?? 0);
}

/** @param {Uint8Array<ArrayBuffer>} raw */
function parseResponse(raw) {
  const end = find(raw, "\r\n\r\n", 0);
  const [statusLine, ...lines] = text(raw.subarray(0, end)).split("\r\n");
  const headers = lines.map(headerOf);
  const encoding = new Headers(headers).get("Transfer-Encoding") ?? "";
  const body = raw.subarray(end + 4);
  return {
    status: Number(statusLine.split(" ")[1]),
    headers: headers.filter(([name]) => !/^(transfer-encoding|content-length)$/i.test(name)),
    body: /chunked/i.test(encoding) ? dechunk(body) : body,
  };
}

/** @param {string} line @returns {[string, string]} */
function headerOf(line) {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

/** @param {Uint8Array<ArrayBuffer>} chunked */
function dechunk(chunked) {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const chunks = [];
  for (let at = 0; ; ) {
    const lineEnd = find(chunked, "\r\n", at);
    const size = Number.parseInt(text(chunked.subarray(at, lineEnd)), 16);
    if (!size) return concat(chunks);
    const start = lineEnd + 2;
    chunks.push(chunked.subarray(start, start + size));
    at = start + size + 2;
  }
}

/** @param {Uint8Array<ArrayBuffer>[]} chunks */
function concat(chunks) {
  const whole = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** @param {Uint8Array} data @param {string} needle @param {number} from */
function find(data, needle, from) {
  const wanted = [...needle].map((c) => c.charCodeAt(0));
  for (let at = data.indexOf(wanted[0], from); at >= 0; at = data.indexOf(wanted[0], at + 1)) {
    if (wanted.every((byte, i) => data[at + i] === byte)) return at;
  }
  return data.length;
}

/** @param {Uint8Array} data */
const text = (data) => new TextDecoder().decode(data);
