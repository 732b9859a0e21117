// The server bundle keeps its contract with Render: `npm test` builds it first.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

import * as bundle from "../dist/ssr/entry.js";

const dist = new URL("../dist/", import.meta.url);
const TITLE = "<b>“Bold”</b> & co</title>";
const WRITTEN = { author: null, created_at: "2026-01-02T03:04:05Z" };

const home = {
  v: 1,
  page: "HomePage",
  props: {},
  contexts: [
    {
      name: "posts",
      params: {},
      data: {
        post_list: [{ id: 1, title: TITLE, comments: 2, ...WRITTEN }],
        site_stats: { posts: 1, comments: 2, tagline: "Hello" },
      },
    },
  ],
};

const post = {
  v: 1,
  page: "PostPage",
  props: { post_id: "1" },
  contexts: [
    {
      name: "post",
      params: { post_id: 1 },
      data: {
        post_detail: { id: 1, title: TITLE, body: "Body", ...WRITTEN },
        post_comments: [
          { id: 7, text: "A comment", author: "ada", created_at: "2026-01-02T03:04:05Z" },
        ],
      },
    },
  ],
};

const signIn = { v: 1, page: "SignInPage", props: {}, contexts: [] };

test("it is one module without imports, for a runtime that has nothing to import", () => {
  const source = readFileSync(new URL("ssr/entry.js", dist), "utf8");
  const imported = source.match(
    /\bimport\s*[("'`{*][^;]{0,80}|\bfrom\s*["'`][^;]{0,80}|\brequire\([^;]{0,80}/,
  );
  assert.equal(imported?.[0], undefined);
});

test("it says which contract it follows", () => {
  assert.equal(bundle.mizanBundle, 1);
  assert.equal(bundle.lang, "en");
});

test("its scripts and styles are hashed files of the client build", () => {
  assert.deepEqual([bundle.scripts.length, bundle.styles.length], [1, 1]);
  for (const url of [...bundle.scripts, ...bundle.styles]) {
    assert.match(url, /^\/static\/assets\/[\w-]+-[\w-]{8,}\.(js|css)$/);
    assert.ok(existsSync(new URL(`.${url}`, dist)), url);
  }
});

test("the home page shows its posts, escaped", () => {
  const html = bundle.render(home);
  assert.match(html, /1 posts, 2 comments/);
  assert.match(html, /href="\/posts\/1\/">&lt;b&gt;“Bold”&lt;\/b&gt; &amp; co/);
});

test("the post page shows its comments and a form", () => {
  const html = bundle.render(post);
  assert.match(html, /A comment/);
  assert.match(html, /<textarea name="text"/);
});

test("a page without contexts is rendered too", () => {
  assert.match(bundle.render(signIn), /name="password"/);
});

test("the stream is the same HTML", async () => {
  const errors = [];
  const stream = await bundle.renderStream(post, { onError: (error) => errors.push(error) });
  const html = await new Response(stream).text();
  assert.deepEqual(errors, []);
  assert.equal(html.replaceAll("<!-- -->", ""), bundle.render(post).replaceAll("<!-- -->", ""));
});

test("the title in <head> is escaped", () => {
  assert.match(
    bundle.head(post),
    /<title>&lt;b&gt;“Bold”&lt;\/b&gt; &amp; co&lt;\/title&gt; · Board<\/title>/,
  );
  assert.match(bundle.head(home), /<title>Board<\/title>/);
});

test("nobody's name is in it: a page is the same for everyone", () => {
  assert.match(bundle.render(home), /Sign in/);
  assert.doesNotMatch(bundle.render(home), /Sign out/);
});
