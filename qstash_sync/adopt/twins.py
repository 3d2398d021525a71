"""Schedules that do the same: the same destination, method, body, firings and pause.

Of their other settings only those may differ that change from deploy to deploy: another tenant's
header makes another schedule.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from qstash_sync.model.resources import LiveSchedule, plain
from qstash_sync.reconcile import twins

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
        by_time: dict[Any, list[list[T]]] = {}
        for item in candidates:
            alike_in_time = by_time.setdefault(twins.firings_of(parts(item), now), [])
            group = next((g for g in alike_in_time if _fit(parts(g[0]), parts(item), now)), None)
            if group is None:
                alike_in_time.append([item])
            else:
                group.append(item)
        groups += (group for found in by_time.values() for group in found)
    return groups


def _fit(one: Sequence[LiveSchedule], other: Sequence[LiveSchedule], now: datetime) -> bool:
    before, after = (tuple(part.cron for part in parts) for parts in (one, other))
    return twins.for_ever(before, after, now)


def _sent(parts: Sequence[LiveSchedule]) -> tuple[Any, ...]:
    message = parts[0].message
    body = message.body if isinstance(message.body, bytes) else plain(message.body or "").encode()
    return plain(message.destination), body, parts[0].paused, twins.told_apart(message)
