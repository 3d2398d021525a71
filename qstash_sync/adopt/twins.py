"""Schedules that do the same: the same destination, method, body, firings and pause."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from qstash_sync.model.resources import LiveSchedule, plain
from qstash_sync.plan import twins

T = TypeVar("T")


def grouped(
    items: Iterable[T], parts: Callable[[T], Sequence[LiveSchedule]], now: datetime
) -> list[list[T]]:
    """The items in their order, those that are twins of an earlier one in a list with it."""
    alike: dict[Any, list[T]] = {}
    for item in items:
        alike.setdefault(_sent(parts(item)), []).append(item)
    groups: list[list[T]] = []
    for candidates in alike.values():
        if len(candidates) == 1:
            groups.append(candidates)
            continue
        by_time: dict[Any, list[T]] = {}
        for item in candidates:
            by_time.setdefault(twins.firings_of(parts(item), now), []).append(item)
        groups += by_time.values()
    return groups


def _sent(parts: Sequence[LiveSchedule]) -> tuple[Any, ...]:
    message = parts[0].message
    body = message.body if isinstance(message.body, bytes) else plain(message.body or "").encode()
    return plain(message.destination), message.method, body, parts[0].paused
