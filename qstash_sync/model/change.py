"""A change: what happens to one resource, why, and the writes that make it so."""

from collections.abc import Collection, Sequence
from dataclasses import field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any

from qstash_sync.crons.effect import Effect
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.model.resources import Key, Kind
from qstash_sync.model.steps import DeleteSchedule, PutSchedule, Step
from qstash_sync.record import record


class Action(StrEnum):
    """What a change does."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    PAUSE = "pause"
    RESUME = "resume"


class Reason(StrEnum):
    """Why there is a change."""

    FILE = "file"
    DRIFT = "drift"
    BOTH = "both"
    CLOCK = "clock"
    ADOPT = "adopt"
    RENAME = "rename"
    TWIN = "twin"


# What is read first, where changes stand by their risk.
RISKS = (
    Reason.BOTH,
    Reason.DRIFT,
    Reason.ADOPT,
    Reason.RENAME,
    Reason.FILE,
    Reason.CLOCK,
    Reason.TWIN,
)


class Origin(StrEnum):
    """Whose a change is, where a base says it."""

    YOURS = "yours"
    ALREADY = "already_there"
    BOTH = "both"
    CLOCK = "clock"


class Withheld(StrEnum):
    """All that may be told of a live value that might be a secret."""

    REMOVED = "removed"
    CHANGED = "changed"


@record(kw_only=True)
class FieldChange:
    """One setting that differs; before and after are fit to be shown, None is absent.

    Several crons are a tuple; what they have in common stays.

    withheld: the value before is not shown. note: a word for people beside it.
    default: of a create, what QStash does where nothing is said.
    """

    path: str
    before: Any = None
    after: Any = None
    withheld: Withheld | None = None
    note: str = ""
    default: bool = field(default=False, compare=False)

    @property
    def several(self) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """Both sides as the crons they are, where either has several."""
        sides = self.before, self.after
        if not any(isinstance(side, tuple) for side in sides):
            return None
        before, after = (
            side if isinstance(side, tuple) else (side,) * bool(side) for side in sides
        )
        return before, after


@record(kw_only=True)
class Swap:
    """A set of stored crons that takes the place of another, under the same ids or others."""

    before: tuple[str, ...]
    after: tuple[str, ...]


# What else is to be known of a change; the views have the words.


@record(kw_only=True)
class Wanted:
    """When it fires, as a person thinks of it: before, where that is known, and after.

    after: None of what goes.
    """

    before: Job | None = None
    after: Job | None = None


@record(kw_only=True)
class Stored:
    """The crons that QStash will hold for what the file writes in local time."""

    crons: tuple[str, ...]


@record(kw_only=True)
class Firings:
    """What a change of time does within a year; doubled: firings that come twice as it is now."""

    effect: Effect
    doubled: int
    timezone: str


@record(kw_only=True)
class InSomeParts:
    """The settings differ in these parts only."""

    ids: tuple[str, ...]
    of: int


@record(kw_only=True)
class PausesAll:
    """A write pauses every part, since some are paused."""


@record(kw_only=True)
class Takes:
    """What a delete takes away: a schedule with its parts, endpoints, or waiting messages.

    job: its local time, where a label tells it. destination: as far as it may be shown.
    next_at: None if paused, or not known. last_at: None where it never ran, as far as is known.
    """

    crons: tuple[str, ...] = ()
    job: Job | None = None
    destination: str | None = None
    paused: bool = False
    next_at: datetime | None = field(default=None, compare=False)  # time alone moves these
    last_at: datetime | None = field(default=None, compare=False)
    endpoints: int | None = None
    waiting: int | None = None
    unpins: bool = False


@record(kw_only=True)
class OfParts:
    """How many parts the schedule has that is paused or resumed by name."""

    of: int


@record(kw_only=True)
class TwinOf:
    """What a delete leaves: the declared schedule that fires just so.

    differs: paths of the settings that the two do not have alike.
    """

    name: str
    differs: tuple[str, ...] = ()


Note = Wanted | Stored | Firings | InSomeParts | PausesAll | Takes | OfParts | TwinOf


class Foreign(Enum):
    """What a live schedule carries that is not ours, and a change would overwrite or delete."""

    OTHER_MARK = "carries the mark of another environment or namespace"
    UNMARKED = "has no mark of ours: it is the application's own, or somebody has overwritten it"
    UNLABELLED = "has no mark of ours, nor any label: not ours, or QStash shows no labels"


@record(kw_only=True)
class Change:
    """One resource that will change; refused says why it will not, after all.

    foreign: it would overwrite or delete this, and nobody consents; can_adopt: --adopt would alone.
    diagnosed: a diagnostic of the plan says why. protected: takes away what is protected, and needs
    consent of its own. drops: schedules of another definition that go with it. cut_off: an apply
    left parts of two sets, or of two names. may_be_cut_off: what somebody seems to have changed, an
    apply that was cut off leaves just so. origin: whose it is, where a base was given.
    """

    kind: Kind
    name: str
    id: str
    action: Action
    reason: Reason
    fields: tuple[FieldChange, ...] = ()
    notes: tuple[Note, ...] = ()
    steps: tuple[Step, ...] = ()
    refused: str | None = None
    foreign: Foreign | None = None
    can_adopt: bool = False
    diagnosed: bool = False
    swap: Swap | None = None
    protected: bool = False
    drops: int = 0
    cut_off: bool = False
    may_be_cut_off: bool = False
    origin: Origin | None = field(default=None, compare=False)

    @property
    def key(self) -> Key:
        """What tells it from every other change of a plan."""
        return self.kind, self.id

    @property
    def wanted(self) -> Wanted | None:
        """When a schedule fires before and after, as far as that is known."""
        return next((note for note in self.notes if isinstance(note, Wanted)), None)

    @property
    def pauses_all(self) -> bool:
        """Whether a write pauses parts that run, since others are paused."""
        return any(isinstance(note, PausesAll) for note in self.notes)

    @property
    def firings(self) -> Firings | None:
        """What it does to the firings of a year."""
        return next((note for note in self.notes if isinstance(note, Firings)), None)

    @property
    def is_begun(self) -> bool:
        """Whether it goes on where an apply was cut off, and undoes nobody's edit beside."""
        return self.cut_off and self.reason not in (Reason.DRIFT, Reason.BOTH)

    @property
    def keeps_time(self) -> bool:
        """Whether it is known, without a look at its firings, to fire as it did."""
        if self.refused or self.action in (Action.CREATE, Action.DELETE):
            return False
        if self.firings:
            return self.firings.effect.none
        return self.swap is None or self.reason is Reason.CLOCK

    @property
    def takes(self) -> Takes | None:
        """What a delete takes away."""
        return next((note for note in self.notes if isinstance(note, Takes)), None)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it is known by: its own, and the one that a rename takes away."""
        former = [field.before for field in self.fields if field.path == "name"]
        return self.name, *(former if self.kind is Kind.SCHEDULE else ())

    @property
    def is_refused_alone(self) -> bool:
        """Whether it is about what is not ours: it is left out, and the others go on."""
        return self.foreign is not None and self.refused is not None

    @property
    def is_guarded(self) -> bool:
        """Whether it is a delete that stops the whole apply: a diagnostic of the plan says so."""
        is_refused = self.refused is not None and not self.is_refused_alone
        return is_refused and self.action is Action.DELETE

    def only_frees(self, there: Collection[str]) -> bool:
        """Whether it makes room, and needs none; there: the ids of all live schedules."""
        is_free = any(isinstance(step, DeleteSchedule) for step in self.steps)
        written = (step.id for step in self.steps if isinstance(step, PutSchedule))
        return self.action is Action.DELETE or (is_free and all(one in there for one in written))

    @property
    def order(self) -> tuple[int, int, str]:
        """Groups, queues, flow controls, schedules; then deletes, the other way round."""
        rank = _RANKS[self.kind]
        return (1, -rank, self.name) if self.action is Action.DELETE else (0, rank, self.name)


_RANKS = {kind: rank for rank, kind in enumerate(Kind)}


def cron_field(before: Sequence[str], after: Sequence[str], note: str = "") -> FieldChange:
    """The field change of a time: one cron as it is, several as a tuple."""
    sides = (tuple(side) if len(side) > 1 else next(iter(side), None) for side in (before, after))
    return FieldChange(path="cron", before=next(sides), after=next(sides), note=note)


def pause_field(*, before: bool | None, after: bool | None) -> tuple[FieldChange, ...]:
    """The field change of a pause; none where both sides run."""
    if bool(before) == bool(after):
        return ()
    return (FieldChange(path="paused", before=before, after=after),)
