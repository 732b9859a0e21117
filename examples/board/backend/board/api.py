"""The board's interface to its React side: what a page can read, and what a visitor can change."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated

from django.db.models import Count
from pydantic import BaseModel, Field

from mizan_django import NotFound, ReactContext, client

from .models import Comment, Notification, Post
from .presence import room

TAGLINE = "A small message board, served from the edge."

Title = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Limit = Annotated[int, Field(ge=1, le=100)]


# ── Contexts ─────────────────────────────────────────────────────────────────────────────────────────────────────────
# `public=True` is a promise: the answer depends on the parameters alone, so the Edge may give it to everyone.


class PostsContext(ReactContext, name="posts", public=True):
    """The front page."""


class PostContext(ReactContext, name="post", public=True):
    """One post, by `post_id`."""


class MeContext(ReactContext, name="me"):
    """The person who is signed in."""


# ── What the answers look like ───────────────────────────────────────────────────────────────────────────────────────


class PostRow(BaseModel):
    id: int
    title: str
    author: str | None
    comments: int
    created_at: datetime


class Stats(BaseModel):
    posts: int
    comments: int
    tagline: str


class PostDetail(BaseModel):
    id: int
    title: str
    body: str
    author: str | None
    created_at: datetime

    @classmethod
    def of(cls, post: Post) -> "PostDetail":
        return cls(id=post.id, title=post.title, body=post.body, author=name_of(post), created_at=post.created_at)


class CommentRow(BaseModel):
    id: int
    text: str
    author: str | None
    created_at: datetime

    @classmethod
    def of(cls, comment: Comment) -> "CommentRow":
        return cls(id=comment.id, text=comment.text, author=name_of(comment), created_at=comment.created_at)


class Profile(BaseModel):
    username: str
    unread: int


class Presence(BaseModel):
    online: int


def name_of(item: Post | Comment) -> str | None:
    return item.author.username if item.author else None


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@client(context=PostsContext)
def post_list(request) -> list[PostRow]:
    newest = Post.objects.select_related("author").annotate(comment_count=Count("comments")).order_by("-id")[:50]
    return [
        PostRow(id=p.id, title=p.title, author=name_of(p), comments=p.comment_count, created_at=p.created_at)
        for p in newest
    ]


@client(context=PostsContext)
def site_stats(request) -> Stats:
    return Stats(posts=Post.objects.count(), comments=Comment.objects.count(), tagline=TAGLINE)


@client(context=PostContext)
def post_detail(request, post_id: int) -> PostDetail:
    return PostDetail.of(find_post(post_id))


@client(context=PostContext)
def post_comments(request, post_id: int, limit: Limit = 20) -> list[CommentRow]:
    newest = find_post(post_id).comments.select_related("author").order_by("-id")[:limit]
    return [CommentRow.of(comment) for comment in newest]


@client(context=MeContext, auth=True)
def profile(request) -> Profile:
    unread = Notification.objects.filter(user=request.user, read=False).count()
    return Profile(username=request.user.username, unread=unread)


# ── Changing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@client(affects=[PostsContext], auth=True)
def create_post(request, title: Title, body: str = "") -> PostDetail:
    return PostDetail.of(Post.objects.create(author=request.user, title=title, body=body))


@client(affects=[PostsContext, PostContext.only(post_id="args.post_id")])
def add_comment(request, post_id: int, text: Text) -> CommentRow:
    author = request.user if request.user.is_authenticated else None
    return CommentRow.of(Comment.objects.create(post=find_post(post_id), author=author, text=text))


@client(affects=[MeContext], auth=True)
def mark_read(request) -> int:
    return Notification.objects.filter(user=request.user, read=False).update(read=True)


# ── Listening ────────────────────────────────────────────────────────────────────────────────────────────────────────


@client(websocket=True)
async def presence() -> AsyncIterator[Presence]:
    async with aclosing(room.watch()) as counts:
        async for online in counts:
            yield Presence(online=online)


def find_post(post_id: int) -> Post:
    post = Post.objects.select_related("author").filter(pk=post_id).first()
    if post is None:
        raise NotFound
    return post
