"""Which live schedules a pause or a resume by glob means: all parts of ours, and nothing else.

live id        our mark   in the file     what becomes of it
billing.x      yes        yes or no       part of x
billing.x.2    yes        yes or no       part of x
scd_123        yes or no  id: scd_123     part of the schedule that names it
billing.x      no         yes             left alone and told: the outcome is "refused"
anything else                             not ours, never touched
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from qstash_sync.model.change import Action
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Desired, LiveSchedule, Schedule
from qstash_sync.model.steps import PauseSchedule
from qstash_sync.plan import mark

_LISTED = 10  # more names than this help nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asks for in one environment: the names, and whether they shall be paused."""

    desired: Desired
    globs: tuple[str, ...]
    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Toggle:
    """A live schedule of ours that a glob names; paused is the wanted state."""

    name: str
    id: str
    paused: bool
    parts: tuple[LiveSchedule, ...]  # ours, in order of their number
    declared: Schedule | None = None
    foreign: bool = False  # the first part is not ours, and not as wanted

    @property
    def action(self) -> Action:
        """What is done to it."""
        return Action.PAUSE if self.paused else Action.RESUME

    @property
    def steps(self) -> tuple[PauseSchedule, ...]:
        """The writes for the parts that are not yet as wanted."""
        return tuple(
            PauseSchedule(id=part.id, paused=self.paused)
            for part in self.parts
            if part.paused != self.paused
        )

    @property
    def idle(self) -> bool:
        """Whether nothing is to be done and nothing refused."""
        return not self.steps and not self.foreign

    def is_named(self, glob: str) -> bool:
        """Whether a glob means it, by the name in the account or the one in the file."""
        names = {self.name} | ({self.declared.name} if self.declared else set())
        return any(fnmatchcase(name, glob) for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The schedules that are meant, by name; errors where a glob means none."""

    toggles: tuple[Toggle, ...]
    unmanaged: int  # live schedules that are not ours
    warnings: tuple[Diagnostic, ...] = ()
    errors: tuple[Diagnostic, ...] = ()


def select(wish: Wish, live: Iterable[LiveSchedule]) -> Selection:
    """Pick from the account what the globs name; every glob must name something."""
    stored = tuple(live)
    ours = tuple(_ours(wish, stored))
    found = {id(toggle.declared) for toggle in ours}
    absent = [s for s in wish.desired.schedules or () if id(s) not in found]
    missed = [s for s in absent if any(fnmatchcase(s.name, glob) for glob in wish.globs)]
    chosen = tuple(t for t in ours if any(t.is_named(glob) for glob in wish.globs))
    return Selection(
        toggles=chosen,
        unmanaged=len(stored) - sum(len(toggle.parts) for toggle in ours),
        warnings=tuple(_advice(wish, chosen, missed)),
        errors=tuple(_unmatched(wish, ours, [s.name for s in absent])),
    )


def _ours(wish: Wish, live: Sequence[LiveSchedule]) -> Iterator[Toggle]:
    desired = wish.desired
    scope = mark.scope(desired.namespace, desired.environment)
    declared = {schedule.id: schedule for schedule in desired.schedules or ()}
    renamed = {f"{desired.namespace}.{s.was}": s for s in declared.values() if s.was}
    groups: dict[str, list[tuple[int, LiveSchedule]]] = {}
    others: dict[str, bool] = {}
    for part in live:
        found = mark.parse(part.message.labels)
        marked = found is not None and found.scope == scope
        base, number = _place(part.id, declared, desired.namespace)
        consented = part.id in declared and declared[part.id].adopted
        if base and (marked or consented):
            groups.setdefault(base, []).append((number, part))
        else:
            others[part.id] = part.paused
    for base in sorted({*groups, *(declared.keys() & others.keys())}):
        schedule = declared.get(base)
        yield Toggle(
            name=schedule.name if schedule else base.removeprefix(f"{desired.namespace}."),
            id=base,
            paused=wish.paused,
            parts=tuple(part for _, part in sorted(groups.get(base, ()), key=lambda item: item[0])),
            declared=schedule or renamed.get(base),
            foreign=others.get(base, wish.paused) != wish.paused,
        )


def _place(part_id: str, declared: Iterable[str], namespace: str) -> tuple[str, int]:
    """The first part's id and the number of this one; "" for an id that cannot be ours."""
    if part_id in declared:
        return part_id, 1
    head, _, tail = part_id.rpartition(".")
    further = tail.isdecimal() and head != namespace
    if further and head in declared:
        return head, int(tail)
    if not part_id.startswith(f"{namespace}."):
        return "", 0
    return (head, int(tail)) if further else (part_id, 1)


def _advice(
    wish: Wish, chosen: Iterable[Toggle], missed: Iterable[Schedule]
) -> Iterator[Diagnostic]:
    """What the next apply will do about it, and what the account does not have."""
    against = [t.name for t in chosen if t.declared and t.declared.paused is (not wish.paused)]
    yield from _warning(
        wish,
        "paused_in_file",
        against,
        f"paused: {str(not wish.paused).lower()} in the file: the next apply undoes this",
        f"write paused: {str(wish.paused).lower()}",
    )
    open_ = [t for t in chosen if t.declared is None or t.declared.paused is None]
    yield from _warning(
        wish,
        "paused_when_written",
        [t.name for t in open_ if not wish.paused and _written_paused(t)],
        "paused when last written: the next apply takes this for a pause that was cut off, "
        "and pauses again",
        "write paused: false in the file",
    )
    yield from _warning(
        wish,
        "not_live",
        [schedule.name for schedule in missed],
        "in the file, but not in the account",
        "an apply creates it running: write paused: true" if wish.paused else "",
    )


def _written_paused(toggle: Toggle) -> bool:
    marks = (mark.parse(part.message.labels) for part in toggle.parts)
    return any(found is not None and found.paused for found in marks)


def _warning(
    wish: Wish, code: str, names: Sequence[str], fact: str, hint: str
) -> Iterator[Diagnostic]:
    if names:
        message = f"{_where(wish)}{_listed(names)}: {fact}"
        yield Diagnostic(severity=Severity.WARNING, code=code, message=message, hint=hint)


def _unmatched(wish: Wish, ours: Sequence[Toggle], absent: Sequence[str]) -> Iterator[Diagnostic]:
    known = sorted({*(toggle.name for toggle in ours), *absent})
    for glob in wish.globs:
        if any(t.is_named(glob) for t in ours) or any(fnmatchcase(n, glob) for n in absent):
            continue
        near = get_close_matches(glob, known, 5, 0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"ours are {_listed(known)}"
        namespace = wish.desired.namespace
        if not known:
            hint = f"no schedule of {namespace} is in the account; is it the right environment?"
        fact = f"{_where(wish)}no schedule of ours is named {glob}"
        yield Diagnostic(code="no_match", message=fact, hint=hint)


def _where(wish: Wish) -> str:
    return f"{wish.desired.environment}: " if wish.desired.environment else ""


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(sorted(names)[:_LISTED]) + more
