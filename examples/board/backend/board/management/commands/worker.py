"""`manage.py worker`: takes new comments from the queue and notifies the authors of their posts."""

from django.core.management.base import BaseCommand

from board.jobs import announce_comments, repeat


class Command(BaseCommand):
    help = "Notify authors of new comments, until SIGTERM."

    def add_arguments(self, parser):
        parser.add_argument("--every", type=float, default=1.0, metavar="SECONDS")

    def handle(self, *, every, **options):
        self.stdout.write("worker: waiting for comments")
        repeat(self.work, every)

    def work(self):
        if count := announce_comments():
            self.stdout.write(f"worker: announced {count} new comment(s)")
