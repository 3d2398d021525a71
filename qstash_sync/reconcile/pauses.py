"""What becomes of a schedule's pause; here it is decided that one survives an apply.

paused in the file   mark says      live              then
true / false         -              otherwise         pause, resume (a resume clears -z)
absent               -z             active            left so, and told: resumed since, or cut off
absent               anything else  partly paused     a warning; the next write pauses every part
absent               anything else  anything else     left as it is

Where a rename was cut off, the old name may be paused and what is written already be not. By -z the
pause is what the rename began with, and it goes on. Without, somebody has paused the old one since,
most likely because both fired: the new one stays as it is, else the job would run nowhere.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from qstash_sync.model import ignorable
from qstash_sync.model.change import FieldChange, Reason
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Schedule
from qstash_sync.reconcile.about import about
from qstash_sync.reconcile.former import begun
from qstash_sync.reconcile.live_parts import LivePart, Part
from qstash_sync.record import record

LEFT_SO = "paused in the account; the file leaves it so"
RESUMED = "active again after a pause"


def partly(paused: int, parts: int) -> str:
    """How many parts of a schedule are paused."""
    return f"{paused:,} of {parts:,} parts {'is' if paused == 1 else 'are'} paused"


@record(kw_only=True)
class Pause:
    """A schedule's pause: what it will be, the parts that must change, and how a plan shows it.

    wrong: ids of the parts that are not so and must become so. stale: a mark says -z, the file
    says active. is_partial: somebody has paused some, of which the file says nothing.
    """

    paused: bool
    wrong: frozenset[str] = frozenset()
    stale: bool = False
    is_partial: bool = False
    fields: tuple[FieldChange, ...] = ()
    reason: Reason = Reason.FILE


def judge(schedule: Schedule, parts: Sequence[Part]) -> tuple[Pause, list[Diagnostic]]:
    """The pause by the table above, and what to say of one that is left."""
    now_paused = [part for part in parts if part.live.paused]
    marked = [part for part in parts if part.mark and part.mark.paused]
    before: Any = "partly" if 0 < len(now_paused) < len(parts) else bool(now_paused)
    if schedule.paused is not None:
        return _asked(parts, marked, before=before, paused=schedule.paused), []
    return Pause(paused=bool(now_paused), is_partial=before == "partly"), _left_so(schedule, parts)


def _left_so(schedule: Schedule, parts: Sequence[Part | LivePart]) -> list[Diagnostic]:
    """What to say of a pause that the file leaves as it is, or of the end of one."""
    live = [part.live for part in parts]
    count = sum(part.paused for part in live)
    if ignorable.PAUSE in schedule.ignore:
        return []  # it is somebody else's
    if not count:
        was_paused = any(part.mark and part.mark.paused for part in parts)
        hint = "nothing to do, unless it is to be paused: write paused: true"
        return [about(schedule, Severity.INFO, "resumed", RESUMED, hint)] * was_paused
    if count == len(live):
        return [about(schedule, Severity.INFO, "paused", LEFT_SO)]
    hint = "write paused: true or paused: false"
    return [about(schedule, Severity.WARNING, "partly_paused", partly(count, len(live)), hint)]


def of_rename(
    schedule: Schedule, found: Sequence[LivePart], old: Sequence[LivePart]
) -> tuple[Schedule, list[Diagnostic]]:
    """The schedule with the pause that a rename takes along, and what to say of it.

    found: what is live under the new id, written by it or not. old: what is left of the old name.
    """
    if schedule.paused is not None:
        return schedule, []
    is_paused = any(part.live.paused for part in old)
    if not found:
        return schedule, _left_so(schedule, old)
    if not is_paused:
        return schedule, []
    if any(part.mark and part.mark.paused for part in begun(found, old)):
        return replace(schedule, paused=True), []
    if any(part.live.paused for part in found):
        return schedule, []
    fact = f"{old[0].base} is paused and goes; {schedule.name} stays active, as the rename wrote it"
    hint = "write paused: true to have it paused"
    return schedule, [about(schedule, Severity.WARNING, "former_paused", fact, hint)]


def _asked(parts: Sequence[Part], marked: Sequence[Part], *, before: Any, paused: bool) -> Pause:
    wrong = frozenset(part.live.id for part in parts if part.live.paused != paused)
    stale = bool(marked) and not paused
    changed: tuple[FieldChange, ...] = ()
    if wrong:
        changed = (FieldChange(path="paused", before=before, after=paused),)
    elif stale:
        changed = (FieldChange(path="mark", before="paused", after="active"),)
    drifted = bool(wrong) and bool(marked) == paused
    return Pause(
        paused=paused,
        wrong=wrong,
        stale=stale,
        fields=changed,
        reason=Reason.DRIFT if drifted else Reason.FILE,
    )
