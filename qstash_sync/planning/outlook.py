"""What a compiled schedule will do: its firings, the clock changes, the year after."""

from dataclasses import field, replace
from datetime import UTC, datetime
from functools import lru_cache

from qstash_sync.crons import zones
from qstash_sync.crons.bitmaps import Difference
from qstash_sync.crons.compile import Compilation, Strategy, after_the_end, compile_job
from qstash_sync.crons.error import CronError
from qstash_sync.crons.firings import next_firings
from qstash_sync.crons.zones import Transition
from qstash_sync.model.diagnostics import Diagnostic, Location
from qstash_sync.model.resources import Timing
from qstash_sync.reconcile import times
from qstash_sync.record import record

FIRINGS = 5
CHANGES = 2


@record(kw_only=True)
class Outlook:
    """A compilation with what a reviewer asks about it.

    name, location: of a schedule in a file.
    offsets: those in force within a year, in order of time, in minutes east of UTC.
    changes: the next two changes of the clock within a year.
    firings: the next five. After the end of the horizon they are those of a schedule that was
    renewed; a `native` one has those of the model of QStash's parser.
    after: what would be wrong in the year after the end, if nothing were applied.
    """

    name: str | None = None
    location: Location | None = field(default=None, compare=False)
    timing: Timing
    made: Compilation
    offsets: tuple[int, ...]
    changes: tuple[Transition, ...]
    firings: tuple[datetime, ...]
    after: Difference

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Its warnings with their location, and the error of more parts than are allowed."""
        named = self.name, self.location
        count, most = len(self.made.parts), self.timing.max_parts
        return times.warnings(self.made, *named) + times.too_many(count, most, *named)


def outlook(
    timing: Timing, now: datetime, *, name: str | None = None, location: Location | None = None
) -> Outlook | Diagnostic:
    """Compile and look ahead, or say why there is no proof."""
    try:
        found = _outlook(timing, now.astimezone(UTC))
    except CronError as error:
        path = ("schedules", name, "cron") if name else ()
        return Diagnostic(code="cron", message=str(error), path=path, location=location)
    return replace(found, name=name, location=location)


@lru_cache(maxsize=4096)
def _outlook(timing: Timing, at: datetime) -> Outlook:
    job = timing.job
    made = compile_job(
        job,
        now=at,
        strategy=timing.strategy,
        renew_before=timing.renew_before,
        accept=timing.accept,
    )
    changes = tuple(change for change in made.transitions if change.at > at)
    first = zones.offset(job.timezone, at)
    return Outlook(
        timing=timing,
        made=made,
        offsets=tuple(dict.fromkeys([first, *(change.offset_after for change in changes)])),
        changes=changes[:CHANGES],
        firings=next_firings(made.crons if made.strategy is Strategy.NATIVE else job, at, FIRINGS),
        after=after_the_end(job, made),
    )
