"""The account as the use cases see it: what they need of a client, and no more."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Protocol

from qstash_sync.model.resources import Kind, Live
from qstash_sync.model.steps import Step


class Account(Protocol):
    """What carrying out needs of a client."""

    def get(self, kind: Kind, name: str) -> Any:
        """One resource as it is now; None where it is not there."""

    def write(self, step: Step) -> None:
        """Send one write."""

    def read(self, kinds: Collection[str], keys: Collection[str] = ()) -> Live:
        """List the given kinds; flow-control keys by their names where there is no list."""

    @property
    def has_odd_clock(self) -> bool:
        """Whether the server has told a time that is none."""
        ...

    @property
    def unlisted(self) -> frozenset[Kind]:
        """The kinds that could be read by their names alone."""

    def now(self) -> datetime:
        """The server's time."""

    def skew(self) -> timedelta | None:
        """How far the server's clock is ahead of ours; None where it does not tell its time."""
