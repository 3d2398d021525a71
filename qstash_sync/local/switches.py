"""What the documentation of QStash leaves open, each as a named switch of the local server."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """One way QStash may behave; the defaults are the likeliest answers.

    Each type lists the values worth testing: a bool, a Literal, or a number whose
    annotation names them.
    """

    # Overwriting a schedule.
    overwrite_keeps_pause: bool = True
    overwrite_keeps_created_at: bool = True
    overwrite_keeps_last_run: bool = False

    # Asking for what is not there.
    missing_schedule_delete: Literal[404, 200] = 404
    missing_schedule_pause: Literal[404, 200] = 404
    missing_group_delete: Literal[200, 404] = 200
    missing_group_endpoints: Literal[404, 200] = 404  # removing from a group that does not exist
    missing_endpoint_delete: Literal[200, 404] = 200  # removing what a group does not have
    missing_queue_pause: Literal[404, 200] = 404

    # Who may, and how often.
    read_only_write: Literal[403, 401] = 403
    read_only_keys: Literal[200, 403, 401] = 200  # reading the signing keys
    plan: Literal["payg", "free", "fixed_1m", "fixed_10m", "none"] = "payg"
    burst_limit: Annotated[int, 0, 1000] = 0  # requests a second of the clock; 0: any number
    burst_headers: bool = True  # Burst-RateLimit-* on a 429
    burst_reset_unit: Literal["s", "ms"] = "s"
    rate_headers: bool = False  # Burst-RateLimit-* on every answer

    # What a write takes.
    schedule_id_kept: bool = True  # False: as behind a proxy that drops `Upstash-Schedule-Id`
    check_destinations: bool = False  # refuse loopback and private addresses
    unknown_group: Literal[404, 200] = 404  # a schedule may name a group that does not exist
    queue_from_schedule: bool = False  # naming a missing queue in a schedule creates it
    descriptors: bool = True  # @hourly and the like
    empty_headers: Literal["unset", "refused"] = "unset"  # `Upstash-Callback:` without a value
    redact_spelling: Literal["both", "header"] = "both"  # the documentation also has `headers`
    activation_lag: Annotated[int, 0, 60] = 0  # seconds until a written schedule may fire
    endpoint_match: Literal["name", "url"] = "name"  # the name when given, or the url first
    queue_paused_omitted: Literal["false", "keep"] = "false"
    pin_on_new_key: Literal[200, 404] = 200
    idle_pins_vanish: bool = False  # a pinned key that no message has used

    # What reads back.
    timeout_unit: Literal["s", "ms"] = "s"
    redact_digest: Literal["sha256", "hmac"] = "sha256"  # hmac: with a key of the account's own
    parallelism_zero_shown: bool = True
    retries_zero_shown: bool = True
    period_default_shown: bool = True
    flow_zeros_shown: bool = True  # in the list; one key always shows its own
    caller_key: Literal["callerIP", "callerIp"] = "callerIP"
    labels_shown: Literal["both", "first", "joined", "none"] = "both"  # `label` alone, or nothing
    callback_header_shown: Literal["forwarded", "all", "none"] = "forwarded"
    next_time: Literal["right", "absent", "wrong"] = "right"  # wrong: the zone is not the cron's
    success_body: Literal["empty", "text", "json"] = "empty"  # of pause, delete and the like
    empty_list: Literal["array", "null"] = "array"  # of URL groups and keys
    flow_list: Literal[200, 404] = 200  # no SDK asks for the list of keys any more
    list_order: Literal["creation", "reverse", "random"] = "creation"
    list_seed: Annotated[int, 0, 1] = 0  # of the random order

    @classmethod
    def values(cls) -> dict[str, tuple[Any, ...]]:
        """Every switch with each of its values."""
        hints = get_type_hints(cls, include_extras=True)
        return {name: _values(hint) for name, hint in hints.items()}

    def alternatives(self) -> Iterator[tuple[str, Any]]:
        """Every other value of every switch, one at a time."""
        for name, values in self.values().items():
            yield from ((name, value) for value in values if value != getattr(self, name))

    def listed(self, items: list[Any]) -> list[Any] | None:
        """A list whose emptiness is left open."""
        return None if not items and self.empty_list == "null" else items

    def with_(self, **changes: Any) -> "Switches":
        """The same with some switches set."""
        return replace(self, **changes)


def _values(hint: Any) -> tuple[Any, ...]:
    if hint is bool:
        return (True, False)
    found: tuple[Any, ...] = hint.__metadata__ if get_origin(hint) is Annotated else get_args(hint)
    return found
