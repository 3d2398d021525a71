"""What an account says beside its resources: its clock against ours, and what it does not list."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from qstash_sync.applying.account import Account
from qstash_sync.errors import ClockError
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.durations import duration
from qstash_sync.model.resources import Desired, Kind
from qstash_sync.planning.policy import SKEW

WRONG_CLOCK = "clock"  # a code


def check_clock(client: Account) -> None:
    """Refuse to write by a clock that is wrong: crons are compiled for the day that it shows."""
    why = _apart(client)
    if why:
        raise ClockError(f"{why}; nothing was written")


def is_to_come(client: Account, at: datetime) -> bool:
    """Whether a time lies ahead of QStash's: a plan of then is to be looked at, and no more."""
    return at > client.now() + SKEW


def remarks(client: Account, desired: Desired) -> Iterator[Diagnostic]:
    """Warnings about an account that was read."""
    why = _apart(client)
    if why:
        yield Diagnostic(
            severity=Severity.WARNING, code=WRONG_CLOCK, message=f"{why}; apply refuses to write"
        )
    if Kind.FLOW_CONTROL in client.unlisted and desired.owns.flow_controls:
        yield Diagnostic(
            severity=Severity.WARNING,
            code="not_listed",
            message="this account lists no flow-control keys: those that only `owns` names are "
            "not seen, and stay pinned",
            path=("owns", "flow_controls"),
        )


def _apart(client: Account) -> str | None:
    if client.has_odd_clock:
        return "QStash's answers have a Date that is none, so nobody knows whose clock is right"
    skew = client.skew()
    if skew is None or abs(skew) <= SKEW:
        return None
    apart = duration(round(abs(skew).total_seconds()))
    order = "behind" if skew > timedelta() else "ahead of"
    return f"the clock of this machine is {apart} {order} QStash's; set it right"
