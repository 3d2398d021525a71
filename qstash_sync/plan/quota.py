"""How many schedules an account must hold: every part is a row of its limit, now and for a year.

A renewal can take more parts than today's set, so an account that fits today may be full on the day
of the next clock change. Where it is, the message is the patch: which schedules to make `auto`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from qstash_sync.crons.compile import Strategy
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import Schedule
from qstash_sync.plan import times

_LISTED = 8  # names of schedules in one message


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Parts of all schedules on a day."""

    at: datetime
    count: int


def ahead(schedules: Sequence[Schedule], now: datetime) -> tuple[Rows, ...]:
    """The parts of all schedules now, and after each day of the coming year that changes them."""
    chains = [times.parts_ahead(schedule, now) for schedule in schedules]
    days = sorted({now} | {at for chain in chains for at, _ in chain})
    return tuple(Rows(at=day, count=sum(_count(chain, day) for chain in chains)) for day in days)


def _count(chain: Sequence[tuple[datetime, int]], day: datetime) -> int:
    return next((count for at, count in reversed(chain) if at <= day), 0)


def judge(
    schedules: Sequence[Schedule],
    now: datetime,
    *,
    plan: str | None,
    others: int = 0,
    today: int | None = None,
) -> Iterator[Diagnostic]:
    """Findings where the rows meet the plan's limit, now or on the worst day of the coming year.

    others: rows of the account that are not these schedules'; today: all rows, where the account
    was read. Without a plan there is one warning at most.
    """
    days = ahead(schedules, now)
    today = days[0].count + others if today is None else today
    worst = max(days, key=lambda rows: (rows.count, -rows.at.timestamp()))
    most = PLANS[plan or "free"].schedules
    if plan is None:
        if today > most:
            yield Diagnostic(
                severity=Severity.WARNING,
                code="limit",
                message=f"{today} schedules, more than the free plan's {most}",
                hint="say limits: {plan: …} to have this checked",
            )
        return
    if today > most:
        fact = f"{today} schedules are needed; the plan {plan} allows {most}"
        yield _over(fact, schedules, now, today - most, Severity.ERROR)
    elif worst.count + others > most:
        need = f"{worst.count + others} schedules will be needed on {worst.at:%Y-%m-%d}"
        excess = worst.count + others - most
        fact = f"{need}; the plan {plan} allows {most}"
        yield _over(fact, schedules, worst.at, excess, Severity.WARNING)


def _over(
    fact: str, schedules: Sequence[Schedule], at: datetime, excess: int, severity: Severity
) -> Diagnostic:
    """The patch: those that save most as `auto`, as many as it takes."""
    savings = sorted(
        ((saved, s.name) for s in schedules if (saved := _saved(s, at)) > 0),
        key=lambda item: (-item[0], item[1]),
    )
    chosen: list[str] = []
    for saved, name in savings:
        if excess <= 0:
            break
        chosen.append(name)
        excess -= saved
    names = ", ".join(sorted(chosen)[:_LISTED]) + ", …" * (len(chosen) > _LISTED)
    patch = f"write dst: {{strategy: auto}} for {names}" if chosen else ""
    rest = "remove some, or raise the plan" if excess > 0 else ""
    hint = "; then ".join(filter(None, (patch, rest)))
    return Diagnostic(severity=severity, code="limit", message=fact, hint=hint)


def _saved(schedule: Schedule, at: datetime) -> int:
    """Rows that a schedule would give back as `auto`."""
    auto = replace(schedule, timing=replace(schedule.timing, strategy=Strategy.AUTO))
    counts = [times.compiled(one, at) for one in (schedule, auto)]
    parts = [0 if isinstance(made, Diagnostic) else len(made.parts) for made in counts]
    return parts[0] - parts[1]


def too_many_parts(schedule: Schedule, now: datetime) -> tuple[Diagnostic, ...]:
    """An error where a schedule needs more parts than `dst.max_parts`, on the first such day."""
    most = schedule.timing.max_parts
    for at, count in times.parts_ahead(schedule, now):
        if count > most:
            need = f"needs {count} parts" + (f" on {at:%Y-%m-%d}" if at > now else "")
            location = schedule.location
            return (times.over(need, most, schedule.name, location, Severity.ERROR),)
    return ()
