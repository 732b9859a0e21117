// The shapes that cross a border: the generated data module, the app's bundle, the bindings,
// and what Hub and Edge say to each other.

// ---------------------------------------------------------------- mizan-data.js (generated)

export interface MizanData {
  v: 1;
  app: string;
  environment: string;
  /** Part of every cache key: two releases never share an entry. */
  release: string;
  base: string;
  callPath: string;
  websocketPath: string | null;
  health: string;
  credentials: {
    headers: string[];
    cookies: string[];
    csrfCookie: string;
    csrfHeader: string;
    csrfPath: string;
  };
  contexts: ContextData[];
  mutations: MutationData[];
  routes: RouteData[];
  assets: AssetsData | null;
  /** L, in seconds: no cache entry outlives it. */
  window: number;
  /** Private contexts are stored too, each visitor's apart. */
  perUser: boolean;
}

export interface ContextData {
  name: string;
  path: string;
  scope: "public" | "private";
  maxAge: number;
  staleWhileRevalidate: number;
  /** A WebSocket function changes it, past the Edge's eyes: it is not stored, unless `announced`. */
  realtime: boolean;
  /** The server announces what it changes past the call path, at the signed endpoint. */
  announced: boolean;
  params: ParamData[];
  /** The sets of parameter names that some mutation declares; `[]` is the whole context. */
  declared: string[][];
}

export interface ParamData {
  name: string;
  required: boolean;
  /** `string` only for plain text: a format that allows two spellings of one value is `other`. */
  type: "integer" | "string" | "boolean" | "number" | "other";
  default?: string;
}

/** A function of the call path. One that is not listed may change anything. */
export interface MutationData {
  name: string;
  affects: { context: string; params: string[] }[];
}

export interface RouteData {
  path: string;
  component: string;
  render: "edge" | "origin";
  contexts: { name: string; params: Record<string, string> }[];
}

export interface AssetsData {
  prefix: string;
  files: string[];
}

// ---------------------------------------------------------------- bundle.js (the app's own)

export interface SsrContext {
  name: string;
  params: Record<string, unknown>;
  data: unknown;
}

export interface SsrData {
  v: 1;
  page: string;
  props: Record<string, string>;
  contexts: SsrContext[];
}

/** Every member is optional to Render: without routes the module is empty. */
export interface Bundle {
  mizanBundle?: number;
  render?(ssr: SsrData): string | Promise<string>;
  renderStream?(
    ssr: SsrData,
    options: { onError(error: unknown): void; signal?: AbortSignal },
  ): Promise<ReadableStream<Uint8Array>>;
  head?(ssr: SsrData): string;
  scripts?: string[];
  styles?: string[];
  lang?: string;
}

// ---------------------------------------------------------------- bindings

export interface HubEnv {
  HUB_OBJECT: DurableObjectNamespace;
  /** Base URL of the app's own server; absent in the local data plane, where each release has its own. */
  ORIGIN?: string;
  /** Grows when everything that was cached counts as changed. */
  MARK?: string;
}

export interface EdgeEnv {
  HUB: Fetcher;
  /** Absent when the app has no routes. */
  RENDER?: Fetcher;
  /** Absent when the app has no assets. */
  ASSETS?: Fetcher;
  /** Base URL of the app's own server, in the local data plane. */
  ORIGIN?: string;
  /** The same at the time of the upload, for when the Hub cannot be asked. */
  FALLBACK_ORIGIN?: string;
  /** What the origin demands to see. */
  ORIGIN_SECRET?: string;
  /** The version of Render that belongs to this one of the Edge: `script="version"`. */
  RENDER_VERSION?: string;
  PUBLIC_URL: string;
  SIGNING_KEY: string;
  /** What announcements of changes are signed with; several, divided by commas, are all valid. */
  PURGE_KEY?: string;
  /** "true" in the local data plane only: it opens the readiness path. */
  LOCAL?: string;
}

export interface RenderEnv {
  /** Of the version that runs, in Cloudflare's words; absent in the local data plane. */
  VERSION?: { id: string };
  /** "true" in the local data plane only: pages that a browser would render otherwise are named. */
  LOCAL?: string;
}

// ---------------------------------------------------------------- Hub <-> Edge, version 1

/** What a mutation changed. `context: "*"` is everything; without `params`, the whole context. */
export interface Invalidation {
  context: string;
  params: Record<string, string>;
}

export interface HubRecord extends Invalidation {
  seq: number;
  /** The hub's clock, in milliseconds. */
  at: number;
}

export interface HubLog {
  epoch: string;
  seq: number;
  /** The hub's clock, in milliseconds; a record older than `now - retention` is dropped. */
  now: number;
  retention: number;
  /** False: only what is newer than the `since` of the question. */
  full: boolean;
  records: HubRecord[];
  /** Contexts of mutations that have begun and not ended. */
  open: string[];
  /** Those of mutations that may commit without anybody telling; an older Hub does not say which of them these are. */
  inDoubt?: string[];
  /** Base URL of the app's own server, where the hub knows it. */
  origin?: string;
}

export interface IntentRequest {
  id: string;
  contexts: string[];
  /** L of the asking release, in seconds. */
  window: number;
  /** Milliseconds until an open intent becomes a record. */
  ttl: number;
  /** An Edge waits for the outcome and will record it. Older ones do not say, and are taken not to. */
  awaited?: boolean;
}

export interface RecordRequest {
  /** The intent that this closes. */
  intent?: string;
  items: Invalidation[];
  window: number;
  /** The log the asker already has. */
  epoch?: string;
  since?: number;
}

/** A change that did not come through a call. An older Hub answers 404. */
export interface AnnounceRequest extends Omit<RecordRequest, "intent"> {
  /** Of one announcement: a second one with it is refused with 409, and records nothing. */
  nonce: string;
  /** For how long the nonce has to be remembered, in milliseconds. */
  remember: number;
}

// ---------------------------------------------------------------- Edge -> Render

export interface RenderRequest {
  path: string;
  page: string;
  props: Record<string, string>;
  contexts: SsrContext[];
  /** Set when the page cannot be shown: Render answers the error document. */
  status?: number;
}
