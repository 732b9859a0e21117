"""The probes: they answer any Host, and tell alive from ready."""

from unittest.mock import patch

from django.db import DatabaseError
from django.test import SimpleTestCase, TestCase


class LivenessTest(SimpleTestCase):  # a SimpleTestCase fails if the database is touched
    def test_alive_without_a_database_and_by_any_name(self):
        response = self.client.get("/healthz", headers={"Host": "10.0.0.7:8000"})
        self.assertEqual((response.status_code, response.content), (200, b"ok"))
        self.assertEqual(response["Cache-Control"], "no-store")

    def test_any_other_path_needs_a_known_host(self):
        self.assertEqual(self.client.get("/api/mizan/csrf/", headers={"Host": "10.0.0.7:8000"}).status_code, 400)


class ReadinessTest(TestCase):
    def readyz(self):
        response = self.client.get("/readyz")
        return response.status_code, response.content

    def test_ready(self):
        self.assertEqual(self.readyz(), (200, b"ready"))

    def test_not_ready_before_the_migrations(self):
        with (
            patch("config.health.MigrationExecutor.migration_plan", return_value=[("0002", False)]),
            self.assertLogs("django.request", "ERROR"),
        ):
            self.assertEqual(self.readyz(), (503, b"migrations"))

    def test_not_ready_without_the_database(self):
        with (
            patch("config.health.MigrationExecutor", side_effect=DatabaseError("gone")),
            self.assertLogs("config.health", "ERROR"),
            self.assertLogs("django.request", "ERROR"),
        ):
            self.assertEqual(self.readyz(), (503, b"database"))
