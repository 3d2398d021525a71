"""One check: what was looked at, what was found, and the way out."""

from enum import StrEnum, auto

from qstash_sync.model.diagnostics import RANKS, Severity
from qstash_sync.record import record


class Subject(StrEnum):
    """What is looked at, in the order in which it is told; a page and a document name it so."""

    FILE = auto()
    VARIABLES = auto()
    TOKEN = auto()
    ACCESS = auto()
    SIGNING_KEYS = auto()
    PLAN = auto()
    QUOTA = auto()
    MESSAGES = auto()
    CLOCK = auto()
    ZONE_DATA = auto()
    GLOBS = auto()
    HOST = auto()
    HANDLER = auto()
    SIGNATURE = auto()


@record(kw_only=True)
class Check:
    """severity: None where all is well; a difference is none of health's.

    besides: what the verdict cannot do without, where all is well.
    """

    subject: Subject
    severity: Severity | None = None
    message: str
    hint: str = ""
    besides: str = ""

    def is_at_least(self, severity: Severity) -> bool:
        """Whether it weighs as much as that, or more."""
        return self.severity is not None and RANKS[self.severity] <= RANKS[severity]
