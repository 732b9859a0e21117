// Names that mean this machine: browsers resolve *.localhost by themselves, Node asks the system, which may not know them.

import { lookup as system } from "node:dns";

/** `lookup` for node:http: every *.localhost name is 127.0.0.1. */
export function lookup(host, options, callback) {
  if (host !== "localhost" && !host.endsWith(".localhost")) return system(host, options, callback);
  if (options.all) return callback(null, [{ address: "127.0.0.1", family: 4 }]);
  return callback(null, "127.0.0.1", 4);
}
