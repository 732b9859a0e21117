// What a route's pattern says, and which of several is meant.

/**
 * A pattern such as `*.example.com/api/*`, taken apart; undefined if it is not valid in the zone:
 * wildcards are only at the start of the host and at the end of the path, and there is no query.
 */
export function routePattern(pattern, zone) {
  const found = /^(?:(https?):\/\/)?(\*?)([^/*?]+)(\/[^*?]*)?(\*?)$/.exec(pattern);
  if (!found) return undefined;
  const [, scheme, wildcard, host, path = "/", end] = found;
  const name = host.toLowerCase().replace(/^\./, "");
  if (name !== zone && !name.endsWith(`.${zone}`)) return undefined;
  // `example.com*` would be a wildcard inside of a host.
  if (found[4] === undefined && end === "*") return undefined;
  return { scheme, wildcard: wildcard === "*", host: host.toLowerCase(), path, open: end === "*" };
}

/** The most specific of the routes that match: first by host, then by path. */
export function routeFor(routes, zone, url) {
  const fits = routes
    .map((route) => ({ route, pattern: routePattern(route.pattern, zone) }))
    .filter(({ pattern }) => matches(pattern, url));
  return fits.sort(bySpecificity)[0]?.route;
}

function matches({ scheme, wildcard, host, path, open }, url) {
  if (scheme && `${scheme}:` !== url.protocol) return false;
  const hostFits = wildcard ? url.hostname.endsWith(host) : url.hostname === host;
  const target = url.pathname + url.search;
  return hostFits && (open ? target.startsWith(path) : target === path);
}

function bySpecificity({ pattern: one }, { pattern: other }) {
  return (
    Number(one.wildcard) - Number(other.wildcard) ||
    other.host.length - one.host.length ||
    other.path.length - one.path.length ||
    Number(one.open) - Number(other.open)
  );
}

/** The host that a pattern names, without a wildcard. */
export const routeHost = (pattern) =>
  pattern
    .replace(/^https?:\/\//, "")
    .replace(/[/?].*$/, "")
    .replace(/^\*?\.?/, "")
    .toLowerCase();
