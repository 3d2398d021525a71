"""What QStash's plans allow (pricing page, August 2026)."""

from qstash_sync.record import record

MIB = 1024 * 1024
DAY = 86_400


@record(kw_only=True)
class PlanLimits:
    """Counts of resources; body in bytes, timeout and delay in seconds; messages a day.

    parallelism: deliveries at once, over the whole account.
    """

    schedules: int
    url_groups: int
    endpoints: int
    queues: int
    queue_parallelism: int
    parallelism: int
    body: int
    timeout: int
    delay: int
    messages: int | None  # None: as many as are paid for


PLANS = {
    "free": PlanLimits(
        schedules=10, url_groups=1, endpoints=100, queues=10, queue_parallelism=2,
        parallelism=10, body=MIB, timeout=15 * 60, delay=7 * DAY, messages=1_000,
    ),
    "payg": PlanLimits(
        schedules=1_000, url_groups=100, endpoints=100, queues=100, queue_parallelism=10,
        parallelism=100, body=10 * MIB, timeout=2 * 3_600, delay=366 * DAY, messages=None,
    ),
    "fixed_1m": PlanLimits(
        schedules=10_000, url_groups=1_000, endpoints=1_000, queues=1_000, queue_parallelism=10,
        parallelism=200, body=50 * MIB, timeout=6 * 3_600, delay=3_660 * DAY, messages=1_000_000,
    ),
    "fixed_10m": PlanLimits(
        schedules=50_000, url_groups=2_000, endpoints=2_000, queues=1_000, queue_parallelism=10,
        parallelism=1_000, body=50 * MIB, timeout=12 * 3_600, delay=3_660 * DAY,
        messages=10_000_000,
    ),
}  # fmt: skip
