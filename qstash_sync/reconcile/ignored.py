"""Fields that somebody else owns: `ignore` in the file, `--ignore` for one run.

    live        what is compared                        what is written
    nothing     -                                       the file's value
    there       as if the account had the file's value  the value that the account has

So such a field never differs, and its value is in no digest of a mark: the mark tells of the file's
value alone, and whoever ignores it no longer is told that the account was changed outside.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

from qstash_sync.errors import UsageError
from qstash_sync.model import ignorable
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.ignorable import FieldError, taken_from
from qstash_sync.model.resources import (
    Callback,
    Desired,
    Endpoint,
    FlowControl,
    Kind,
    LiveFlowControl,
    LiveQueue,
    LiveSchedule,
    LiveUrlGroup,
    Message,
    Piece,
    Queue,
    Resource,
    Schedule,
    Secret,
    Text,
    UrlGroup,
    plain,
)
from qstash_sync.model.settings_table import CALLBACKS
from qstash_sync.model.steps import (
    PauseFlowControl,
    PauseSchedule,
    PinFlowControl,
    PutQueue,
    PutSchedule,
    SettleUrlGroup,
    Step,
)
from qstash_sync.reconcile import mark as marks, scope
from qstash_sync.reconcile.about import about
from qstash_sync.reconcile.canonical import DIGEST
from qstash_sync.reconcile.live_parts import LivePart, LiveParts, same_crons
from qstash_sync.reconcile.mark import Mark
from qstash_sync.reconcile.scope import Pattern
from qstash_sync.record import record

R = TypeVar("R", bound=Resource)

_SECOND = 1000  # milliseconds


# ---------------------------------------------------------------- what is ignored


@record(kw_only=True)
class Ignored:
    """The fields of one resource that are not looked at."""

    kind: Kind
    name: str
    fields: tuple[str, ...]


def of(desired: Desired) -> Iterator[Ignored]:
    """What is ignored of each resource that is declared, in the order of kinds."""
    for kind in Kind:
        for resource in getattr(desired, f"{kind}s") or ():
            if resource.ignore:
                yield Ignored(kind=kind, name=resource.name, fields=resource.ignore)


@lru_cache(maxsize=1024)
def option(text: str) -> tuple[Pattern, Kind, str]:
    """`--ignore KIND.NAME.FIELD`; raises a `ValueError` that says how it would be right.

    The names of a kind may have dots, and so may a field: the first field that is known counts.
    """
    word, _, rest = text.partition(".")
    kinds, pieces = scope.kinds(word), rest.split(".")
    splits = [(".".join(pieces[:n]), ".".join(pieces[n:])) for n in range(1, len(pieces))]
    if len(kinds) != 1 or not splits:
        raise ValueError(f"{text}: write it like schedules.daily.retries; {scope.KINDS}")
    (kind,) = kinds
    failed: FieldError | None = None
    for name, field in splits[:1] if kind is Kind.SCHEDULE else splits:
        try:
            return Pattern(kinds, name), kind, ignorable.owned(kind, field)
        except FieldError as error:
            failed = error
    raise ValueError(f"{text}: {failed}")


def with_options(desired: Desired, options: Sequence[str]) -> Desired:
    """What is declared, with the options of this run; raises `UsageError` for one that is wrong."""
    for text in options:
        pattern, kind, field = option(text)
        resources: tuple[Any, ...] = getattr(desired, f"{kind}s") or ()
        if not any(pattern.names(kind, (resource.name,)) for resource in resources):
            known = ", ".join(resource.name for resource in resources) or "none"
            fact = f"no {kind.noun} of the files has such a name"
            raise UsageError(f"--ignore {text}: {fact}; they have {known}")
        found = tuple(
            left_to_others(resource, (field,))
            if pattern.names(kind, (resource.name,))
            else resource
            for resource in resources
        )
        for why in (
            w for r in found if kind is Kind.SCHEDULE for w in redacted(r.message, r.ignore)
        ):
            raise UsageError(f"--ignore {text}: {why}")
        changes: dict[str, Any] = {f"{kind}s": found}
        desired = replace(desired, **changes)
    return desired


def left_to_others(resource: R, fields: Iterable[str]) -> R:
    """The same resource with more that is ignored, and with what that brings along."""
    found = dict.fromkeys((*resource.ignore, *fields))
    if isinstance(resource, FlowControl) and "rate" in found and not resource.has_period:
        found["period"] = None  # of their rate; the file says nothing of it
    return replace(resource, ignore=tuple(found))


def redacted(message: Message, ignore: Iterable[str]) -> Iterator[str]:
    """Why a field cannot be left: what the file redacts reads back as a digest."""
    for field in ignore:
        if field == ignorable.BODY and message.redact.body:
            yield "the body is redacted: what reads back is not its value"
        for name in ignorable.names_of_headers(field, [name for name, _ in message.headers]):
            if message.redact.hides(name):
                yield f"the header {name} is redacted: what reads back is not its value"


# ---------------------------------------------------------------- schedules


def left(schedule: Schedule) -> Schedule:
    """A schedule that is live, with a pause that is left as it is."""
    return replace(schedule, paused=None) if ignorable.PAUSE in schedule.ignore else schedule


def as_declared(part: LivePart, schedule: Schedule, index: LiveParts) -> LivePart:
    """A live part, as if what is ignored of it were as the file has it."""
    if not schedule.ignore:
        return part
    live = part.live
    message = taken_from(schedule.message, live.message, schedule.ignore)
    if ignorable.LABELS in schedule.ignore and not live.labels_cut:
        own = _own_labels(part, index)
        ours = [label for label in live.message.labels if label not in own]
        message = replace(message, labels=(*ours, *schedule.message.labels))
    mark = _as_of_the_rest(part.mark, live.message, schedule) if part.mark else None
    return replace(part, live=replace(live, message=message), as_read=live, mark=mark)


def _as_of_the_rest(mark: Mark, live: Message, schedule: Schedule) -> Mark:
    """A mark that was made before anybody ignored a field, as if it had been made since.

    Where the declared settings, with those of the live part in place of what is ignored, are the
    ones it was made for, nothing but these has changed in the file. Where the account has another
    value by now, nobody knows that: not even whether what does not read back has changed.
    """
    if mark.rest is not None or mark.settings == marks.digest_of_settings(schedule.message):
        return mark
    former = taken_from(live, schedule.message, schedule.ignore)
    if marks.digest_of_settings(former) != mark.settings:
        return mark
    return mark._replace(rest=marks.rest_of(schedule))


def _own_labels(part: LivePart, index: LiveParts) -> tuple[str, ...]:
    return part.own_labels(index.namespace_of(part), index.name_of(part))


def carried(schedule: Schedule, part: LivePart | None, index: LiveParts) -> Message:
    """What is written of a schedule: what is ignored as a live part has it, its texts hidden."""
    if not schedule.ignore or part is None:
        return schedule.message
    found = taken_from(_hidden(part.live.message), schedule.message, schedule.ignore)
    if ignorable.LABELS in schedule.ignore:
        found = replace(found, labels=_own_labels(part, index))
    return found


def mixed(schedule: Schedule, parts: Sequence[LivePart], crons: Sequence[str]) -> list[Diagnostic]:
    """That parts which differ in what is ignored are cut anew: nobody knows which is whose then.

    crons: of what is written.
    """
    read = [part.as_read for part in parts if part.as_read]
    found = {taken_from(live.message, ignorable.NOTHING, schedule.ignore) for live in read}
    if len(found) <= 1 or same_crons([live.cron for live in read], crons):
        return []
    fields = ", ".join(field for field in schedule.ignore if ignorable.is_sent(field))
    fact = f"its parts differ in {fields}, which the file leaves to others, and are cut anew"
    hint = "look at them after the apply: nobody knows which part is whose then"
    return [about(schedule, Severity.WARNING, "ignored_parts", fact, hint)]


def cannot_be_carried(
    schedule: Schedule, parts: Iterable[LivePart], index: LiveParts
) -> Diagnostic | None:
    """Why live parts cannot be written with what they have of the fields that are ignored."""
    reasons = (
        f"{field} is ignored, and cannot be kept: {why}"
        for part in parts
        for field in schedule.ignore
        if (why := _why_not(field, part, schedule, index))
    )
    fact = next(reasons, None)
    if fact is None:
        return None
    hint = "a write replaces the whole schedule: let the file have it, or make no other change"
    return about(schedule, Severity.ERROR, "ignore", fact, hint)


def _why_not(field: str, part: LivePart, schedule: Schedule, index: LiveParts) -> str | None:
    message = part.live.message
    headers = dict(message.headers)
    for name in ignorable.names_of_headers(field, headers):
        if _is_digest(headers.get(name, "")):
            return f"the header {name} of {part.live.id} is redacted, and reads back as a digest"
    if field == ignorable.BODY and _is_digest(message.body or ""):
        return f"the body of {part.live.id} is redacted, and reads back as a digest"
    if field == ignorable.LABELS and part.live.labels_cut:
        return f"QStash shows the first label of {part.live.id} alone"
    if field == "timeout" and _may_be_milliseconds(message.timeout or 0, schedule, index):
        return f"nothing tells whether {message.timeout} of {part.live.id} are seconds"
    return None


def _may_be_milliseconds(timeout: int, schedule: Schedule, index: LiveParts) -> bool:
    """Whether a timeout could be one that was shown a thousand times as large as it is."""
    is_whole = timeout % _SECOND == 0 and timeout not in (0, schedule.message.timeout)
    return is_whole and not index.in_milliseconds


def _is_digest(text: bytes | Text) -> bool:
    return (
        text.startswith(DIGEST.encode())
        if isinstance(text, bytes)
        else plain(text).startswith(DIGEST)
    )


def _hidden(message: Message) -> Message:
    """A live message whose texts are masked: any of them may be a secret of somebody else's."""
    body = message.body
    with suppress(UnicodeDecodeError):  # nothing shows bytes
        body = body.decode() if isinstance(body, bytes) else body
    callbacks: dict[str, Any] = {key: _hidden_callback(getattr(message, key)) for key in CALLBACKS}
    return replace(
        message,
        destination=_hidden_url(message.destination),
        headers=tuple((name, _secret(text)) for name, text in message.headers),
        body=_secret(body) if isinstance(body, str) else body,
        **callbacks,
    )


def _hidden_callback(callback: Callback | None) -> Callback | None:
    return callback and replace(callback, url=_hidden_url(callback.url))


def _hidden_url(url: Text) -> Text:
    """The name of a URL group is none, and is looked up by what is in use."""
    return _secret(url) if "://" in plain(url) else url


def _secret(text: Text) -> Secret:
    return text if isinstance(text, Secret) else Secret((Piece(text, hidden=True),))


# ---------------------------------------------------------------- a plan that is kept


def unheld(live: Any, declared: Any, index: LiveParts) -> Any:
    """What is live without what is ignored of it; declared: the resource of the file, or None."""
    if declared is None or not declared.ignore:
        return live
    match live:
        case LiveSchedule():
            found = as_declared(replace(index.by_id[live.id], live=live), declared, index).live
            paused = found.paused and ignorable.PAUSE not in declared.ignore
            return replace(found, paused=paused, cron=_unheld_cron(found.cron, declared))
        case LiveUrlGroup():
            ours = tuple(end for end in live.endpoints if not _is_theirs(end, declared))
            return replace(live, endpoints=ours)
    return replace(live, **_of_the_file(live, declared))


def _unheld_cron(cron: str, schedule: Schedule) -> str:
    return "" if ignorable.TIME in schedule.ignore else cron


def _of_the_file(found: object, declared: Any) -> dict[str, Any]:
    """What is ignored of a queue or a key, as the file has it, as far as something tells it."""
    keys = {*declared.ignore, *(("period",) if "rate" in declared.ignore else ())}
    values = {key: getattr(declared, key) for key in keys if hasattr(found, key)}
    return values | ({"paused": False} if ignorable.PAUSE in values else {})


def unwritten(steps: Iterable[Step], declared: Any) -> Iterator[Step]:
    """Writes without what they carry over; declared: the resource of the file, None without one."""
    for step in steps:
        if declared is None or not declared.ignore:
            yield step
            continue
        match step:
            case PutSchedule():
                yield _unwritten_part(step, declared)
            case PauseSchedule() | PauseFlowControl() if ignorable.PAUSE in declared.ignore:
                pass
            case SettleUrlGroup(group=group):
                ours = tuple(end for end in group.endpoints if not _is_theirs(end, declared))
                yield replace(step, group=replace(group, endpoints=ours))
            case PutQueue() | PinFlowControl():
                yield replace(step, **_of_the_file(step, declared))
            case _:
                yield step


def _unwritten_part(step: PutSchedule, schedule: Schedule) -> PutSchedule:
    own, *labels = step.labels
    message = taken_from(schedule.message, step.message, schedule.ignore)
    if ignorable.LABELS in schedule.ignore:
        labels = labels[: len(labels) - len(step.message.labels)]
        message = replace(message, labels=())
    mark = marks.parse([own])
    if mark is not None and ignorable.PAUSE in schedule.ignore:
        own = str(mark._replace(paused=False))
    cron = _unheld_cron(step.cron, schedule)
    return replace(step, message=message, labels=(own, *labels), cron=cron)


# ---------------------------------------------------------------- the kinds that carry no mark


def as_live(resource: Any, live: Any) -> Any:
    """A declared resource, with what is ignored of it as the account has it."""
    if live is None or not resource.ignore:
        return resource
    match resource:
        case UrlGroup():
            return _group(resource, live)
        case Queue():
            return _queue(resource, live)
        case FlowControl():
            return _flow(resource, live)


def _group(group: UrlGroup, live: LiveUrlGroup) -> UrlGroup:
    """A group cannot be empty: one of which nothing else is left is as the file has it."""
    theirs = [end for end in live.endpoints if _is_theirs(end, group)]
    ours = [end for end in group.endpoints if not _is_theirs(end, group)]
    hidden = [Endpoint(url=_secret(end.url), name=end.name) for end in theirs]
    ordered = sorted((*ours, *hidden), key=lambda end: (end.name or "", str(end.url)))
    return replace(group, endpoints=tuple(ordered) or group.endpoints)


def _is_theirs(end: Endpoint, group: UrlGroup) -> bool:
    return any(ignorable.is_about(field, end.name or "") for field in group.ignore)


def _queue(queue: Queue, live: LiveQueue) -> Queue:
    parallelism = live.parallelism if "parallelism" in queue.ignore else queue.parallelism
    paused = None if ignorable.PAUSE in queue.ignore else queue.paused
    return replace(queue, parallelism=parallelism, paused=paused)


def _flow(flow: FlowControl, live: LiveFlowControl) -> FlowControl:
    """A rate has a period: without one of the file's it comes with its own."""
    rate = live.rate if "rate" in flow.ignore else flow.rate
    is_theirs = "period" in flow.ignore or flow.period is None
    period = live.period if is_theirs and live.rate is not None else flow.period
    return replace(
        flow,
        parallelism=live.parallelism if "parallelism" in flow.ignore else flow.parallelism,
        rate=rate,
        period=None if rate is None else period,
        paused=None if ignorable.PAUSE in flow.ignore else flow.paused,
    )
