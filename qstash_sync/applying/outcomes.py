"""What became of the changes of a plan, as values that the views show."""

from datetime import datetime
from enum import Enum, StrEnum, auto

from qstash_sync.model.change import Change
from qstash_sync.model.resources import Key
from qstash_sync.planning.decide import Plan
from qstash_sync.planning.policy import Policy
from qstash_sync.record import record


class Status(StrEnum):
    """What became of a change."""

    DONE = "done"
    FAILED = "failed"
    BLOCKED = "blocked"
    REFUSED = "refused"
    UNVERIFIED = "unverified"


class Cause(Enum):
    """Why a change failed, where something depends on it."""

    AWAITS_FIRST_USE = auto()  # a flow-control key that QStash does not know yet
    PAUSED = auto()  # what it replaces was paused meanwhile


@record(kw_only=True)
class Outcome:
    """A change and what became of it; message says why it is not done, or what to know of it.

    started: the server's time before its first write. facts: what a bug report needs.
    """

    change: Change
    status: Status
    message: str = ""
    cause: Cause | None = None
    started: datetime | None = None
    facts: tuple[str, ...] = ()


def internal(error: Exception) -> str:
    """A bug of ours, named by its type alone: its text may hold anything."""
    return f"internal error: {type(error).__name__}"


@record(kw_only=True)
class Applied:
    """What became of each change of a plan, in its order; fresh: changes that came up meanwhile."""

    outcomes: tuple[Outcome, ...] = ()
    fresh: tuple[Change, ...] = ()

    @property
    def done(self) -> bool:
        """Whether everything that was approved is done and verified."""
        return all(outcome.status is Status.DONE for outcome in self.outcomes)


@record(kw_only=True)
class Approval:
    """A saved plan that holds; policy: to apply it with; done: its changes that are done already.

    plan: every approved change in its order, those that are done without their steps.
    """

    plan: Plan
    policy: Policy
    done: frozenset[Key]
