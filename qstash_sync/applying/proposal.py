"""What an apply would do: read the account, compare, decide. Nothing here writes or prints."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime

from qstash_sync.applying import windows
from qstash_sync.applying.account import Account
from qstash_sync.applying.stretching import stretching
from qstash_sync.applying.surroundings import remarks
from qstash_sync.crons import zones
from qstash_sync.errors import UsageError
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Desired, Kind, Live
from qstash_sync.model.steps import DeleteSchedule
from qstash_sync.planning import origins
from qstash_sync.planning.decide import Plan, decide, orphaned
from qstash_sync.planning.policy import Policy
from qstash_sync.reconcile import scope
from qstash_sync.reconcile.about import about
from qstash_sync.reconcile.former import candidates
from qstash_sync.reconcile.live_parts import LiveParts
from qstash_sync.reconcile.reconcile import reconcile

_NO_POLICY = Policy()


def kinds_to_read(desired: Desired) -> set[str]:
    """The kinds that are managed, named by a schedule, or needed to judge a delete."""
    kinds = {
        kind
        for kind in ("schedules", "url_groups", "queues", "flow_controls")
        if getattr(desired, kind) is not None
    }
    for schedule in desired.schedules or ():
        message = schedule.message
        if schedule.to_group:
            kinds.add("url_groups")
        if message.queue is not None:
            kinds.add("queues")
        use = message.flow_control
        if use and not (use.parallelism or use.rate):
            kinds.add("flow_controls")
    owns_used = (desired.owns.url_groups and desired.url_groups is not None) or (
        desired.owns.queues and desired.queues is not None
    )
    return kinds | {"schedules"} if owns_used else kinds


def observe(
    client: Account,
    desired: Desired,
    base: Desired | None = None,
    more: Collection[str] = (),
) -> Live:
    """Read what is needed of the account, at most four GETs, where it lists all kinds.

    more: kinds that are read in any case.
    """
    kinds, keys = set(more), set[str]()
    for one in filter(None, (desired, base)):
        used = (schedule.message.flow_control for schedule in one.schedules or ())
        keys |= {key.name for key in one.flow_controls or ()} | {use.key for use in used if use}
        kinds |= kinds_to_read(one)
    return client.read(kinds, keys)


def propose(
    client: Account,
    desired: Desired,
    *,
    now: datetime,
    policy: Policy = _NO_POLICY,
    base: Desired | None = None,
) -> Plan:
    """Read the account and compare; base: says whose each change is."""
    with stretching(desired):
        live = observe(client, desired, base)
        found = attributed(desired, live, base, now=now, policy=policy)
    more = *windows.warnings(found.changes, found.now), *remarks(client, desired)
    return replace(found, warnings=(*found.warnings, *more))


def compare(desired: Desired, live: Live, *, now: datetime, policy: Policy = _NO_POLICY) -> Plan:
    """Compare with what was read, and decide; raises `UsageError` for a name that is none.

    Not where the changes are approved already: what a scope named then may be done by now.
    """
    index = LiveParts(desired, live.schedules or ())
    found = reconcile(desired, live, index, now, strays=policy.strays)
    for option, text, pattern in policy.named if policy.among is None else ():
        why = scope.idle(text, pattern, found)
        if why and not policy.has_ended(pattern, index.by_id):
            raise UsageError(f"{option} {why}")
    tzdata = zones.tzdata_version()
    return decide(desired, live, index, found, policy, now=now, tzdata=tzdata)


def attributed(
    desired: Desired,
    live: Live,
    base: Desired | None,
    *,
    now: datetime,
    policy: Policy = _NO_POLICY,
) -> Plan:
    """Compare with what was read, and where there is a base, say whose each change is."""
    found = compare(desired, live, now=now, policy=policy)
    if base is None:
        return found
    # What options name may be no part of the base.
    whole = replace(policy, target=(), exclude=(), adopt=(), delete_orphan=())
    return origins.attributed(found, desired, base, compare(base, live, now=now, policy=whole))


def emptied(desired: Desired) -> Desired:
    """What a namespace is to be once it is destroyed: nothing of what carries its mark or is owned.

    What is owned goes though the files no more have its section, unless they have other
    environments, whose it may be by now. Its own confirmation stands for the limits. It names one
    namespace: the former one stays.
    """
    ends = [] if desired.neighbours else _owned_alone(desired)

    def none_of(kind: Kind) -> tuple[()] | None:
        return () if getattr(desired, f"{kind}s") is not None or kind in ends else None

    return replace(
        desired,
        namespace_was=None,
        schedules=(),
        url_groups=none_of(Kind.URL_GROUP),
        queues=none_of(Kind.QUEUE),
        flow_controls=none_of(Kind.FLOW_CONTROL),
        limits=replace(desired.limits, max_deletes=None, max_delete_percent=None),
    )


def _owned_alone(desired: Desired) -> list[Kind]:
    """The kinds that the files own without a section of them."""
    return [
        kind
        for kind in (Kind.URL_GROUP, Kind.QUEUE, Kind.FLOW_CONTROL)
        if getattr(desired, f"{kind}s") is None and getattr(desired.owns, f"{kind}s")
    ]


def _left_to_others(desired: Desired) -> Iterator[Diagnostic]:
    """What is said of those where there are other environments, which may have them."""
    for kind in _owned_alone(desired) if desired.neighbours else ():
        yield Diagnostic(
            severity=Severity.WARNING,
            code="left",
            message=f"owns names {kind}s, and the files have none: what there is stays",
            hint=f"another environment may have it; else write `{kind}s: {{}}`,"
            " and all goes that owns names",
        )


def left_behind(desired: Desired, plan: Plan) -> Iterator[Diagnostic]:
    """What the files declare, a destroy leaves, and why; desired: before it was emptied."""
    index = LiveParts(desired, plan.live.schedules or ())
    told: set[str] = set()
    goes = {change.key for change in plan.changes}
    steps = (step for change in plan.changes for step in change.steps)
    ended = {step.id for step in steps if isinstance(step, DeleteSchedule)}
    for schedule in desired.schedules or ():
        sets = [index.of(schedule.id), *candidates(schedule, index)]
        for part in (part for one in sets for part in one):
            carried = index.carried(part)
            if carried and part.base not in plan.orphans and part.live.id not in ended:
                told.add(part.base)
                what = "" if part.live.id == schedule.id else f"{part.live.id} "
                yield about(schedule, Severity.WARNING, "left", f"stays: {what}{carried}")
    parts = index.by_id.values()
    told |= {part.base for part in plan.index.by_id.values() if plan.index.is_orphan(part)}
    others = {part.base for part in parts if index.is_orphan(part)} - told
    yield from orphaned(others, "an apply with ")
    former = sorted({part.base for part in parts if part.former})
    if former:
        yield Diagnostic(
            severity=Severity.WARNING,
            code="left",
            message=f"of the former namespace {index.former} these stay: {', '.join(former)}",
            hint="an apply renames what the file declares, and deletes the rest;"
            f" a destroy with namespace: {index.former} deletes all",
        )
    yield from _left_to_others(desired)
    live = {
        *((Kind.URL_GROUP, group.name) for group in plan.live.url_groups or ()),
        *((Kind.QUEUE, queue.name) for queue in plan.live.queues or ()),
        *(
            (Kind.FLOW_CONTROL, key.name)
            for key in plan.live.flow_controls or ()
            if key.parallelism is not None or key.rate is not None
        ),
    }
    for kind in (Kind.URL_GROUP, Kind.QUEUE, Kind.FLOW_CONTROL):
        for resource in getattr(desired, f"{kind}s") or ():
            key = kind, resource.name
            if key in goes or key not in live:
                continue
            why, hint = "owns does not name it", ""
            if other := desired.declared_by_another(key):
                verb = "declares" if key in desired.elsewhere else "may declare"
                why = f"the environment {other} {verb} it, too"
                hint = f"where {other} is gone for good, take it out of the file first"
            yield Diagnostic(
                severity=Severity.WARNING,
                code="left",
                message=f"stays: {why}",
                path=(f"{kind}s", resource.name),
                location=resource.location,
                hint=hint,
            )
