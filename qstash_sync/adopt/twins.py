"""Schedules that do the same: the same destination, method, body, firings and pause."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from qstash_sync.crons import robfig
from qstash_sync.crons.bitmaps import DAY, Span
from qstash_sync.crons.error import CronError
from qstash_sync.model.resources import LiveSchedule, plain

_DAYS = 366
T = TypeVar("T")


def grouped(
    items: Iterable[T], parts: Callable[[T], Sequence[LiveSchedule]], now: datetime
) -> list[list[T]]:
    """The items in their order, those that are twins of an earlier one in a list with it."""
    alike: dict[Any, list[T]] = {}
    for item in items:
        alike.setdefault(_sent(parts(item)), []).append(item)
    span = Span.around(now, now + timedelta(days=_DAYS))
    groups: list[list[T]] = []
    for candidates in alike.values():
        if len(candidates) == 1:
            groups.append(candidates)
            continue
        by_time: dict[Any, list[T]] = {}
        for item in candidates:
            by_time.setdefault(_firings(parts(item), span), []).append(item)
        groups += by_time.values()
    return groups


def _sent(parts: Sequence[LiveSchedule]) -> tuple[Any, ...]:
    message = parts[0].message
    body = message.body if isinstance(message.body, bytes) else plain(message.body or "").encode()
    return plain(message.destination), message.method, body, parts[0].paused


def _firings(parts: Sequence[LiveSchedule], span: Span) -> Any:
    """When a set fires; of crons that nobody understands, how they are spelt."""
    found = 0
    try:
        for part in parts:
            found |= robfig.firings(part.cron, span)[0]
    except CronError:
        return tuple(sorted(part.cron for part in parts))
    return hashlib.sha256(found.to_bytes(span.days * DAY // 8 + 1, "big")).digest()
