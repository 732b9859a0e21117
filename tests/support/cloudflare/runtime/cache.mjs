// The store behind the Cache API, in memory, and its purge. workerd speaks HTTP to it: PUT carries
// a whole serialised response, PURGE deletes, and GET wants `CF-Cache-Status`.

export class Cache {
  /** By namespace and URL: `{ url, status, headers, body, expires }`. @type {Map<string, object>} */
  #entries = new Map();
  #heardPut;

  /** @param {(url: string, raw: Buffer) => void} [heardPut] is told what is put, as it was on the wire */
  constructor(heardPut = () => {}) {
    this.#heardPut = heardPut;
  }

  clear() {
    this.#entries.clear();
  }

  /** @param {import("node:http").IncomingMessage} request @param {import("node:http").ServerResponse} response */
  async serve(request, response) {
    const scheme = request.headers["x-stand-in-proto"] ?? "http";
    const url = `${scheme}://${request.headers.host}${request.url}`;
    const key = `${request.headers["cf-cache-namespace"] ?? ""} ${url}`;
    const chunks = await request.toArray().catch(() => null);
    if (!chunks) return; // who asked was killed meanwhile
    const body = Buffer.concat(chunks);
    switch (request.method) {
      case "PUT":
        return response.writeHead(this.#put(key, url, body)).end();
      case "PURGE":
        return response.writeHead(this.#entries.delete(key) ? 200 : 404).end();
      default:
        return this.#get(key, response);
    }
  }

  #get(key, response) {
    const entry = this.#entries.get(key);
    if (!entry || entry.expires <= Date.now()) {
      return response.writeHead(504, { "CF-Cache-Status": "MISS" }).end();
    }
    const headers = [...entry.headers.flat(), "CF-Cache-Status", "HIT"];
    response.writeHead(entry.status, headers).end(entry.body);
  }

  /** @returns the status of the answer */
  #put(key, url, raw) {
    this.#heardPut(url, raw);
    const { status, headers, body } = parse(raw);
    const seconds = storableFor(headers);
    if (seconds <= 0) return 413;
    this.#entries.set(key, {
      url: new URL(url),
      status,
      headers,
      body,
      expires: Date.now() + seconds * 1000,
    });
    return 204;
  }

  /** Forgets what belongs to a zone and what the purge names. @param {object} what the body of the purge */
  purge(zone, what) {
    for (const [key, entry] of this.#entries) {
      const { hostname } = entry.url;
      const isOfZone = hostname === zone || hostname.endsWith(`.${zone}`);
      if (isOfZone && isMeant(entry, what)) this.#entries.delete(key);
    }
  }
}

function isMeant(
  { url, headers },
  { purge_everything, files = [], tags = [], hosts = [], prefixes = [] },
) {
  const tagged = headerOf(headers, "cache-tag")
    .split(",")
    .map((tag) => tag.trim());
  return (
    purge_everything === true ||
    files.some((file) => (file.url ?? file) === url.href) ||
    tags.some((tag) => tagged.includes(tag)) ||
    hosts.includes(url.hostname) ||
    prefixes.some((prefix) => `${url.hostname}${url.pathname}`.startsWith(prefix))
  );
}

function storableFor(headers) {
  const control = headerOf(headers, "cache-control");
  if (/no-store|private|no-cache/i.test(control)) return 0;
  const shared = /s-maxage=(\d+)/i.exec(control) ?? /max-age=(\d+)/i.exec(control);
  return Number(shared?.[1] ?? 0);
}

const headerOf = (headers, wanted) =>
  headers
    .filter(([name]) => name.toLowerCase() === wanted)
    .map(([, value]) => value)
    .join(", ");

/** A response as it would be on the wire. @param {Buffer} raw */
function parse(raw) {
  const end = raw.indexOf("\r\n\r\n");
  const [statusLine, ...lines] = raw.subarray(0, end).toString("latin1").split("\r\n");
  const all = lines.map((line) => [
    line.slice(0, line.indexOf(":")),
    line.slice(line.indexOf(":") + 1).trim(),
  ]);
  const chunked = /chunked/i.test(headerOf(all, "transfer-encoding"));
  const body = raw.subarray(end + 4);
  return {
    status: Number(statusLine.split(" ")[1]),
    headers: all.filter(([name]) => !/^(transfer-encoding|content-length)$/i.test(name)),
    body: chunked ? dechunked(body) : body,
  };
}

function dechunked(body) {
  const chunks = [];
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.subarray(at, lineEnd).toString("latin1"), 16);
    if (!size) return Buffer.concat(chunks);
    chunks.push(body.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}
