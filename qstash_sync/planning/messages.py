"""How many messages a day the schedules of an account send, before a plan and after it.

What one firing counts for is said in `model/load.py`, for what is declared as for what is live.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from qstash_sync.crons import robfig
from qstash_sync.crons.bitmaps import Span
from qstash_sync.crons.error import CronError
from qstash_sync.model.change import Change
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.lint import Code
from qstash_sync.model.load import DAYS, of_firing
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import Desired, Live, LiveSchedule
from qstash_sync.model.steps import DeleteSchedule, PauseSchedule, PutSchedule
from qstash_sync.record import record

_MOST = 2 * 1_440  # of one cron: each minute a delivery, and the callback that reports it


@record(kw_only=True)
class MessagesADay:
    """On the busiest day of the coming week, and what the account's plan allows."""

    before: int
    after: int
    allowed: int

    def excess(self) -> Diagnostic | None:
        """A warning where it is more than is allowed, and this plan adds to it or leaves it so."""
        if self.after <= self.allowed:
            return None
        fact = f"{self.after:,} messages a day, more than the plan's {self.allowed:,}"
        hint = "fire less often, or raise the plan; retries come on top"
        return Diagnostic(
            severity=Severity.WARNING, code=Code.DAILY_MESSAGES, message=fact, hint=hint
        )


def a_day(
    desired: Desired, live: Live, changes: Sequence[Change], now: datetime
) -> MessagesADay | None:
    """What the plan makes of it; None where the account's plan has no limit, or one far away."""
    plan = PLANS.get(desired.limits.plan or "")
    before = {part.id: part for part in live.schedules or ()}
    if plan is None or plan.messages is None or live.schedules is None:
        return None
    after = _after(before, changes)
    fan_out = {group.name: len(group.endpoints) for group in live.url_groups or ()}
    fan_out |= {group.name: len(group.endpoints) for group in desired.url_groups or ()}
    widest = max(fan_out.values(), default=1)
    if max(len(before), len(after)) * _MOST * max(widest, 1) <= plan.messages:
        return None
    count = _busiest(before.values(), fan_out, now)
    then = _busiest(after.values(), fan_out, now) if changes else count
    return MessagesADay(before=count, after=then, allowed=plan.messages)


def _after(
    before: Mapping[str, LiveSchedule], changes: Sequence[Change]
) -> Mapping[str, LiveSchedule]:
    after = dict(before)
    for change in changes:
        for step in change.steps if not change.refused else ():
            match step:
                case DeleteSchedule():
                    after.pop(step.id, None)
                case PutSchedule():
                    paused = step.id in after and after[step.id].paused
                    after[step.id] = LiveSchedule(
                        id=step.id, cron=step.cron, message=step.message, paused=paused
                    )
                case PauseSchedule() if step.id in after:
                    after[step.id] = replace(after[step.id], paused=step.paused)
    return after


def _busiest(parts: Iterable[LiveSchedule], fan_out: Mapping[str, int], now: datetime) -> int:
    weights: Counter[str] = Counter()
    for part in parts:
        if not part.paused:
            weights[part.cron] += of_firing(part.message, fan_out)
    span = Span.around(now, now + timedelta(days=DAYS - 1))
    days = [0] * span.days
    for cron, weight in weights.items():
        try:
            fired = span.days_of(robfig.firings(cron, span)[0])
        except CronError:
            continue
        for number, minutes in enumerate(fired):
            days[number] += weight * minutes.bit_count()
    return max(days, default=0)
