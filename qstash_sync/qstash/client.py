"""The client: sends requests, counts them, and turns every failure into one clear error."""

import json
import random
import threading
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import httpx

from qstash_sync.core.model import Live, Secret
from qstash_sync.core.steps import DeleteSchedule, DeleteUrlGroup, SettleUrlGroup, Step
from qstash_sync.errors import (
    AuthError,
    BadResponseError,
    RejectedError,
    UnreachableError,
    WriteForbiddenError,
    WrongRegionError,
)
from qstash_sync.qstash import groups, wire

TRIES = 6
TOO_MANY, SERVER_ERROR = 429, 500
LONGEST_WAIT = 20.0  # seconds between two tries


class Client:
    """A QStash account. read_only refuses every method but GET, whatever the caller does."""

    def __init__(
        self,
        url: str,
        token: Secret,
        *,
        read_only: bool,
        transport: httpx.BaseTransport | None = None,
        parallelism: int = 8,
        hide: Iterable[str] = (),
        sleep: Callable[[float], None] = time.sleep,
        timeout: float = 30.0,
    ) -> None:
        self.url = url.rstrip("/")
        self.read_only = read_only
        self.reads = self.writes = 0
        self._count = threading.Lock()
        self._sleep = sleep
        self._random = random.Random(0)  # noqa: S311 jitter
        self._hide = [
            token.reveal(),
            *sorted((text for text in hide if text), key=len, reverse=True),
        ]
        limits = httpx.Limits(max_connections=parallelism, max_keepalive_connections=parallelism)
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {token.reveal()}", "User-Agent": "qstash-sync"},
            transport=transport,
            timeout=httpx.Timeout(timeout, pool=None),
            limits=limits,
            trust_env=transport is None,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    # Reading

    def read(self, kinds: Collection[str]) -> Live:
        """List the given kinds, side by side: one GET each, for any number of resources."""
        with ThreadPoolExecutor(max_workers=4) as pool:
            found = {kind: pool.submit(self._list, kind) for kind in sorted(kinds)}
            return Live(**{kind: future.result() for kind, future in found.items()})

    def _list(self, kind: str) -> Any:
        response = self._send(wire.get(wire.LISTS[kind]))
        data = self._decoded(response)
        if data is None:
            data = []  # an empty list may come as null
        if not isinstance(data, list):
            raise BadResponseError(
                f"{self.url} answered {wire.LISTS[kind]} with {type(data).__name__}, not a list"
            )
        try:
            found = [wire.PARSERS[kind](item) for item in data]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise BadResponseError(
                f"{self.url} answered {wire.LISTS[kind]} with something that is not "
                f"QStash's list of {kind}"
            ) from None
        return tuple(sorted(found, key=lambda item: getattr(item, "id", None) or item.name))

    def _decoded(self, response: httpx.Response) -> Any:
        try:
            return json.loads(response.content)
        except ValueError:
            kind = response.headers.get("content-type", "no content type")
            raise BadResponseError(
                f"{self.url} did not answer with JSON ({kind}); is this the address of QStash?"
            ) from None

    # Writing

    def write(self, step: Step) -> None:
        """Send one step; raises an `AccountError` where it did not take effect."""
        if isinstance(step, SettleUrlGroup):
            self._settle(step)
            return
        gone = isinstance(step, DeleteSchedule | DeleteUrlGroup)
        try:
            self._send(wire.of_step(step))
        except RejectedError as error:
            if not (gone and error.status == httpx.codes.NOT_FOUND):
                raise

    def _settle(self, step: SettleUrlGroup) -> None:
        group = step.group
        move = groups.Move(add=group.endpoints)
        for _ in range(2 * len(group.endpoints) + 8):
            if move.add:
                self._send(wire.add_endpoints(group.name, move.add))
            elif move.remove:
                self._send(wire.remove_endpoints(group.name, move.remove))
            else:
                return
            found = wire.url_group(self._decoded(self._send(wire.get(f"/v2/topics/{group.name}"))))
            move = groups.next_move(group.endpoints, found.endpoints)
        raise RejectedError(f"the URL group {group.name} does not come to its endpoints", 0)

    # The wire

    def _send(self, request: wire.Request) -> httpx.Response:
        is_write = request.method != "GET"
        if is_write and self.read_only:
            raise WriteForbiddenError(
                f"this command cannot write, but was about to {request.method}"
            )
        response, failure = self._once(request)
        for attempt in range(1, TRIES):
            if response is not None and not _passing(response.status_code):
                break
            self._sleep(self._pause(attempt, response))
            response, failure = self._once(request)
        if response is not None:
            return self._checked(response)
        raise UnreachableError(f"{self.url} cannot be reached: {failure}; is QSTASH_URL right?")

    def _once(self, request: wire.Request) -> tuple[httpx.Response | None, str]:
        with self._count:
            if request.method == "GET":
                self.reads += 1
            else:
                self.writes += 1
        try:
            response = self._http.request(
                request.method,
                self.url + request.path,
                headers=list(request.headers),
                content=request.content or None,
            )
        except httpx.TransportError as error:
            return None, self.scrub(str(error)) or type(error).__name__
        except (httpx.InvalidURL, ValueError):
            raise UnreachableError(f"{self.url} is not an address; is QSTASH_URL right?") from None
        return response, ""

    def _pause(self, attempt: int, response: httpx.Response | None) -> float:
        """Seconds before the next try: what the server asks for, else doubling with jitter."""
        backoff = float(min(0.25 * 2**attempt, LONGEST_WAIT)) * (0.5 + self._random.random())
        if response is None:
            return backoff
        reset = response.headers.get("burst-ratelimit-reset", "")
        now = response.headers.get("date")
        if reset.isdigit() and now:
            from email.utils import parsedate_to_datetime  # noqa: PLC0415 only after a 429

            wait = int(reset) - parsedate_to_datetime(now).timestamp()
            return float(min(max(wait, 0.0), LONGEST_WAIT)) + self._random.random() * 0.1
        return backoff

    def _checked(self, response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        text = self._error_text(response)
        if (
            response.status_code == httpx.codes.NOT_FOUND
            and "user not found in this region" in text
        ):
            raise WrongRegionError(
                f"{self.url}: {text}: the token belongs to another region; "
                "set region: us-east-1 or eu-central-1 (or QSTASH_REGION, QSTASH_URL)"
            )
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise AuthError(f"{self.url} refuses the token: {text}; set a valid QSTASH_TOKEN")
        if response.status_code == httpx.codes.FORBIDDEN:
            raise AuthError(f"{self.url} does not allow this: {text}; is it a read-only token?")
        raise RejectedError(f"QStash answered {response.status_code}: {text}", response.status_code)

    def _error_text(self, response: httpx.Response) -> str:
        try:
            data = json.loads(response.content)
            text = str(data["error"]) if isinstance(data, dict) and "error" in data else ""
        except ValueError:
            text = ""
        return self.scrub(text)[:300] or "no reason given"

    def scrub(self, text: str) -> str:
        """A server's words with every secret that we know masked."""
        for secret in self._hide:
            text = text.replace(secret, "(secret)")
        return text


def _passing(status: int) -> bool:
    """Whether the same request may succeed a little later."""
    return status == TOO_MANY or status >= SERVER_ERROR
