"""Faults on demand: the n-th request goes wrong in a chosen way."""

from collections.abc import Callable
from dataclasses import dataclass

KINDS = (
    "429", "429_headers", "500", "503", "html",
    "reset_before", "reset_after", "hang_before", "hang_after",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong, and when: at the n-th matching request from now (1 is the next), n times."""

    kind: str
    at: int = 1
    times: int = 1
    matches: Callable[[str, str], bool] = lambda _method, _path: True

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is not one of {', '.join(KINDS)}")
