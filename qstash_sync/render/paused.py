"""What a pause or a resume says: the schedules before, their outcomes after, text or JSON."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from qstash_sync.applying.outcomes import Outcome, Status
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.names import natural
from qstash_sync.planning.pause_by_name import PausePlan
from qstash_sync.record import record
from qstash_sync.render import applying, json, text
from qstash_sync.render.alike_changes import as_read
from qstash_sync.render.safe import Page
from qstash_sync.render.text import Paint


@record(kw_only=True)
class Environment:
    """One environment of the run: where it is, what was found there and what became of it."""

    name: str | None
    place: str
    found: PausePlan
    outcomes: tuple[Outcome, ...] = ()

    @property
    def idle(self) -> int:
        """How many schedules were as wanted before."""
        return len(self.found.plan.unchanged)

    @property
    def prefix(self) -> str:
        """What stands before each line."""
        return f"{self.name}: " if self.name else ""


def before(environments: Sequence[Environment], paint: Paint, *, paused: bool) -> Page:
    """What would be done and where, to be confirmed; and what will not be, in spite of its name."""
    lines: list[str] = []
    for one in environments:
        lines.append(f"{one.prefix}namespace {one.found.plan.namespace} at {one.place}")
        for change in as_read(one.found.plan.changes):
            lines += [f"  {text.what(change)}"] * bool(change.steps)
            if why := one.found.refused.get(change.key):
                lines += paint.wrapped(f"  not schedule {change.name}: {why}", 6)
        if one.idle:
            lines.append(f"  {one.idle:,} more {_state(paused=paused)} already")
    return paint.page(lines)


def after(environments: Sequence[Environment], paint: Paint, *, paused: bool) -> Page:
    """One line a schedule that was not as wanted; the summary last."""
    idle = sum(one.idle for one in environments)
    outcomes = [
        (one, outcome)
        for one in environments
        for outcome in sorted(one.outcomes, key=lambda outcome: natural(outcome.change.name))
    ]
    left = sum(one.found.left for one in environments)
    if not outcomes and idle and left:
        state = _state(paused=paused)
        return paint.page([f"Nothing to do: {idle:,} {state} already, {left:,} left paused."])
    if not outcomes and idle:
        noun = "the schedule is" if idle == 1 else f"all {idle:,} schedules are"
        return paint.page([f"Nothing to do: {noun} {_state(paused=paused)} already."])
    if not outcomes:
        why = f"{left:,} left paused" if left else "no such schedule is in the account"
        return paint.page([f"Nothing to do: {why}."])

    counts = Counter(outcome.status for _, outcome in outcomes)
    shown = [f"{counts[status]:,} {status}" for status in Status if counts[status]]
    shown += [f"{idle:,} {_state(paused=paused)} already"] if idle else []
    shown += [f"{left:,} left paused"] if left else []
    lines = [applying.outcome_line(outcome, paint, one.prefix) for one, outcome in outcomes]
    return paint.page([*lines, f"{'Paused' if paused else 'Resumed'}: {', '.join(shown)}."])


def _state(*, paused: bool) -> str:
    return "paused" if paused else "active"


def ignored(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The errors of the file that do not matter here, as one warning."""
    if not diagnostics:
        return ()
    first, count = diagnostics[0], len(diagnostics)
    what = "an error of the file is" if count == 1 else f"{count:,} errors of the files are"
    more = f": {first.text}" if count == 1 else f", the first: {first.text}"
    hint = first.hint
    if any("id" in one.path for one in diagnostics):
        hint = "a schedule that is adopted by `id:` is not found while its entry is broken"
    return (
        Diagnostic(
            severity=Severity.WARNING,
            code="ignored",
            message=f"{what} ignored here{more}",
            location=first.location,
            hint=hint,
        ),
    )


def document(
    environments: Sequence[Environment],
    ignored: Iterable[Diagnostic],
    requests: tuple[int, int],
) -> Page:
    """The JSON of a run that came to its outcomes."""
    plans = [one.found.plan for one in environments]
    outcomes = [outcome for one in environments for outcome in one.outcomes]
    counts = Counter(outcome.status for outcome in outcomes)
    shown = [replace(diagnostic, severity=Severity.WARNING) for diagnostic in ignored]
    shown += [diagnostic for plan in plans for diagnostic in plan.warnings]
    return json.document(
        summary={
            "create": 0,
            "update": len(outcomes) - counts[Status.REFUSED],
            "delete": 0,
            "unchanged": sum(len(plan.unchanged) for plan in plans),
            "unmanaged": sum(len(plan.unmanaged) for plan in plans),
            **{str(status): counts[status] for status in Status},
        },
        changes=[
            {
                **json.change(outcome.change, outcome),
                "environment": one.name,
                "parts": text.parts(outcome.change),
            }
            for one in environments
            for outcome in one.outcomes
        ],
        warnings=[json.diagnostic(diagnostic) for diagnostic in shown],
        errors=[],
        requests={"read": requests[0], "write": requests[1]},
    )
