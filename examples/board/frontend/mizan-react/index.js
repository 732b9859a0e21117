// A stand-in for mizan-react: see README.md.
export { MizanRoot, useChannel, useMizanContext, useMizanStore, useMutation } from "./hooks.js";
export { ApiError, readContext, send } from "./http.js";
export { Store } from "./store.js";
