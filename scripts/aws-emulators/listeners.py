"""A load balancer has one listener at a port. Who asks for the same one again, because the first answer got lost, is told
of that one, and who asks for another one is refused; ministack alone makes a second listener each time.
(https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html)"""

from ministack.services import alb


def install():
    """Puts this before ministack's own, before it serves."""
    alb._ACTION_MAP["CreateListener"] = _once(alb._ACTION_MAP["CreateListener"])


def _once(create):
    def act(params):
        there = _listener_at(alb._p(params, "LoadBalancerArn"), int(alb._p(params, "Port", "80") or 80))
        if there is None:
            return create(params)
        if there["Protocol"] == alb._p(params, "Protocol", "HTTP") and there["DefaultActions"] == _actions(params):
            return alb._xml(200, "CreateListener", f"<Listeners>{alb._listener_xml(there)}</Listeners>")
        return alb._error("DuplicateListener", "A listener already exists on this port for this load balancer")

    return act


def _listener_at(balancer, port):
    at = (one for one in alb._listeners.values() if (one["LoadBalancerArn"], one["Port"]) == (balancer, port))
    return next(at, None)


def _actions(params):
    return alb._parse_actions(params, "DefaultActions")
