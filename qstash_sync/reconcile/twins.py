"""Live schedules that fire beside a declared one, and are not ours.

They have the same destination, method, body and firings; a body that is not known may be any.

made by hand, by a script, by another deploy     no mark
of another namespace or environment              its mark
a copy of ours, labels and all                   our mark, under an id that it does not belong to
"""

import hashlib
import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from qstash_sync.crons import firings, robfig
from qstash_sync.crons.bitmaps import DAY, Span
from qstash_sync.crons.error import CronError
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.model import ignorable
from qstash_sync.model.change import Action, Change, Reason, TwinOf
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import (
    Kind,
    LiveSchedule,
    Message,
    Schedule,
    Text,
    is_known,
    plain,
)
from qstash_sync.model.secret_shapes import is_called
from qstash_sync.model.steps import DeleteSchedule
from qstash_sync.reconcile import canonical, diff, mark as marks, taken
from qstash_sync.reconcile.about import about, as_yaml
from qstash_sync.reconcile.live_parts import LivePart, LiveParts
from qstash_sync.record import record

_DAYS = 366
_CALENDAR_YEARS = 28
_OF_A_DEPLOY = ("retries", "retry_delay", "timeout")
_DELETE_ONE = "delete one of the two"
_EXACT_DAYS = 45  # as long as a set of parts is exact that needs no renewal


@record(kw_only=True)
class Twin:
    """Strangers, one schedule's parts, that fire just as a declared schedule does."""

    schedule: Schedule
    parts: tuple[LivePart, ...]

    @property
    def fires(self) -> bool:
        """Whether it is not paused, and what it is beside is not paused by the file."""
        return not (self.schedule.paused or all(part.live.paused for part in self.parts))


def twins(
    schedules: Sequence[Schedule], strangers: Sequence[LivePart], index: LiveParts, now: datetime
) -> Iterator[Twin]:
    """Each set of strangers with each declared schedule that fires as it does, or is its origin."""
    by_name = {schedule.name: schedule for schedule in schedules}
    others: list[LivePart] = []
    for part in strangers:
        origin = by_name.get(index.labelled_name(part)) if _is_copy(part, index) else None
        if origin and _fires_in(part, index.of(origin.id)):
            yield Twin(schedule=origin, parts=(part,))
        else:
            others.append(part)
    yield from _firing_alike(schedules, others, index, now)


def as_it_was(
    schedules: Iterable[Schedule], strangers: Sequence[LivePart], index: LiveParts, now: datetime
) -> Iterator[Twin]:
    """Each set of strangers that fires as a schedule does now, which is to change.

    What carries another environment's or namespace's mark somebody keeps.
    """
    strangers = [part for part in strangers if part.mark is None or _is_copy(part, index)]
    live = [
        replace(schedule, message=parts[0].live.message, ignore=(ignorable.TIME,))
        for schedule in schedules
        if (parts := index.of(schedule.id))
    ]
    return (twin for twin in _firing_alike(live, strangers, index, now) if twin.fires)


def left(twin: Twin) -> Diagnostic:
    """The warning about what does not change with it; the next plan would not know of it."""
    fact = f"{twin.parts[0].live.id} fires as this one did until now, and goes on so"
    hint = "delete it if nobody needs it"
    return about(twin.schedule, Severity.WARNING, "twin", fact, hint)


def _is_copy(part: LivePart, index: LiveParts) -> bool:
    """Whether it has our mark, and a name of ours behind it: four digits alone may be another's.

    Where an account shows one label alone, they must do.
    """
    is_our_scope = part.mark is not None and part.mark.scope == index.scope
    return is_our_scope and (part.live.labels_cut or bool(index.labelled_name(part)))


def _fires_in(part: LivePart, parts: Sequence[LivePart]) -> bool:
    """Whether a schedule has a part just like it."""
    return any(
        one.live.cron == part.live.cron and _target(one.live.message) == _target(part.live.message)
        for one in parts
    )


def _firing_alike(
    schedules: Iterable[Schedule], strangers: Sequence[LivePart], index: LiveParts, now: datetime
) -> Iterator[Twin]:
    targets = {_target(part.live.message) for part in strangers}
    declared: dict[tuple[str, str], list[Schedule]] = {}
    for schedule in schedules if targets else ():
        if is_known(schedule.message.destination) and _target(schedule.message) in targets:
            declared.setdefault(_target(schedule.message), []).append(schedule)
    sets: dict[tuple[str, str, str], list[LivePart]] = {}
    for part in strangers:
        sets.setdefault((part.base, *_target(part.live.message)), []).append(part)

    by_time: dict[tuple[int, str, str], _ByTime] = {}
    for (_, url, method), parts in sets.items():
        if (url, method) not in declared:
            continue
        # Those of a namespace may be parts of a local time, which are exact for a while.
        days = _EXACT_DAYS if any(part.mark for part in parts) else _DAYS
        span = Span.around(now, now + timedelta(days=days))
        alike = by_time.get((days, url, method))
        if alike is None:
            alike = by_time[days, url, method] = _by_time(declared[url, method], index, span)
        fired = _digest(_bitmap([part.live.cron for part in parts], span), span)
        body = canonical.body_text(parts[0].live.message)
        for schedule, other in alike.get(fired, ()) if fired else ():
            if body is None or other is None or body == other:
                yield Twin(schedule=schedule, parts=tuple(parts))


_ByTime = dict[bytes | None, list[tuple[Schedule, str | None]]]  # each with its body


def _by_time(schedules: Iterable[Schedule], index: LiveParts, span: Span) -> _ByTime:
    found: _ByTime = {}
    for schedule in schedules:
        wanted = _digest(_firings(_time(schedule, index), span), span)
        body = canonical.body_text(schedule.message)
        found.setdefault(wanted, []).append((schedule, body))
    return found


def _time(schedule: Schedule, index: LiveParts) -> Job | tuple[str, ...]:
    """When it fires: by the file, or where that leaves the time to others, as it is live."""
    live = index.of(schedule.id) if ignorable.TIME in schedule.ignore else []
    return tuple(part.live.cron for part in live) or schedule.timing.job


def _firings(source: Job | tuple[str, ...], span: Span) -> int:
    return firings.wanted(source, span) if isinstance(source, Job) else _bitmap(source, span)


def firings_of(parts: Sequence[LiveSchedule], now: datetime) -> Hashable:
    """When a set fires, as a key; of crons that say nothing about a year, how they are spelt."""
    span = Span.around(now, now + timedelta(days=_DAYS))
    fired = _digest(_bitmap([part.cron for part in parts], span), span)
    return fired or tuple(sorted(part.cron for part in parts))


def _digest(fired: int, span: Span) -> bytes | None:
    """A year of firings has 66 KiB; None where there is none."""
    if not fired:
        return None
    return hashlib.sha256(fired.to_bytes(span.days * DAY // 8 + 1, "big")).digest()


def warning(twin: Twin, index: LiveParts, delete: str, *, is_newer: bool) -> Diagnostic:
    """The warning, with the way out; delete: what plans that, where `removals` names it.

    is_newer: it may have newer credentials.
    """
    schedule, first = twin.schedule, twin.parts[0]
    is_live = schedule.id in index.by_id
    delete = delete or "delete it if nobody needs it"
    what, hint = (
        "has the same destination, method, body and firings",
        f"id: {first.live.id} adopts it",
    )
    if first.mark and _is_copy(first, index):
        what, hint = "is a copy of ours, mark and all", delete
        if first.mark.bound is None:  # the first releases bound no mark to what they adopted
            what = "carries our mark: a copy, or what was adopted once"
            hint = f"id: {first.live.id} keeps it; if it is a copy, {delete}"
    elif environment := index.environment_of(first):
        fact = f"{first.live.id} of the environment {environment} has the same destination, method,"
        fact += " body and firings"
        hint = "unless both shall fire, give this one another address, or paused: true"
        return about(schedule, Severity.INFO, "twin", fact, hint)
    elif first.mark:
        namespace = first.base.partition(".")[0]
        known = bool(index.labelled_name(first)) or namespace == index.former
        whose = "environment" if known else "namespace"
        what, hint = f"is another {whose}'s, with the same firings", _DELETE_ONE
        if not is_live and first.base.startswith(f"{index.namespace}."):
            consent = index.consent_to(schedule.name)
            hint = f"was: {as_yaml(index.name_of(first))} takes it over: {consent}"
        elif first.base == f"{namespace}.{schedule.name}" and not known:
            hint = _of_a_namespace(first, namespace, index)
    elif is_live and is_newer:
        what += " but other credentials, which may be newer"
        hint = "if those are the good ones, set them here and apply; then the other can go"
    elif is_live:
        hint = delete if schedule.adopted else f"{delete}; or id: {first.live.id} adopts it"
    fact = f"{first.live.id} {what}: it fires beside this one"
    return about(schedule, Severity.WARNING, "twin", fact, hint)


def paused(twin: Twin, index: LiveParts) -> Iterator[Diagnostic]:
    """That a schedule is created beside one that does the same and is paused: it may be that job.

    One that comes from another environment, file or namespace, or goes back, leaves a pause there.
    """
    schedule, first = twin.schedule, twin.parts[0]
    if schedule.paused is not None or not all(part.live.paused for part in twin.parts):
        return
    environment = index.environment_of(first)
    if index.of(schedule.id):
        return
    whose = f" of the environment {environment}" if environment else ""
    fact = f"{first.live.id}{whose} has the same destination, method, body and firings, and is"
    fact += " paused; this one is created active"
    hint = "paused: true, if it is the same job"
    may_be_by_file = environment and first.mark and first.mark.paused  # which no mark tells
    severity = Severity.INFO if may_be_by_file else Severity.WARNING
    yield about(schedule, severity, "paused_twin", fact, hint)


def _of_a_namespace(part: LivePart, namespace: str, index: LiveParts) -> str:
    """What to do of one that has the same name in a namespace that the files do not have."""
    if part.mark and part.mark.scope == index.scope_in(namespace):
        return f"namespace_was: {namespace} takes all of it over"
    if index.environment is None:
        return _DELETE_ONE
    return f"{_DELETE_ONE}; if an environment of this file had it, put that back, and destroy it"


def with_newer_credentials(found: Iterable[Twin], index: LiveParts) -> frozenset[str]:
    """Ids of twins that may be the only ones to hold a credential that is still good.

    Of each declared schedule that is live, the newest twin, where that came after it and has other
    credentials: a deploy may have rotated them. What a rename of ours has made anew may be older.
    """
    newest: dict[str, LivePart] = {}
    for twin in found:
        for part in twin.parts:
            known = newest.get(twin.schedule.id)
            if known is None or _age(part) >= _age(known):
                newest[twin.schedule.id] = part
    return frozenset(
        part.live.id
        for schedule_id, part in newest.items()
        if (kept := index.first(schedule_id))
        and _age(part) > (0 if _is_renamed(kept[0]) else kept[0].live.created_at or 0)
        and any(map(_is_credential, differences(part.live.message, kept[0].live.message)))
    )


def _is_renamed(part: LivePart) -> bool:
    return part.mark is not None and part.mark.was is not None


def _age(part: LivePart) -> float:
    """When it was made; where nobody knows, as if it were the newest."""
    return part.live.created_at or math.inf


def removals(found: Sequence[Twin], index: LiveParts, now: datetime) -> Iterator[Change]:
    """The deletes of what does nothing that its declared twin, live itself, does not do by now.

    One with another body, header, callback, delay or way to be delivered, or another namespace's
    mark, or that is paused where its twin is not, or the other way round, is left alone: of its
    settings only credentials, retries and timeouts may differ, as from deploy to deploy. The newest
    stays where it has other credentials.
    """
    gone = set(with_newer_credentials(found, index))
    parts = {p.live.id: p for twin in found for p in (*twin.parts, *index.first(twin.schedule.id))}
    apart = {live_id: told_apart(part.live.message) for live_id, part in parts.items()}
    span = Span.around(now, now + timedelta(days=_EXACT_DAYS))
    for twin in found:
        kept = index.of(twin.schedule.id)
        fires = _bitmap([one.live.cron for one in kept], span)
        for part in twin.parts if index.first(twin.schedule.id) else ():
            is_free = part.mark is None or _is_copy(part, index)
            if part.live.id in gone or not is_free or apart[part.live.id] != apart[kept[0].live.id]:
                continue
            differs = differences(part.live.message, kept[0].live.message)
            if not _are_alike(part, kept, twin.schedule, differs) or _labels_differ(
                part, twin, index
            ):
                continue
            crons = tuple(one.live.cron for one in twin.parts)
            is_same = fires == _bitmap(crons, span) and for_ever(
                _time(twin.schedule, index), crons, now
            )
            if not (_is_copy(part, index) or is_same):
                continue
            gone.add(part.live.id)
            yield Change(
                kind=Kind.SCHEDULE,
                name=part.live.id,
                id=part.live.id,
                action=Action.DELETE,
                reason=Reason.TWIN,
                notes=(
                    taken.by_delete([part], index, now),
                    TwinOf(name=twin.schedule.name, differs=differs),
                ),
                steps=(DeleteSchedule(id=part.live.id),),
            )


def _are_alike(
    part: LivePart, kept: Sequence[LivePart], schedule: Schedule, differs: Sequence[str]
) -> bool:
    """Whether one can go as the other stays; schedule: what becomes of the other's pause."""
    is_free = kept[0].mark is None or kept[0].ours
    pauses = {one.live.paused for one in kept}
    pauses |= {schedule.paused} if schedule.paused is not None else set()
    return is_free and pauses == {part.live.paused} and may_go(differs)


def _labels_differ(part: LivePart, twin: Twin, index: LiveParts) -> bool:
    """Whether somebody has given a stranger labels that the declared schedule does not have."""
    if part.mark:
        return False
    own = marks.own_labels(part.live, index.namespace, twin.schedule.name, ())
    return not set(own) <= set(twin.schedule.message.labels)


def may_go(differs: Iterable[str]) -> bool:
    """Whether settings that differ are of those that change from deploy to deploy."""
    return all(path in _OF_A_DEPLOY or _is_credential(path) for path in differs)


def told_apart(message: Message) -> str:
    """Of a live message all in which no two may differ where one of them may go, its body aside."""
    values = canonical.of_message(replace(message, headers=(), body=None), ()).values
    settings = {key: value for key, value in values.items() if not may_go([key])}
    headers = {n: plain(text) for n, text in message.headers if not may_go([f"headers.{n}"])}
    return canonical.encoded([settings, headers])


def _is_credential(path: str) -> bool:
    """Only what is certain: `X-Tenant-Key` may tell tenants apart."""
    key, _, name = path.partition(".")
    return key == "headers" and is_called(name)


def for_ever(one: Job | tuple[str, ...], other: tuple[str, ...], now: datetime) -> bool:
    """Whether crons that fire alike for a year go on doing so: 29 February, Friday 13th.

    The calendar comes again after 28 years.
    """
    if one == other or _same_days(one, other):
        return True
    return _for_ever(one, other, now.astimezone(UTC).date())


def _same_days(one: Job | tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether both have one cron, with the same months, days and weekdays."""
    try:
        before = one.crons if isinstance(one, Job) else [robfig.read(cron) for cron in one]
        after = [robfig.read(cron) for cron in other]
    except CronError:
        return False
    if len(before) != 1 or len(after) != 1:
        return False
    return before[0].fields.normal.day_rule == after[0].fields.normal.day_rule


@lru_cache(maxsize=4096)
def _for_ever(one: Job | tuple[str, ...], other: tuple[str, ...], first: date) -> bool:
    for year in range(_CALENDAR_YEARS):
        span = Span(first + timedelta(days=_DAYS * year), _DAYS)
        if _firings(one, span) != _bitmap(other, span):
            return False
    return True


def differences(one: Message, other: Message) -> tuple[str, ...]:
    """The settings in which two live messages differ, by path, labels aside.

    Of what is redacted the digests tell.
    """
    before, after = (canonical.of_message(each, ()) for each in (one, other))
    shown = [change.path for change in diff.compare(before, after, diff.Trust.UNKNOWN)]
    return tuple(dict.fromkeys((*shown, *_hidden_differences(one, other))))


def _hidden_differences(one: Message, other: Message) -> Iterator[str]:
    first, second = (
        {"body": each.body} | {f"headers.{name}": text for name, text in each.headers}
        for each in (one, other)
    )
    for path in sorted(first.keys() & second.keys()):
        texts = [_text(first[path]), _text(second[path])]
        if texts[0] != texts[1] and all(text.startswith(canonical.DIGEST) for text in texts):
            yield path


def _text(value: bytes | Text | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else plain(value or "")


def _target(message: Message) -> tuple[str, str]:
    return plain(message.destination), message.method


def _bitmap(crons: Sequence[str], span: Span) -> int:
    """The minutes at which crons fire; none where one is not understood."""
    try:
        return firings.fired(crons, span)
    except CronError:
        return 0
