"""Work that no visitor waits for, done by the worker and by beat."""

import signal
import sys
import time
from collections.abc import Callable

from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from .models import Comment, Notification


def announce_comments() -> int:
    """Tell the authors of posts about new comments; returns how many comments there were.

    The queue is a column, so a comment and its place in the queue are committed together, and no broker is needed.
    """
    waiting = Comment.objects.filter(announced=False)
    if not waiting.exists():  # the usual case must not take SQLite's write lock
        return 0
    with transaction.atomic():
        # `skip_locked` shares the queue between workers on PostgreSQL; on SQLite the transaction has the file.
        batch = list(waiting.select_related("post", "author").select_for_update(skip_locked=True, of=("self",))[:100])
        Notification.objects.bulk_create(notification(c) for c in batch if deserves_notification(c))
        Comment.objects.filter(pk__in=[c.pk for c in batch]).update(announced=True)
    return len(batch)


def deserves_notification(comment: Comment) -> bool:
    return comment.post.author_id is not None and comment.post.author_id != comment.author_id


def notification(comment: Comment) -> Notification:
    who = comment.author.username if comment.author else "Someone"
    return Notification(user_id=comment.post.author_id, text=f"{who} commented on “{comment.post.title}”")


def remove_expired_sessions() -> int:
    removed, _ = Session.objects.filter(expire_date__lt=timezone.now()).delete()
    return removed


def repeat(job: Callable[[], None], every: float) -> None:
    """Run `job` now and then every `every` seconds, until SIGTERM or SIGINT, which end the process at once.

    A job is a transaction: one that is interrupted leaves nothing behind and is done again by the next process.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    while True:
        job()
        time.sleep(every)
