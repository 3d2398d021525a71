"""Names from a Terraform state: the addresses of its QStash resources, by the ids they have."""

import json
from typing import Any

TYPES = {
    "upstash_qstash_schedule_v2": ("schedule_id", "id"),
    "upstash_qstash_topic_v2": ("name", "id"),
}


def names(text: str) -> dict[str, tuple[str, ...]]:
    """What each live id, or name of a URL group, is called, the shortest name first.

    A ValueError where the text is no state.
    """
    found: dict[str, tuple[str, ...]] = {}
    for resource in _resources(json.loads(text)):
        match resource:
            case {"type": str(kind), "instances": [*instances]} if kind in TYPES:
                found |= _named(resource, instances, TYPES[kind])
    return found


def _resources(state: Any) -> list[Any]:
    match state:
        case {"resources": [*resources]}:
            return resources
    message = "no state of Terraform: it has no list of resources"
    raise ValueError(message)


def _named(
    resource: dict[str, Any], instances: list[Any], keys: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    module = str(resource.get("module", "")).removeprefix("module.")
    for instance in instances:
        match instance:
            case {"attributes": dict(attributes)}:
                ids = [attributes[key] for key in keys if isinstance(attributes.get(key), str)]
                index = instance.get("index_key")
                name = str(resource.get("name", "")) + ("" if index is None else f"-{index}")
                for live_id in ids[:1]:
                    found[live_id] = (name, f"{module}-{name}") if module else (name,)
    return found
