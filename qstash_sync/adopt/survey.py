"""What of an account a file can be about: whose each schedule is, and which of them are twins.

our mark, of this namespace        ours: its parts are one schedule, under the name they tell
a mark that is not ours            left: another namespace's, another environment's, or a copy
no mark, alike with another        a twin: the oldest is kept, the others stand beside it
no mark                            carried, with its id
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from fnmatch import fnmatchcase
from itertools import combinations

from qstash_sync.adopt import entries, names, secrets, times, twins
from qstash_sync.adopt.entries import Place, Settings
from qstash_sync.adopt.times import Time
from qstash_sync.model.names import natural
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
from qstash_sync.reconcile import mark as marks, time_label
from qstash_sync.reconcile.live_parts import LivePart, LiveParts, Writing, read_parts, state
from qstash_sync.reconcile.mark import Declared
from qstash_sync.record import record

_MOST_TEXTS = 10  # of one message, of which every choice is tried
COPY = "a copy of one of ours, labels and all"
BYTES = "its body is no text, and has a secret in it: no variable can hold that"
MARKED = "it carries the mark of another namespace or environment"


@record(kw_only=True)
class Item:
    """A schedule to be written: its parts, of which one that is not ours has one.

    lost: of ours, settings that its mark knows of and QStash does not show.
    """

    parts: tuple[LivePart, ...]
    time: Time
    is_ours: bool = False
    name: str = ""
    settings: Settings = field(default_factory=dict)
    lost: bool = False
    twins: tuple[LiveSchedule, ...] = ()

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


@record(kw_only=True)
class Survey:
    """Everything that the file is about, in its order, and what it is not.

    left: live schedules that are left alone, and why. lost: of ours, what cannot be said. untaken:
    names of ours that no target names. known: the secrets of all, of what is left alone and of
    twins, too.
    """

    namespace: str
    index: LiveParts
    items: tuple[Item, ...]
    left: tuple[tuple[LiveSchedule, str], ...]
    lost: tuple[str, ...]
    untaken: tuple[str, ...]
    others: Mapping[Kind, Mapping[str, Settings]]
    known: secrets.Known


def survey(
    live: Live,
    *,
    namespace: str,
    now: datetime,
    targets: Sequence[str] = (),
    given: Mapping[str, tuple[str, ...]] | None = None,
    without: Mapping[str, str] | None = None,
) -> Survey:
    """Look at an account; given: names for live ids and URL groups, from elsewhere.

    without: live ids of strangers that are to be left alone, and why.
    """
    chosen = _by_globs(targets)
    index = LiveParts(Desired(namespace=namespace), live.schedules or ())
    untaken = _untaken(index, chosen)
    items, lost = _ours(index, untaken, now)
    left: list[tuple[LiveSchedule, str]] = []
    in_seconds = _are_in_seconds(index)
    for part in index.by_id.values():
        if part.ours or not chosen(part.live.id):
            continue
        found = (without or {}).get(part.live.id) or _stranger(
            part, index, now, in_seconds=in_seconds
        )
        if isinstance(found, Item):
            items.append(found)
        else:
            left.append((part.live, found))
    secret = _secret([*items, *(one for one, _ in left)], live)
    known = secrets.Known(secret)
    items, hiding = _without_secret_bytes(items, known)
    for item in hiding:
        if item.is_ours:
            lost.append(f"{item.id}: {BYTES}")
        left += [] if item.is_ours else [(one, BYTES) for one in item.live]
    kept = [
        replace(item, settings=entries.of_message(item.live[0].message))
        for item in _without_twins(items, now)
    ]
    named = _named(kept, index, given or {}, known, untaken.values())
    written = [_written(item, named[item.id], index) for item in kept]
    return Survey(
        namespace=namespace,
        index=index,
        items=tuple(sorted(written, key=lambda item: natural(item.name))),
        left=tuple(sorted(left, key=lambda pair: pair[0].id)),
        lost=tuple(lost),
        untaken=tuple(untaken.values()),
        others=_others(live, written, chosen),
        known=secrets.Known(secret, [item.settings for item in written]),
    )


Chosen = Callable[..., bool]  # whether one of some ids is to be imported


def _by_globs(targets: Sequence[str]) -> Chosen:
    def chosen(*ids: str) -> bool:
        return not targets or any(fnmatchcase(i, glob) for i in ids for glob in targets)

    return chosen


def _bases(index: LiveParts) -> list[str]:
    """The ids of our schedules."""
    return sorted({part.base for part in index.by_id.values() if part.ours})


def _untaken(index: LiveParts, chosen: Chosen) -> dict[str, str]:
    """Names of ours that are not to be imported, by their ids."""
    parts = {base: index.ours(base) for base in _bases(index)}
    return {
        base: index.name_of(found[0])
        for base, found in parts.items()
        if not chosen(base, *(part.live.id for part in found))
    }


def taken(live: Live, namespace: str, targets: Sequence[str]) -> Live:
    """An account without what is ours and not to be imported: other files of it are about that."""
    index = LiveParts(Desired(namespace=namespace), live.schedules or ())
    untaken = _untaken(index, _by_globs(targets))
    gone = {part.live.id for base in untaken for part in index.ours(base)}
    kept = (one for one in live.schedules or () if one.id not in gone)
    return replace(live, schedules=tuple(kept))


def _ours(
    index: LiveParts, untaken: Collection[str], now: datetime
) -> tuple[list[Item], list[str]]:
    """What carries our mark, as it was written, or where somebody has edited it, as it is."""
    items: list[Item] = []
    lost: list[str] = []
    for base in (base for base in _bases(index) if base not in untaken):
        parts = tuple(index.ours(base))
        first = parts[0]
        assert first.mark
        time: Time | str | None = times.of_ours(
            first.mark, first.live.message.labels, len(parts), now
        )
        if isinstance(time, Time) and _was_edited(parts, index, time):
            time = None
        time = time or times.as_stored([part.live for part in parts], now)
        if isinstance(time, Time):
            items.append(Item(parts=parts, time=time, is_ours=True))
        else:
            lost.append(f"{base}: its cron: {time}")
    return items, lost


def _stranger(part: LivePart, index: LiveParts, now: datetime, *, in_seconds: bool) -> Item | str:
    """What carries no mark of ours, or why it is left alone."""
    if part.mark:
        return COPY if part.is_copy or part.mark.scope == index.scope else MARKED
    if part.live.repeated:
        name = ", ".join(part.live.repeated)
        return f"it sends {name} more than once, and a file has one value for each header"
    if any(len(name) > entries.LONGEST_KEY for name, _ in part.live.message.headers):
        return "the name of a header is too long for a key of a file"
    timeout = part.live.message.timeout
    if timeout and not in_seconds:
        return f"its timeout, {timeout}, may be seconds or milliseconds: QStash does not say"
    time = times.of_stranger(part.live.cron, now)
    if isinstance(time, Time):
        return Item(parts=(part,), time=time)
    return f"its cron: {time}; an entry with `id: {part.live.id}` and a cron takes it over"


def _are_in_seconds(index: LiveParts) -> bool:
    """Whether it is certain in which unit QStash shows timeouts, which nothing documents.

    Milliseconds of whole seconds are multiples of 1,000; one that is none proves seconds, as our
    own marks prove either.
    """
    timeouts = [(part, part.live.message.timeout) for part in index.by_id.values()]
    return index.in_milliseconds or any(t and (t % 1_000 or p.ours) for p, t in timeouts)


def _secret(found: Sequence[Item | LiveSchedule], live: Live) -> list[secrets.Hidden]:
    """What is a secret anywhere."""
    shown = [one.live[0] if isinstance(one, Item) else one for one in found]
    trees = [entries.of_message(one.message) for one in shown]
    trees += map(entries.of_group, live.url_groups or ())
    return [*secrets.hidden_in(trees)]


def _without_secret_bytes(
    items: Sequence[Item], known: secrets.Known
) -> tuple[list[Item], list[Item]]:
    """Those that can be written, and those whose body hides a secret from who reads the file."""
    kept: list[Item] = []
    hiding: list[Item] = []
    for item in items:
        text = entries.bytes_text(item.live[0].message)
        shows = text is None or known.hiding(text).plain is not None
        (kept if shows else hiding).append(item)
    return kept, hiding


def _without_twins(items: Sequence[Item], now: datetime) -> list[Item]:
    """Each group of twins as its first: one of ours, else the oldest."""
    ordered = sorted(items, key=lambda item: item.order)
    kept: list[Item] = []
    for first, *rest in twins.grouped(ordered, lambda item: item.live, now):
        doubles = tuple(item.live[0] for item in rest if not item.is_ours)
        kept += [replace(first, twins=doubles), *(item for item in rest if item.is_ours)]
    return kept


def _named(
    items: Sequence[Item],
    index: LiveParts,
    given: Mapping[str, tuple[str, ...]],
    known: secrets.Known,
    taken: Iterable[str],
) -> dict[str, str]:
    """A name for each id; taken: names that other files of the namespace have."""
    prefix = f"{index.namespace}."

    def nameless(item: Item) -> names.Nameless:
        first = item.parts[0]
        told = [label for label in first.live.message.labels if label.startswith(prefix)]
        name = index.name_of(first) if item.is_ours else item.id.removeprefix(prefix)
        if item.is_ours and not names.is_name(name) and told:  # an id that can be no name
            name = told[0].removeprefix(prefix)
        is_kept = (item.is_ours or item.id.startswith(prefix)) and names.is_name(name)
        target = plain(first.live.message.destination)
        address = known.hiding_in_url(item.settings.get("destination", secrets.plain(target)))
        return names.Nameless(
            id=item.id,
            address=next((part for part in address.parts if isinstance(part, str)), ""),
            method=first.live.message.method,
            given=given.get(item.id) or given.get(target, ()),
            kept=name if is_kept else None,
        )

    ordered = sorted(items, key=lambda item: item.order)
    return names.of_schedules([nameless(item) for item in ordered], taken)


def _written(item: Item, name: str, index: LiveParts) -> Item:
    """The item with its name and its settings."""
    message = item.live[0].message
    identity = f"{index.namespace}.{name}"
    message = replace(message, labels=_labels(item, identity))
    settings = entries.identified(item.settings, identity) | entries.of_time(item.time)
    settings |= entries.labelled(message.labels)
    if all(part.paused for part in item.live):
        settings["paused"] = True
    if item.id != identity or not item.is_ours:
        settings["id"] = item.id
    if any(part.ours and part.mark and part.mark.protected for part in item.parts):
        settings["protect"] = True
    item = replace(item, name=name, settings=settings)
    return _as_marked(item, message) if item.is_ours else item


def _labels(item: Item, identity: str) -> tuple[str, ...]:
    """The user's labels; that of a time is ours only beside our name."""
    labels = item.live[0].message.labels
    if item.is_ours or identity in labels:
        namespace, _, name = identity.partition(".")
        return marks.own_labels(item.live[0], namespace, name, ())
    return labels


def _as_marked(item: Item, message: Message) -> Item:
    """What QStash does not show, as far as the mark tells it: which texts are redacted, or secrets.

    Where nothing tells which they are, any may be one.
    """
    mark = item.parts[0].mark
    assert mark
    is_plain = time_label.read(item.live[0].message.labels) is not None and not mark.exposed
    redact = entries.redaction(message)
    redacts = dict.fromkeys((redact, entries.other_redaction(message, redact)))
    places = entries.places(item.settings)
    for taken in [()] if is_plain else _subsets(places):
        found = entries.exposed(item.settings, message, taken)
        for one in redacts:
            declared = entries.as_declared(message, found, one)
            if marks.digest_of_settings(declared) == mark.settings:
                hidden = entries.redacted(one)
                return replace(item, settings=found | ({"redact": hidden} if hidden else {}))
    has_callback = bool(message.callback or message.failure_callback)
    found = entries.exposed(item.settings, message, () if is_plain else places)
    return replace(item, settings=found, lost=has_callback)


def _subsets(places: Sequence[Place]) -> Iterator[tuple[Place, ...]]:
    """Every choice of some, the smallest first; of too many, none and all."""
    if len(places) > _MOST_TEXTS:
        yield ()
        yield tuple(places)
        return
    for count in range(len(places) + 1):
        yield from combinations(places, count)


def _was_edited(parts: Sequence[LivePart], index: LiveParts, time: Time) -> bool:
    """Whether somebody has changed the cron of a part since it was written."""
    name, message = index.name_of(parts[0]), parts[0].live.message
    labels = marks.own_labels(parts[0].live, index.namespace, name, ())
    schedule = Schedule(
        name=name,
        id=parts[0].base,
        timing=Timing(job=time.job, strategy=time.strategy),
        message=replace(message, labels=labels),
        adopted=not parts[0].base.startswith(f"{index.namespace}."),
    )
    declared = Declared(schedule, index.namespace, None)
    return state(schedule, read_parts(declared, parts)).writing is Writing.EDITED


def _others(
    live: Live, items: Sequence[Item], chosen: Chosen
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
