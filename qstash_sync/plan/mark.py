"""The mark: the first label of every schedule part that we write, and what it tells.

    qsync1-<e>-<k>of<n>-<a>-<b>-<c>[-p][-z]

    e    namespace and environment          k, n   which part of how many
    a    the readable settings as written   b      the declared definition, without secrets
    c    secrets that do not read back      -p     protected      -z   paused when written

Comparison never rests on digests: they only say who moved (`a` no longer fits: the account;
`b` or `c`: the file) and reveal a change of what QStash does not show again.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from qstash_sync.crons.firings import Job
from qstash_sync.model.resources import MASK, UNKNOWN_MASK, Callback, Message, Schedule, Secret
from qstash_sync.model.settings import CALLBACKS
from qstash_sync.plan import canonical
from qstash_sync.plan.canonical import View, encoded, joined

PREFIX = "qsync1-"
_MARK = re.compile(
    r"qsync1-(?P<e>[0-9a-f]{4})-(?P<k>\d+)of(?P<n>\d+)"
    r"-(?P<a>[0-9a-f]{12})-(?P<b>[0-9a-f]{12})-(?P<c>[0-9a-f]{12})(?P<p>-p)?(?P<z>-z)?"
)
NO_SECRETS = "0" * 12
_UNKNOWN = "?" * 12  # in plans only: an apply knows every secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A mark, taken apart; str() puts it together."""

    scope: str
    part: int
    parts: int
    readable: str
    definition: str
    secrets: str
    protected: bool = False
    paused: bool = False

    def __str__(self) -> str:
        flags = "-p" * self.protected + "-z" * self.paused
        digests = f"{self.readable}-{self.definition}-{self.secrets}"
        return f"{PREFIX}{self.scope}-{self.part}of{self.parts}-{digests}{flags}"


def parse(labels: Iterable[str]) -> Mark | None:
    """The mark among a schedule's labels, if it has one."""
    for label in labels:
        match = _MARK.fullmatch(label)
        if match:
            return Mark(
                scope=match["e"],
                part=int(match["k"]),
                parts=int(match["n"]),
                readable=match["a"],
                definition=match["b"],
                secrets=match["c"],
                protected=bool(match["p"]),
                paused=bool(match["z"]),
            )
    return None


@lru_cache(maxsize=64)
def scope(namespace: str, environment: str | None) -> str:
    """The four digits that keep two environments of one account apart."""
    return _digest(encoded([namespace, environment or ""]))[:4]


def name_label(namespace: str, name: str) -> str:
    """The label that all parts of a schedule share, for people who read logs."""
    return f"{namespace}.{name}"


def own_labels(labels: tuple[str, ...], namespace: str, name: str) -> tuple[str, ...]:
    """The user's labels among those that came back."""
    ours = name_label(namespace, name)
    return tuple(label for label in labels if not label.startswith(PREFIX) and label != ours)


class Declared:
    """A schedule as the file has it: its canonical view, and its digests; each is made once."""

    def __init__(self, schedule: Schedule, namespace: str, environment: str | None) -> None:
        self.schedule = schedule
        self.namespace = namespace
        self.environment = environment
        self.view = canonical.of_message(schedule.message)
        self.definition = definition(schedule, self.view)

    @cached_property
    def secrets(self) -> str | None:
        """Digest `c`; None where a secret is not known here."""
        if not secrets_known(self.schedule):
            return None
        return secrets(self.schedule, self.namespace)

    def mark(self, cron: str, *, part: int, parts: int, paused: bool) -> Mark:
        """The mark that a part is written with."""
        return Mark(
            scope=scope(self.namespace, self.environment),
            part=part,
            parts=parts,
            readable=readable(self.view, cron),
            definition=self.definition,
            secrets=self.secrets or _UNKNOWN,
            protected=self.schedule.protect,
            paused=paused,
        )


def readable(view: View, cron: str) -> str:
    """Digest `a`: what QStash shows of a part, redacted values left out."""
    text = view.text if view.pieces.get("body") != "{}" else canonical.digested(view.pieces)
    return _digest(f"[{encoded(cron)},{text}]")


def definition(schedule: Schedule, view: View | None = None) -> str:
    """Digest `b`: the declared definition; labels and pause, which read back, are left out.

    view: of its message, where that is known.
    """
    message = schedule.message
    hidden = message.redact
    view = view or canonical.of_message(message)
    text = joined(
        {
            "callbacks": encoded([_callback(getattr(message, key)) for key in CALLBACKS]),
            **_before_message(schedule.timing.job),
            "message": canonical.declared_text(message, view),
            "redact": encoded([hidden.body, hidden.all_headers, hidden.headers]),
            "strategy": encoded(schedule.timing.strategy),
            "zone": encoded(schedule.timing.job.timezone),
        }
    )
    return _digest(text.replace(UNKNOWN_MASK, MASK))  # both are alike here


@lru_cache(maxsize=16_384)
def _before_message(job: Job) -> dict[str, str]:
    """The keys of a definition between `callbacks` and `message`: they are sorted."""
    crons = sorted(cron.key for cron in job.crons)
    return {"crons": encoded(crons), "fold": encoded(job.fold), "gap": encoded(job.gap)}


def _callback(callback: Callback | None) -> Any:
    if callback is None:
        return None
    return {key: str(value) for key, value in canonical.callback_settings(callback).items()}


def secrets(schedule: Schedule, namespace: str) -> str:
    """Digest `c`: secrets that do not read back, each stretched so that guessing is dear."""
    found = [value for value in _unreadable(schedule.message) if isinstance(value, Secret)]
    if not found:
        return NO_SECRETS
    return _stretched_all(tuple(value.reveal() for value in found), namespace)


@lru_cache(maxsize=16_384)
def _stretched_all(values: tuple[str, ...], namespace: str) -> str:
    return _digest(encoded([stretched(value, namespace) for value in values]))


def to_stretch(schedules: Iterable[Schedule]) -> set[str]:
    """The secrets that digests `c` of these schedules stretch: each takes a twentieth of a second.

    `stretched` lets other threads run and keeps what it found, so they can be done beforehand.
    """
    values = (value for schedule in schedules for value in _unreadable(schedule.message))
    return {value.reveal() for value in values if isinstance(value, Secret) and value.known}


def secrets_known(schedule: Schedule) -> bool:
    """Whether digest `c` can be computed here."""
    return all(v.known for v in _unreadable(schedule.message) if isinstance(v, Secret))


def _unreadable(message: Message) -> list[Any]:
    hidden = message.redact
    values: list[Any] = [message.body] if hidden.body else []
    if hidden.all_headers or hidden.headers:
        values += [value for name, value in message.headers if hidden.hides(name)]
    for callback in (message.callback, message.failure_callback):
        if callback and callback.headers:
            values += [value for _, value in callback.headers]
    return values


@lru_cache(maxsize=65_536)
def stretched(value: str, namespace: str) -> str:
    """A digest that is dear to compute, so that a secret cannot be guessed from it in bulk."""
    return hashlib.scrypt(
        value.encode(), salt=namespace.encode(), n=2**14, r=8, p=1, dklen=16
    ).hex()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
