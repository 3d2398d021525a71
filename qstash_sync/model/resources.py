"""What is reconciled: desired resources from the file, live ones from the account."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import NamedTuple

from qstash_sync.crons.compile import RENEW_BEFORE, Strategy
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.model.diagnostics import Location
from qstash_sync.model.lint import NO_LEVELS, Levels
from qstash_sync.record import record

MASK = "(secret)"
UNKNOWN_MASK = "(unknown secret)"


class Piece(NamedTuple):
    """A run of text inside a `Secret`: plain, hidden, or hidden and not known here."""

    text: str
    hidden: bool = False
    known: bool = True

    def __repr__(self) -> str:
        return f"Piece({self.shown!r})"

    @property
    def shown(self) -> str:
        """The text for people: hidden pieces are masked."""
        if not self.hidden:
            return self.text
        return MASK if self.known else UNKNOWN_MASK


@record()
class Secret:
    """Text with hidden pieces: printing shows masks, only `reveal` gives the value.

    Unwrapped in two places, the request (`qstash/wire.py`) and the digests (`reconcile/mark.py`),
    and in comparisons. A piece that is not known (`--unknown-env`) equals anything.
    """

    pieces: tuple[Piece, ...]

    def __str__(self) -> str:
        return "".join(piece.shown for piece in self.pieces)

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    @property
    def known(self) -> bool:
        """Whether every piece has its value."""
        return all(piece.known for piece in self.pieces)

    def reveal(self) -> str:
        """The value itself; refuses a value that is not known."""
        if not self.known:
            message = "a secret that is not known cannot be sent"
            raise ValueError(message)
        return "".join([piece.text for piece in self.pieces])


Text = str | Secret
Headers = tuple[tuple[str, Text], ...]  # canonical names, sorted; no name twice


def join(pieces: Iterable[str | Secret]) -> Text:
    """Put texts together; the result is a `Secret` as soon as one of them is.

    Plain text that stands together is one piece: a host may come from a variable, and be followed
    by a path with a secret.
    """
    items = tuple(pieces)
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) == len(items):
        return "".join(texts)
    flat: list[Piece] = []
    for item in items:
        for piece in item.pieces if isinstance(item, Secret) else (Piece(item),):
            if flat and not (flat[-1].hidden or piece.hidden):
                flat[-1] = Piece(flat[-1].text + piece.text)
            else:
                flat.append(piece)
    if any(piece.hidden for piece in flat):
        return Secret(tuple(piece for piece in flat if piece.text or piece.hidden))
    return "".join(piece.text for piece in flat)


def is_known(text: "Text | bytes | None") -> bool:
    """Whether a text can be compared and sent."""
    return not isinstance(text, Secret) or text.known


def plain(text: Text) -> str:
    """The value of a text, secret or not: for requests, digests and comparisons only."""
    return text.reveal() if isinstance(text, Secret) else text


class Kind(StrEnum):
    """The kinds of resources, in the order in which they are created."""

    URL_GROUP = "url_group"
    QUEUE = "queue"
    FLOW_CONTROL = "flow_control"
    SCHEDULE = "schedule"

    @property
    def noun(self) -> str:
        """What people call it."""
        return {Kind.URL_GROUP: "URL group", Kind.FLOW_CONTROL: "flow control"}.get(self, str(self))


Key = tuple[Kind, str]  # kind and id; of what has no id, its name


@record(kw_only=True)
class Callback:
    """Where QStash reports a delivery; None means QStash's own default."""

    url: Text
    method: str = "POST"
    headers: Headers = ()
    retries: int | None = None
    timeout: int | None = None  # seconds
    retry_delay: str | None = None


@record(kw_only=True)
class FlowUse:
    """The flow-control key of a schedule's messages, with the limits they bring along."""

    key: str
    parallelism: int | None = None
    rate: int | None = None
    period: int | None = None  # seconds; 1 when there is a rate and nothing is said


@record(kw_only=True)
class Redact:
    """What QStash hides when it is read back: the body, all headers, or those named."""

    body: bool = False
    all_headers: bool = False
    headers: tuple[str, ...] = ()  # canonical names, sorted

    def hides(self, header: str) -> bool:
        """Whether this header reads back as a digest."""
        return self.all_headers or header in self.headers


@record(kw_only=True)
class Message:
    """What a schedule sends, and how: everything but its time, its name and its pause."""

    destination: Text  # a URL, or the name of a URL group
    method: str = "POST"
    headers: Headers = ()
    body: bytes | Text | None = None  # text is UTF-8 on the wire
    retries: int = 3
    retry_delay: str | None = None
    timeout: int | None = None  # seconds
    delay: int = 0  # seconds
    callback: Callback | None = None
    failure_callback: Callback | None = None
    queue: str | None = None
    flow_control: FlowUse | None = None
    labels: tuple[str, ...] = ()  # the user's own; mark and name label come with the part
    redact: Redact = Redact()


@record(kw_only=True)
class Timing:
    """When a schedule fires, and how that is brought to QStash."""

    job: Job
    strategy: Strategy = Strategy.SPLIT
    renew_before: timedelta = RENEW_BEFORE
    max_parts: int = 8
    accept: bool = False


@record(kw_only=True)
class Schedule:
    """A declared schedule; id is the first part's, further parts add `.2`, `.3`, …."""

    name: str
    id: str
    timing: Timing
    message: Message
    to_group: bool = False
    paused: bool | None = None  # None: leave it as it is
    protect: bool = False
    adopted: bool = False  # the id stands in the file
    was: str | None = None
    notes: tuple[tuple[str, str], ...] = ()  # description, owner, runbook
    ignore: tuple[str, ...] = ()  # fields that somebody else owns, see `fields`
    lint: Levels = field(default=NO_LEVELS, compare=False)
    has_retries: bool = field(default=True, compare=False)  # somebody has written how many
    location: Location | None = field(default=None, compare=False)
    cron_location: Location | None = field(default=None, compare=False)
    references: tuple[tuple[str, Location], ...] = field(default=(), compare=False)  # by setting

    def refers_at(self, key: str) -> Location | None:
        """Where a setting names a URL group, a queue or a flow-control key, likewise."""
        return dict(self.references).get(key, self.location)

    @property
    def timed_at(self) -> Location | None:
        """Where its times are written: in the layer that wins, which may be an override."""
        return self.cron_location or self.location

    def part_id(self, number: int) -> str:
        """The id of part 1, 2, 3, …."""
        return self.id if number == 1 else f"{self.id}.{number}"


@record(kw_only=True)
class Endpoint:
    """One destination of a URL group; a name of None is an unnamed endpoint."""

    url: Text
    name: str | None = None


@record(kw_only=True)
class UrlGroup:
    """A declared URL group: its endpoints are all it is."""

    name: str
    endpoints: tuple[Endpoint, ...]
    ignore: tuple[str, ...] = ()
    location: Location | None = field(default=None, compare=False)


@record(kw_only=True)
class Queue:
    """A declared queue."""

    name: str
    parallelism: int = 1
    paused: bool | None = None
    ignore: tuple[str, ...] = ()
    location: Location | None = field(default=None, compare=False)


@record(kw_only=True)
class FlowControl:
    """A declared flow-control key: what is given is pinned, what is None is not."""

    name: str
    parallelism: int | None = None
    rate: int | None = None
    period: int | None = None  # seconds, with a rate
    paused: bool | None = None
    ignore: tuple[str, ...] = ()
    has_period: bool = field(default=True, compare=False)  # somebody has written how long
    location: Location | None = field(default=None, compare=False)


Resource = Schedule | UrlGroup | Queue | FlowControl


@record(kw_only=True)
class Globs:
    """Name patterns for the kinds that carry no mark."""

    url_groups: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    flow_controls: tuple[str, ...] = ()


@record(kw_only=True)
class Limits:
    """What the account allows, and what a single apply may delete; None lifts a limit."""

    plan: str | None = None
    max_deletes: int | None = 10
    max_delete_percent: int | None = 30  # of ours, from three deletes on; nor all of them


@record(kw_only=True)
class Desired:
    """Everything one environment of the files declares; None is a kind that is not managed."""

    namespace: str
    namespace_was: str | None = None  # whose schedules become this one's
    environment: str | None = None
    schedules: tuple[Schedule, ...] | None = None
    url_groups: tuple[UrlGroup, ...] | None = None
    queues: tuple[Queue, ...] | None = None
    flow_controls: tuple[FlowControl, ...] | None = None
    # Of the kinds without a mark: what another environment declares in the same account, and which;
    # patterns of names, where that one's variables are not known here.
    elsewhere: Mapping[Key, str] = field(default_factory=dict)
    patterns: tuple[tuple[Key, str], ...] = ()
    neighbours: tuple[tuple[str, str], ...] = ()  # their namespaces, likewise, and whose they are
    # What entries that are wrong say of a pause, by name, former name and id; None: nobody knows.
    unbuilt: Mapping[str, bool | None] = field(default_factory=dict, compare=False)
    hides_names: bool = False  # what no entry names may be what a wrong one is about
    hides_pauses: bool = False  # files are so wrong that any schedule may be paused in them
    owns: Globs = Globs()
    protect: Globs = Globs()
    limits: Limits = Limits()
    lint: Levels = field(default=NO_LEVELS, compare=False)
    secrets: tuple[str, ...] = field(default=(), repr=False, compare=False)  # to be masked
    options: tuple[str, ...] = field(default=(), repr=False, compare=False)  # of the run: see below
    lacks_secrets: bool = field(default=False, compare=False)  # a look that was told to go without

    def command(self, *words: str) -> str:
        """A command to type, about the same files, environment and account as this run."""
        is_look = words[0] in ("plan", "drift")
        more = ("--unknown-env",) if is_look and self.lacks_secrets else ()
        return shlex.join(("qstash-sync", *words, *more, *self.options))

    def consent_to(self, name: str, *, orphan: str = "") -> str:
        """How to consent to what is done of one schedule, and to nothing else: a look comes first.

        orphan: the id of what an environment has left, which is to be deleted.
        """
        given = ("--delete-orphan", orphan) if orphan else ("--adopt", name)
        look = self.command("plan", *given, "--target", f"schedule.{name}")
        return f"`{look}` shows it, `apply` with the same does it"

    def declared_by_another(self, key: Key) -> str | None:
        """The environment of the same account that declares it, or may by a name of its runs."""
        if key in self.elsewhere:
            return self.elsewhere[key]
        kind, name = key
        fits = (who for (of, one), who in self.patterns if of is kind and fnmatchcase(name, one))
        return next(fits, None)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(milliseconds: int | None) -> datetime | None:
    """A time of the account; None where there is none, or no calendar has it."""
    try:
        return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


@record(kw_only=True)
class LiveSchedule:
    """A schedule as the account shows it; times are Unix milliseconds, see `instant`."""

    id: str
    cron: str
    message: Message  # labels here are all that came back, mark included
    paused: bool = False
    created_at: int | None = None
    next_at: int | None = None
    last_at: int | None = None
    last_states: tuple[str, ...] = ()  # of the messages of the last run, as QStash calls them
    error: str | None = None
    labels_cut: bool = False  # the first alone came back, whether or not there are more
    repeated: tuple[str, ...] = ()  # headers that are sent more than once; the message has one each


@record(kw_only=True)
class LiveUrlGroup:
    """A URL group as the account shows it."""

    name: str
    endpoints: tuple[Endpoint, ...]


@record(kw_only=True)
class LiveQueue:
    """A queue as the account shows it; lag counts waiting messages, None where it is not told."""

    name: str
    parallelism: int = 1
    paused: bool = False
    lag: int | None = None

    @property
    def backlog(self) -> str | None:
        """What would be lost with it; None where it is certain that nothing would."""
        if self.lag is None or self.lag < 0:
            return "how many messages wait in it is not known"
        waiting = "1 message waits" if self.lag == 1 else f"{self.lag:,} messages wait"
        return f"{waiting} in it and would be lost" if self.lag else None


@record(kw_only=True)
class LiveFlowControl:
    """A flow-control key: its pinned values, None where a part is not pinned."""

    name: str
    parallelism: int | None = None
    rate: int | None = None
    period: int | None = None
    paused: bool = False
    waiting: int = 0


@record(kw_only=True)
class Live:
    """The account; None is a kind that was not read."""

    schedules: tuple[LiveSchedule, ...] | None = None
    url_groups: tuple[LiveUrlGroup, ...] | None = None
    queues: tuple[LiveQueue, ...] | None = None
    flow_controls: tuple[LiveFlowControl, ...] | None = None
