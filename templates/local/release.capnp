# Edge, Render, cache and assets of one release. What differs between releases is in the folder
# (mizan-data.js, bundle.js), in the environment and in the flags, never in this text.
#
#   MIZAN_ORIGIN=… MIZAN_PUBLIC_URL=… MIZAN_SIGNING_KEY=… \
#   workerd serve local/release.capnp release --socket-fd edge=FD \
#     --external-addr hub=ADDRESS --directory-path assets=DIR
using Workerd = import "/workerd/workerd.capnp";

const release :Workerd.Config = (
  services = [
    (name = "edge", worker = .edgeWorker),
    (name = "render", worker = .renderWorker),
    (name = "cache", worker = .cacheWorker),
    (name = "assets", disk = (writable = false)),
    (name = "hub", external = (http = ())),
    # The origin is a published port of this machine.
    (name = "internet", network = (allow = ["local"])),
    (name = "nowhere", network = (allow = [])),
  ],
  sockets = [(name = "edge", http = (), service = "edge")],
);

const edgeWorker :Workerd.Worker = (
  modules = [
    (name = "edge.js", esModule = embed "../edge.js"),
    (name = "edge/assets.js", esModule = embed "../edge/assets.js"),
    (name = "edge/body.js", esModule = embed "../edge/body.js"),
    (name = "edge/cache-control.js", esModule = embed "../edge/cache-control.js"),
    (name = "edge/call.js", esModule = embed "../edge/call.js"),
    (name = "edge/contexts.js", esModule = embed "../edge/contexts.js"),
    (name = "edge/headers.js", esModule = embed "../edge/headers.js"),
    (name = "edge/hmac.js", esModule = embed "../edge/hmac.js"),
    (name = "edge/hub-client.js", esModule = embed "../edge/hub-client.js"),
    (name = "edge/invalidate.js", esModule = embed "../edge/invalidate.js"),
    (name = "edge/linger.js", esModule = embed "../edge/linger.js"),
    (name = "edge/log.js", esModule = embed "../edge/log.js"),
    (name = "edge/log-copy.js", esModule = embed "../edge/log-copy.js"),
    (name = "edge/mutation.js", esModule = embed "../edge/mutation.js"),
    (name = "edge/origin.js", esModule = embed "../edge/origin.js"),
    (name = "edge/page-contexts.js", esModule = embed "../edge/page-contexts.js"),
    (name = "edge/page-redirect.js", esModule = embed "../edge/page-redirect.js"),
    (name = "edge/page-store.js", esModule = embed "../edge/page-store.js"),
    (name = "edge/pages.js", esModule = embed "../edge/pages.js"),
    (name = "edge/params.js", esModule = embed "../edge/params.js"),
    (name = "edge/partition.js", esModule = embed "../edge/partition.js"),
    (name = "edge/policy.js", esModule = embed "../edge/policy.js"),
    (name = "edge/ready.js", esModule = embed "../edge/ready.js"),
    (name = "edge/render.js", esModule = embed "../edge/render.js"),
    (name = "edge/signature.js", esModule = embed "../edge/signature.js"),
    (name = "edge/store.js", esModule = embed "../edge/store.js"),
    (name = "edge/token.js", esModule = embed "../edge/token.js"),
    (name = "edge/upload.js", esModule = embed "../edge/upload.js"),
    (name = "mizan-data.js", esModule = embed "../mizan-data.js"),
  ],
  compatibilityDate = "2026-10-01",
  bindings = [
    (name = "HUB", service = "hub"),
    (name = "RENDER", service = "render"),
    (name = "ASSETS", service = "assets"),
    (name = "ORIGIN", fromEnvironment = "MIZAN_ORIGIN"),
    (name = "PUBLIC_URL", fromEnvironment = "MIZAN_PUBLIC_URL"),
    (name = "SIGNING_KEY", fromEnvironment = "MIZAN_SIGNING_KEY"),
    # Not set: nobody can announce changes.
    (name = "PURGE_KEY", fromEnvironment = "MIZAN_PURGE_KEY"),
    (name = "LOCAL", text = "true"),
  ],
  cacheApiOutbound = "cache",
);

const renderWorker :Workerd.Worker = (
  modules = [
    (name = "render.js", esModule = embed "../render.js"),
    (name = "render/html.js", esModule = embed "../render/html.js"),
    (name = "render/unsteady.js", esModule = embed "../render/unsteady.js"),
    # Without routes, an empty file.
    (name = "bundle.js", esModule = embed "../bundle.js"),
  ],
  compatibilityDate = "2026-10-01",
  bindings = [(name = "LOCAL", text = "true")],
  globalOutbound = "nowhere",
);

const cacheWorker :Workerd.Worker = (
  modules = [(name = "cache.js", esModule = embed "cache.js")],
  compatibilityDate = "2026-10-01",
  globalOutbound = "nowhere",
);
