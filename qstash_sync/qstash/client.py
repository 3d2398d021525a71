"""The client: sends requests, counts them, and turns every failure into one clear error.

Retrying is our own and no library's: a 429 makes one pause for all threads, which the libraries
for this do not have, and the few packages that this tool depends on are fixed.
"""

import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, wait
from datetime import UTC, datetime
from typing import Any, Self

import httpx

from qstash_sync.errors import (
    AccountError,
    AuthError,
    BadResponseError,
    RejectedError,
    UnreachableError,
    WriteForbiddenError,
)
from qstash_sync.model.resources import Kind, Live, LiveSchedule, LiveUrlGroup, Secret, UrlGroup
from qstash_sync.model.steps import PutSchedule, SettleUrlGroup, Step, UnpinFlowControl
from qstash_sync.plan import endpoints
from qstash_sync.qstash import wire
from qstash_sync.qstash.answers import NOT_QSTASH, Absent, Answer, Origin, Retryable, judge
from qstash_sync.qstash.connections import Connections
from qstash_sync.qstash.mask import Mask
from qstash_sync.qstash.throttle import Throttle
from qstash_sync.qstash.wire import LiveResource, Request

TRIES = 6  # of one request, those that were answered with 429 not counted
TIMEOUT, DEADLINE = 30.0, 120.0  # seconds: without a sign of the server; for all tries together
_LEAST_TIMEOUT = 0.1
_SHOWN = 300  # characters of a server's text
_READS_AT_ONCE = 4
_HEADERS = (("User-Agent", "qstash-sync"), ("Accept-Encoding", "gzip"))


class Client:
    """A QStash account. read_only refuses every method but GET, whatever the caller does.

    sleep: seconds, in place of a wait that `cancel` can end. clock: Unix time. timeout: seconds
    until a try counts as lost. deadline: seconds for all tries of one request.
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
        origin: Origin = Origin(),  # noqa: B008 frozen
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        timeout: float = TIMEOUT,
        deadline: float = DEADLINE,
    ) -> None:
        self.url = _address(url, origin)
        self._origin = origin
        self.read_only = read_only
        self.reads = self.writes = 0
        self._count = threading.Lock()
        self._timeout = timeout
        self._deadline = deadline
        self._at_once = min(parallelism, _READS_AT_ONCE)  # no thread without a connection
        self._throttle = Throttle(sleep, clock, monotonic)
        self._mask = Mask((token.reveal(), *hide))
        self._headers = (("Authorization", f"Bearer {_checked(token, origin)}"), *_HEADERS)
        self._connections = Connections(self.url, transport, parallelism)

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

    def scrub(self, text: str) -> str:
        """A server's words: without the secrets that we know, on one line, not too long."""
        masked = self._mask(text)
        return "".join(c if c.isprintable() else " " for c in masked)[:_SHOWN]

    # Reading

    def read(self, kinds: Collection[str]) -> Live:
        """List the given kinds, side by side: one GET each, for any number of resources."""
        return self.start_reading(kinds)()

    def start_reading(self, kinds: Collection[str]) -> Callable[[], Live]:
        """The same in the background: call what is returned to wait for it, and to meet its errors.

        Who has no use for it any more need not wait for it, not even at the end of the process.
        """
        found: dict[str, Future[Any]] = {name: Future() for name in sorted(kinds)}
        names = iter(tuple(found))  # of all threads: each takes the next

        def work() -> None:
            for name in names:
                try:
                    found[name].set_result(self._list(wire.KINDS[name]))
                except BaseException as error:  # noqa: BLE001 it is raised by who asks
                    found[name].set_exception(error)

        for _ in range(min(self._at_once, len(found))):
            threading.Thread(target=work, daemon=True).start()

        def result() -> Live:
            try:
                return Live(**{name: future.result() for name, future in found.items()})
            except KeyboardInterrupt:
                self.cancel()
                raise
            finally:
                wait(found.values())  # so that after an error, too, nothing is under way any more

        return result

    def get(self, kind: Kind, name: str) -> LiveResource | None:
        """One resource by its name, a schedule by its id; None where QStash has none."""
        data = self._send(wire.get(kind, name), may_be_absent=True)
        if data is Absent.ABSENT:
            return None
        found = self._parsed(kind, data, f"the {kind} {name}")
        if _name(found) != name:
            other = self.scrub(_name(found))
            raise BadResponseError(f"asked for {name}, QStash answered with {other}")
        return found

    def _list(self, kind: Kind) -> Any:
        path = wire.LISTS[kind]
        data = self._send(wire.get(kind))
        if not isinstance(data, list | None):
            raise BadResponseError(f"{self.url} answered {path} without a list; {NOT_QSTASH}")
        found: dict[str, LiveResource] = {}
        for number, item in enumerate(data or (), 1):  # an empty list may come as null
            resource = self._parsed(kind, item, f"number {number} of {path}")
            if _name(resource) in found:
                name = self.scrub(_name(resource))
                raise BadResponseError(f"{self.url} lists {name} twice in {path}")
            found[_name(resource)] = resource
        return tuple(found[name] for name in sorted(found))

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
        request = wire.of_step(step)
        may_be_gone = request.method == "DELETE" or isinstance(step, UnpinFlowControl)
        done = self._send(request, may_be_absent=may_be_gone)
        written = done.get("scheduleId") if isinstance(done, dict) else None
        if isinstance(step, PutSchedule) and written not in (None, step.id):
            raise BadResponseError(
                f"a schedule was written as {self.scrub(str(written))}, not as {step.id}: "
                f"something on the way drops our headers; delete {self.scrub(str(written))}"
            )

    def _settle(self, group: UrlGroup) -> None:
        for _ in range(endpoints.ROUNDS):
            found = self.get(Kind.URL_GROUP, group.name)
            live = found.endpoints if isinstance(found, LiveUrlGroup) else ()
            move = endpoints.next_move(group.endpoints, live)
            if move.add:
                self._send(wire.add_endpoints(group.name, move.add))
            elif move.remove:
                self._send(wire.remove_endpoints(group.name, move.remove), may_be_absent=True)
            else:
                return
        raise RejectedError(f"the URL group {group.name} does not come to its endpoints", 0)

    # The wire

    def _send(self, request: Request, *, may_be_absent: bool = False) -> Any:
        """Send until there is an answer that stands; the JSON in it, if there is any.

        may_be_absent: `Absent` where QStash knows nothing of that name, in place of an error.
        """
        is_read = request.method == "GET"
        if self.read_only and not is_read:
            fact = f"this command cannot write, but was about to {request.method}"
            raise WriteForbiddenError(fact)
        sendable = self._build(request)
        moment = self._throttle.time()
        until = moment + self._deadline
        failure, tries, limited = None, 0, 0
        while tries < TRIES and self._throttle.wait(moment, until):
            with self._connections.one() as http:
                found = self._exchange(http, sendable, until)
            if isinstance(found, Answer):
                found = judge(
                    found,
                    is_read=is_read,
                    may_be_absent=may_be_absent,
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
                self._throttle.limit(failure.reset, limited)
        raise self._given_up(failure, tries + limited)

    def _given_up(self, failure: Retryable | None, tries: int) -> AccountError:
        stopped = self._throttle.stopped.is_set()
        if failure is not None:
            then = ", then stopped" if stopped else ""
            return failure.error(f"{failure.text} (tried {tries} times{then})")
        if stopped:
            return UnreachableError("stopped before this was sent")
        return UnreachableError(f"{self.url} takes no more requests for now; try again later")

    def _build(self, request: Request) -> httpx.Request:
        """The request for httpx, whose own errors would quote what it cannot send."""
        for name, value in request.headers:
            if not _fits_header(value):
                raise RejectedError(f"the header {name} holds what no header can", 0)
        try:
            url = httpx.URL(self.url + request.path)
        except (httpx.InvalidURL, ValueError):
            url = httpx.URL(self.url)
        if not url.raw_path.endswith(request.path.encode()):
            raise RejectedError("a destination would not arrive as it is written", 0)
        headers = [*self._headers, *request.headers]
        return httpx.Request(request.method, url, headers=headers, content=request.content or None)

    def _exchange(
        self, http: httpx.Client, request: httpx.Request, until: float
    ) -> Answer | Retryable:
        """One try: what came back, or how it was lost."""
        is_read = request.method == "GET"
        with self._count:
            self.reads += is_read
            self.writes += not is_read
        sent = self._throttle.time()
        timeout = min(self._timeout, max(until - sent, _LEAST_TIMEOUT))
        request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), timeout)
        try:
            response = http.send(request, stream=True)
            try:
                content = b"".join(self._chunks(response, until))
            finally:
                response.close()
        except httpx.TimeoutException:
            lost = f"no answer within {timeout:.3g} s"
        except httpx.LocalProtocolError:
            lost = "the request cannot be sent"  # httpx quotes it
        except httpx.HTTPError as error:
            lost = self.scrub(str(error)) or type(error).__name__
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
        text = f"{self.url} cannot be reached: {lost}; is {self._origin.url} right?"
        return Retryable(text=text, error=UnreachableError)

    def _chunks(self, response: httpx.Response, until: float) -> Iterator[bytes]:
        """The body, as long as there is time: httpx's timeout begins again at every byte."""
        for chunk in response.iter_bytes():
            if self._throttle.time() > until:
                raise httpx.ReadTimeout("")
            yield chunk


def _fits_header(value: str) -> bool:
    return value.isascii() and value.isprintable() and value == value.strip()


def _checked(token: Secret, origin: Origin) -> str:
    text = token.reveal()
    if not text or not _fits_header(text) or " " in text:
        raise AuthError(
            f"the token is none: spaces, or characters outside ASCII; set {origin.token}"
        )
    return text


def _address(url: str, origin: Origin) -> str:
    """The address without the path that the SDKs allow behind it; raises where it is none."""
    try:
        found = httpx.URL(url)
        is_address = found.scheme in ("http", "https") and bool(found.host)
        is_plain = not (found.userinfo or found.query or found.fragment)
    except (httpx.InvalidURL, ValueError):
        is_address = is_plain = False
    if not (is_address and is_plain):
        raise UnreachableError(f"what is set is not an address of QStash; is {origin.url} right?")
    return re.sub(r"/*(v2/*(publish/*)?)?$", "", url)


def _name(resource: LiveResource) -> str:
    return resource.id if isinstance(resource, LiveSchedule) else resource.name
