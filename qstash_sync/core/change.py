"""A change: what happens to one resource, why, and the writes that make it so."""

from dataclasses import dataclass, field
from enum import StrEnum

from qstash_sync.core.diff import FieldChange
from qstash_sync.core.findings import Finding
from qstash_sync.core.model import Kind
from qstash_sync.core.steps import Step


class Action(StrEnum):
    """What a change does."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    PAUSE = "pause"
    RESUME = "resume"


class Reason(StrEnum):
    """Why there is a change."""

    FILE = "file"
    DRIFT = "drift"
    BOTH = "both"
    CLOCK = "clock"
    ADOPT = "adopt"
    RENAME = "rename"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """A set of stored crons that takes the place of another, under the same ids or others."""

    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource that will change; refused says why it will not, after all."""

    kind: Kind
    name: str
    id: str
    action: Action
    reason: Reason
    fields: tuple[FieldChange, ...] = ()
    notes: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    refused: str | None = None
    swap: Swap | None = None

    @property
    def key(self) -> tuple[Kind, str]:
        """What tells it from every other change of a plan."""
        return self.kind, self.id

    @property
    def order(self) -> tuple[int, int, str]:
        """Groups, queues, flow controls, schedules; then deletes, the other way round."""
        rank = list(Kind).index(self.kind)
        return (1, -rank, self.name) if self.action is Action.DELETE else (0, rank, self.name)


def pause_field(before: bool | None, after: bool | None) -> tuple[FieldChange, ...]:  # noqa: FBT001 two states of one setting
    """The field change of a pause; none where both sides run."""
    if bool(before) == bool(after):
        return ()
    return (FieldChange(path="paused", before=before, after=after),)


@dataclass(slots=True)
class Work:
    """What is gathered while the kinds are compared."""

    changes: list[Change] = field(default_factory=list)
    unchanged: list[tuple[Kind, str]] = field(default_factory=list)
    unmanaged: list[tuple[Kind, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def add(self, resource: tuple[Kind, str], change: Change | None) -> None:
        """Take a resource's change; None is one that needs none."""
        if change is None:
            self.unchanged.append(resource)
        else:
            self.changes.append(change)
