"""The board's pages: which React component answers which path, and the contexts it is rendered with."""

from mizan_django import route

from .api import PostContext, PostsContext

route("/", "HomePage", contexts=[PostsContext])
route("/posts/{post_id}/", "PostPage", contexts=[PostContext.only(post_id="path.post_id")])
route("/sign-in/", "SignInPage")
