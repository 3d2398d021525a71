"""What the documentation of QStash leaves open, each as a named switch of the local server."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """One way QStash may behave; the defaults are the likeliest answers."""

    overwrite_keeps_pause: bool = True
    overwrite_keeps_created_at: bool = True
    missing_schedule_delete: int = 404  # or 200
    missing_schedule_pause: int = 404  # or 200
    missing_group_delete: int = 200  # or 404
    read_only_write: int = 403  # or 401
    endpoint_match: str = "name"  # an endpoint is the same by its name, or by its url
    queue_paused_omitted: str = "false"  # or keep
    timeout_unit: str = "s"  # or ms
    redact_digest: str = "sha256"  # or hmac, with a key of its own
    descriptors: bool = True  # @hourly and the like
    check_destinations: bool = False  # refuse loopback addresses
    unknown_group: int = 404  # or 200: a schedule may name a group that does not exist
    list_order: str = "creation"  # or reverse, random
    pin_on_new_key: int = 200  # or 404
    idle_pins_vanish: bool = False
    parallelism_zero_shown: bool = True
    retries_zero_shown: bool = True
    caller_key: str = "callerIP"  # or callerIp
    success_body: str = "empty"  # or text, json
    labels_shown: bool = True
    callback_header_shown: str = "forwarded"  # or all, none
    empty_list: str = "array"  # or null
    next_time: str = "right"  # or absent, wrong

    def alternatives(self) -> Iterator[tuple[str, Any]]:
        """Every other value of every switch, one at a time."""
        for field in fields(self):
            now = getattr(self, field.name)
            for value in _OTHERS.get(field.name, ()) or (
                (not now,) if isinstance(now, bool) else ()
            ):
                if value != now:
                    yield field.name, value

    def with_(self, **changes: Any) -> "Switches":
        """The same with some switches set."""
        return replace(self, **changes)


_OTHERS: dict[str, tuple[Any, ...]] = {
    "missing_schedule_delete": (404, 200),
    "missing_schedule_pause": (404, 200),
    "missing_group_delete": (200, 404),
    "read_only_write": (403, 401),
    "endpoint_match": ("name", "url"),
    "queue_paused_omitted": ("false", "keep"),
    "timeout_unit": ("s", "ms"),
    "redact_digest": ("sha256", "hmac"),
    "unknown_group": (404, 200),
    "list_order": ("creation", "reverse", "random"),
    "pin_on_new_key": (200, 404),
    "caller_key": ("callerIP", "callerIp"),
    "success_body": ("empty", "text", "json"),
    "callback_header_shown": ("forwarded", "all", "none"),
    "empty_list": ("array", "null"),
    "next_time": ("right", "absent", "wrong"),
}
