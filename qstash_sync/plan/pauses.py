"""What becomes of a schedule's pause; here it is decided that one survives an apply.

paused in the file   mark says      live              then
true / false         -              otherwise         pause, resume (a resume clears -z)
absent               -z             active            left so, and told: resumed by hand, or cut off
absent               -z             active, others    cut off: paused again with the next write
                                    are not
absent               anything else  anything else     left as it is, part by part; partly is told
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qstash_sync.model.change import FieldChange, Reason
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Schedule
from qstash_sync.plan.live_parts import LivePart, Part, as_written

LEFT_SO = "paused in the account; the file leaves it so"
RESUMED = "paused when it was last written, active now: resumed by hand, or an apply was cut off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A schedule's pause: what it will be, the parts that must change, and how a plan shows it.

    parts: of each live part by its id, whether it will be paused; of_new: of a part that comes.
    wrong: ids of the parts that are not so and must become so. again: ids of those that a write
    pauses because an apply was cut off. stale: a mark says -z, the file says active.
    """

    parts: Mapping[str, bool]
    of_new: bool
    wrong: frozenset[str] = frozenset()
    again: frozenset[str] = frozenset()
    stale: bool = False
    fields: tuple[FieldChange, ...] = ()
    reason: Reason = Reason.FILE

    def of(self, part_id: str) -> bool:
        """Whether a part will be paused."""
        return self.parts.get(part_id, self.of_new)


def judge(schedule: Schedule, parts: Sequence[Part]) -> tuple[Pause, list[Diagnostic]]:
    """The pause by the table above, and what to say of one that is left."""
    now_paused = [part for part in parts if part.live.paused]
    marked = [part for part in parts if part.mark and part.mark.paused]
    before: Any = "partly" if 0 < len(now_paused) < len(parts) else bool(now_paused)
    if schedule.paused is not None:
        return _asked(schedule.paused, before, parts, marked), []
    diagnostics = []
    if before == "partly":
        fact = f"{len(now_paused)} of {len(parts)} parts are paused"
        hint = "write paused: true or paused: false"
        diagnostics = [_about(schedule, Severity.WARNING, "partly_paused", fact, hint)]
    elif now_paused:
        diagnostics = [_about(schedule, Severity.INFO, "paused", LEFT_SO)]
    elif marked:
        hint = "write paused: true or paused: false to have it so"
        diagnostics = [_about(schedule, Severity.INFO, "resumed", RESUMED, hint)]
    again = frozenset(
        part.live.id for part in marked if before == "partly" and not part.live.paused
    )
    kept = {part.live.id: part.live.paused or part.live.id in again for part in parts}
    return Pause(parts=kept, of_new=all(kept.values()), again=again), diagnostics


def kept_by_cron(
    schedule: Schedule, old: Sequence[LivePart], crons: Mapping[str, str]
) -> dict[str, bool]:
    """Of each new part, by its id, whether it is to be paused: as its cron was under another id.

    A cron that is new there is paused if all the old ones are.
    """
    if schedule.paused is not None:
        return dict.fromkeys(crons, schedule.paused)
    before = {as_written(schedule, part.live.cron): part.live.paused for part in old}
    of_new = bool(before) and all(before.values())
    return {part_id: before.get(cron, of_new) for part_id, cron in crons.items()}


def _asked(paused: bool, before: Any, parts: Sequence[Part], marked: Sequence[Part]) -> Pause:  # noqa: FBT001 the state that the file asks for
    wrong = frozenset(part.live.id for part in parts if part.live.paused != paused)
    stale = bool(marked) and not paused
    changed: tuple[FieldChange, ...] = ()
    if wrong:
        changed = (FieldChange(path="paused", before=before, after=paused),)
    elif stale:
        changed = (FieldChange(path="mark", before="paused", after="active"),)
    drifted = bool(wrong) and bool(marked) == paused
    return Pause(
        parts={part.live.id: paused for part in parts},
        of_new=paused,
        wrong=wrong,
        stale=stale,
        fields=changed,
        reason=Reason.DRIFT if drifted else Reason.FILE,
    )


def _about(
    schedule: Schedule, severity: Severity, code: str, message: str, hint: str = ""
) -> Diagnostic:
    return Diagnostic(
        severity=severity,
        code=code,
        message=message,
        path=("schedules", schedule.name),
        location=schedule.location,
        hint=hint,
    )
