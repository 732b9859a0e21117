"""Runs moto's server for services that live in ministack.

moto refuses a scalable target for an ECS service that it does not have itself. In the tests the service is
ministack's, and only its scaling is kept here.
"""

import sys

from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
from moto.server import main

assert hasattr(ApplicationAutoscalingBackend, "_ecs_service_exists_for_target"), "moto has changed"
ApplicationAutoscalingBackend._ecs_service_exists_for_target = lambda self, resource_id: True

if __name__ == "__main__":
    main(sys.argv[1:])
