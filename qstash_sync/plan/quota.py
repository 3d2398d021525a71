"""How much of an account's quota a plan takes: counted once, for all who ask.

Every part of a schedule is a row of the limit, now and for a year: a renewal can take more parts
than today's set, so an account that fits today may be full on the day of the next clock change.
Where it is, the message is the patch: which schedules to make `auto`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from qstash_sync.crons.compile import Strategy
from qstash_sync.model.change import Action, Change
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.quotas import PLANS, PlanLimits
from qstash_sync.model.resources import Kind, Live, Schedule
from qstash_sync.model.steps import DeleteSchedule, PutSchedule
from qstash_sync.plan import times

_LISTED = 8  # names of schedules in one message


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Resources of one kind in an account, before a plan and what the plan makes of them.

    allowed: by the account's plan; None where the file does not name it, or there is no limit.
    """

    before: int
    created: int
    deleted: int
    allowed: int | None

    @property
    def after(self) -> int:
        """When all is done."""
        return self.before + self.created - self.deleted

    @property
    def is_tight(self) -> bool:
        """Whether there is no room for all creates before the deletes."""
        return self.allowed is not None and self.before + self.created > self.allowed


def usage(plan_name: str | None, live: Live, changes: Iterable[Change]) -> Mapping[Kind, Usage]:
    """What the changes that are not refused make of each kind that has a limit."""
    plan = PLANS.get(plan_name or "")
    counted = [change for change in changes if not change.refused]
    rows = {part.id for part in live.schedules or ()}
    steps = [step for change in counted for step in change.steps]
    return {
        Kind.URL_GROUP: _named(Kind.URL_GROUP, len(live.url_groups or ()), counted, plan),
        Kind.QUEUE: _named(Kind.QUEUE, len(live.queues or ()), counted, plan),
        Kind.SCHEDULE: Usage(
            before=len(rows),
            created=len({s.id for s in steps if isinstance(s, PutSchedule)} - rows),
            deleted=sum(isinstance(step, DeleteSchedule) for step in steps),
            allowed=plan.schedules if plan else None,
        ),
    }


def _named(kind: Kind, before: int, changes: Sequence[Change], plan: PlanLimits | None) -> Usage:
    actions = [change.action for change in changes if change.kind is kind]
    allowed = None
    if plan:
        allowed = plan.url_groups if kind is Kind.URL_GROUP else plan.queues
    return Usage(
        before=before,
        created=actions.count(Action.CREATE),
        deleted=actions.count(Action.DELETE),
        allowed=allowed,
    )


# ---------------------------------------------------------------- parts of schedules


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsOn:
    """Parts of all schedules on a day."""

    at: datetime
    count: int


def ahead(schedules: Sequence[Schedule], now: datetime) -> tuple[PartsOn, ...]:
    """The parts of all schedules now, and after each day of the coming year that changes them."""
    chains = [times.parts_ahead(schedule, now) for schedule in schedules]
    days = sorted({now} | {at for chain in chains for at, _ in chain})
    return tuple(PartsOn(at=day, count=sum(_count(chain, day) for chain in chains)) for day in days)


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
    """Diagnostics where the parts meet the plan's limit, now or on the worst day of the year.

    others: schedules of the account that are no parts of these; today: all of them, where the
    account was read. Without a plan there is one warning at most.
    """
    most = PLANS[plan or "free"].schedules
    if plan is None:
        yield from _without_plan(schedules, now, today, most)
        return
    bound = sum(times.most_parts(schedule, now) for schedule in schedules)
    if bound + others <= most and (today is None or today <= most):
        return
    days = ahead(schedules, now)
    today = days[0].count + others if today is None else today
    worst = max(days, key=lambda parts: (parts.count, -parts.at.timestamp()))
    if today > most:
        fact = f"{today} schedules are needed; the plan {plan} allows {most}"
        yield _over(fact, schedules, now, today - most, Severity.ERROR)
    elif worst.count + others > most:
        need = f"{worst.count + others} schedules will be needed on {worst.at:%Y-%m-%d}"
        excess = worst.count + others - most
        fact = f"{need}; the plan {plan} allows {most}"
        yield _over(fact, schedules, worst.at, excess, Severity.WARNING)


def _without_plan(
    schedules: Sequence[Schedule], now: datetime, today: int | None, most: int
) -> Iterator[Diagnostic]:
    count = f"{today}"
    if today is None and len(schedules) > most:  # each has a part or more
        today, count = len(schedules), f"{len(schedules)} or more"
    elif today is None:
        made = [times.compiled(schedule, now) for schedule in schedules]
        today = sum(0 if isinstance(one, Diagnostic) else len(one.parts) for one in made)
        count = f"{today}"
    if today > most:
        yield Diagnostic(
            severity=Severity.WARNING,
            code="limit",
            message=f"{count} schedules, more than the free plan's {most}",
            hint="say limits: {plan: …} to have this checked",
        )


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
    """Parts that a schedule would give back as `auto`."""
    auto = replace(schedule, timing=replace(schedule.timing, strategy=Strategy.AUTO))
    counts = [times.compiled(one, at) for one in (schedule, auto)]
    parts = [0 if isinstance(made, Diagnostic) else len(made.parts) for made in counts]
    return parts[0] - parts[1]


def too_many_parts(schedule: Schedule, now: datetime) -> tuple[Diagnostic, ...]:
    """An error where a schedule needs more parts than `dst.max_parts`, on the first such day."""
    most = schedule.timing.max_parts
    if times.most_parts(schedule, now) <= most:
        return ()
    for at, count in times.parts_ahead(schedule, now):
        on = at if at > now else None
        if found := times.too_many(count, most, schedule.name, schedule.location, on=on):
            return found
    return ()
