"""Faults on demand: the n-th request goes wrong in a chosen way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Kind = Literal[
    "401", "429", "429_headers", "500", "503", "html",  # answered, nothing applied
    "reset_before", "hang_before",  # no answer, nothing applied
    "reset_after", "hang_after",  # no answer, but applied
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
ANSWERED = frozenset({"401", "429", "429_headers", "500", "503", "html"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong, and when: at the n-th matching request from now (1 is the next), n times."""

    kind: Kind
    at: int = 1
    times: int = 1
    matches: Callable[[str, str], bool] = lambda _method, _path: True

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is not one of {', '.join(KINDS)}")


@dataclass(slots=True)
class Faults:
    """The queued faults, each with the number of matching requests it has seen."""

    queued: list[tuple[Fault, list[int]]] = field(default_factory=list)

    def add(self, *faults: Fault) -> None:
        """Queue faults for the requests to come."""
        self.queued += [(fault, [0]) for fault in faults]

    def due(self, method: str, path: str) -> Kind | None:
        """Count one request against every fault; what happens to it, if anything."""
        found: list[Any] = []
        for fault, seen in self.queued:
            if fault.matches(method, path):
                seen[0] += 1
                if fault.at <= seen[0] < fault.at + fault.times:
                    found.append(fault.kind)
        return found[0] if found else None
