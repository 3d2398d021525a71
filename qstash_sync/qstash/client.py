"""The client: sends requests, counts them, and turns every failure into one clear error.

Retrying is our own and no library's: a 429 makes one pause for all threads, which the libraries
for this do not have, and the few packages that this tool depends on are fixed.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Self

import httpx

from qstash_sync.errors import (
    AccountError,
    AuthError,
    BadResponseError,
    RejectedError,
    StrayError,
    UnreachableError,
    UsageError,
    WriteForbiddenError,
)
from qstash_sync.model.addresses import bare
from qstash_sync.model.resources import Kind, Live, LiveSchedule, LiveUrlGroup, Secret, UrlGroup
from qstash_sync.model.settings_table import fits_header
from qstash_sync.model.steps import PutSchedule, SettleUrlGroup, Step, UnpinFlowControl
from qstash_sync.qstash import wire
from qstash_sync.qstash.answers import (
    NOT_QSTASH,
    USUAL,
    Absent,
    Answer,
    MayLack,
    Origin,
    Retryable,
    judge,
)
from qstash_sync.qstash.connections import Connection, Connections
from qstash_sync.qstash.exchange import exchange
from qstash_sync.qstash.throttle import Throttle
from qstash_sync.qstash.wire import LiveResource, Request
from qstash_sync.reconcile import endpoints

if TYPE_CHECKING:
    from qstash_sync.qstash.mask import Mask

TRIES = 6  # of one request, those that were answered with 429 not counted
TRIES_UNREACHED = 4  # where nothing was ever reached: two seconds, for a service that just starts
TIMEOUT, DEADLINE = 30.0, 120.0  # seconds: without a sign of the server; for all tries together
_LEAST_TIMEOUT = 0.1
_UNNOTICED = 3.0  # seconds that nobody asks where they went
_SHOWN = 300  # characters of a server's text
_READS_AT_ONCE = 4
_HEADERS = (("User-Agent", "qstash-sync"), ("Accept-Encoding", "gzip"))
_LAST_PORT = 65_535
_UNCONNECTED = (httpx.ConnectError, httpx.ConnectTimeout)
_NEVER_NULL = (Kind.SCHEDULE, Kind.QUEUE)  # their empty lists are known to be []


class Client:
    """A QStash account. read_only refuses every method but GET, whatever the caller does.

    sleep: seconds, in place of a wait that `cancel` can end. clock: Unix time. timeout: seconds
    until a try counts as lost. deadline: seconds for all tries of one request.

    patience may be set: seconds after which nothing is sent again, while an answer under way still
    has until the deadline. on_retry may be set: called once with why a request is sent again, and
    once with why a limit of QStash makes it wait, where that is for long.
    """

    def __init__(
        self,
        url: str,
        token: Secret,
        *,
        read_only: bool,
        transport: httpx.BaseTransport | None = None,
        parallelism: int = 8,
        hide: Iterable[str] = (),
        origin: Origin = USUAL,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        timeout: float = TIMEOUT,
        deadline: float = DEADLINE,
    ) -> None:
        at_once(parallelism)
        self.url = _address(url, origin, on_network=transport is None)
        self._origin = origin
        self.read_only = read_only
        self.reads = self.writes = 0
        self._count = threading.Lock()
        self._timeout = timeout
        self._deadline = self.patience = deadline
        self._at_once = min(parallelism, _READS_AT_ONCE)  # no thread without a connection
        self._throttle = Throttle(sleep, clock, monotonic)
        self._token, self._hide = token, tuple(hide)
        self._headers = (("Authorization", f"Bearer {_checked(token, origin)}"), *_HEADERS)
        self._connections = Connections(self.url, transport, parallelism)
        self.unlisted: frozenset[Kind] = frozenset()
        self.on_retry: Callable[[str], object] | None = None
        self._told: set[str] = set()  # of what on_retry was called with
        self._is_reached = False  # something has taken a connection
        self._first_put = threading.Lock()
        self._keeps_ids: bool | None = None  # None: no schedule was written yet

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connections.close()

    def cancel(self) -> None:
        """End every wait, now and from now on: what would be sent again fails instead.

        Requests in flight go on, and one that need not wait is still sent.
        """
        self._throttle.stopped.set()

    def now(self) -> datetime:
        """The server's time, as its answers tell it; before the first, our own clock's."""
        return datetime.fromtimestamp(self._throttle.now(), UTC)

    def skew(self) -> timedelta | None:
        """How far the server's clock is ahead of ours; None before it told its time."""
        seconds = self._throttle.skew()
        return None if seconds is None else timedelta(seconds=seconds)

    @property
    def has_odd_clock(self) -> bool:
        """Whether the server has told a time that is none."""
        return self._throttle.is_unreadable

    def scrub(self, text: str) -> str:
        """A server's words: without the secrets that we know, on one line, not too long.

        What is not seen is escaped.
        """
        return "".join(map(_seen, self._mask(text)[:_SHOWN]))[:_SHOWN]

    @cached_property
    def _mask(self) -> "Mask":
        from qstash_sync.qstash.mask import Mask, inside  # noqa: PLC0415 only for errors

        token = self._token.reveal()
        return Mask((token, *self._hide), inside(token))

    # Reading

    def read(self, kinds: Collection[str], keys: Collection[str] = ()) -> Live:
        """List the given kinds, side by side: one GET each, for any number of resources.

        keys: the flow-control keys that matter. Where QStash lists none any more, these are asked
        for one by one, and `unlisted` says so.
        """
        return self.start_reading(kinds, keys)()

    def start_reading(
        self, kinds: Collection[str], keys: Collection[str] = ()
    ) -> Callable[[], Live]:
        """The same in the background: call what is returned to wait for it, and to meet its errors.

        Who has no use for it any more need not wait for it, not even at the end of the process.
        """
        found: dict[str, Future[Any]] = {name: Future() for name in sorted(kinds)}
        names = iter(tuple(found))  # of all threads: each takes the next

        def work() -> None:
            for name in names:
                try:
                    found[name].set_result(self._list(wire.KINDS[name], keys))
                except BaseException as error:  # noqa: BLE001 who waits for it raises it
                    found[name].set_exception(error)

        for _ in range(min(self._at_once, len(found))):
            threading.Thread(target=work, daemon=True).start()

        def result() -> Live:
            try:
                return Live(**{name: future.result() for name, future in found.items()})
            except KeyboardInterrupt:  # who is asked to stop waits for no answer
                self.cancel()
                raise
            except BaseException:
                wait(found.values())  # so that after an error nothing is under way any more
                raise

        return result

    def get(self, kind: Kind, name: str) -> LiveResource | None:
        """One resource by its name, a schedule by its id; None where QStash has none."""
        data = self._send(wire.get(kind, name), MayLack.RESOURCE)
        if data is Absent.ABSENT:
            return None
        found = self._parsed(kind, data, f"the {kind.noun} {name}")
        if _name(found) != name:
            other = self.scrub(_name(found))
            raise BadResponseError(f"asked for {name}, QStash answered with {other}")
        return found

    def signing_keys(self) -> tuple[str | None, str | None]:
        """The current one and the next; raises `AuthError` where the token may not read them."""
        data = self._send(wire.about_account(wire.SIGNING_KEYS), MayLack.ENDPOINT)
        found = data if isinstance(data, dict) else {}
        keys = (found.get("current"), found.get("next"))
        current, following = (key if isinstance(key, str) and key else None for key in keys)
        return current, following

    def parallelism(self) -> int | None:
        """How many messages the account delivers at once; None where QStash does not tell."""
        data = self._send(wire.about_account(wire.PARALLELISM), MayLack.ENDPOINT)
        most = data.get("parallelismMax") if isinstance(data, dict) else None
        return most if type(most) is int and most > 0 else None

    def _list(self, kind: Kind, keys: Collection[str]) -> Any:
        path = wire.LISTS[kind]
        may_lack = MayLack.ENDPOINT if kind is Kind.FLOW_CONTROL else MayLack.NOTHING
        data = self._send(wire.get(kind), may_lack)
        if data is None and kind not in _NEVER_NULL:
            # Go writes null for an empty list; one that got lost on the way is not null twice.
            data = self._send(wire.get(kind), may_lack)
            data = [] if data is None else data
        if data is Absent.ABSENT:
            return self._one_by_one(kind, keys)
        if not isinstance(data, list):
            raise BadResponseError(f"{self.url} answered {path} without a list; {NOT_QSTASH}")
        found: dict[str, LiveResource] = {}
        for number, item in enumerate(data, 1):
            resource = self._parsed(kind, item, f"number {number} of {path}")
            if _name(resource) in found:
                name = self.scrub(_name(resource))
                raise BadResponseError(f"{self.url} lists {name} twice in {path}")
            found[_name(resource)] = resource
        return tuple(found[name] for name in sorted(found))

    def _one_by_one(self, kind: Kind, names: Collection[str]) -> Any:
        self.unlisted |= {kind}
        with ThreadPoolExecutor(self._at_once) as pool:
            found = list(pool.map(lambda name: self.get(kind, name), sorted(set(names))))
        return tuple(resource for resource in found if resource is not None)

    def _parsed(self, kind: Kind, data: Any, what: str) -> LiveResource:
        try:
            return wire.parse(kind, data)
        except wire.MalformedError as malformed:
            fact = self.scrub(str(malformed))  # it may name a header of the answer
        raise BadResponseError(f"{self.url} answered with {what} in a form unknown to us: {fact}")

    # Writing

    def write(self, step: Step) -> None:
        """Send one step; raises an `AccountError` where it did not take effect.

        Sent again after a lost answer, each has the effect of one. A delete of what is not there
        is done.
        """
        if self.read_only:
            raise WriteForbiddenError(f"this command cannot write: {type(step).__name__}")
        if isinstance(step, SettleUrlGroup):
            self._settle(step.group)
            return
        if isinstance(step, PutSchedule):
            self._put(step)
            return
        request = wire.of_step(step)
        may_be_gone = request.method == "DELETE" or isinstance(step, UnpinFlowControl)
        self._send(request, MayLack.RESOURCE if may_be_gone else MayLack.NOTHING)

    def _put(self, step: PutSchedule) -> None:
        """Write a schedule, and see that it was written under its id.

        Where something on the way drops our headers, QStash makes up an id: a stray, and one more
        with each try. So the first goes alone, and a stray is the last.
        """
        if self._keeps_ids is None:
            with self._first_put:
                if self._keeps_ids is None:
                    self._put_one(step)
                    return
        self._put_one(step)

    def _put_one(self, step: PutSchedule) -> None:
        if self._keeps_ids is False:
            fact = "not sent: it would be written under another id, as one was before"
            raise StrayError(fact, sent=False)
        done = self._send(wire.of_step(step))
        written = done.get("scheduleId") if isinstance(done, dict) else None
        if written is None and self.get(Kind.SCHEDULE, step.id) is not None:
            written = step.id
        self._keeps_ids = written == step.id
        if self._keeps_ids:
            return
        why = "something on the way drops our headers"
        if written is None:
            fact = f"{step.id} was written, but is not there: {why}; look for one with another id"
            raise StrayError(fact)
        stray = self.scrub(str(written))
        raise StrayError(
            f"a schedule was written as {stray}, not as {step.id}: {why}; delete {stray}"
        )

    def _settle(self, group: UrlGroup) -> None:
        way = endpoints.Settling(group.endpoints)
        failed = f"the URL group {group.name} does not come to its endpoints"
        for _ in range(endpoints.ROUNDS):
            found = self.get(Kind.URL_GROUP, group.name)
            live = found.endpoints if isinstance(found, LiveUrlGroup) else ()
            move = way.next_move(live)
            if move.add:
                self._send(wire.add_endpoints(group.name, move.add))
            elif move.remove:
                self._send(wire.remove_endpoints(group.name, move.remove), MayLack.RESOURCE)
            elif way.fault:
                failed = f"{failed}: {way.fault}"
                break
            else:
                return
        raise RejectedError(failed, 0)

    # The wire

    def _send(self, request: Request, may_lack: MayLack = MayLack.NOTHING) -> Any:
        """Send until there is an answer that stands; the JSON in it, if there is any."""
        is_read = request.method == "GET"
        if self.read_only and not is_read:
            fact = f"this command cannot write, but was about to {request.method}"
            raise WriteForbiddenError(fact)
        sendable = self._build(request)
        began = moment = self._throttle.time()
        until = moment + self._deadline
        last = min(until, moment + self.patience)
        failure, tries, limited = None, 0, 0
        while tries < self._most_tries() and self._throttle.wait(moment, last):
            if failure is not None and failure.reset is None:
                self._tell("Trying again", failure.text)
            with self._connections.one() as connection:
                found = self._exchange(connection, sendable, until)
            if isinstance(found, Answer):
                found = judge(
                    found,
                    is_read=is_read,
                    may_lack=may_lack,
                    url=self.url,
                    scrub=self.scrub,
                    origin=self._origin,
                )
            if not isinstance(found, Retryable):
                return found
            failure, moment = found, self._throttle.time()
            if failure.reset is None:
                tries += 1
                moment += self._throttle.backoff(tries)
            else:
                limited += 1
                if self._throttle.limit(failure.reset, limited) - began > _UNNOTICED:
                    self._tell("Waiting", failure.text)
        raise self._given_up(failure, tries + limited)

    def _most_tries(self) -> int:
        return TRIES if self._is_reached else TRIES_UNREACHED

    def _tell(self, what: str, why: str) -> None:
        """Say it the first time alone: requests that are sent side by side fail alike."""
        with self._count:
            tell = None if what in self._told else self.on_retry
            self._told.add(what)
        if tell is not None:
            tell(f"{what}: {why}")

    def _given_up(self, failure: Retryable | None, tries: int) -> AccountError:
        stopped = self._throttle.stopped.is_set()
        if failure is not None:
            then = ", then stopped" if stopped else ""
            said = f"{failure.text} (tried {tries} time{'s' * (tries != 1)}{then})"
            lasts = failure.reset is not None and not stopped
            return failure.error(f"{said}; try again later" if lasts else said)
        if stopped:
            return UnreachableError("stopped before this was sent")
        return UnreachableError(f"{self.url} takes no more requests for now; try again later")

    def _build(self, request: Request) -> httpx.Request:
        """The request for httpx, whose own errors would quote what it cannot send."""
        if unfit := wire.unfit_header(request):
            raise RejectedError(unfit, 0)
        try:
            url = httpx.URL(self.url + request.path)
        except (httpx.InvalidURL, ValueError):
            url = httpx.URL(self.url)
        if not url.raw_path.endswith(request.path.encode()):
            raise RejectedError("a destination would not arrive as it is written", 0)
        headers = [*self._headers, *request.headers]
        return httpx.Request(request.method, url, headers=headers, content=request.content or None)

    def _exchange(
        self, connection: Connection, request: httpx.Request, until: float
    ) -> Answer | Retryable:
        """One try: what came back, or how it was lost."""
        is_read = request.method == "GET"
        with self._count:
            self.reads += is_read
            self.writes += not is_read
        sent = self._throttle.time()
        left = max(until - sent, _LEAST_TIMEOUT)
        timeout = min(self._timeout, left)
        request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), timeout)
        request.extensions["trace"] = connection.trace
        try:
            response, content = exchange(
                connection, request, until=sent + left, time=self._throttle.time
            )
            self._is_reached = True
        except httpx.HTTPError as error:
            self._is_reached |= not isinstance(error, _UNCONNECTED)
            lost = self._loss(error, left if connection.is_cut_off else timeout)
        else:
            headers = response.headers
            self._throttle.learn(headers.get("date", ""), sent)
            return Answer(
                status=response.status_code,
                content=content,
                content_type=headers.get("content-type", ""),
                location=headers.get("location", ""),
                reset=headers.get("burst-ratelimit-reset") or headers.get("retry-after", ""),
            )
        text = f"{self.url} cannot be reached: {lost}; {self._origin.doubt}"
        return Retryable(text=text, error=UnreachableError)

    def _loss(self, error: httpx.HTTPError, timeout: float) -> str:
        """How a try was lost, in words."""
        if isinstance(error, httpx.TimeoutException):
            return f"no answer within {timeout:.3g} s"
        if isinstance(error, httpx.LocalProtocolError):
            return "the request cannot be sent"  # httpx quotes it
        return self.scrub(str(error)) or type(error).__name__


def at_once(parallelism: object) -> None:
    """Raise `UsageError` for what is no number of requests at once."""
    if not isinstance(parallelism, int) or isinstance(parallelism, bool) or parallelism < 1:
        raise UsageError(f"parallelism: {parallelism!r} is no number of requests at once")


def _checked(token: Secret, origin: Origin) -> str:
    text = token.reveal()
    if not text or not fits_header(text) or " " in text:
        raise AuthError(
            f"the token is none: spaces, or characters outside ASCII; set {origin.token}"
        )
    return text


def _address(url: str, origin: Origin, *, on_network: bool) -> str:
    """The address without the path that the SDKs allow behind it; raises where it is none.

    On a network, whatever is not encrypted is for this machine alone: the token goes with it.
    """
    try:
        found = httpx.URL(url)
        is_address = found.scheme in ("http", "https") and bool(found.host)
        is_address = is_address and (found.port or 1) <= _LAST_PORT
        is_plain = not (found.userinfo or found.query or found.fragment)
    except (httpx.InvalidURL, ValueError):
        found, is_address, is_plain = httpx.URL(""), False, False
    if not (is_address and is_plain):
        raise UnreachableError(f"what is set is not an address of QStash; {origin.doubt}")
    if on_network and found.scheme == "http" and not _is_loopback(found.host):
        fact = f"http://{found.host} would be sent the token in clear"
        raise UnreachableError(f"{fact}; set {origin.url} to https://… (http is for 127.0.0.1)")
    return bare(url)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _name(resource: LiveResource) -> str:
    return resource.id if isinstance(resource, LiveSchedule) else resource.name


def _seen(character: str) -> str:
    """A character of one line, such that it is seen."""
    if character in "\t\r\n":
        return " "
    return character if character.isprintable() else ascii(character)[1:-1]
