"""Calling mutations: what they answer, what they invalidate, and who may call them."""

from board.models import Comment, Notification, Post

from .base import CALL, BoardTestCase


class InvalidationTest(BoardTestCase):
    def test_add_comment_names_all_posts_and_this_post(self):
        response = self.call("add_comment", {"post_id": self.post.id, "text": "Nice"})
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response["Cache-Control"], "no-store")
        answer = response.json()
        self.assertEqual(answer["invalidate"], ["posts", {"context": "post", "params": {"post_id": self.post.id}}])
        self.assertEqual((answer["result"]["text"], answer["result"]["author"]), ("Nice", None))

    def test_parameters_come_back_in_their_own_type(self):
        answer = self.call("add_comment", {"post_id": str(self.post.id), "text": "Nice"}).json()
        self.assertEqual(answer["invalidate"][1]["params"], {"post_id": self.post.id})

    def test_create_post_names_all_posts(self):
        self.client.force_login(self.ada)
        answer = self.call("create_post", {"title": "Third"}).json()
        self.assertEqual(answer["invalidate"], ["posts"])
        self.assertEqual((answer["result"]["author"], answer["result"]["body"]), ("ada", ""))

    def test_mark_read_names_the_caller(self):
        Notification.objects.create(user=self.ada, text="News")
        self.client.force_login(self.ada)
        self.assertEqual(self.get("me").json()["profile"]["unread"], 1)
        self.assertEqual(self.call("mark_read").json(), {"result": 1, "invalidate": ["me"]})
        self.assertEqual(self.get("me").json()["profile"]["unread"], 0)

    def test_the_next_read_shows_the_change(self):
        self.call("add_comment", {"post_id": self.post.id, "text": "Fresh"})
        self.assertEqual(self.get("post", {"post_id": self.post.id}).json()["post_comments"][0]["text"], "Fresh")
        self.assertEqual(self.get("posts").json()["site_stats"]["comments"], 4)


class RefusalTest(BoardTestCase):
    def test_a_browser_needs_the_csrf_token(self):
        body = {"function": "add_comment", "params": {"post_id": self.post.id, "text": "Nice"}}
        self.assert_error(self.call_raw(body), 403, "csrf_failed")
        self.csrf_token()
        self.assert_error(self.call_raw(body), 403, "csrf_failed")  # the cookie alone is what a stranger's page sends
        self.assertEqual(Comment.objects.count(), 3)

    def test_another_origin_is_refused(self):
        response = self.call("add_comment", {"post_id": self.post.id, "text": "x"}, Origin="http://evil.example")
        self.assert_error(response, 403, "csrf_failed")

    def test_the_public_origin_is_accepted(self):
        params = {"post_id": self.post.id, "text": "x"}
        self.assertEqual(self.call("add_comment", params, Origin="http://testserver").status_code, 200)

    def test_anonymous_visitors_may_not_post(self):
        self.assert_error(self.call("create_post", {"title": "Mine"}), 401, "unauthenticated")
        self.assertEqual(Post.objects.count(), 2)

    def test_bad_calls(self):
        token = self.csrf_token()
        calls = ({"function": "nothing"}, {"function": "post_list"}, {"function": "mark_read", "params": 1})
        for body in ([], {}, *calls):
            with self.subTest(body):
                self.assert_error(self.call_raw(body, X_CSRFToken=token), 400, "bad_request")

    def test_bad_parameters(self):
        for params in ({}, {"post_id": self.post.id, "text": ""}, {"post_id": self.post.id, "text": "x", "more": 1}):
            with self.subTest(params):
                self.assert_error(self.call("add_comment", params), 422, "invalid_params")

    def test_what_is_not_there_cannot_be_commented(self):
        self.assert_error(self.call("add_comment", {"post_id": 9999, "text": "x"}), 404, "not_found")

    def test_get_is_refused(self):
        self.assert_error(self.client.get(CALL), 405, "method_not_allowed")
