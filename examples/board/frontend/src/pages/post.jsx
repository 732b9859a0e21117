import { useMizanContext, useMutation } from "mizan-react";

import { Byline } from "../components/byline.jsx";
import { Form } from "../components/form.jsx";
import { Pending } from "../components/pending.jsx";
import { Link } from "../router.jsx";
import { titles, useTitle } from "../titles.js";

export function PostPage({ post_id }) {
  const context = useMizanContext("post", { post_id });
  useTitle(context.data && titles.PostPage(context.data));
  if (!context.data) return <Pending {...context} />;
  const { post_detail: post, post_comments: comments } = context.data;
  return (
    <>
      <Link to="/" className="byline">
        ← All posts
      </Link>
      <article>
        <h1>{post.title}</h1>
        <Byline author={post.author} createdAt={post.created_at} />
        <p className="body">{post.body}</p>
      </article>
      <NewComment postId={post.id} />
      <ol id="comments" className="cards">
        {comments.map((comment) => (
          <li key={comment.id} className="card">
            <p className="body">{comment.text}</p>
            <Byline author={comment.author} createdAt={comment.created_at} />
          </li>
        ))}
      </ol>
    </>
  );
}

function NewComment({ postId }) {
  const addComment = useMutation("add_comment");
  return (
    <Form
      id="new-comment"
      action={({ text }) => addComment({ post_id: postId, text })}
      label="Comment"
    >
      <textarea
        name="text"
        aria-label="Your comment"
        placeholder="Your comment"
        rows={2}
        maxLength={2000}
        required
      />
    </Form>
  );
}
