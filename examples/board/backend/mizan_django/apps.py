from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class MizanConfig(AppConfig):
    name = "mizan_django"

    def ready(self):
        autodiscover_modules("api", "routes")
