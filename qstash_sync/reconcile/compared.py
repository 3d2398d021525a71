"""What a comparison finds, before any policy: every resource with its change, and what to say."""

from dataclasses import dataclass, field

from qstash_sync.model.change import Change, Foreign
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.resources import Key, Kind
from qstash_sync.record import record

Within = frozenset[Key] | None  # the resources that are compared; None: all


@record(kw_only=True)
class Consent:
    """A change that overwrites or deletes what is not ours needs consent: which id, what it is.

    can_be_given: not where another namespace, or another environment of the file, manages it.
    """

    id: str
    foreign: Foreign
    can_be_given: bool = True


@record(kw_only=True)
class Compared:
    """One resource: its change (None: in sync), and the diagnostics that belong to it.

    otherwise: what it is without the consent; None: it is refused then. unmanaged: live ids that it
    was, or may have been, and leaves alone.
    """

    kind: Kind
    name: str
    id: str
    change: Change | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    consent: Consent | None = None
    otherwise: "Compared | None" = None
    unmanaged: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """Kind and id: no other resource has both."""
        return self.kind, self.id

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it is known by: in the file, and before a rename that is to be made."""
        return self.change.names if self.change else (self.name,)


@dataclass(eq=False, repr=False, slots=True)
class Comparison:
    """All of them; unmanaged: live, not ours, by kind and name. diagnostics: of no resource.

    orphans: what an environment has left that the files do not have, each as its delete.
    """

    compared: list[Compared] = field(default_factory=list)
    unmanaged: list[tuple[Kind, str]] = field(default_factory=list)
    orphans: list[Compared] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
