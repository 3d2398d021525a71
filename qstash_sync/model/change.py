"""A change: what happens to one resource, why, and the writes that make it so."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from qstash_sync.model.resources import Kind
from qstash_sync.model.steps import Step


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
class FieldChange:
    """One setting that differs; before and after are fit to be shown, None is absent."""

    path: str
    before: Any = None
    after: Any = None
    note: str = ""


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
