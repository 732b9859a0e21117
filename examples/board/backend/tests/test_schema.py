"""The exported schema: its shape, and that it can be made without secrets."""

import json
import os
import subprocess
import sys

from django.conf import settings
from django.test import SimpleTestCase

from mizan_django.schema import export_schema


def by_name(items):
    return {item["name"]: item for item in items}


class SchemaTest(SimpleTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.schema = export_schema()
        cls.functions = by_name(cls.schema["x-mizan-functions"])
        cls.contexts = by_name(cls.schema["x-mizan-contexts"])

    def test_the_header(self):
        self.assertEqual(self.schema["openapi"], "3.1.0")
        self.assertEqual(self.schema["info"]["title"], "board")
        self.assertRegex(self.schema["info"]["version"], r"^[0-9a-f]{16}$")
        self.assertEqual(
            self.schema["x-mizan"],
            {
                "schemaVersion": 1,
                "protocol": "1.0",
                "base": "/api/mizan/",
                "websocketPath": "/ws/mizan/",
                "health": "/healthz",
                "credentials": {
                    "headers": ["Authorization"],
                    "cookies": ["sessionid"],
                    "csrfCookie": "csrftoken",
                    "csrfHeader": "X-CSRFToken",
                    "csrfPath": "/api/mizan/csrf/",
                },
            },
        )

    def test_functions(self):
        kinds = {name: function["kind"] for name, function in self.functions.items()}
        self.assertEqual(
            kinds,
            {
                "add_comment": "mutation",
                "create_post": "mutation",
                "mark_read": "mutation",
                "post_comments": "query",
                "post_detail": "query",
                "post_list": "query",
                "presence": "channel",
                "profile": "query",
                "site_stats": "query",
            },
        )
        self.assertEqual(
            self.functions["add_comment"]["affects"],
            [{"context": "posts", "params": {}}, {"context": "post", "params": {"post_id": "args.post_id"}}],
        )
        self.assertEqual(self.functions["profile"]["auth"], {"level": "user"})
        self.assertTrue(self.functions["presence"]["websocket"])

    def test_contexts(self):
        scopes = {name: context["cache"]["scope"] for name, context in self.contexts.items()}
        self.assertEqual(scopes, {"me": "private", "post": "public", "posts": "public"})
        limit, post_id = self.contexts["post"]["params"]
        self.assertEqual((limit["name"], limit["required"], limit["elevated"]), ("limit", False, False))
        self.assertEqual(limit["schema"], {"type": "integer", "minimum": 1, "maximum": 100, "default": 20})
        self.assertEqual((post_id["name"], post_id["required"], post_id["elevated"]), ("post_id", True, True))

    def test_routes(self):
        routes = {route["path"]: (route["component"], route["contexts"]) for route in self.schema["x-mizan-routes"]}
        self.assertEqual(
            routes,
            {
                "/": ("HomePage", [{"name": "posts", "params": {}}]),
                "/posts/{post_id}/": ("PostPage", [{"name": "post", "params": {"post_id": "path.post_id"}}]),
                "/sign-in/": ("SignInPage", []),
            },
        )

    def test_every_reference_is_defined(self):
        text = json.dumps(self.schema)
        for name in self.schema["components"]["schemas"]:
            self.assertIn(f"#/components/schemas/{name}", text)
        self.assertEqual(text.count("$defs"), 0)

    def test_the_live_schema_is_the_exported_one(self):
        self.assertEqual(self.client.get("/api/mizan/schema/").json(), self.schema)

    def test_the_command_needs_no_secret_and_no_database(self):
        environment = {"PATH": os.environ["PATH"], "DATABASE_URL": "sqlite:////nowhere/at/all.sqlite3"}
        command = [sys.executable, "manage.py", "mizan_schema"]
        done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, check=True)
        self.assertEqual(json.loads(done.stdout), self.schema)


class ServingTest(SimpleTestCase):
    def test_serving_without_a_secret_key_is_refused(self):
        environment = {"PATH": os.environ["PATH"]}
        command = [sys.executable, "-c", "import config.asgi"]
        run = {"cwd": settings.BASE_DIR, "env": environment, "capture_output": True, "text": True}
        done = subprocess.run(command, check=False, **run)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("SECRET_KEY setting must not be empty", done.stderr)
