"""What `manage.py test` changes: a key of its own, and a password hash that does not take its time."""

from django.conf import settings
from django.test.runner import DiscoverRunner


class Runner(DiscoverRunner):
    def setup_test_environment(self, **kwargs):
        super().setup_test_environment(**kwargs)
        settings.SECRET_KEY = "only-for-tests-0123456789-0123456789"
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
