"""What the worker, beat and the release step do."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from unittest.mock import patch

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import SimpleTestCase, TestCase
from django.utils import timezone

from board.jobs import announce_comments, remove_expired_sessions
from board.models import Comment, Notification, Post

from .base import BoardTestCase


class AnnounceTest(BoardTestCase):
    def test_authors_hear_of_each_comment_once(self):
        self.assertEqual(announce_comments(), 3)
        self.assertEqual(announce_comments(), 0)
        self.assertEqual(Notification.objects.filter(user=self.ada).count(), 3)

    def test_nobody_hears_of_their_own_comment_or_of_a_post_without_author(self):
        Comment.objects.update(announced=True)
        Comment.objects.create(post=self.post, author=self.ada, text="mine")
        Comment.objects.create(post=self.other, text="to nobody")
        self.assertEqual(announce_comments(), 2)
        self.assertFalse(Notification.objects.exists())


class SessionTest(TestCase):
    def test_only_expired_sessions_are_removed(self):
        for key, days in {"old": -1, "new": 1}.items():
            Session.objects.create(session_key=key, expire_date=timezone.now() + timedelta(days=days))
        self.assertEqual(remove_expired_sessions(), 1)
        self.assertEqual(Session.objects.get().session_key, "new")


class SeedTest(TestCase):
    def seed(self, **environment):
        with patch.dict(os.environ, environment):
            call_command("seed", stdout=StringIO())

    def test_seeding_again_changes_nothing(self):
        self.seed(BOARD_DEMO="1")
        first = (Post.objects.count(), Comment.objects.count(), get_user_model().objects.count())
        self.seed(BOARD_DEMO="1")
        self.assertEqual((Post.objects.count(), Comment.objects.count(), get_user_model().objects.count()), first)
        self.assertEqual(first[2], 2)

    def test_known_passwords_need_the_demo(self):
        self.seed(BOARD_DEMO="0")
        self.assertTrue(Post.objects.exists())
        self.assertFalse(get_user_model().objects.exists())


class StopTest(SimpleTestCase):
    def test_a_job_ends_at_sigterm(self):
        code = (
            "import django; django.setup(); from board.jobs import repeat; repeat(lambda: print('ran', flush=True), 3600)"
        )
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.PIPE) as process:
            self.assertEqual(process.stdout.readline(), b"ran\n")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(timeout=120), 0)
