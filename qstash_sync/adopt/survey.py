"""What of an account a file can be about: whose each schedule is, and which of them are twins.

our mark, of this namespace        ours: its parts are one schedule, under the name they tell
a mark that is not ours            left: another namespace's, another environment's, or a copy
no mark, alike with another        a twin: the oldest is kept, the others stand beside it
no mark                            carried, with its id
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from fnmatch import fnmatchcase

from qstash_sync.adopt import entries, names, times, twins
from qstash_sync.adopt.entries import Settings
from qstash_sync.adopt.times import Time
from qstash_sync.model.resources import (
    Desired,
    Kind,
    Live,
    LiveFlowControl,
    LiveSchedule,
    Message,
    Schedule,
    Timing,
    plain,
)
from qstash_sync.plan import mark as marks
from qstash_sync.plan.live_parts import LivePart, LiveParts, Writing, read_parts, state
from qstash_sync.plan.mark import Declared, Mark


class Left(Enum):
    """Why a schedule is no matter of this file."""

    COPY = "a copy of one of ours, labels and all"
    MARKED = "it carries the mark of another namespace or environment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A schedule to be written: its parts, of which one that is not ours has one.

    left: why it is not written, after all. lost: of ours, settings that its mark knows of and
    QStash does not show.
    """

    parts: tuple[LivePart, ...]
    name: str = ""
    settings: Settings = field(default_factory=dict)
    left: str | None = None
    is_ours: bool = False
    lost: bool = False
    twins: tuple[LivePart, ...] = ()

    @property
    def id(self) -> str:
        """The id of its first part."""
        return self.parts[0].base if self.is_ours else self.parts[0].live.id

    @property
    def live(self) -> tuple[LiveSchedule, ...]:
        """Its parts as the account shows them."""
        return tuple(part.live for part in self.parts)

    @property
    def order(self) -> tuple[bool, float, str]:
        """Ours come first, then the oldest."""
        created = [part.created_at for part in self.live if part.created_at is not None]
        return not self.is_ours, min(created, default=float("inf")), self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Everything that the file is about, in its order, and what it is not."""

    namespace: str
    index: LiveParts
    items: tuple[Item, ...]
    left: tuple[tuple[LivePart, Left], ...]
    others: Mapping[Kind, Mapping[str, Settings]]


def survey(
    live: Live,
    *,
    namespace: str,
    now: datetime,
    targets: Sequence[str] = (),
    given: Mapping[str, tuple[str, ...]] | None = None,
) -> Survey:
    """Look at an account; given: names for live ids and URL groups, from elsewhere."""

    def chosen(*ids: str) -> bool:
        return not targets or any(fnmatchcase(i, glob) for i in ids for glob in targets)

    index = LiveParts(Desired(namespace=namespace), live.schedules or ())
    ours: dict[str, list[LivePart]] = {}
    strangers: list[Item] = []
    left: list[tuple[LivePart, Left]] = []
    for part in index.by_id.values():
        if part.ours:
            ours.setdefault(part.base, []).append(part)
        elif chosen(part.live.id) and part.mark is None:
            strangers.append(Item(parts=(part,)))
        elif chosen(part.live.id) and part.mark:
            is_copy = part.is_copy or part.mark.scope == index.scope
            left.append((part, Left.COPY if is_copy else Left.MARKED))
    found = [
        Item(parts=tuple(index.ours(base)), is_ours=True)
        for base, parts in ours.items()
        if chosen(base, *(part.live.id for part in parts))
    ]
    kept = _without_twins([*found, *strangers], now)
    in_seconds = _are_in_seconds(index, kept)
    named = _named(kept, index, given or {})
    items = [_item(one, named[one.id], index, now, in_seconds=in_seconds) for one in kept]
    return Survey(
        namespace=namespace,
        index=index,
        items=tuple(sorted(items, key=lambda item: item.name)),
        left=tuple(sorted(left, key=lambda pair: pair[0].live.id)),
        others=_others(live, items, chosen),
    )


def _without_twins(items: Sequence[Item], now: datetime) -> list[Item]:
    """Each group of twins as its first: one of ours, else the oldest."""
    ordered = sorted(items, key=lambda item: item.order)
    kept: list[Item] = []
    for first, *rest in twins.grouped(ordered, lambda item: item.live, now):
        doubles = tuple(item.parts[0] for item in rest if not item.is_ours)
        kept += [replace(first, twins=doubles), *(item for item in rest if item.is_ours)]
    return kept


def _named(
    items: Sequence[Item], index: LiveParts, given: Mapping[str, tuple[str, ...]]
) -> dict[str, str]:
    prefix = f"{index.namespace}."

    def nameless(item: Item) -> names.Nameless:
        first = item.parts[0]
        name = index.name_of(first) if item.is_ours else item.id.removeprefix(prefix)
        is_kept = (item.is_ours or item.id.startswith(prefix)) and names.is_name(name)
        template = entries.address_of(first.live.message)
        target = plain(first.live.message.destination)
        return names.Nameless(
            id=item.id,
            address=template,
            method=first.live.message.method,
            given=given.get(item.id) or given.get(target, ()),
            kept=name if is_kept else None,
        )

    return names.of_schedules([nameless(item) for item in sorted(items, key=lambda i: i.order)])


def _are_in_seconds(index: LiveParts, items: Iterable[Item]) -> bool:
    """Whether it is certain in which unit QStash shows timeouts, which nothing documents.

    Milliseconds of whole seconds are multiples of 1,000; one that is none proves seconds, as our
    own marks prove either.
    """
    timeouts = [part.live.message.timeout for item in items for part in item.parts]
    ours = any(item.is_ours and item.live[0].message.timeout for item in items)
    return index.in_milliseconds or ours or any(t % 1_000 for t in timeouts if t)


def _item(item: Item, name: str, index: LiveParts, now: datetime, *, in_seconds: bool) -> Item:
    first = item.parts[0]
    message = first.live.message
    identity = f"{index.namespace}.{name}"
    labels = marks.own_labels(message.labels, index.namespace, name)
    settings = entries.of_message(message, identity) | entries.labelled(labels)
    if all(part.paused for part in item.live):
        settings["paused"] = True
    if item.id != identity or not item.is_ours:
        settings["id"] = item.id
    if not item.is_ours:
        time = times.of_stranger(first.live.cron, now)
        if isinstance(time, str):
            return replace(item, name=name, settings=settings, left=f"its cron: {time}")
        settings |= entries.of_time(time)
        unsure = message.timeout and not in_seconds
        why = f"its timeout, {message.timeout}, may be seconds or milliseconds: QStash does not say"
        return replace(item, name=name, settings=settings, left=why if unsure else None)
    assert first.mark
    return _ours(replace(item, name=name), settings, index, first.mark, labels, now)


def _ours(
    item: Item,
    settings: Settings,
    index: LiveParts,
    mark: Mark,
    labels: tuple[str, ...],
    now: datetime,
) -> Item:
    """What we wrote, as it was written: its mark tells what QStash does not show."""
    message = replace(item.live[0].message, labels=labels)
    if any(part.mark and part.mark.protected for part in item.parts):
        settings["protect"] = True
    time: Time | str | None = times.of_ours(mark, item.live[0].message.labels, len(item.parts), now)
    lost = True
    redact = entries.redaction(message)
    for one in dict.fromkeys((redact, entries.other_redaction(message, redact))):
        declared_message = entries.as_declared(message, settings, one)
        if marks.digest_of_settings(declared_message) == mark.settings:
            settings |= {"redact": entries.redacted(one)} if entries.redacted(one) else {}
            lost = False
            break
    if isinstance(time, Time) and _was_edited(item, index, time, message):
        time = None
    time = time or times.as_stored(item.live, now)
    if isinstance(time, str):
        return replace(item, settings=settings, left=time)
    has_callback = bool(message.callback or message.failure_callback)
    settings |= entries.of_time(time)
    return replace(item, settings=settings, lost=lost and has_callback)


def _was_edited(item: Item, index: LiveParts, time: Time, message: Message) -> bool:
    """Whether somebody has changed the cron of a part since it was written."""
    schedule = Schedule(
        name=item.name,
        id=item.id,
        timing=Timing(job=time.job, strategy=time.strategy),
        message=message,
        adopted=not item.id.startswith(f"{index.namespace}."),
    )
    declared = Declared(schedule, index.namespace, None)
    return state(schedule, read_parts(declared, item.parts)).writing is Writing.EDITED


def _others(
    live: Live, items: Sequence[Item], chosen: Callable[..., bool]
) -> Mapping[Kind, Mapping[str, Settings]]:
    """The kinds that are known by their names; of the keys, those that are pinned or used."""
    used = {
        part.message.flow_control.key
        for item in items
        for part in item.live
        if part.message.flow_control
    }
    flows: Iterator[LiveFlowControl] = (
        flow
        for flow in live.flow_controls or ()
        if flow.parallelism or flow.rate or flow.paused or flow.name in used
    )
    return {
        Kind.URL_GROUP: {
            g.name: entries.of_group(g) for g in live.url_groups or () if chosen(g.name)
        },
        Kind.QUEUE: {q.name: entries.of_queue(q) for q in live.queues or () if chosen(q.name)},
        Kind.FLOW_CONTROL: {f.name: entries.of_flow_control(f) for f in flows if chosen(f.name)},
    }
