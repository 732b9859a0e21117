"""The ground all tests stand on: two posts, one user, and short ways to ask the API."""

from django.contrib.auth import get_user_model
from django.test import Client, TestCase

from board.models import Comment, Post
from mizan_django import tokens

CALL = "/api/mizan/call/"


def context_url(name: str) -> str:
    return f"/api/mizan/ctx/{name}/"


class BoardTestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = get_user_model().objects.create_user("ada", password="pw-ada")
        cls.post = Post.objects.create(title="First", body="Hello", author=cls.ada)
        cls.other = Post.objects.create(title="Second")
        Comment.objects.bulk_create(Comment(post=cls.post, text=f"comment {n}") for n in range(3))

    def setUp(self):
        self.client = Client(enforce_csrf_checks=True)

    def get(self, name: str, params=None, **headers):
        return self.client.get(context_url(name), params, headers=headers)

    def call(self, function: str, params=None, **headers):
        """Call a mutation as the browser does, with the CSRF token."""
        return self.call_raw({"function": function, "params": params or {}}, X_CSRFToken=self.csrf_token(), **headers)

    def call_as_program(self, function: str, params=None):
        """Call a mutation with a bearer token and nothing else."""
        return self.call_raw({"function": function, "params": params or {}}, Authorization=self.bearer())

    def call_raw(self, body, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(CALL, body, content_type="application/json", headers=headers)

    def csrf_token(self) -> str:
        return self.client.get("/api/mizan/csrf/").json()["csrfToken"]

    def bearer(self) -> str:
        return f"Bearer {tokens.issue(self.ada)}"

    def assert_error(self, response, status: int, code: str):
        self.assertEqual((response.status_code, response.json()["error"]["code"]), (status, code))
        self.assertEqual(response["Cache-Control"], "no-store")
