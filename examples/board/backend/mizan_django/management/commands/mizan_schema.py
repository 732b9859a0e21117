"""`manage.py mizan_schema`: prints the schema. It needs no secret, database or network: it runs at build time."""

import json

from django.core.management.base import BaseCommand

from mizan_django.schema import export_schema


class Command(BaseCommand):
    help = "Print the Mizan schema (OpenAPI 3.1 with x-mizan extensions) as JSON."
    requires_system_checks = []

    def handle(self, **options):
        self.stdout.write(json.dumps(export_schema(), indent=1, sort_keys=True))
