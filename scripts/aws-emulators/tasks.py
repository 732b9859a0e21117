"""A task that is run by itself has the tags of its task definition, if `propagateTags` asks for them; ministack alone
leaves it without. (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html)"""

from ministack.services import ecs


def install():
    """Puts this before ministack's own, before it serves."""
    run = ecs._ACTION_MAP["RunTask"]
    ecs._ACTION_MAP["RunTask"] = lambda data: run(_with_tags(data))


def _with_tags(data):
    if data.get("propagateTags") != "TASK_DEFINITION":
        return data
    definition = ecs._task_defs.get(ecs._resolve_td_key(data.get("taskDefinition", ""))) or {}
    tags = {tag["key"]: tag for tag in ecs._tags.get(definition.get("taskDefinitionArn"), []) + data.get("tags", [])}
    return data | {"tags": list(tags.values())}
