"""A schedule that goes while one comes that does the same then: a `was:` that may be forgotten.

As a delete and a create it loses its pause and what its id has told the logs; as a rename it does
not. Nothing but a `was:` makes it one: two jobs may do the same.
"""

from collections.abc import Iterator, Sequence

from qstash_sync.model.change import Action, Change, Reason
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Desired, Kind, Message, is_known, plain
from qstash_sync.model.steps import PutSchedule
from qstash_sync.reconcile import canonical
from qstash_sync.reconcile.about import about, as_yaml
from qstash_sync.reconcile.live_parts import LiveParts

_FILE = Reason.FILE
_Look = tuple[str, str, str | None, frozenset[str]]  # destination, method, body and crons


def forgotten(
    changes: Sequence[Change], desired: Desired, index: LiveParts
) -> Iterator[Diagnostic]:
    """A warning of each such pair, where neither has another that is like it."""
    own = [c for c in changes if c.kind is Kind.SCHEDULE and not c.refused and c.reason is _FILE]
    go: dict[_Look, list[Change]] = {}
    for change in own:
        live = [part.live for part in index.of(change.id)]
        if change.action is Action.DELETE and live:
            look = _look(live[0].message, [part.cron for part in live])
            go.setdefault(look, []).append(change)
    come: dict[_Look, list[Change]] = {}
    for change in own if go else ():  # a first apply creates thousands, and deletes nothing
        puts = [step for step in change.steps if isinstance(step, PutSchedule)]
        if change.action is Action.CREATE and is_known(puts[0].message.destination):
            look = _look(puts[0].message, [step.cron for step in puts])
            come.setdefault(look, []).append(change)
    declared = {schedule.id: schedule for schedule in desired.schedules or ()}
    for look, news in come.items():
        if len(news) == len(go.get(look, ())) == 1:
            (new,), (old,) = news, go[look]
            schedule, is_paused = declared[new.id], old.takes is not None and old.takes.paused
            loses = ", and is paused" if is_paused and schedule.paused is None else ""
            fact = f"it has the destination, body and times of {old.name}, which goes{loses}"
            keeps = " and keeps the pause" if loses else ""
            hint = f"if it is the same job, was: {as_yaml(old.name)} renames it{keeps}"
            yield about(schedule, Severity.WARNING, "was", fact, hint)


def _look(message: Message, crons: Sequence[str]) -> _Look:
    body = canonical.body_text(message)
    return plain(message.destination), message.method, body, frozenset(crons)
