"""Schedules that name a URL group, queue or flow-control key which nobody has."""

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches

from qstash_sync.model import references
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.resources import Desired, Key, Kind, Live, Schedule


def dangling(
    desired: Desired,
    schedules: Iterable[Schedule],
    live: Live,
    left_out: Collection[Key] = (),
) -> Iterator[Diagnostic]:
    """Schedules that name a group, queue or key that is neither declared nor live.

    left_out: what the files declare as well, and this run does not make.
    """
    declared, there = references.names(desired), references.names(live)
    for schedule in schedules:
        for key, name in references.of(schedule):
            if name not in declared[key] and name not in there[key]:
                yield _dangling(schedule, key, name, declared[key] | there[key], left_out)


def _dangling(
    schedule: Schedule, key: str, name: str, known: set[str], left_out: Collection[Key]
) -> Diagnostic:
    close = get_close_matches(name, sorted(known), 1)
    section = f"{key}s"
    hint = f"did you mean {close[0]}?" if close else f"declare it under {section}"
    more = " without limits of its own" if key == "flow_control" else ""
    fact = f"{name}{more} is neither in the file nor in the account"
    if (Kind(key), name) in left_out:
        fact = f"{name} is left out of this run, and not in the account yet"
        hint = f"do it first, or in the same run: --target {section}.{name}"
    return Diagnostic(
        code="reference",
        message=fact,
        path=("schedules", schedule.name, key),
        location=schedule.refers_at(key),
        hint=hint,
    )
