"""What is gathered while the kinds are compared."""

from dataclasses import dataclass, field

from qstash_sync.model.change import Change
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.resources import Kind


@dataclass(slots=True)
class Work:
    """What is gathered while the kinds are compared."""

    changes: list[Change] = field(default_factory=list)
    unchanged: list[tuple[Kind, str]] = field(default_factory=list)
    unmanaged: list[tuple[Kind, str]] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def add(self, resource: tuple[Kind, str], change: Change | None) -> None:
        """Take a resource's change; None is one that needs none."""
        if change is None:
            self.unchanged.append(resource)
        else:
            self.changes.append(change)
