import { useMizanContext, useMutation } from "mizan-react";

import { Byline } from "../components/byline.jsx";
import { Form } from "../components/form.jsx";
import { Pending } from "../components/pending.jsx";
import { Link } from "../router.jsx";
import { useSignedIn } from "../session.js";
import { titles, useTitle } from "../titles.js";

export function HomePage() {
  const context = useMizanContext("posts");
  const signedIn = useSignedIn();
  useTitle(titles.HomePage());
  if (!context.data) return <Pending {...context} />;
  const { post_list: posts, site_stats: stats } = context.data;
  return (
    <>
      <section className="intro">
        <h1>Board</h1>
        <p id="tagline">{stats.tagline}</p>
        <p id="stats" className="byline">{`${stats.posts} posts, ${stats.comments} comments`}</p>
      </section>
      {signedIn && <NewPost />}
      <ul id="posts" className="cards">
        {posts.map((post) => (
          <PostCard key={post.id} post={post} />
        ))}
      </ul>
    </>
  );
}

function PostCard({ post }) {
  return (
    <li className="card">
      <h2>
        <Link to={`/posts/${post.id}/`}>{post.title}</Link>
      </h2>
      <Byline author={post.author} createdAt={post.created_at}>
        {` · ${post.comments} ${post.comments === 1 ? "comment" : "comments"}`}
      </Byline>
    </li>
  );
}

function NewPost() {
  const createPost = useMutation("create_post");
  return (
    <Form id="new-post" className="card" action={createPost} label="Post">
      <input name="title" aria-label="Title" placeholder="Title" maxLength={200} required />
      <textarea name="body" aria-label="Text" placeholder="What is on your mind?" rows={3} />
    </Form>
  );
}
