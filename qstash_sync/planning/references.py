"""Schedules that name a URL group, queue or flow-control key which nobody has."""

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches

from qstash_sync.model import references
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.resources import Desired, Key, Kind, Live, Schedule

_HINTED = 20  # names: of more nobody reads the hint, and each is compared with all that are known


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
    close: dict[tuple[str, str], str] = {}  # of each name that many schedules may have
    for schedule in schedules:
        for key, name in references.of(schedule):
            if name in declared[key] or name in there[key]:
                continue
            if (key, name) not in close:
                of_kind = sorted(declared[key] | there[key]) if len(close) < _HINTED else ()
                close[key, name] = next(iter(get_close_matches(name, of_kind, 1)), "")
            yield _dangling(schedule, key, name, close[key, name], left_out)


def _dangling(
    schedule: Schedule, key: str, name: str, close: str, left_out: Collection[Key]
) -> Diagnostic:
    section = f"{key}s"
    hint = f"did you mean {close}?" if close else f"declare it under {section}"
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
