"""Faults on demand: the n-th request goes wrong in a chosen way."""

from collections.abc import Callable
from dataclasses import dataclass, field

ANSWERED = frozenset({"401", "429", "429_headers", "500", "503", "html"})  # nothing applied
LOST_BEFORE = frozenset({"reset_before", "hang_before"})  # no answer, nothing applied
LOST_AFTER = frozenset({"reset_after", "hang_after"})  # no answer, but applied
KINDS = sorted(ANSWERED | LOST_BEFORE | LOST_AFTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong: `times` times, first at the `at`-th matching request (1 is the next)."""

    kind: str
    at: int = 1
    times: int = 1
    matches: Callable[[str, str], bool] = lambda _method, _path: True

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is not one of {', '.join(KINDS)}")


@dataclass(slots=True)
class Faults:
    """The queued faults, each with the number of matching requests so far."""

    queued: list[tuple[Fault, list[int]]] = field(default_factory=list)

    def add(self, *faults: Fault) -> None:
        """Queue faults for the requests to come."""
        self.queued += [(fault, [0]) for fault in faults]

    def due(self, method: str, path: str) -> str | None:
        """Count one request against every fault; what happens to it, if anything."""
        kinds: list[str] = []
        for fault, count in self.queued:
            if fault.matches(method, path):
                count[0] += 1
                if fault.at <= count[0] < fault.at + fault.times:
                    kinds.append(fault.kind)
        # The first one wins, but the request counts for all of them: no early return above.
        return kinds[0] if kinds else None
