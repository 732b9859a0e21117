"""Signing in, by session and by token, and what is refused without."""

from unittest.mock import patch

from mizan_django import tokens
from mizan_django.auth import authorize
from mizan_django.registry import Function
from mizan_django.responses import Forbidden

from .base import BoardTestCase

SESSION = "/api/auth/session/"
TOKEN = "/api/auth/token/"
CREDENTIALS = {"username": "ada", "password": "pw-ada"}


class SessionTest(BoardTestCase):
    def sign_in(self, credentials=CREDENTIALS):
        headers = {"X-CSRFToken": self.csrf_token()}
        return self.client.post(SESSION, credentials, content_type="application/json", headers=headers)

    def test_signing_in_and_out(self):
        self.assert_error(self.get("me"), 401, "unauthenticated")
        self.assertEqual(self.sign_in().json(), {"username": "ada"})
        self.assertEqual(self.get("me").json()["profile"]["username"], "ada")
        self.assertEqual(self.call("create_post", {"title": "Mine"}).status_code, 200)
        self.client.delete(SESSION, headers={"X-CSRFToken": self.csrf_token()})
        self.assert_error(self.get("me"), 401, "unauthenticated")

    def test_bad_credentials(self):
        self.assert_error(self.sign_in({**CREDENTIALS, "password": "wrong"}), 401, "bad_credentials")
        self.assert_error(self.sign_in({"username": "ada"}), 400, "bad_request")

    def test_nobody_is_signed_in_by_a_stranger(self):
        with self.assertLogs("django.security.csrf", "WARNING"):
            response = self.client.post(SESSION, CREDENTIALS, content_type="application/json")
        self.assertEqual(response.status_code, 403)


class TokenTest(BoardTestCase):
    def test_a_token_reads_and_writes_without_cookies(self):
        answer = self.client.post(TOKEN, CREDENTIALS, content_type="application/json").json()
        bearer = f"Bearer {answer['token']}"
        self.assertEqual(self.get("me", Authorization=bearer).json()["profile"]["username"], "ada")
        self.assertEqual(self.call_as_program("create_post", {"title": "By token"}).status_code, 200)

    def test_bad_tokens_are_refused_everywhere(self):
        with patch("time.time", return_value=0):
            expired = tokens.issue(self.ada)
        for header in ("Bearer x.y.z", "Bearer ", "Basic YWRhOnB3LWFkYQ==", f"Bearer {expired}"):
            with self.subTest(header):
                self.assert_error(self.get("me", Authorization=header), 401, "unauthenticated")
                self.assert_error(self.get("posts", Authorization=header), 401, "unauthenticated")
                body = {"function": "add_comment", "params": {"post_id": self.post.id, "text": "x"}}
                self.assert_error(self.call_raw(body, Authorization=header), 401, "unauthenticated")

    def test_a_bad_token_is_not_saved_by_a_good_session(self):
        self.client.force_login(self.ada)
        self.assert_error(self.get("me", Authorization="Bearer x.y.z"), 401, "unauthenticated")

    def test_a_token_ends_with_its_user(self):
        bearer = self.bearer()
        self.ada.is_active = False
        self.ada.save()
        self.assert_error(self.get("me", Authorization=bearer), 401, "unauthenticated")


class LevelTest(BoardTestCase):
    def test_a_level_above_the_users_is_forbidden(self):
        request = type("Request", (), {"user": self.ada})
        for auth in ("staff", "superuser", lambda request: False):
            function = Function(handler=print, kind="query", context=None, affects=[], auth=auth)
            with self.subTest(auth), self.assertRaises(Forbidden):
                authorize(function, request)
