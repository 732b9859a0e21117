"""Health checks for ministack, which has none: it calls every target healthy, sends it requests from the moment its
container runs, and calls a service's first deployment complete before a task has started.

With this installed, as on AWS: a target gets requests once it has passed a check; a deployment is complete once its
targets are healthy; a task that fails its checks after the grace period is replaced, and counts for the circuit
breaker. `pace` stretches or shortens the intervals, and the grace period of an app that answers (0.1: ten times as
fast).
"""

import http.client
import random
import threading
import time
from contextvars import copy_context
from dataclasses import dataclass, field

from ministack.services import alb, ecs

_pace = 1.0
_targets: dict[tuple, "Target"] = {}
_lock = threading.Lock()
_originals = {}


@dataclass
class Target:
    """What the checks of one target have found."""

    state: str = "initial"
    reason: str = "Elb.InitialHealthChecking"
    description: str = "Initial health checks in progress"
    _row: int = field(default=0, repr=False)  # checks with the same outcome, one after the other

    def patience(self, grace):
        """An app starts no faster here than on AWS; one that answers has started."""
        return grace * _pace if self.reason == "Target.ResponseCodeMismatch" else grace

    def passed(self, needed):
        self._row = max(self._row, 0) + 1
        if self.state != "healthy" and self._row >= (1 if self.state == "initial" else needed):
            self.state, self.reason, self.description = "healthy", "", ""

    def failed(self, needed, reason, description):
        self._row = min(self._row, 0) - 1
        if -self._row >= needed:
            self.state, self.reason, self.description = "unhealthy", reason, description


def install(pace):
    """Puts the checks into ministack, before it serves."""
    global _pace
    _pace = pace
    _replace(alb, "set_targets_for_group", _set_targets_for_group)
    _replace(alb, "_forward_to_tg", _forward_to_tg)
    _replace(alb, "_describe_target_health", _describe_target_health)
    alb._ACTION_MAP["DescribeTargetHealth"] = _describe_target_health
    alb._ACTION_MAP["RegisterTargets"] = _registered(alb._ACTION_MAP["RegisterTargets"])
    alb._ACTION_MAP["DeregisterTargets"] = _deregistered(alb._ACTION_MAP["DeregisterTargets"])
    _replace(ecs, "_make_deployment", _make_deployment)
    _replace(ecs, "_record_service_task_healthy", _record_service_task_healthy)


def _replace(module, name, function):
    _originals[name] = getattr(module, name)  # an AttributeError says that ministack has changed
    setattr(module, name, function)


# Checking


def _set_targets_for_group(arn, targets, previous_ids=()):
    known = _originals["set_targets_for_group"](arn, targets, previous_ids)
    _forget(arn, set(previous_ids) - {ip for ip, _ in targets})
    if known:
        for ip, port in targets:
            _follow(arn, ip, port)
    return known


def _registered(register):
    def act(params):
        answer = register(params)
        arn = alb._p(params, "TargetGroupArn")
        for target in alb._targets.get(arn, []):
            _follow(arn, target["Id"], target["Port"])
        return answer

    return act


def _deregistered(deregister):
    def act(params):
        _forget(alb._p(params, "TargetGroupArn"), {target["Id"] for target in alb._parse_targets_param(params)})
        return deregister(params)

    return act


def _forget(arn, addresses):
    """The next container may get the address, and must not inherit what was found here."""
    with _lock:
        for key in [key for key in _targets if key[0] == arn and key[1] in addresses]:
            del _targets[key]


def _follow(arn, ip, port):
    key = (arn, ip, port)
    with _lock:
        if key in _targets:
            return
        target = _targets[key] = Target()
    context = copy_context()  # whose account and region it is
    threading.Thread(target=context.run, args=(_check_while_registered, key, target), daemon=True).start()


def _check_while_registered(key, target):
    arn, ip, port = key
    while (group := alb._tgs.get(arn)) and _targets.get(key) is target:
        _check(group, ip, port, target)
        time.sleep(group["HealthCheckIntervalSeconds"] * _pace)


def _check(group, ip, port, target):
    bad = group["UnhealthyThresholdCount"]
    connection = http.client.HTTPConnection(ip, port, timeout=group["HealthCheckTimeoutSeconds"])
    try:
        connection.request("GET", group["HealthCheckPath"], headers={"User-Agent": "ELB-HealthChecker/2.0"})
        status = connection.getresponse().status
    except TimeoutError:
        target.failed(bad, "Target.Timeout", "Request timed out")
    except (OSError, http.client.HTTPException):
        target.failed(bad, "Target.FailedHealthChecks", "Health checks failed")
    else:
        if _matches(group["Matcher"]["HttpCode"], status):
            target.passed(group["HealthyThresholdCount"])
        else:
            target.failed(bad, "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status}]")
    finally:
        connection.close()


def _matches(codes, status):
    bounds = ([int(code) for code in part.split("-")] for part in codes.split(","))
    return any(ends[0] <= status <= ends[-1] for ends in bounds)


def _target(arn, ip, port):
    return _targets.get((arn, ip, port)) or Target()


# The load balancer


async def _forward_to_tg(arn, method, path, headers, body, query_params, raw_query_string=None, raw_path=None):
    group = alb._tgs.get(arn)
    registered = alb._targets.get(arn, [])
    if not group or not registered or group.get("TargetType") != "ip":
        return await _originals["_forward_to_tg"](
            arn, method, path, headers, body, query_params, raw_query_string, raw_path
        )
    states = {id(t): _target(arn, t["Id"], t["Port"]).state for t in registered}
    # A load balancer with unhealthy targets only sends them all there is.
    for wanted in ("healthy", "unhealthy"):
        if able := [t for t in registered if states[id(t)] == wanted]:
            return await alb._proxy_http_target(
                random.choice(able), group, method, raw_path or path, headers, body, query_params, raw_query_string
            )
    return 503, {"Content-Type": "text/html"}, b"<h1>503 Service Temporarily Unavailable</h1>"


def _describe_target_health(params):
    arn = alb._p(params, "TargetGroupArn")
    if arn not in alb._tgs:
        return _originals["_describe_target_health"](params)
    told = "".join(_told(t, _target(arn, t["Id"], t.get("Port"))) for t in alb._targets.get(arn, []))
    return alb._xml(200, "DescribeTargetHealth", f"<TargetHealthDescriptions>{told}</TargetHealthDescriptions>")


def _told(registered, target):
    cause = f"<Reason>{target.reason}</Reason><Description>{target.description}</Description>" if target.reason else ""
    return (
        f"<member><Target><Id>{registered['Id']}</Id><Port>{registered['Port']}</Port></Target>"
        f"<TargetHealth><State>{target.state}</State>{cause}</TargetHealth></member>"
    )


# The service


def _make_deployment(task_definition, desired_count, status="PRIMARY"):
    deployment = _originals["_make_deployment"](task_definition, desired_count, status)
    deployment["rolloutState"] = "IN_PROGRESS"
    deployment["rolloutStateReason"] = f"ECS deployment {deployment['id']} in progress."
    return deployment


def _record_service_task_healthy(key, task):
    """ministack calls this, in a thread of its own, for a task that has been running for a second."""
    if _wait_for(task, key, "healthy"):
        _originals["_record_service_task_healthy"](key, task)
        context = copy_context()
        threading.Thread(target=context.run, args=(_wait_for, task, key, "gone"), daemon=True).start()


def _wait_for(task, key, wanted):
    """Follows the task's health until it is as wanted; replaces the task if it fails. False if it has ended."""
    begun = time.monotonic()
    while (service := ecs._services.get(key)) and service["status"] == "ACTIVE" and task["lastStatus"] == "RUNNING":
        found = [(lb["targetGroupArn"], _of(task, lb)) for lb in service.get("loadBalancers") or []]
        if wanted == "healthy" and all(target.state == "healthy" for _, target in found):
            return True
        grace = service.get("healthCheckGracePeriodSeconds", 0)
        age = time.monotonic() - begun
        failing = [(arn, target) for arn, target in found if target.state == "unhealthy" and age > target.patience(grace)]
        if failing:
            _give_up(service, task, *failing[0])
            return False
        time.sleep(0.1)
    return False


def _of(task, load_balancer):
    return _target(load_balancer["targetGroupArn"], ecs._task_ip(task), load_balancer["containerPort"])


def _give_up(service, task, arn, target):
    cause = f"is unhealthy in (target-group {arn}) due to (reason {target.description})."
    message = f"(service {service['serviceName']}) (task {task['taskArn'].rsplit('/', 1)[-1]}) {cause}"
    service["events"].insert(0, {"id": ecs.new_uuid(), "createdAt": ecs._iso(), "message": message})
    reason = f"Task failed ELB health checks in (target-group {arn})"
    if ecs._mark_task_stopped(task["taskArn"], task, reason, "ServiceSchedulerInitiated"):
        ecs._record_service_task_failure(task)
        ecs._cleanup_task_resources(task, ecs._get_docker())
