"""What an account may have: the limits of the plans, and of requests a second."""

import threading
from dataclasses import dataclass
from http import HTTPStatus

from qstash_sync.local.answers import Call, RefusedError

DAY = 86400
MEGABYTE = 1_000_000
MAX_PERIOD = 7 * DAY  # of a flow-control rate, on every plan


@dataclass(frozen=True, slots=True)
class Limits:
    """One column of the public price table; the field names are those of the error texts."""

    schedules: int
    topics: int
    endpoints_per_topic: int
    queues: int
    queue_parallelism: int
    global_parallelism: int
    delay: float
    timeout: int
    body_size: int


_NONE = 10**12
PLANS = {
    "free": Limits(10, 1, 100, 10, 2, 10, 7 * DAY, 900, 1 * MEGABYTE),
    "payg": Limits(1_000, 100, 100, 100, 10, 100, 365 * DAY, 7_200, 10 * MEGABYTE),
    "fixed_1m": Limits(10_000, 1_000, 1_000, 1_000, 10, 200, _NONE, 21_600, 50 * MEGABYTE),
    "fixed_10m": Limits(50_000, 2_000, 2_000, 1_000, 10, 1_000, _NONE, 43_200, 50 * MEGABYTE),
    "none": Limits(_NONE, _NONE, _NONE, _NONE, _NONE, 1_000, _NONE, _NONE, _NONE),
}
_QUOTAS = {
    "schedules": "maxSchedules",
    "topics": "maxTopics",
    "endpoints_per_topic": "maxEndpointsPerTopic",
    "queues": "maxQueues",
    "queue_parallelism": "maxParallelism",
    "delay": "maxDelay",
    "timeout": "maxTimeout",
    "body_size": "maxMessageSize",
}


def within(call: Call, limit: str, wanted: int) -> None:
    """Refuse with 412 what is above a limit of the account's plan."""
    allowed = getattr(PLANS[call.switches.plan], limit)
    if wanted > allowed:
        raise RefusedError(
            HTTPStatus.PRECONDITION_FAILED,
            f"quota {_QUOTAS[limit]} exceeded, current limit: {allowed}",
        )


class Burst:
    """Counts the requests of each second of the clock, for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._second = 0
        self._used = 0

    def take(self, now: float, limit: int) -> int:
        """What is left of this second's requests after one more; negative: one too many."""
        with self._lock:
            if int(now) != self._second:
                self._second, self._used = int(now), 0
            if self._used <= limit:
                self._used += 1
            return limit - self._used
