"""What a pause or a resume says: the schedules before, their outcomes after, text or JSON."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qstash_sync.apply.incident import Outcome, Status
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.plan.pausing import Selection, Toggle
from qstash_sync.render import json
from qstash_sync.render.text import Paint


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One environment of the run: where it is, what was found there and what became of it."""

    environment: str | None
    namespace: str
    url: str
    found: Selection
    outcomes: tuple[Outcome, ...] = ()

    @property
    def idle(self) -> int:
        """How many schedules were as wanted before."""
        return sum(toggle.idle for toggle in self.found.toggles)


def before(places: Sequence[Place]) -> str:
    """What would be done and where, to be confirmed."""
    return "\n".join(line for place in places for line in _before(place))


def _before(place: Place) -> Iterator[str]:
    name = f"{place.environment}: " if place.environment else ""
    yield f"{name}namespace {place.namespace} at {place.url}"
    for toggle in place.found.toggles:
        if not toggle.idle:
            yield f"  {_line(toggle)}"
    if place.idle:
        yield f"  {place.idle} more {_already(place)}"


def after(places: Sequence[Place], paint: Paint, *, paused: bool) -> str:
    """One line a schedule that was not as wanted; the summary last."""
    lines = [_outcome(place, outcome, paint) for place in places for outcome in place.outcomes]
    return "\n".join([*lines, _summary(places, paused=paused)])


def _outcome(place: Place, outcome: Outcome, paint: Paint) -> str:
    where = f"{place.environment}: " if place.environment else ""
    style = "green" if outcome.status is Status.DONE else "red"
    head = paint(f"{outcome.status:10} {where}{_line(outcome.toggle)}", style)
    return head + (f": {outcome.message}" if outcome.message else "")


def _line(toggle: Toggle) -> str:
    parts, steps = len(toggle.parts), len(toggle.steps)
    head = f"{toggle.action} schedule {toggle.name}"
    if parts > 1:
        return head + (f" ({parts} parts)" if steps == parts else f" ({steps} of {parts} parts)")
    return head


def _summary(places: Sequence[Place], *, paused: bool) -> str:
    counts = Counter(o.status for place in places for o in place.outcomes)
    idle = sum(place.idle for place in places)
    if not counts and idle:
        noun = "the schedule is" if idle == 1 else f"all {idle} schedules are"
        return f"Nothing to do: {noun} {_state(paused)} already."
    if not counts:
        return "Nothing to do: no such schedule is in the account."
    shown = [f"{counts[status]} {status}" for status in Status if counts[status]]
    shown += [f"{idle} {_state(paused)} already"] if idle else []
    return f"{'Paused' if paused else 'Resumed'}: {', '.join(shown)}."


def _state(paused: bool) -> str:  # noqa: FBT001 the state itself
    return "paused" if paused else "active"


def _already(place: Place) -> str:
    paused = any(toggle.paused for toggle in place.found.toggles)
    return f"{_state(paused)} already"


def ignored(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The errors of the file that do not matter here, as one warning."""
    if not diagnostics:
        return ()
    first, count = diagnostics[0], len(diagnostics)
    what = "an error of the file is" if count == 1 else f"{count} errors of the files are"
    more = "" if count == 1 else f", the first: {first.text}"
    fact = f"{what} ignored here{more or ': ' + first.text}"
    hint = "a schedule that is adopted by `id:` is not found while its entry is broken"
    return (
        Diagnostic(
            severity=Severity.WARNING,
            code="ignored",
            message=fact,
            location=first.location,
            hint=hint,
        ),
    )


def document(
    places: Sequence[Place], ignored: Iterable[Diagnostic], requests: tuple[int, int]
) -> str:
    """The JSON of a run that came to its outcomes."""
    outcomes = [outcome for place in places for outcome in place.outcomes]
    counts = Counter(outcome.status for outcome in outcomes)
    told = [replace(diagnostic, severity=Severity.WARNING) for diagnostic in ignored]
    told += [diagnostic for place in places for diagnostic in place.found.warnings]
    return json.document(
        summary={
            "create": 0,
            "update": len(outcomes),
            "delete": 0,
            "unchanged": sum(place.idle for place in places),
            "unmanaged": sum(place.found.unmanaged for place in places),
            **{str(status): counts[status] for status in Status},
        },
        changes=[_change(place, outcome) for place in places for outcome in place.outcomes],
        warnings=[json.diagnostic(diagnostic) for diagnostic in told],
        errors=[],
        requests={"read": requests[0], "write": requests[1]},
    )


def _change(place: Place, outcome: Outcome) -> dict[str, Any]:
    toggle = outcome.toggle
    return {
        "kind": "schedule",
        "name": toggle.name,
        "id": toggle.id,
        "action": toggle.action,
        "environment": place.environment,
        "parts": len(toggle.parts),
        "outcome": outcome.status,
        "message": outcome.message,
    }
