"""`manage.py seed`: gives an empty board something to show. Running it again changes nothing."""

import os

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db import transaction

from board.models import Comment, Post

POSTS = [
    (
        "Welcome to the board",
        "Everything you see came as HTML from the edge, and became a React app when it arrived.",
        ["So the page works before JavaScript does.", "And the second visitor never bothers Django."],
    ),
    (
        "Try it: leave a comment",
        "Type something below. The answer names what your comment made stale, and only that is fetched again.",
        ["First!"],
    ),
    (
        "What is <escaped> & what is not",
        "Titles may hold “quotes”, <b>tags</b>, </script> and emoji 🌍. None of them should surprise the page.",
        [],
    ),
]

DEMO_USERS = {"ada": "pw-ada", "grace": "pw-grace"}


class Command(BaseCommand):
    help = "Fill an empty board; with BOARD_DEMO=1 also create users whose passwords everyone knows."

    @transaction.atomic
    def handle(self, **options):
        if os.environ.get("BOARD_DEMO") == "1":
            self.create_demo_users()
        if not Post.objects.exists():
            self.create_posts()

    def create_demo_users(self):
        users = get_user_model().objects
        for username, password in DEMO_USERS.items():
            if not users.filter(username=username).exists():
                users.create_user(username, password=password)
                self.stdout.write(f"seed: created user {username}")

    def create_posts(self):
        author = get_user_model().objects.filter(username="ada").first()
        for title, body, comments in POSTS:
            post = Post.objects.create(author=author, title=title, body=body)
            Comment.objects.bulk_create(Comment(post=post, text=text, announced=True) for text in comments)
        self.stdout.write(f"seed: created {len(POSTS)} posts")
