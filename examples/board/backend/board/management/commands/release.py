"""`manage.py release`: what happens once per release, before it gets traffic."""

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Apply migrations, then seed an empty board."

    def handle(self, **options):
        call_command("migrate", interactive=False)
        call_command("seed")
