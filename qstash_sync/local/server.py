"""QStash's management API as a callable from request to response.

`httpx.MockTransport(server)` drives it in process, `serve.py` on a socket. Everything that the
documentation leaves open is a switch.
"""

import base64
import json
import random
import re
import secrets
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote

import httpx

from qstash_sync.local import cron, flow, groups, keys, messages, queues, schedules
from qstash_sync.local.answers import Call, RefusedError
from qstash_sync.local.limits import Burst
from qstash_sync.local.store import Store, StoreError
from qstash_sync.local.switches import Switches


def _token(user: str, password: str) -> str:
    return base64.b64encode(json.dumps({"UserID": user, "Password": password}).encode()).decode()


LOCAL_TOKEN = _token("localUser", "local-password")
# The official development server's, published in its documentation, and built into the SDKs.
DEVELOPMENT_TOKEN = base64.b64encode(
    b'{"UserID":"defaultUser","Password":"defaultPassword"}'
).decode()
LOCAL_READ_ONLY_TOKEN = _token("localUser", "local-read-only")
OTHER_REGION_TOKEN = _token("otherUser", "other-region")

_DEFAULT_BURST = 100  # what the headers say where no limit is set
_SUCCESS = {"empty": "", "text": "OK", "json": "{}"}

# The first route that fits wins. `rest` is taken literally: a destination is no path of ours.
Route = Callable[[Call], Any]
_NAME = r"(?P<name>[^/]+)"
_PAUSE = r"(?P<verb>pause|resume)"
_ROUTES: list[tuple[str, str, Route]] = [
    ("POST PATCH", rf"schedules/{_NAME}/{_PAUSE}/?", schedules.pause),
    ("POST", r"schedules(?:/(?P<rest>.*))?", schedules.create),
    ("GET", r"schedules/?", schedules.listed),
    ("GET", rf"schedules/{_NAME}/?", schedules.get),
    ("DELETE", rf"schedules/{_NAME}/?", schedules.delete),
    ("GET", r"topics/?", groups.listed),
    ("GET", rf"topics/{_NAME}/?", groups.get),
    ("DELETE", rf"topics/{_NAME}/?", groups.delete),
    ("PATCH", rf"topics/{_NAME}/?", groups.set_headers),
    ("POST", rf"topics/{_NAME}/endpoints/?", groups.add),
    ("DELETE", rf"topics/{_NAME}/endpoints/?", groups.remove),
    ("GET", r"queues/?", queues.listed),
    ("POST", r"queues/?", queues.put),
    ("GET", rf"queues/{_NAME}/?", queues.get),
    ("DELETE", rf"queues/{_NAME}/?", queues.delete),
    ("POST", rf"queues/{_NAME}/{_PAUSE}/?", queues.pause),
    ("GET", r"flowControl/?", flow.listed),
    ("GET", rf"flowControl/{_NAME}/?", flow.get),
    ("POST", rf"flowControl/{_NAME}/(?P<verb>pause|resume|pin|unpin|resetRate)/?", flow.change),
    ("GET", r"globalParallelism/?", keys.global_parallelism),
    ("POST", r"publish/(?P<rest>.*)", messages.publish),
    ("DELETE", rf"messages/{_NAME}/?", messages.delete),
    ("GET", r"keys/?", keys.get),
    ("POST", r"keys/rotate/?", keys.rotate),
]
_COMPILED = [
    (methods.split(), re.compile(f"/v2/{pattern}", re.IGNORECASE | re.DOTALL), route)
    for methods, pattern, route in _ROUTES
]


class LocalQStash:
    """An account kept in a SQLite file; call it with a request to get the response."""

    token = LOCAL_TOKEN  # of who may write

    def __init__(
        self,
        path: str | Path = ":memory:",
        *,
        switches: Switches = Switches(),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = Store(path)
        self.switches = switches
        self.clock = clock
        self._burst = Burst()
        self._lock = threading.Lock()
        self._secret = _account_secret(self.store)
        self._random = random.Random(switches.list_seed)  # noqa: S311 an order, not a secret

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def firings(self, start: float, end: float) -> list[tuple[int, str]]:
        """(UTC minute since 1970, schedule id) of all that fires from start up to before end.

        start, end: unix seconds. Two schedules in one minute are two entries; paused ones have
        none, and what is not yet active has none before it is.
        """
        found: list[tuple[int, str]] = []
        with self.store.transaction(write=False):
            stored = [item for item in self.store.all("schedule") if not item["isPaused"]]
        for item in stored:
            first = -int(-max(start, item.get("activeFrom", start)) // 60)
            minutes = cron.firings(
                schedules.spec(item, self.switches),
                first,
                -int(-end // 60),
                origin=schedules.origin(item),
            )
            found += [(minute, item["scheduleId"]) for minute in minutes]
        return sorted(found)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        request.read()
        # Who is not known uses up none of the account's requests.
        try:
            self._authorize(request)
        except RefusedError as refused:
            return self._error(refused.status, refused.text)
        limit = self.switches.burst_limit
        left = self._burst.take(self.clock(), limit) if limit else _DEFAULT_BURST - 1
        if left < 0:
            response = self._error(HTTPStatus.TOO_MANY_REQUESTS, "rate limit exceeded")
            if self.switches.burst_headers:
                response.headers.update(self.rate_headers(0))
            return response
        try:
            response = self._succeed(request.method, self._dispatch(request))
        except RefusedError as refused:
            response = self._error(refused.status, refused.text)
        except StoreError as error:
            response = self._error(HTTPStatus.SERVICE_UNAVAILABLE, f"the account's file: {error}")
        if self.switches.rate_headers:
            response.headers.update(self.rate_headers(left))
        return response

    def _authorize(self, request: httpx.Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            query = _target(request).partition("?")[2]
            token = parse_qs(query).get("qstash_token", [""])[0]
        if token == OTHER_REGION_TOKEN:
            raise RefusedError(404, "user not found in this region (eu-central-1)")
        if token not in {LOCAL_TOKEN, LOCAL_READ_ONLY_TOKEN, DEVELOPMENT_TOKEN}:
            raise RefusedError(401, "unable to authenticate: invalid token")
        if token == LOCAL_READ_ONLY_TOKEN:
            refusal: int = HTTPStatus.OK
            if request.method != "GET":
                refusal = self.switches.read_only_write
            elif target_of(request).lower().startswith("/v2/keys"):
                refusal = self.switches.read_only_keys
            if refusal != HTTPStatus.OK:
                raise RefusedError(refusal, "unable to authorize: read-only token")

    def _dispatch(self, request: httpx.Request) -> Any:
        path, _, query = target_of(request).partition("?")
        fitting = [(m, found, r) for m, p, r in _COMPILED if (found := p.fullmatch(path))]
        for methods, match, route in fitting:
            if request.method not in methods:
                continue
            names = match.groupdict()
            with self.store.transaction(write=request.method != "GET"):
                # The clock is read inside: a write that had to wait has the time of its turn.
                call = Call(
                    store=self.store,
                    switches=self.switches,
                    now=self.clock(),
                    secret=self._secret,
                    names={k: unquote(v) for k, v in names.items() if v and k != "rest"},
                    rest=names.get("rest") or "",
                    query=query,
                    headers=tuple(request.headers.multi_items()),
                    body=request.content,
                )
                return route(call)
        status = HTTPStatus.METHOD_NOT_ALLOWED if fitting else HTTPStatus.NOT_FOUND
        raise RefusedError(status, f"{request.method} {path} is not an endpoint")

    def _succeed(self, method: str, result: Any) -> httpx.Response:
        """What a route returns: nothing, an object, or a list, whose order is a switch."""
        if result is None and method != "GET":
            return self._response(200, _SUCCESS[self.switches.success_body])
        if isinstance(result, list):
            if self.switches.list_order == "random":
                with self._lock:
                    self._random.shuffle(result)
            if self.switches.list_order == "reverse":
                result.reverse()
        return self._response(200, json.dumps(result))

    def _error(self, status: int, text: str) -> httpx.Response:
        return self._response(status, json.dumps({"error": text}))

    def _response(self, status: int, text: str, kind: str = "application/json") -> httpx.Response:
        headers = {"Content-Type": kind, "Date": formatdate(self.clock(), usegmt=True)}
        return httpx.Response(status, headers=headers, content=text.encode())

    def rate_headers(self, left: int) -> dict[str, str]:
        """What tells a client how many requests of this second it has left."""
        scale = 1000 if self.switches.burst_reset_unit == "ms" else 1
        return {
            "Burst-RateLimit-Limit": str(self.switches.burst_limit or _DEFAULT_BURST),
            "Burst-RateLimit-Remaining": str(left),
            "Burst-RateLimit-Reset": str((int(self.clock()) + 1) * scale),
        }


def _account_secret(store: Store) -> bytes:
    """The account's own key for digests, made once."""
    stored = store.get("account", "secret")
    if stored is None:
        with store.transaction():
            stored = store.get("account", "secret") or {"hex": secrets.token_hex(16)}
            store.put("account", "secret", stored)
    return bytes.fromhex(stored["hex"])


def _target(request: httpx.Request) -> str:
    """The request's target as it was sent: `serve.py` hands it over uncleaned."""
    target = request.extensions.get("target", request.url.raw_path)
    return bytes(target).decode("utf-8", "replace")


def target_of(request: httpx.Request) -> str:
    """The same without a token."""
    path, _, query = _target(request).partition("?")
    kept = "&".join(part for part in query.split("&") if not part.startswith("qstash_token="))
    return f"{path}?{kept}" if kept else path
