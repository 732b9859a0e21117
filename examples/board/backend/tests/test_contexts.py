"""Reading contexts: headers, bytes, parameters and errors."""

import json
from unittest.mock import patch

from board.models import Post

from .base import BoardTestCase, context_url


class AnswerTest(BoardTestCase):
    def test_a_public_context_may_be_cached(self):
        response = self.get("posts")
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response["Content-Type"], "application/json")
        self.assertEqual(response["Cache-Control"], "public, max-age=0, stale-while-revalidate=300")
        self.assertEqual(response["Vary"], "Authorization, Cookie")
        self.assertFalse(response.cookies)

    def test_a_private_context_may_not(self):
        self.client.force_login(self.ada)
        response = self.get("me")
        self.assertEqual(response.json(), {"profile": {"username": "ada", "unread": 0}})
        self.assertEqual(response["Cache-Control"], "private, no-cache")
        self.assertEqual(response["Vary"], "Authorization, Cookie")

    def test_it_has_one_key_per_function_and_sorted_keys_throughout(self):
        response = self.get("post", {"post_id": self.post.id})
        self.assertEqual(list(response.json()), ["post_comments", "post_detail"])
        canonical = json.dumps(response.json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        self.assertEqual(response.content.decode(), canonical)

    def test_a_public_context_is_the_same_bytes_for_everyone(self):
        anonymous = self.get("posts").content
        self.assertEqual(self.get("posts", Accept_Language="de").content, anonymous)
        self.client.force_login(self.ada)
        self.assertEqual(self.get("posts").content, anonymous)

    def test_an_etag_spares_the_body(self):
        etag = self.get("posts")["ETag"]
        self.assertEqual(self.client.get(context_url("posts"), headers={"If-None-Match": etag}).status_code, 304)

    def test_head_has_the_headers_of_get(self):
        get, head = self.get("posts"), self.client.head(context_url("posts"))
        self.assertEqual(head.headers, get.headers)

    def test_other_methods_are_refused(self):
        for method in ("post", "put", "patch", "delete", "options"):
            with self.subTest(method):
                self.assert_error(getattr(self.client, method)(context_url("posts")), 405, "method_not_allowed")


class ParameterTest(BoardTestCase):
    def texts(self, **params):
        return [comment["text"] for comment in self.get("post", params).json()["post_comments"]]

    def test_an_optional_parameter_has_its_default(self):
        self.assertEqual(self.texts(post_id=self.post.id), ["comment 2", "comment 1", "comment 0"])
        self.assertEqual(self.texts(post_id=self.post.id, limit=1), ["comment 2"])

    def test_the_order_does_not_matter(self):
        one = self.client.get(f"{context_url('post')}?post_id={self.post.id}&limit=20")
        other = self.client.get(f"{context_url('post')}?limit=20&post_id={self.post.id}")
        self.assertEqual(one.content, other.content)

    def test_bad_parameters_are_refused(self):
        cases = {
            "": "missing_param",
            "?post_id=1&color=red": "unknown_param",
            "?post_id=1&post_id=2": "repeated_param",
            "?post_id=one": "invalid_params",
            "?post_id=1&limit=0": "invalid_params",
            "?post_id=1&limit=101": "invalid_params",
        }
        for query, code in cases.items():
            with self.subTest(query):
                self.assert_error(self.client.get(context_url("post") + query), 422, code)


class ErrorTest(BoardTestCase):
    def test_what_does_not_exist_is_not_cached(self):
        self.assert_error(self.get("nothing"), 404, "unknown_context")
        self.assert_error(self.get("post", {"post_id": 9999}), 404, "not_found")
        self.assert_error(self.get("post", {"post_id": 10**30}), 404, "not_found")

    def test_neither_is_what_django_answers_by_itself(self):
        redirect, missing = self.client.get("/api/mizan/ctx/posts"), self.client.get("/nothing")
        self.assertEqual((redirect.status_code, redirect["Cache-Control"]), (301, "no-store"))
        self.assertEqual((missing.status_code, missing["Cache-Control"]), (404, "no-store"))

    def test_a_crash_is_logged_and_says_nothing(self):
        with (
            patch.object(Post.objects, "count", side_effect=RuntimeError("the secret reason")),
            self.assertLogs("mizan_django.responses", "ERROR") as logs,
            self.assertLogs("django.request", "ERROR"),
        ):
            response = self.get("posts")
        self.assert_error(response, 500, "internal")
        self.assertNotIn(b"secret", response.content)
        self.assertIn("the secret reason", logs.output[0])
