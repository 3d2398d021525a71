"""How much of an account's quota a plan takes: counted once, for all who ask.

Every part of a schedule counts as one, now and for a year: a renewal can take more parts
than today's set, so an account that fits today may be full on the day of the next clock change.
Where it is, the message is the patch: which schedules to make `auto`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from qstash_sync.crons.compile import Strategy
from qstash_sync.model.change import Action, Change
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.names import natural
from qstash_sync.model.quotas import PLANS, PlanLimits
from qstash_sync.model.resources import Desired, Kind, Live, Schedule
from qstash_sync.model.steps import DeleteSchedule, PutSchedule
from qstash_sync.reconcile import times
from qstash_sync.reconcile.live_parts import LiveParts
from qstash_sync.record import record

_LISTED = 8  # names of schedules in one message


@record(kw_only=True)
class Usage:
    """Resources of one kind in an account, before a plan and what the plan makes of them.

    freed: those of the deleted ones that go first where there is no room. allowed: by the account's
    plan; None where the file does not name it, or there is no limit.
    """

    before: int
    created: int
    deleted: int
    allowed: int | None
    freed: int = 0

    @property
    def after(self) -> int:
        """When all is done."""
        return self.before + self.created - self.deleted

    @property
    def peak(self) -> int:
        """The most at once where it is tight: a change creates before it deletes what it had."""
        return self.before + self.created - self.freed

    @property
    def is_tight(self) -> bool:
        """Whether there is no room for all creates before the deletes."""
        return self.allowed is not None and self.before + self.created > self.allowed

    @property
    def fits(self) -> bool:
        """Whether there is room at every moment, or none is needed."""
        if self.allowed is None or not self.created:
            return True
        return max(self.after, self.peak) <= self.allowed


def usage(plan_name: str | None, live: Live, changes: Iterable[Change]) -> Mapping[Kind, Usage]:
    """What the changes that are not refused make of each kind that has a limit."""
    plan = PLANS.get(plan_name or "")
    counted = [change for change in changes if not change.refused]
    present = {part.id for part in live.schedules or ()}
    schedules = plan.schedules if plan else None
    return {
        Kind.URL_GROUP: _named(Kind.URL_GROUP, len(live.url_groups or ()), counted, plan),
        Kind.QUEUE: _named(Kind.QUEUE, len(live.queues or ()), counted, plan),
        Kind.SCHEDULE: _of_schedules(present, counted, schedules),
    }


def _of_schedules(there: Collection[str], changes: Sequence[Change], allowed: int | None) -> Usage:
    return Usage(
        before=len(there),
        created=len({part_id for change in changes for part_id in _created(change, there)}),
        deleted=sum(len(_deleted(change)) for change in changes),
        allowed=allowed,
        freed=sum(len(_deleted(change)) for change in changes if change.only_frees(there)),
    )


def _created(change: Change, there: Collection[str]) -> set[str]:
    return {s.id for s in change.steps if isinstance(s, PutSchedule) and s.id not in there}


def _deleted(change: Change) -> set[str]:
    return {step.id for step in change.steps if isinstance(step, DeleteSchedule)}


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


def limits(
    desired: Desired,
    index: LiveParts,
    changes: Sequence[Change],
    usage: Mapping[Kind, Usage],
    now: datetime,
) -> Iterator[Diagnostic]:
    """What the account's plan does not allow, before anything is written.

    An account that is too full already refuses what is new alone: of all else it is a warning.
    """
    plan = desired.limits.plan
    if any(c.action is Action.CREATE or c.kind is Kind.SCHEDULE for c in changes):
        refused_ids = {change.id for change in changes if change.refused}
        declared = [s for s in desired.schedules or () if s.id not in refused_ids]
        # Live schedules that are no part of a declared one, and stay.
        deleted = {part_id for change in changes for part_id in _deleted(change)}
        counted = {part.live.id for s in declared for part in index.of(s.id)}
        others = len(index.by_id.keys() - counted - deleted)
        used = usage[Kind.SCHEDULE]
        # Without a word about it, an account that holds more already is on no free plan.
        is_free = plan is None and used.before <= PLANS["free"].schedules
        judged = judge(declared, now, plan=plan, others=others, today=used.after)
        for found in judged if plan or is_free else ():
            if used.created and found.severity is Severity.ERROR:
                yield _with_growing(found, changes, used, index.by_id, len(declared))
            else:
                yield replace(found, severity=Severity.WARNING)
        if used.allowed is not None and used.after <= used.allowed < used.peak:
            fact = f"{used.peak:,} schedules at once, since new ones are made before old ones go"
            most = max(
                len(_created(change, index.by_id)) for change in changes if not change.refused
            )
            hint = "make room first; else take out what is renamed, apply, and add it again"
            if most <= used.allowed - used.before:
                hint = "change fewer at a time, with --target, or make room first"
            message = f"{fact}; the plan {plan} allows {used.allowed:,}"
            yield Diagnostic(code="limit", message=message, hint=hint)
    for kind in (Kind.URL_GROUP, Kind.QUEUE):
        used = usage[kind]
        over = used.allowed is not None and used.after > used.allowed
        if over and any(change.kind is kind for change in changes):
            may = f"the plan {plan} allows {used.allowed:,}"
            yield Diagnostic(
                severity=Severity.ERROR if used.created else Severity.WARNING,
                code="limit",
                message=f"{used.after:,} {kind.noun}s after this; {may}",
                hint="remove some, or raise the plan",
            )


def _growing(changes: Iterable[Change], there: Collection[str]) -> dict[str, int]:
    """How many rows more each schedule needs, of those that need any, by name."""
    written = (c for c in changes if c.kind is Kind.SCHEDULE and not c.refused)
    needs = {c.name: len(_created(c, there)) - len(_deleted(c)) for c in written}
    return {name: rows for name, rows in sorted(needs.items()) if rows > 0}


def _with_growing(
    found: Diagnostic,
    changes: Iterable[Change],
    used: Usage,
    there: Collection[str],
    declared: int,
) -> Diagnostic:
    """With the schedules that need rows, and, where that helps, how the others get through.

    Where all that are declared need some, it is about all of them.
    """
    growing = _growing(changes, there)
    if len(growing) == declared:
        return found
    written = (change for change in changes if not change.refused)
    rest = [c for c in written if c.kind is not Kind.SCHEDULE or c.name not in growing]
    is_mended = _of_schedules(there, rest, used.allowed).fits
    each = [f"{name} needs {rows} more" for name, rows in growing.items()][:_LISTED]
    more = ", …" * (len(growing) > _LISTED)
    message = f"{found.message}: {', '.join(each)}{more}"
    hint = found.hint
    if rest and is_mended and len(growing) <= _LISTED:
        ways = " ".join(f"--exclude schedules.{name}" for name in growing)
        hint = f"{hint}; or {ways}, for the rest alone"
    return replace(found, message=message, hint=hint)


# ---------------------------------------------------------------- parts of schedules


@record(kw_only=True)
class PartsOn:
    """Parts of all schedules on a day."""

    at: datetime
    count: int


def ahead(schedules: Sequence[Schedule], now: datetime) -> tuple[PartsOn, ...]:
    """The parts of all schedules now, and after each day of the coming year that changes them."""
    chains = [times.parts_ahead(schedule, now) for schedule in schedules]
    days = sorted({now} | {at for chain in chains for at, _ in chain})

    def count_on(day: datetime) -> int:
        latest = (next((n for at, n in reversed(chain) if at <= day), 0) for chain in chains)
        return sum(latest)

    return tuple(PartsOn(at=day, count=count_on(day)) for day in days)


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
        fact = f"{today:,} schedules are needed; the plan {plan} allows {most:,}"
        yield _over(fact, schedules, now, today - most, Severity.ERROR)
    elif worst.count + others > most:
        need = f"{worst.count + others:,} schedules will be needed on {worst.at:%Y-%m-%d}"
        excess = worst.count + others - most
        fact = f"{need}; the plan {plan} allows {most:,}"
        yield _over(fact, schedules, worst.at, excess, Severity.WARNING)


def _without_plan(
    schedules: Sequence[Schedule], now: datetime, today: int | None, most: int
) -> Iterator[Diagnostic]:
    more = ""
    if today is None and len(schedules) > most:  # each has a part or more
        today, more = len(schedules), " or more"
    elif today is None:
        made = [times.compiled(schedule, now) for schedule in schedules]
        today = sum(0 if isinstance(one, Diagnostic) else len(one.parts) for one in made)
    if today > most:
        yield Diagnostic(
            severity=Severity.WARNING,
            code="limit",
            message=f"{today:,}{more} schedules, more than the free plan's {most:,}",
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
    names = ", ".join(sorted(chosen, key=natural)[:_LISTED]) + ", …" * (len(chosen) > _LISTED)
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
    """What a schedule gives cause to say on the first day that needs more than `dst.max_parts`.

    Of today it is an error, of a later day of the coming year a warning: the renewal goes on.
    """
    most, named = schedule.timing.max_parts, (schedule.name, schedule.location)
    if times.most_parts(schedule, now) <= most:
        return ()
    for at, count in times.parts_ahead(schedule, now):
        if at <= now and (found := times.too_many(count, most, *named)):
            return found
        if found := times.too_many(count, most, *named, severity=Severity.WARNING, on=at):
            return found
    return ()
