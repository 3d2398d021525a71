"""Fields that somebody else owns: `ignore` in the file, `--ignore` for one run.

    live        what is compared                        what is written
    nothing     -                                       the file's value
    there       as if the account had the file's value  the value that the account has

So such a field never differs, and its value is in no digest of a mark: the mark tells of the file's
value alone, and whoever ignores it no longer is told that the account was changed outside.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from qstash_sync.errors import UsageError
from qstash_sync.model import fields
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.fields import FieldError, taken_from
from qstash_sync.model.resources import (
    Callback,
    Desired,
    Endpoint,
    FlowControl,
    Kind,
    LiveFlowControl,
    LiveQueue,
    LiveUrlGroup,
    Message,
    Piece,
    Queue,
    Schedule,
    Secret,
    Text,
    UrlGroup,
    plain,
)
from qstash_sync.model.settings import CALLBACKS
from qstash_sync.reconcile import mark as marks, scope
from qstash_sync.reconcile.canonical import DIGEST
from qstash_sync.reconcile.live_parts import LivePart, LiveParts
from qstash_sync.reconcile.scope import Pattern

_SECOND = 1000  # milliseconds


# ---------------------------------------------------------------- what is ignored


@dataclass(frozen=True, slots=True, kw_only=True)
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
            return Pattern(kinds, name), kind, fields.owned(kind, field)
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
            fact = f"no {kind} of the files has such a name"
            raise UsageError(f"--ignore {text}: {fact}; they have {known}")
        found = tuple(
            _with(resource, field) if pattern.names(kind, (resource.name,)) else resource
            for resource in resources
        )
        for why in (
            w for r in found if kind is Kind.SCHEDULE for w in redacted(r.message, r.ignore)
        ):
            raise UsageError(f"--ignore {text}: {why}")
        changes: dict[str, Any] = {f"{kind}s": found}
        desired = replace(desired, **changes)
    return desired


def _with(resource: Any, field: str) -> Any:
    return replace(resource, ignore=tuple(dict.fromkeys((*resource.ignore, field))))


def redacted(message: Message, ignore: Iterable[str]) -> Iterator[str]:
    """Why a field cannot be left: what the file redacts reads back as a digest."""
    for field in ignore:
        if field == fields.BODY and message.redact.body:
            yield "the body is redacted: what reads back is not its value"
        for name in fields.names_of_headers(field, [name for name, _ in message.headers]):
            if message.redact.hides(name):
                yield f"the header {name} is redacted: what reads back is not its value"


# ---------------------------------------------------------------- schedules


def left(schedule: Schedule) -> Schedule:
    """A schedule that is live, with a pause that is left as it is."""
    return replace(schedule, paused=None) if fields.PAUSE in schedule.ignore else schedule


def as_declared(part: LivePart, schedule: Schedule, index: LiveParts) -> LivePart:
    """A live part, as if what is ignored of it were as the file has it."""
    if not schedule.ignore:
        return part
    live = part.live
    message = taken_from(schedule.message, live.message, schedule.ignore)
    if fields.LABELS in schedule.ignore and not live.labels_cut:
        own = _own_labels(part, index)
        ours = [label for label in live.message.labels if label not in own]
        message = replace(message, labels=(*ours, *schedule.message.labels))
    return replace(part, live=replace(live, message=message), as_read=live)


def _own_labels(part: LivePart, index: LiveParts) -> tuple[str, ...]:
    return marks.own_labels(part.live, index.namespace_of(part), index.name_of(part), ())


def carried(schedule: Schedule, part: LivePart | None, index: LiveParts) -> Message:
    """What is written of a schedule: what is ignored as a live part has it, its texts hidden."""
    if not schedule.ignore or part is None:
        return schedule.message
    found = taken_from(_hidden(part.live.message), schedule.message, schedule.ignore)
    if fields.LABELS in schedule.ignore:
        found = replace(found, labels=_own_labels(part, index))
    return found


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
    return Diagnostic(
        code="ignore",
        message=fact,
        path=("schedules", schedule.name),
        location=schedule.location,
        hint="a write replaces the whole schedule: let the file have it, or make no other change",
    )


def _why_not(field: str, part: LivePart, schedule: Schedule, index: LiveParts) -> str | None:
    message = part.live.message
    headers = dict(message.headers)
    for name in fields.names_of_headers(field, headers):
        if _is_digest(headers.get(name, "")):
            return f"the header {name} of {part.live.id} is redacted, and reads back as a digest"
    if field == fields.BODY and _is_digest(message.body or ""):
        return f"the body of {part.live.id} is redacted, and reads back as a digest"
    if field == fields.LABELS and part.live.labels_cut:
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
    names = {field.partition(".")[2] for field in group.ignore}
    theirs = [end for end in live.endpoints if "" in names or (end.name or "") in names]
    ours = [end for end in group.endpoints if "" not in names and end.name not in names]
    hidden = [Endpoint(url=_secret(end.url), name=end.name) for end in theirs]
    ordered = sorted((*ours, *hidden), key=lambda end: (end.name or "", str(end.url)))
    return replace(group, endpoints=tuple(ordered) or group.endpoints)


def _queue(queue: Queue, live: LiveQueue) -> Queue:
    parallelism = live.parallelism if "parallelism" in queue.ignore else queue.parallelism
    paused = None if fields.PAUSE in queue.ignore else queue.paused
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
        paused=None if fields.PAUSE in flow.ignore else flow.paused,
    )
