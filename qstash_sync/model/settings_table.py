"""THE table of QStash's settings: what the file, the request and the answer call each.

A setting of one value is a row of `MESSAGE` (of a schedule's message) or `CALLBACK` (of a callback)
and nothing else: the wire, the comparison, the digests of the mark and the building of the file
read the rows. What has a shape of its own is a row of `SHAPED`: its code is in `wire.py` and
`canonical.py`, its names and properties are here.

Source: QStash's API reference, "Create a schedule" and "Get a schedule".
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from qstash_sync.record import record


@record(kw_only=True)
class Setting:
    """A setting of one value; `key` is its name in the file and in the model.

    header: of a request; behind a callback's own where it is a callback's.
    json: its name in an answer; None: QStash does not show it again.
    default: what QStash does where nothing is sent. absent: what an answer without it means.
    always: sent although it is the default. zero: whether 0 is a value, and no absence.
    """

    key: str
    header: str
    json: str | None
    type: type = str
    default: Any = None
    absent: Any = None
    always: bool = False
    zero: bool = False
    write: Callable[[Any], str] = str

    @property
    def is_duration(self) -> bool:
        """Whether it counts seconds."""
        return self.write is _seconds


def _seconds(value: int) -> str:
    return f"{value}s"


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MESSAGE = (
    Setting(
        key="method",
        header="Upstash-Method",
        json="method",
        default="POST",
        absent="POST",
        always=True,
    ),
    Setting(
        key="retries",
        header="Upstash-Retries",
        json="retries",
        type=int,
        default=3,
        absent=0,  # a zero may be left out of an answer; a 3 never is, as we always send it
        always=True,
        zero=True,
    ),
    Setting(key="retry_delay", header="Upstash-Retry-Delay", json="retryDelayExpression"),
    Setting(key="timeout", header="Upstash-Timeout", json="timeout", type=int, write=_seconds),
    Setting(
        key="delay",
        header="Upstash-Delay",
        json="delay",
        type=int,
        default=0,
        absent=0,
        write=_seconds,
    ),
    Setting(key="queue", header="Upstash-Queue-Name", json="queueName"),
)
CALLBACK = (
    Setting(key="method", header="Method", json=None, default="POST", always=True),
    Setting(key="retries", header="Retries", json=None, type=int, zero=True),
    Setting(key="timeout", header="Timeout", json=None, type=int, write=_seconds),
    Setting(key="retry_delay", header="Retry-Delay", json=None),
)


@record(kw_only=True)
class Shaped:
    """A setting with a shape of its own; type: of its JSON in an answer, None: not shown again."""

    key: str
    header: str
    json: str | None
    type: type = str


SHAPED = {
    row.key: row
    for row in (
        Shaped(key="id", header="Upstash-Schedule-Id", json="scheduleId"),
        Shaped(key="cron", header="Upstash-Cron", json="cron"),
        Shaped(key="destination", header="(path)", json="destination"),
        Shaped(key="headers", header="Upstash-Forward-", json="header", type=dict),
        Shaped(key="body", header="(content)", json="body"),
        Shaped(key="callback", header="Upstash-Callback", json="callback"),
        Shaped(
            key="failure_callback",
            header="Upstash-Failure-Callback",
            json="failureCallback",
        ),
        Shaped(key="flow_control", header="Upstash-Flow-Control-Key", json="flowControlKey"),
        Shaped(key="labels", header="Upstash-Label", json="labels", type=list),
        Shaped(key="redact", header="Upstash-Redact-Fields", json=None),
    )
}
CALLBACKS = ("callback", "failure_callback")


def fits_header(value: str) -> bool:
    """Whether a header can hold a text as it is."""
    return value.isascii() and value.isprintable() and value == value.strip()


@lru_cache(maxsize=4096)
def canonical_header(name: str) -> str:
    """The header name as Go writes it: `x-api-key` becomes `X-Api-Key`."""
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


def given(rows: tuple[Setting, ...], source: object) -> dict[str, Any]:
    """The values of a checked file for some rows; what it does not say is QStash's default."""
    values = {row.key: getattr(source, row.key) for row in rows}
    return {row.key: row.default if values[row.key] is None else values[row.key] for row in rows}
