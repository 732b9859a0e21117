// What a Worker's own fetch reaches: this machine, and the hosts that a test has placed on it. Nothing else is there.

/**
 * @param {{ pattern: string, address: string }[]} hosts a pattern may begin with `*`
 * @param {string | undefined} host of the request @returns where it goes
 */
export function outside(hosts, host = "") {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  const placed = hosts.find(({ pattern }) => matches(pattern.toLowerCase(), name));
  const url = new URL(`http://${placed?.address ?? host}`);
  if (!placed && !isHere(url.hostname)) throw new Error(`there is no host ${host}`);
  return {
    // Names are this machine's first address; each of its addresses is itself.
    host: isNamed(url.hostname) ? "127.0.0.1" : url.hostname,
    port: Number(url.port || 80),
    release: () => {},
  };
}

const matches = (pattern, name) =>
  pattern.startsWith("*") ? name.endsWith(pattern.slice(1)) : name === pattern;

const isHere = (name) => /^127(\.\d{1,3}){3}$/.test(name) || isNamed(name);

const isNamed = (name) => name === "localhost" || name.endsWith(".localhost");
