"""Single writes, as data: `qstash/wire.py` makes requests of them, `applying/executor.py` sends."""

from qstash_sync.model.resources import Message, UrlGroup
from qstash_sync.record import record


@record(kw_only=True)
class PutSchedule:
    """Create or replace one part; labels are all of them, the mark first."""

    id: str
    cron: str
    message: Message
    labels: tuple[str, ...]


@record(kw_only=True)
class PauseSchedule:
    """Pause or resume one part."""

    id: str
    paused: bool


@record(kw_only=True)
class DeleteSchedule:
    """Delete one part."""

    id: str


@record(kw_only=True)
class SettleUrlGroup:
    """Bring a URL group to its endpoints without ever leaving it empty; several requests."""

    group: UrlGroup


@record(kw_only=True)
class DeleteUrlGroup:
    """Delete a URL group with its endpoints."""

    name: str


@record(kw_only=True)
class PutQueue:
    """Create or update a queue; both settings, since QStash resets the one left out."""

    name: str
    parallelism: int
    paused: bool


@record(kw_only=True)
class DeleteQueue:
    """Delete a queue."""

    name: str


@record(kw_only=True)
class PinFlowControl:
    """Pin parallelism, rate (with its period in seconds), or both."""

    name: str
    parallelism: int | None = None
    rate: int | None = None
    period: int | None = None


@record(kw_only=True)
class UnpinFlowControl:
    """Release what is pinned."""

    name: str
    parallelism: bool = False
    rate: bool = False


@record(kw_only=True)
class PauseFlowControl:
    """Pause or resume a key."""

    name: str
    paused: bool


Step = (
    PutSchedule
    | PauseSchedule
    | DeleteSchedule
    | SettleUrlGroup
    | DeleteUrlGroup
    | PutQueue
    | DeleteQueue
    | PinFlowControl
    | UnpinFlowControl
    | PauseFlowControl
)
