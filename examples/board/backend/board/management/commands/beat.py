"""`manage.py beat`: the clock of the board. Two would do everything twice, so mizan.yaml makes it a singleton."""

from django.core.management.base import BaseCommand

from board.jobs import remove_expired_sessions, repeat


class Command(BaseCommand):
    help = "Remove expired sessions again and again, until SIGTERM."

    def add_arguments(self, parser):
        parser.add_argument("--every", type=float, default=60.0, metavar="SECONDS")

    def handle(self, *, every, **options):
        repeat(self.tick, every)

    def tick(self):
        self.stdout.write(f"beat: removed {remove_expired_sessions()} expired session(s)")
