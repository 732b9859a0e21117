// The data module of a small board, as the tool would generate it from the board's schema.

/** @type {(overrides?: object) => object} */
export const boardData = (overrides = {}) => ({
  v: 1,
  app: "board",
  environment: "local",
  release: "r1",
  base: "/api/mizan/",
  callPath: "/api/mizan/call/",
  websocketPath: "/ws/mizan/",
  health: "/healthz",
  credentials: {
    headers: ["Authorization"],
    cookies: ["sessionid"],
    csrfCookie: "csrftoken",
    csrfHeader: "X-CSRFToken",
    csrfPath: "/api/mizan/csrf/",
  },
  contexts: [
    context("posts", { declared: [[]] }),
    context("post", {
      params: [
        { name: "limit", required: false, type: "integer", default: "20" },
        { name: "post_id", required: true, type: "integer" },
      ],
      declared: [["post_id"]],
    }),
    context("tagged", {
      params: [{ name: "tag", required: true, type: "other" }],
      declared: [["tag"]],
    }),
    context("ticks", { realtime: true }),
    context("told", { realtime: true, announced: true }),
    context("me", { scope: "private", declared: [[]] }),
  ],
  mutations: [
    {
      name: "add_comment",
      affects: [
        { context: "posts", params: [] },
        { context: "post", params: ["post_id"] },
      ],
    },
    { name: "search", affects: [] },
    { name: "mark_read", affects: [{ context: "me", params: [] }] },
  ],
  routes: [
    { path: "/", component: "Home", render: "edge", contexts: [{ name: "posts", params: {} }] },
    { path: "/posts/about/", component: "About", render: "origin", contexts: [] },
    {
      path: "/posts/{post_id}/",
      component: "Post",
      render: "edge",
      contexts: [{ name: "post", params: { post_id: "path.post_id" } }],
    },
    { path: "/me/", component: "Me", render: "edge", contexts: [{ name: "me", params: {} }] },
    { path: "/about/", component: "About", render: "origin", contexts: [] },
    ...["Throws", "Clock", "Dice", "Place", "Prices", "Counter", "Steady"].map((component) => ({
      path: `/${component.toLowerCase()}/`,
      component,
      render: "edge",
      contexts: [],
    })),
    {
      path: "/both/{post_id}/",
      component: "Both",
      render: "edge",
      contexts: [
        { name: "posts", params: {} },
        { name: "post", params: { post_id: "path.post_id" } },
      ],
    },
  ],
  assets: null,
  window: 300,
  perUser: false,
  ...overrides,
});

function context(name, overrides) {
  return {
    name,
    path: `/api/mizan/ctx/${name}/`,
    scope: "public",
    maxAge: 0,
    staleWhileRevalidate: 300,
    realtime: false,
    announced: false,
    params: [],
    declared: [],
    ...overrides,
  };
}
