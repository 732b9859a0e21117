"""One change of a service at a time. ministack counts a service's tasks, and starts what is missing, in whichever
thread comes by: two that do it at once start a task too many, two updates at once leave two deployments that are both
the primary one, and a deletion leaves the task that is started beside it. ECS does none of it: a singleton that runs
twice would be taken for the deployer's fault."""

import threading

from ministack.services import ecs

_locks: dict[str, threading.RLock] = {}


def install():
    """Puts the locks into ministack, before it serves."""
    reconcile = ecs._reconcile_service_tasks

    def reconcile_alone(cluster, service):
        with _lock(service):
            return reconcile(cluster, service)

    ecs._reconcile_service_tasks = reconcile_alone
    for action in ("UpdateService", "DeleteService"):
        ecs._ACTION_MAP[action] = _alone(ecs._ACTION_MAP[action])


def _alone(action):
    def act(data):
        cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
        name, _ = ecs._resolve_service_ref(data.get("service", "")) or ("", None)
        with _lock(f"{cluster}/{name}"):
            return action(data)

    return act


def _lock(service):
    return _locks.setdefault(service, threading.RLock())
