"""The mark: the first label of every schedule part that we write, and what it tells.

    qsync1-<e>-<k>of<n>-<a>-<b>-<c>[-p][-s][-z][-m][-g<d>][-i<d>][-w<d>]

    e    namespace and environment          k, n   which part of how many
    a    the readable settings as written   b      what is declared, secrets aside: times, settings
    c    secrets that do not read back      -p     protected
    -s   what reads back holds secrets      -z     paused when written
    -m   the timeout reads back in milliseconds
    -g   `b` without the settings that somebody else owns, where some are ignored
    -i   which id it belongs to, where that is not in the namespace
    -w   which id it was before: a rename has written it

Comparison never rests on digests: they only say who moved (`a` no longer fits: the account;
`b` or `c`: the file) and reveal a change of what QStash does not show again.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import pairwise, product
from typing import Any, NamedTuple

from qstash_sync.crons.compile import Strategy
from qstash_sync.crons.gap_and_fold import Fold, Gap, Job
from qstash_sync.model import ignorable
from qstash_sync.model.resources import (
    MASK,
    UNKNOWN_MASK,
    Callback,
    LiveSchedule,
    Message,
    Redact,
    Schedule,
    Secret,
)
from qstash_sync.model.settings_table import CALLBACKS
from qstash_sync.reconcile import canonical, time_label
from qstash_sync.reconcile.canonical import View, encoded, joined

PREFIX = "qsync1-"
_MARK = re.compile(
    r"qsync1-(?P<e>[0-9a-f]{4})-(?P<k>\d{1,3})of(?P<n>\d{1,3})"
    r"-(?P<a>[0-9a-f]{12})-(?P<b>[0-9a-f]{12})-(?P<c>[0-9a-f]{12})"
    r"(?P<p>-p)?(?P<s>-s)?(?P<z>-z)?(?P<m>-m)?(?:-g(?P<g>[0-9a-f]{6}))?(?:-i(?P<i>[0-9a-f]{4}))?"
    r"(?:-w(?P<w>[0-9a-f]{4}))?"
)
_HALF = 6  # digits of digest `b` for the times, and as many for the settings
NO_SECRETS = "0" * 12
_THEIR_TIME = ""  # in place of the cron in digest `a`, where the time is somebody else's
_TEXTS = {"destination", "headers", "body", *CALLBACKS}  # settings that may hold a secret
_NONE = encoded([None for _ in CALLBACKS])
_UNKNOWN = "?" * 12  # in plans only: an apply knows every secret


class Mark(NamedTuple):
    """A mark, taken apart, in the order in which it is written; str() puts it together.

    exposed: the part was written with secrets in settings that read back. rest: the half of digest
    `b` that is about settings, without those that were ignored; None where none was. bound: a
    digest of its id, where that is not in the namespace. was: one of the id that a rename ends.
    """

    scope: str
    part: int
    parts: int
    readable: str
    definition: str
    secrets: str
    protected: bool = False
    exposed: bool = False
    paused: bool = False
    in_milliseconds: bool = False
    rest: str | None = None
    bound: str | None = None
    was: str | None = None

    @property
    def times(self) -> str:
        """The half of digest `b` that is about times."""
        return self.definition[:_HALF]

    @property
    def settings(self) -> str:
        """The half of digest `b` that is about settings."""
        return self.definition[_HALF:]

    def __str__(self) -> str:
        flags = "-p" * self.protected + "-s" * self.exposed + "-z" * self.paused
        flags += "-m" * self.in_milliseconds
        flags += f"-g{self.rest}" if self.rest else ""
        flags += f"-i{self.bound}" if self.bound else ""
        flags += f"-w{self.was}" if self.was else ""
        digests = f"{self.readable}-{self.definition}-{self.secrets}"
        return f"{PREFIX}{self.scope}-{self.part}of{self.parts}-{digests}{flags}"


def parse(labels: Iterable[str]) -> Mark | None:
    """The mark among a schedule's labels, if it has one."""
    for label in labels:
        match = _MARK.fullmatch(label)
        if match:
            e, k, n, a, b, c, p, s, z, m, g, i, w = match.groups()
            flags = bool(p), bool(s), bool(z), bool(m)
            return Mark(e, int(k), int(n), a, b, c, *flags, g, i, w)
    return None


@lru_cache(maxsize=64)
def scope(namespace: str, environment: str | None) -> str:
    """The four digits that keep two environments of one account apart."""
    return _digest(encoded([namespace, environment or ""]))[:4]


def name_label(namespace: str, name: str) -> str:
    """The label that all parts of a schedule share, for people who read logs."""
    return f"{namespace}.{name}"


def own_labels(
    live: LiveSchedule, namespace: str, name: str, unseen: tuple[str, ...]
) -> tuple[str, ...]:
    """The user's labels among those that came back; unseen: where the mark alone did."""
    if live.labels_cut and parse(live.message.labels):
        return unseen
    ours, labels = name_label(namespace, name), live.message.labels
    return tuple(
        label
        for label in labels
        if not label.startswith(PREFIX) and label != ours and not time_label.is_label(label)
    )


def name_behind(labels: Sequence[str]) -> str | None:
    """The label that a mark is followed by, where it can be a name; whoever has written both."""
    found = (name for label, name in pairwise(labels) if _MARK.fullmatch(label))
    return next((name for name in found if "." in name and not time_label.is_label(name)), None)


def binding(part_id: str, namespace: str) -> str | None:
    """What binds a mark to its id; None for an id in the namespace, which needs none."""
    return None if part_id.startswith(f"{namespace}.") else bound_to(part_id)


def bound_to(part_id: str) -> str:
    """The four digits of an id, as a mark has them that is bound to it, whoever's it is."""
    return _digest(part_id)[:4]


class Declared:
    """A schedule as the file has it: its canonical view, and its digests; each is made once.

    was: the id that it has, or still has, under a former name.
    """

    def __init__(
        self, schedule: Schedule, namespace: str, environment: str | None, was: str | None = None
    ) -> None:
        self.schedule = schedule
        self.was = was
        self.namespace = namespace
        self.environment = environment
        self.view = canonical.of_message(schedule.message)
        self.labels = self.labels_of(schedule.message)  # behind the mark
        self.times = digest_of_times(schedule.timing.job, schedule.timing.strategy)
        self.settings = _settings(schedule.message, self.view)

    @property
    def definition(self) -> str:
        """Digest `b`."""
        return self.times + self.settings

    @cached_property
    def former_definition(self) -> str:
        """Digest `b` as the first releases wrote it: one digest, which the spelling changed."""
        return _former_definition(self.schedule, self.view)

    @cached_property
    def alike_times(self) -> frozenset[str]:
        """The halves of all policies that mean the same: a default may be written, or left out."""
        timing = self.schedule.timing
        jobs = alike(timing.job)
        return frozenset(digest_of_times(job, timing.strategy) for job in jobs)

    @property
    def has_time(self) -> bool:
        """Whether the time is the file's, and nobody else's."""
        return ignorable.TIME not in self.schedule.ignore

    @cached_property
    def rest(self) -> str | None:
        """The half of digest `b` about settings, without those that are ignored; None: none are."""
        return rest_of(self.schedule)

    def defines(self, mark: Mark) -> bool:
        """Whether a part was written for what is declared now, secrets aside."""
        if mark.definition in (self.definition, self.former_definition):
            return True
        if mark.settings == self.settings and mark.times in self.alike_times:
            return True
        if not self.schedule.ignore:
            return False
        is_in_time = mark.times == self.times or not self.has_time
        return is_in_time and (mark.settings == self.settings or self._has_same_rest(mark))

    def _has_same_rest(self, mark: Mark) -> bool:
        return self.rest is not None and mark.rest == self.rest

    def times_moved(self, mark: Mark) -> bool:
        """Whether a part was written for other times; of an old mark: or other settings."""
        return self.has_time and not self.defines(mark) and mark.times != self.times

    def settings_moved(self, mark: Mark) -> bool:
        """Whether a part was written with other settings; of an old mark: or other times.

        Of a mark from before they were ignored nobody knows whether they alone have changed. Where
        the file has nothing that does not read back, nothing else can be hidden in it.
        """
        if self.defines(mark) or mark.settings == self.settings or self._has_same_rest(mark):
            return False
        return self.rest is None or self._hides()

    def _hides(self) -> bool:
        message = self.schedule.message
        return message.redact != Redact() or any(getattr(message, key) for key in CALLBACKS)

    def tells_halves(self, labels: Iterable[str], mark: Mark | None) -> bool:
        """Whether digest `b` of a mark has halves, and its flags tell all.

        Those of the first releases do not: they have no label of the time. A time that is too long
        for one has none, either.
        """
        if mark is None or time_label.read(labels) is not None:
            return mark is not None
        has_none = time_label.label(self.schedule.timing.job) is None
        return has_none and mark.times == self.times

    def wrote(self, mark: Mark, view: View, cron: str) -> bool:
        """Whether digest `a` fits what is live: nobody has changed it since it was written."""
        if not self.has_time and fits(mark, view, _THEIR_TIME):
            return True
        if mark.definition == self.definition:
            return mark.readable == readable(view, cron)
        return fits(mark, view, cron)

    @cached_property
    def secrets(self) -> str | None:
        """Digest `c`; None where a secret is not known here."""
        return secrets(self.schedule.message, self.namespace)

    @cached_property
    def exposed(self) -> bool:
        """Whether a setting that reads back holds a secret, or what is somebody else's."""
        if any(field.partition(".")[0] in _TEXTS for field in self.schedule.ignore):
            return True
        message = self.schedule.message
        callbacks = (message.callback, message.failure_callback)
        values: list[Any] = [message.destination, *(c.url for c in callbacks if c)]
        values += [] if message.redact.body else [message.body]
        if any(isinstance(value, Secret) for value in values):
            return True
        return self.view.headers is not None and self.view.headers.exposes

    def mark(
        self,
        part_id: str,
        cron: str,
        *,
        part: int,
        parts: int,
        paused: bool,
        in_milliseconds: bool = False,
    ) -> Mark:
        """The mark that a part is written with."""
        return Mark(
            scope=scope(self.namespace, self.environment),
            part=part,
            parts=parts,
            readable=readable(self.view, cron if self.has_time else _THEIR_TIME),
            definition=self.definition,
            secrets=self.secrets or _UNKNOWN,
            protected=self.schedule.protect,
            exposed=self.exposed,
            paused=paused,
            in_milliseconds=in_milliseconds,
            rest=self.rest,
            bound=binding(part_id, self.namespace),
            was=self.was and bound_to(self.was),
        )

    def labels_of(self, message: Message) -> tuple[str, ...]:
        """The labels that a part is written with behind its mark, with a message's own."""
        told = time_label.label(self.schedule.timing.job)
        name = name_label(self.namespace, self.schedule.name)
        return (name, *([told] if told else ()), *message.labels)


def readable(view: View, cron: str) -> str:
    """Digest `a`: what QStash shows of a part, redacted values left out."""
    return _digest(f"[{encoded(cron)},{view.text}]")


def fits(mark: Mark, view: View, cron: str) -> bool:
    """Whether digest `a` of a mark is that of what is live, of the first releases' or ours."""
    return mark.readable in (readable(view, cron), _former_readable(view, cron))


def _former_readable(view: View, cron: str) -> str:
    """The same as the first releases wrote it."""
    return _digest(f"[{encoded(cron)},{canonical.digested(view)}]")


@lru_cache(maxsize=16_384)
def digest_of_times(job: Job, strategy: str) -> str:
    """The first half of digest `b`: when it fires, and how that is brought to QStash."""
    crons = sorted(cron.key for cron in job.crons)
    return _digest(encoded([crons, job.fold, job.gap, job.timezone, strategy]))[:_HALF]


def alike(job: Job) -> Iterator[Job]:
    """The job with every pair of policies under which each of its crons keeps its own."""
    kept = [(job.gap_of(cron), job.fold_of(cron)) for cron in job.crons]
    for gap, fold in product((None, *Gap), (None, *Fold)):
        other = replace(job, gap=gap, fold=fold)
        if [(other.gap_of(cron), other.fold_of(cron)) for cron in job.crons] == kept:
            yield other


@lru_cache(maxsize=4096)
def written_for(mark: Mark, labels: tuple[str, ...]) -> tuple[Job, Strategy] | None:
    """The local time that a part was written for, with its policies; None where nothing tells it.

    The label tells crons and zone, digest `b` the policies: those with which it comes out as it is.
    So a label that somebody has changed is not believed.
    """
    told = time_label.read(labels)
    if told is None:
        return None
    for strategy, gap, fold in product(Strategy, (None, *Gap), (None, *Fold)):
        job = replace(told, gap=gap, fold=fold)
        if digest_of_times(job, strategy) == mark.times:
            return job, strategy
    return None


def settings_with(message: Message) -> Callable[[str], str]:
    """That half of digest `b` of a message, of what its callbacks are: JSON of definitions."""
    view = canonical.of_message(message)
    text = canonical.settings_text(message, view)
    return lambda callbacks: _settings(message, view, callbacks, text)


def digest_of_settings(message: Message) -> str:
    """The other half of digest `b`: what is declared beside the times."""
    return _settings(message, canonical.of_message(message))


def rest_of(schedule: Schedule) -> str | None:
    """That half without the settings that are ignored; None where none are."""
    if not any(map(ignorable.is_sent, schedule.ignore)):
        return None
    left = ignorable.taken_from(ignorable.NOTHING, schedule.message, schedule.ignore)
    return digest_of_settings(left)


def _settings(
    message: Message, view: View, callbacks: str | None = None, settings: str | None = None
) -> str:
    """The other half of digest `b`: labels and pause, which read back, are left out."""
    text = joined(
        {
            "callbacks": callbacks or _callbacks(message),
            "message": settings or canonical.settings_text(message, view),
            "redact": _redacted(message.redact),
        }
    )
    return _digest(text)[:_HALF]


def _callbacks(message: Message) -> str:
    callbacks = [getattr(message, key) for key in CALLBACKS]
    return encoded([callback_definition(one) for one in callbacks]) if any(callbacks) else _NONE


@lru_cache(maxsize=1024)
def _redacted(hidden: Redact) -> str:
    return encoded([hidden.body, hidden.all_headers, hidden.headers])


def callback_definition(callback: Callback | None) -> Any:
    """What a digest says of a callback: its settings, a secret by its mask alone."""
    if callback is None:
        return None
    settings = canonical.callback_settings(callback)
    return {key: canonical.masked_whole(value) for key, value in settings.items()}


def _former_definition(schedule: Schedule, view: View) -> str:
    message = schedule.message
    text = joined(
        {
            "callbacks": encoded([_former_callback(getattr(message, key)) for key in CALLBACKS]),
            **_before_message(schedule.timing.job),
            "message": canonical.declared_text(message, view),
            "redact": _redacted(message.redact),
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


def _former_callback(callback: Callback | None) -> Any:
    if callback is None:
        return None
    return {key: str(value) for key, value in canonical.callback_settings(callback).items()}


def secrets(message: Message, namespace: str) -> str | None:
    """Digest `c`: secrets that do not read back, each stretched so that guessing is dear.

    None where one of them is not known here.
    """
    found = _unreadable(message)
    if not found:
        return NO_SECRETS
    if not all(value.known for value in found):
        return None
    return _stretched_all(tuple(value.reveal() for value in found), namespace)


@lru_cache(maxsize=16_384)
def _stretched_all(values: tuple[str, ...], namespace: str) -> str:
    return _digest(encoded([stretched(value, namespace) for value in values]))


def to_stretch(schedules: Iterable[Schedule]) -> set[str]:
    """The secrets that digests `c` of these schedules stretch."""
    values = (value for schedule in schedules for value in _unreadable(schedule.message))
    return {value.reveal() for value in values if value.known}


def _unreadable(message: Message) -> list[Secret]:
    found = [message.body] if message.redact.body and isinstance(message.body, Secret) else []
    found += canonical.headers_of(message.headers, message.redact).unreadable
    for callback in (message.callback, message.failure_callback):
        if callback and callback.headers:
            found += [value for _, value in callback.headers if isinstance(value, Secret)]
    return found


def stretched(value: str, namespace: str) -> str:
    """A digest that is dear to compute, so that a secret cannot be guessed from it in bulk."""
    under_way = ahead.get((value, namespace))
    return under_way() if under_way else stretch(value, namespace)


# Digests that are made beside other work: see `applying/stretching.py`.
ahead: dict[tuple[str, str], Callable[[], str]] = {}


@lru_cache(maxsize=65_536)
def stretch(value: str, namespace: str) -> str:
    """The work itself: a twentieth of a second, in which other threads run."""
    return hashlib.scrypt(
        value.encode(), salt=namespace.encode(), n=2**14, r=8, p=1, dklen=16
    ).hex()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
