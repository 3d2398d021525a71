"""The files cut down to what time depends on, so that no secret and no account is needed."""

from collections.abc import Iterator

from qstash_sync.config import schema
from qstash_sync.config.load import Files
from qstash_sync.config.tree import Map, Value

_KEPT = {"cron", "timezone", "dst", "only", "except"}
_DROPPED = {field.alias or name for name, field in schema.ScheduleSpec.model_fields.items()} - _KEPT
_NOWHERE = "https://nowhere.example.com"  # a schedule has a destination; its time does not care


def only_times(files: Files) -> Files:
    """The same files without destinations, bodies, headers and the other kinds.

    Unknown keys stay, to be told. A variable of the environment is needed only where a cron, a zone
    or a policy asks for it.
    """
    files.redacted.find()
    for holder in _schedules(files):
        for key in _DROPPED & holder.keys():
            del holder[key]
    for document in files.documents:
        for section in ("url_groups", "queues", "flow_controls"):
            document.root.pop(section, None)
        for schedule in _maps(document.root.get("schedules")):
            schedule["destination"] = _NOWHERE
    return files


def _schedules(files: Files) -> Iterator[Map]:
    """Every schedule, and every part of one in defaults and overrides."""
    for document in files.documents:
        yield from _maps([document.root.get("defaults")])
        yield from _maps(document.root.get("schedules"))
    for environment in _maps(files.environments):
        yield from _maps([environment.get("defaults")])
        for overrides in _maps([environment.get("overrides")]):
            yield from _maps(overrides.get("schedules"))
            for section in overrides.keys() & {"url_groups", "queues", "flow_controls"}:
                del overrides[section]


def _maps(values: Value) -> Iterator[Map]:
    """Those of some values that are mappings."""
    found = values.values() if isinstance(values, Map) else values
    if isinstance(found, str | int | float | None):
        return  # of the wrong type, which is told when the file is built
    yield from (value for value in found if isinstance(value, Map))
