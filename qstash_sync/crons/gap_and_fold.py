"""A local time, and what becomes of it where the clock changes: the policies of gap and fold.

a gap      the clock goes forward: local times that do not exist
a fold     the clock goes back: local times that happen twice

Where the file says nothing, a job at fixed times is never lost and fires once; one that runs every
few minutes keeps its beat.
"""

from collections.abc import Sequence
from dataclasses import field
from enum import StrEnum
from typing import Any

from qstash_sync.crons import zones
from qstash_sync.crons.error import CronError
from qstash_sync.crons.grammar import Cron, parse
from qstash_sync.record import record


class Gap(StrEnum):
    """What becomes of a local time that does not exist."""

    NEXT_VALID = "next_valid"
    SHIFT = "shift"
    SKIP = "skip"


class Fold(StrEnum):
    """Which of a local time that happens twice."""

    FIRST = "first"
    SECOND = "second"
    BOTH = "both"


@record()
class Job:
    """When a schedule is wanted: crons (their union) in a zone; None is the class's default."""

    crons: tuple[Cron, ...]
    timezone: str
    gap: Gap | None = None
    fold: Fold | None = None
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        content = (self.crons, self.timezone, self.gap, self.fold)
        object.__setattr__(self, "_hash", hash(content))

    def __hash__(self) -> int:
        """Made once: a plan asks for what it knows of a job ten times for each schedule."""
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        """Without the hash, which another process makes for itself."""
        return type(self), (self.crons, self.timezone, self.gap, self.fold)

    def gap_of(self, cron: Cron) -> Gap:
        """The policy for a cron: fixed-time jobs are never lost, interval jobs keep their beat."""
        if cron.interval and self.gap in (None, Gap.NEXT_VALID):
            return Gap.SKIP
        return self.gap or Gap.NEXT_VALID

    def fold_of(self, cron: Cron) -> Fold:
        """Likewise for times that happen twice."""
        return self.fold or (Fold.BOTH if cron.interval else Fold.FIRST)


def job(
    crons: str | Sequence[str], timezone: str, *, gap: str | None = None, fold: str | None = None
) -> Job:
    """A time from how a file or a command line writes it; raises `CronError`, which names the cron.

    gap, fold: a policy by its word; a word that is none is a ValueError.
    """
    zones.zone(timezone)
    texts = [crons] if isinstance(crons, str) else crons
    return Job(
        crons=tuple(map(_parsed, texts)),
        timezone=timezone,
        gap=Gap(gap) if gap else None,
        fold=Fold(fold) if fold else None,
    )


def _parsed(text: str) -> Cron:
    try:
        return parse(text)
    except CronError as error:
        which = "" if repr(text) in str(error) else f"{text!r}: "
        raise CronError(f"{which}{error}") from None
