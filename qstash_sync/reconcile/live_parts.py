"""Which live id is which part of which schedule: one index, built once, asked by all.

    live id       our mark   base         number
    billing.x     yes        billing.x    1        ours
    billing.x     no         billing.x    1        the application's own: needs consent
    billing.x.2   yes        billing.x    2        ours
    billing.x.2   no         billing.x    2        a stray: fires beside ours; left alone, or taken
    billing.9     yes        billing.9    1        ours: a name of digits is a name
    billing.2     part 2     billing      2        of what says, or said, `id: billing`
    scd_123       bound      scd_123      1        ours, also when its `id:` has left the file
    scd_123.2     bound      scd_123      2        likewise
    scd_123       no         scd_123      1        of the schedule that says `id: scd_123`
    scd_456       bound      scd_456      1        a copy: the mark is bound to another id
    billing.y     foreign    billing.y    1        another environment's: needs consent
    billing.y.2   foreign    billing.y    2        of its set, whoever's the first is by now

A declared id is always a first part, whatever its last word looks like. An old mark of an adopted
schedule is bound to no id: it is ours as long as the file says `id:`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from fnmatch import fnmatchcase

from qstash_sync.crons.compile import native_parts
from qstash_sync.crons.error import CronError
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import Fields, render
from qstash_sync.crons.robfig import read
from qstash_sync.model import ignorable
from qstash_sync.model.change import Foreign
from qstash_sync.model.resources import Desired, LiveSchedule, Message, Schedule
from qstash_sync.reconcile import canonical, mark as marks, time_label
from qstash_sync.reconcile.canonical import View
from qstash_sync.reconcile.mark import Declared, Mark
from qstash_sync.record import record

_DIGITS = 9  # of a part's number; more is no number of ours


@record()
class LivePart:
    """A live schedule as a part: of which schedule (its first part's id), and which one.

    mark: whoever's it is. ours: it is that of this namespace and environment, and belongs to this
    id. former: the namespace that the file's has replaced, where it is that one's. as_read: the
    live schedule itself, where `live` has the file's values of fields that are ignored.
    """

    live: LiveSchedule
    base: str
    number: int
    mark: Mark | None
    ours: bool
    former: str | None = None
    as_read: LiveSchedule | None = None

    @property
    def is_copy(self) -> bool:
        """Whether it carries a mark that belongs to another id."""
        bound = self.mark.bound if self.mark else None
        return bound is not None and bound != marks.bound_to(self.live.id)

    def own_labels(
        self, namespace: str, name: str, unseen: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        """The user's labels: neither the mark, nor a time, nor the name behind somebody's mark."""
        found = marks.own_labels(self.live, namespace, name, unseen)
        if self.mark is None or self.live.labels_cut:
            return found
        behind = marks.name_behind(self.live.message.labels) or ""
        if (self.ours or self.former) and not behind.startswith(f"{namespace}."):
            return found
        return tuple(label for label in found if label != behind)


class LiveParts:
    """The live schedules of an account, by their ids and by the schedules that they belong to."""

    def __init__(self, desired: Desired, live: Iterable[LiveSchedule]) -> None:
        self.consent_to = desired.consent_to
        self.command = desired.command
        self.namespace = desired.namespace
        self.environment = desired.environment
        self.scope = self.scope_in(desired.namespace)
        self.neighbours = desired.neighbours
        self.former = desired.namespace_was
        former_scope = marks.scope(self.former, desired.environment) if self.former else None
        self._declared = declared = {schedule.id for schedule in desired.schedules or ()}
        self._was = {one.was: one.name for one in desired.schedules or () if one.was}
        self._labels = {one.id: one.message.labels for one in desired.schedules or ()}
        self.by_id: dict[str, LivePart] = {}
        for schedule in live:
            mark = marks.parse(schedule.message.labels)
            base, number = self._base_and_number(schedule.id, declared, mark)
            ours = mark is not None and self._is_ours(
                schedule.id, mark, is_declared=base in declared
            )
            former = None
            if mark and self.former and mark.scope == former_scope:
                is_theirs = mark.bound == marks.binding(schedule.id, self.former)
                former = self.former if is_theirs else None
            self.by_id[schedule.id] = LivePart(schedule, base, number, mark, ours, former)
        self.in_milliseconds = self._reads_milliseconds()
        if self.in_milliseconds:
            self.by_id = {key: _in_seconds(part) for key, part in self.by_id.items()}
        self._by_base: dict[str, list[LivePart]] = {}
        self._adopted: dict[str, set[str]] = {}
        for part in self.by_id.values():
            self._by_base.setdefault(part.base, []).append(part)
            if self.is_managed(part) and part.mark and part.mark.bound:
                self._adopted.setdefault(self.labelled_name(part), set()).add(part.base)
        for parts in self._by_base.values():
            if len(parts) > 1:
                parts.sort(key=lambda part: part.number)

    def _reads_milliseconds(self) -> bool:
        """Whether the account shows timeouts in milliseconds, which no documentation says.

        A mark of ours remembers it, as long as no part fits in seconds. The first releases' marks
        do not: then digest `a` of parts that nobody has changed tells. One such part alone might be
        one that was changed to a thousand times as much: it takes two.
        """
        old, remembers = 0, False
        for part in self.by_id.values():
            mark, timeout = part.mark, part.live.message.timeout
            if not part.ours or mark is None:
                continue
            remembers |= mark.in_milliseconds
            if not timeout or timeout % 1000:
                continue
            unseen = self._labels.get(part.base, ())
            labels = marks.own_labels(part.live, self.namespace, self.name_of(part), unseen)
            if marks.fits(mark, canonical.of_message(part.live.message, labels), part.live.cron):
                return False
            seconds = _in_seconds(part).live.message
            if time_label.read(part.live.message.labels) is None:
                old += marks.fits(mark, canonical.of_message(seconds, labels), part.live.cron)
        return remembers or old > 1

    def _base_and_number(
        self, part_id: str, declared: Collection[str], mark: Mark | None
    ) -> tuple[str, int]:
        head, _, tail = part_id.rpartition(".")
        is_number = tail.isdecimal() and tail.isascii() and len(tail) <= _DIGITS
        if part_id in declared or not is_number:
            return part_id, 1
        if head in (self.namespace, self.former):  # a name of digits, unless the id is adopted
            is_part = mark.part == int(tail) if mark else head in declared
            return (head, int(tail)) if is_part and tail != "1" else (part_id, 1)
        if mark and mark.bound and mark.part == 1:  # an adopted id that ends like a part's
            return part_id, 1
        return head, int(tail)

    def _is_ours(self, part_id: str, mark: Mark, *, is_declared: bool) -> bool:
        if mark.scope != self.scope:
            return False
        if mark.bound:
            return mark.bound == marks.binding(part_id, self.namespace)
        return is_declared or part_id.startswith(f"{self.namespace}.")

    def labelled_name(self, part: LivePart) -> str:
        """The name that the label behind its mark tells; empty where none does."""
        prefix = f"{self.namespace_of(part)}."
        told = (label for label in part.live.message.labels if label.startswith(prefix))
        return next(told, prefix).removeprefix(prefix)

    def scope_in(self, namespace: str) -> str:
        """The digits that the marks of this environment have, or had, in a namespace."""
        return marks.scope(namespace, self.environment)

    def name_of(self, part: LivePart) -> str:
        """The name that a schedule of ours has, or had, in the file; else its id."""
        if part.mark and part.mark.bound:
            return self.labelled_name(part) or part.base
        return part.base.removeprefix(f"{self.namespace}.").removeprefix(f"{self.former}.")

    def namespace_of(self, part: LivePart) -> str:
        """The namespace that a part of ours was written for."""
        return part.former or self.namespace

    @property
    def keeps_foreign_ids(self) -> bool:
        """Whether any schedule was adopted under an id that is not in the namespace."""
        return bool(self._adopted)

    def adopted(self, name: str) -> list[list[LivePart]]:
        """What was adopted under a name, and keeps a foreign id: the parts of each."""
        return [self.of(base) for base in sorted(self._adopted.get(name, ()))]

    def of(self, base: str) -> list[LivePart]:
        """The first part, whoever's it is, and the further ones that somebody's mark says are its.

        By number; the first may be gone.
        """
        return [
            part
            for part in self._by_base.get(base, ())
            if self.is_managed(part) or part.live.id == base or self._is_further(part)
        ]

    def _is_further(self, part: LivePart) -> bool:
        """Whether somebody else wrote it as a further part of a set under this base.

        Its own labels say so. Nothing that a run writes must change the answer: a take-over begins
        with the first part.
        """
        mark, labels = part.mark, part.live.message.labels
        if mark is None or mark.part != part.number or part.is_copy:
            return False
        is_named = part.base in labels or part.live.labels_cut
        return is_named or not self.is_in_namespace(part.base)

    def first(self, base: str) -> list[LivePart]:
        """The first part alone, whoever's it is, where it is live."""
        return [self.by_id[base]] if base in self.by_id else []

    def without_its_id(self, schedule: Schedule) -> list[LivePart]:
        """What one with an `id:` was without it: all of ours under its name; `was:` says more."""
        if not schedule.adopted or schedule.was:
            return []
        own = self.of(f"{self.namespace}.{schedule.name}")
        return own if all(map(self.is_managed, own)) else []

    def rest(self, base: str) -> list[LivePart]:
        """The parts of a set that carry somebody else's mark: of a take-over that was cut off.

        One without a mark is the application's own, and a copy is nobody's part.
        """
        parts = self.of(base)
        return [p for p in parts if p.mark and not (self.is_managed(p) or p.is_copy)]

    def ours(self, base: str) -> list[LivePart]:
        """The parts of a schedule that carry our mark, by number."""
        return [part for part in self._by_base.get(base, ()) if part.ours]

    def is_declared(self, base: str) -> bool:
        """Whether a schedule of the file has this id."""
        return base in self._declared

    def renamed_to(self, part: LivePart) -> str | None:
        """The name of the schedule of the file whose `was:` names a set, by its id or its name."""
        return self._was.get(part.base) or self._was.get(self.name_of(part))

    def is_in_namespace(self, base: str) -> bool:
        """Whether an id is one of this namespace, or of the one that it replaces."""
        return base.startswith(tuple(f"{name}." for name in (self.namespace, self.former) if name))

    def is_managed(self, part: LivePart) -> bool:
        """Whether it is ours to delete, or of the namespace that this one replaces."""
        return part.ours or part.former is not None

    def consents(self, schedule: Schedule | None, part: LivePart) -> bool:
        """Whether the file takes over a part that is not managed, by naming its very id.

        `id:` does so with one without a mark and with a copy, `was:`, which ends it, with the first
        alone; neither with what somebody else manages.
        """
        if schedule is None:
            return False
        if schedule.adopted and part.live.id == schedule.id:
            return part.mark is None or part.is_copy
        return part.live.id == schedule.was and part.mark is None

    def is_anothers(self, part: LivePart) -> bool:
        """Whether somebody else manages it, whom no consent of ours can overrule.

        That is an environment of the file; or whoever has set a mark outside of our namespaces,
        without a name of them behind it.
        """
        if self.environment_of(part):
            return True
        if part.mark is None or self.is_managed(part) or self.is_in_namespace(part.base):
            return False
        name = marks.name_behind(part.live.message.labels)
        return name is None or not self.is_in_namespace(name)

    def is_orphan(self, part: LivePart) -> bool:
        """Whether it is of the namespace, or of the one that it replaces, and of no environment.

        Of none that the files have, that is: of one that was renamed, or of a file without any.

        No declared schedule is it, and no run of another environment deletes it.
        """
        if part.mark is None or part.is_copy or self.is_managed(part) or self.is_anothers(part):
            return False
        names = [marks.name_behind(part.live.message.labels) or part.base]
        names += [] if part.mark.bound else [part.base]  # else a copy of what is elsewhere
        return all(map(self.is_in_namespace, names)) and part.base not in self._declared

    def environment_of(self, part: LivePart) -> str | None:
        """The other environment of the file whose mark it carries, by rights."""
        mark = part.mark
        if mark is None or part.ours or part.is_copy:
            return None
        # An id that was adopted is in no namespace; the name behind its mark is.
        known_by = marks.name_behind(part.live.message.labels) if mark.bound else part.base
        namespace = (known_by or "").partition(".")[0]
        for pattern, name in self.neighbours:
            # All labels may not have come back, but then a namespace may be known without.
            of = pattern if mark.bound and "*" not in pattern else namespace
            if fnmatchcase(of, pattern) and mark.scope == marks.scope(of, name):
                return name
        return None

    def carried(self, part: LivePart) -> str:
        """What it carries that is not ours, in words."""
        if environment := self.environment_of(part):
            return f"carries the mark of the environment {environment}"
        foreign = self.foreign(part)
        return foreign.value if foreign else ""

    def foreign(self, part: LivePart) -> Foreign | None:
        """What it carries that is not ours; None of what is managed."""
        if self.is_managed(part):
            return None
        if part.mark:
            return Foreign.OTHER_MARK
        return Foreign.UNMARKED if part.live.message.labels else Foreign.UNLABELLED


def _in_seconds(part: LivePart) -> LivePart:
    message = part.live.message
    if not message.timeout or message.timeout % 1000:
        return part
    message = replace(message, timeout=message.timeout // 1000)
    return replace(part, live=replace(part.live, message=message))


# ---------------------------------------------------------------- what the marks say of a set


@record(kw_only=True)
class Part:
    """One live part of a schedule: its mark if it is ours, and whether it is as it was written."""

    live: LiveSchedule
    mark: Mark | None
    view: View  # of the live message, with the user's labels only
    intact: bool = True  # every readable field
    cron_intact: bool = True

    @property
    def is_marked(self) -> bool:
        """Whether it carries a mark, whoever's it is."""
        return marks.parse(self.live.message.labels) is not None


class Writing(Enum):
    """What became of a set of parts since it was written."""

    WHOLE = "whole"
    EDITED = "edited"  # the crons of some, and nothing else
    BROKEN = "broken"  # parts are missing or surplus
    CUT_OFF = "cut off"  # parts of two sets, or the first of a new name: an apply was cut off


@record(kw_only=True)
class SetState:
    """A set of parts by its marks: numbers of the parts that are gone, or whose cron was edited.

    mark 1of2  billing.x      as written     nothing
    mark 2of2  billing.x.2    edited         edited: 2
    (none)     billing.x.3    missing        missing: 3
    mark 1of2  billing.x.7    a copy         surplus: billing.x.7
    """

    parts: int
    missing: tuple[int, ...] = ()
    edited: tuple[int, ...] = ()
    surplus: tuple[str, ...] = ()
    cut_off: bool = False

    @property
    def lacks_its_end(self) -> bool:
        """Whether all that is wrong is that the last parts are missing, which are written last."""
        rest = range(self.parts + 1, self.parts + 1 + len(self.missing))
        return self.missing == tuple(rest) and not (self.edited or self.surplus or self.cut_off)

    @property
    def writing(self) -> Writing:
        """The one word for it."""
        if self.cut_off:
            return Writing.CUT_OFF
        if self.missing or self.surplus:
            return Writing.BROKEN
        return Writing.EDITED if self.edited else Writing.WHOLE

    def __str__(self) -> str:
        if self.cut_off:
            of = "" if self.missing else f"{self.parts:,} parts of two sets: "
            return f"{of}an apply was cut off"
        return "; ".join((
            *(f"part {number} is missing" for number in self.missing),
            *(f"{part_id} is surplus" for part_id in self.surplus),
            *(f"part {number} was edited" for number in self.edited),
        ))  # fmt: skip


def state(schedule: Schedule, parts: Sequence[Part]) -> SetState:
    """What the marks say of a schedule's parts; without a mark they say nothing.

    A part that is being taken over is not missing: somebody else's mark may still be on it.
    """
    ours = [(part, part.mark) for part in parts if part.mark]
    at_home = [(part, mark) for part, mark in ours if part.live.id == schedule.part_id(mark.part)]
    totals = {mark.parts for _, mark in at_home}
    if len(totals) > 1 or len({mark.definition for _, mark in at_home}) > 1:
        return SetState(parts=len(parts), cut_off=True)
    live = {part.live.id for part in parts if not part.mark}
    numbers = {mark.part for _, mark in at_home}
    total = max(totals, default=1 if ours else 0)
    return SetState(
        parts=len(parts),
        missing=tuple(
            number
            for number in range(1, total + 1)
            if number not in numbers and schedule.part_id(number) not in live
        ),
        edited=tuple(mark.part for part, mark in at_home if not part.cron_intact),
        surplus=tuple(p.live.id for p, m in ours if p.live.id != schedule.part_id(m.part)),
    )


def is_as_written(declared: Declared, found: Sequence[LivePart]) -> bool:
    """Whether a set is, to the last label, what was written for what is declared now, unpaused.

    Then no part differs in anything but, perhaps, its time. False says nothing.
    """
    message, definition, labels = declared.schedule.message, declared.definition, declared.labels
    of_all = declared.secrets, declared.schedule.protect, declared.exposed, False
    last: Message | None = None
    for number, part in enumerate(found, 1):
        mark, live = part.mark, part.live
        if (
            not part.ours
            or mark is None
            or not part.number == mark.part == number
            or mark.parts != len(found)
            or mark.definition != definition
            or (mark.secrets, mark.protected, mark.exposed, mark.paused) != of_all
            or live.paused
            or live.message.labels[1:] != labels
        ):
            return False
        same = (
            canonical.is_as_declared(live.message, message, message.labels)
            if last is None
            else canonical.same_but_labels(last, live.message)
        )
        if not same or not declared.wrote(mark, declared.view, live.cron):
            return False
        last = live.message
    return True


def read_parts(declared: Declared, found: Sequence[LivePart]) -> list[Part]:
    """Hold the live parts of a schedule against digest `a` of their marks.

    The parts of a set have the same settings but for their marks: those are looked at once.
    """
    schedule = declared.schedule
    parts: list[Part] = []
    last: tuple[Message, tuple[str, ...], View] | None = None
    for part in found:
        message = part.live.message
        labels = part.own_labels(
            part.former or declared.namespace, schedule.name, _unseen_labels(declared, part)
        )
        if last and last[1] == labels and canonical.same_but_labels(last[0], message):
            view = last[2]
        elif canonical.is_as_declared(message, schedule.message, labels):
            view = declared.view
        else:
            view = canonical.of_message(message, labels)
        last = message, labels, view
        parts.append(_read_part(declared, part, view, labels))
    return parts


def _unseen_labels(declared: Declared, part: LivePart) -> tuple[str, ...]:
    """The user's labels where they do not come back: as declared, if digest `a` was made so."""
    labels, live = declared.schedule.message.labels, part.live
    if not live.labels_cut or part.mark is None:
        return ()
    if ignorable.LABELS in declared.schedule.ignore:
        return labels
    views = [declared.view, canonical.of_message(live.message, labels)]
    fits = _fits(declared, part.mark, views, _spellings(declared.schedule.timing.job, live.cron))
    return labels if fits else ()


def _read_part(declared: Declared, part: LivePart, view: View, labels: tuple[str, ...]) -> Part:
    schedule, live, mark = declared.schedule, part.live, part.mark
    if mark is None or not part.ours:
        return Part(live=live, mark=None, view=view)
    if declared.wrote(mark, view, live.cron):
        return Part(live=live, mark=mark, view=view)
    crons = _spellings(schedule.timing.job, live.cron)
    views = [view, canonical.of_message(live.message, labels)]
    as_read = []
    if part.as_read:  # a mark may have been made before anybody ignored a field
        namespace, name = part.former or declared.namespace, schedule.name
        theirs = marks.own_labels(part.as_read, namespace, name, labels)
        as_read = [canonical.of_message(part.as_read.message, theirs)]
    views += as_read
    intact = _fits(declared, mark, views, crons)
    # With the file's message in place of an edited one, the digest is about the cron alone.
    cron_intact = intact or _fits(declared, mark, [declared.view, *as_read], crons)
    return Part(live=live, mark=mark, view=view, intact=intact, cron_intact=cron_intact)


def _fits(declared: Declared, mark: Mark, views: Iterable[View], crons: Sequence[str]) -> bool:
    return any(declared.wrote(mark, view, cron) for view in views for cron in crons)


def is_untouched(part: LivePart, index: LiveParts, job: Job | None) -> bool:
    """Whether what is live is what its mark says, whoever's it is; job: the time that it tells."""
    if part.mark is None:
        return False
    labels = part.own_labels(index.namespace_of(part), index.name_of(part))
    view = canonical.of_message(part.live.message, labels)
    return any(marks.fits(part.mark, view, cron) for cron in _spellings(job, part.live.cron))


# ---------------------------------------------------------------- spellings of a stored cron


def _spellings(job: Job | None, cron: str) -> tuple[str, ...]:
    """A live cron as it is, and as we would have written it: QStash may spell it otherwise."""
    found = _meaning(cron)
    if found is None:
        return (cron,)
    timezone, fields = found
    plain = (render(fields),) if timezone == "UTC" else ()
    native = native_parts(job) if job else ()
    return (cron, *plain, *(part.cron for part in native if _meaning(part.cron) == found))


def as_written(schedule: Schedule, cron: str) -> str:
    """A live cron in our own spelling, as far as we could have written it."""
    _, *ours = _spellings(schedule.timing.job, cron)
    return ours[0] if ours else cron


def _meaning(cron: str) -> tuple[str, Fields] | None:
    """Zone and fields of a stored cron; None where it is not understood."""
    try:
        found = read(cron)
    except CronError:
        return None
    return found.timezone, found.fields


def is_understood(cron: str) -> bool:
    """Whether the model of QStash's parser can read a stored cron."""
    return _meaning(cron) is not None


def like(crons: Mapping[str, str], live: Sequence[LiveSchedule]) -> dict[str, str]:
    """Which live part each part to be written is like: one of its cron, of its id, or the first."""
    left = list(live)
    found: dict[str, str] = {}
    for part_id, cron in crons.items():
        same = next((one for one in left if same_crons([one.cron], [cron])), None)
        if same:
            left.remove(same)
        own = part_id if any(one.id == part_id for one in live) else live[0].id
        found[part_id] = same.id if same else own
    return found


def same_crons(some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether two sets of stored crons mean the same, however they are spelt."""
    left, right = sorted(some), sorted(others)
    if left == right:
        return True
    left, right = ([repr(_meaning(cron) or cron) for cron in crons] for crons in (left, right))
    return sorted(left) == sorted(right)
