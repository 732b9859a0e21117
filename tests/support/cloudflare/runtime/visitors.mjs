// Where a visitor's request goes: routes come first, then custom domains, then workers.dev.

import { subdomainOf } from "../api/subdomains.mjs";
import { isProxied, zoneOfHost } from "../dns.mjs";
import { routeFor } from "../routes.mjs";

/** What Cloudflare itself says, without a Worker. */
const nothing = (status, code) => ({ status, text: `error code: ${code}` });

/**
 * @param {import("../state.mjs").State} state @param {URL} url as the visitor asked
 * @returns {{ script: object, version?: string } | { status: number, text: string }}
 */
export function destination(state, url) {
  if (state.subdomain && url.hostname.endsWith(`.${state.subdomain}.workers.dev`)) {
    return workersDev(state, url.hostname.split(".")[0]);
  }
  const zone = zoneOfHost(state, url.hostname);
  // Without a zone that is active and a proxied record, visitors do not come to Cloudflare.
  if (zone?.status !== "active" || !isProxied(state, url.hostname)) return nothing(530, 1016);
  const route = routeFor(state.routes.get(zone.id) ?? [], zone.name, url);
  if (route) return route.script ? scriptOf(state, route.script) : nothing(523, 523);
  const domain = state.domains.find(({ hostname }) => hostname === url.hostname);
  return domain ? scriptOf(state, domain.service) : nothing(523, 523);
}

/** A route or a domain of a script that is gone. */
function scriptOf(state, name) {
  const script = state.scripts.get(name);
  return script ? { script } : nothing(404, 1042);
}

/** `<script>`, or `<first 8 digits of a version, or an alias>-<script>`. */
function workersDev(state, label) {
  const script = state.scripts.get(label);
  if (script) return subdomainOf(script).enabled ? { script } : nothing(404, 1042);
  for (const other of state.scripts.values()) {
    if (!label.endsWith(`-${other.name}`) || !subdomainOf(other).previews_enabled) continue;
    const prefix = label.slice(0, -other.name.length - 1);
    const version = other.versions.find(
      ({ id, annotations, has_preview }) =>
        has_preview && (id.slice(0, 8) === prefix || annotations["workers/alias"] === prefix),
    );
    if (version) return { script: other, version: version.id };
  }
  return nothing(404, 1042);
}
