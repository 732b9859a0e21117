# The hub of one app and environment: it outlives releases, and its storage outlives it.
#
#   workerd serve local/hub.capnp hub --socket-fd hub=FD --directory-path storage=DIR
using Workerd = import "/workerd/workerd.capnp";

const hub :Workerd.Config = (
  services = [
    (name = "hub", worker = .hubWorker),
    (name = "storage", disk = (writable = true)),
    # The hub calls nobody.
    (name = "internet", network = (allow = [])),
  ],
  sockets = [(name = "hub", http = (), service = "hub")],
);

const hubWorker :Workerd.Worker = (
  modules = [
    (name = "hub.js", esModule = embed "../hub.js"),
    (name = "hub/journal.js", esModule = embed "../hub/journal.js"),
  ],
  compatibilityDate = "2026-10-01",
  bindings = [(name = "HUB_OBJECT", durableObjectNamespace = "Hub")],
  # The key names the storage on disk: it never changes.
  durableObjectNamespaces = [(className = "Hub", uniqueKey = "mizan-hub", enableSql = true)],
  durableObjectStorage = (localDisk = "storage"),
);
