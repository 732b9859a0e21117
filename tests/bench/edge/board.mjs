// What is asked for: the board's posts, and data modules in which they are one context of many.

import { boardData } from "../../workers/support/data.mjs";

export const PUBLIC_URL = "http://board.localhost:8000";

/** As many comments as the board shows, and many more. */
export const COMMENTS = { small: 20, large: 800 };

const WRITTEN = { author: "ada", created_at: "2026-01-02T03:04:05Z" };

/** What the context `post` answers. @param {number} id */
export const postOf = (id, comments = COMMENTS.small) => ({
  post_detail: { id, title: `Post ${id}`, body: "What is on my mind & yours.", ...WRITTEN },
  post_comments: Array.from({ length: comments }, (_, at) => ({
    id: at + 1,
    text: `Comment ${at + 1}: short, as most of them are.`,
    ...WRITTEN,
  })),
});

const POST_PATH = "/api/mizan/ctx/post/";

/** The context of a post. @param {number} id */
export const contextUrl = (id) => `${PUBLIC_URL}${POST_PATH}?post_id=${id}`;
/** The page of a post. @param {number} id */
export const pageUrl = (id) => `${PUBLIC_URL}/posts/${id}/`;
export const CALL_URL = `${PUBLIC_URL}/api/mizan/call/`;

/** What Edge asks Render for the page of a post. @param {number} comments */
export const pageQuestion = (comments) => ({
  path: new URL(pageUrl(1)).pathname,
  page: "PostPage",
  props: { post_id: "1" },
  contexts: [{ name: "post", params: { post_id: 1 }, data: postOf(1, comments) }],
});

/** A call that changes one post. @param {number} id */
export const changeOf = (id) => ({ function: "edit_post", params: { post_id: id } });

/**
 * The data module of an app with so many contexts, each with a mutation and a route of its own. Those of the posts are the
 * last, which is where a search from the first would come to them last.
 * @param {number} size
 */
export function dataOfSize(size) {
  const names = [...Array.from({ length: size - 1 }, (_, at) => `topic_${at}`), "post"];
  return boardData({
    release: `bench-${size}`,
    contexts: names.map(context),
    mutations: names.map((name) => ({
      name: `edit_${name}`,
      affects: [{ context: name, params: [`${name}_id`] }],
    })),
    routes: names.map((name) => ({
      path: `/${name}s/{${name}_id}/`,
      component: "PostPage",
      render: "edge",
      contexts: [{ name, params: { [`${name}_id`]: `path.${name}_id` } }],
    })),
  });
}

/** @param {string} name */
const context = (name) => ({
  name,
  path: `/api/mizan/ctx/${name}/`,
  scope: "public",
  maxAge: 0,
  staleWhileRevalidate: 300,
  realtime: false,
  announced: false,
  params: [{ name: `${name}_id`, required: true, type: "integer" }],
  declared: [[`${name}_id`]],
});
