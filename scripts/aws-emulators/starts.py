"""A container that cannot be started is told with the cause, as ECS tells it. ministack alone tries it a second time,
trips over the container that the first attempt left, and tells of that; and it stays."""

from docker.errors import NotFound
from ministack.services import ecs

_run = None  # what was there before


def install():
    """Puts this between ministack and the engine."""
    global _run
    _run, ecs._run_docker_container = ecs._run_docker_container, _run_tidily


def _run_tidily(docker_client, *arguments, **options):
    return _run(_Engine(docker_client), *arguments, **options)


class _Engine:
    def __init__(self, engine):
        self._engine = engine

    def __getattr__(self, name):
        return getattr(self._engine, name)

    @property
    def containers(self):
        return _Containers(self._engine.containers)


class _Containers:
    def __init__(self, containers):
        self._containers = containers

    def __getattr__(self, name):
        return getattr(self._containers, name)

    def run(self, image, **settings):
        try:
            return self._containers.run(image, **settings)
        except Exception:
            self._remove(settings["name"])
            raise

    def _remove(self, name):
        try:
            self._containers.get(name).remove(force=True)
        except NotFound:
            pass  # it was not even created
