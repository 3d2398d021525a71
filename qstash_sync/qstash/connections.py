"""The connections to one address: as many as may send at once, and whom they trust.

Every thread that sends has an httpx client of its own for as long as it takes: the connection
pool that threads would share in one may close a connection under a request that waits on it
(encode/httpcore#1110, a hang until the timeout), and is slower the more connections it has.
"""

import logging
import math
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from qstash_sync.errors import UnreachableError
from qstash_sync.qstash import proxies

_ENVIRONMENT = "are HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE right?"
_LOOK = 0.25  # seconds between two looks at what takes too long


class Connection:
    """An httpx client for one request at a time, which is cut off where it takes too long.

    A server can keep httpx waiting without an end: a byte of a header now and then, or one interim
    answer after the other. Only its socket ends that, from outside.
    """

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.is_cut_off = False
        self._ends = math.inf
        self._stream: Any = None  # of httpcore: what was connected last

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Cut off what is not over after so many seconds."""
        self.is_cut_off, self._ends = False, time.monotonic() + seconds
        try:
            yield
        finally:
            self._ends = math.inf

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """For httpx's `trace` extension: takes note of every connection that is opened."""
        made = info.get("return_value") if event.endswith(".complete") else None
        if hasattr(made, "get_extra_info"):
            self._stream = made

    def cut_late(self) -> None:
        """End a request whose time is over."""
        if time.monotonic() < self._ends:
            return
        self.is_cut_off = True
        connected = self._stream and self._stream.get_extra_info("socket")
        if connected:
            with suppress(OSError):
                # TLS's own `shutdown` would let the reader go on without decrypting.
                socket.socket.shutdown(connected, socket.SHUT_RDWR)


# They log addresses and headers: of our requests nothing, of the program's own as it likes.
_LOGGERS = (
    "httpx",
    *(f"httpcore.{name}" for name in ("connection", "http11", "http2", "proxy", "socks")),
)
_thread = threading.local()


def _not_ours(_: logging.LogRecord) -> bool:
    return not getattr(_thread, "sends", False)


@contextmanager
def _silent() -> Iterator[None]:
    """A request of ours in this thread."""
    _thread.sends = True
    try:
        yield
    finally:
        _thread.sends = False


class Connections:
    """httpx clients, each made when it is needed first; transport: in place of a network."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None, size: int) -> None:
        self._url, self._transport = url, transport
        # Without TLS it is this machine: no proxy is told the token.
        self._needs_tls = transport is None and httpx.URL(url).scheme == "https"
        self._tls: ssl.SSLContext | None = None
        self._opening = threading.Lock()
        # Last in, first out: a connection that was just used is the likeliest to be alive.
        self._idle: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        for _ in range(size):
            self._idle.put(None)
        self._all: list[Connection] = []
        self._closed = threading.Event()
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_not_ours)  # once, however often it is added

    def close(self) -> None:
        """Close what is not in use."""
        self._closed.set()
        while not self._idle.empty():
            if (connection := self._idle.get()) is not None:
                connection.http.close()

    @contextmanager
    def one(self) -> Iterator[Connection]:
        """A connection for one request; waits while as many as there may be are in use."""
        if self._closed.is_set():
            raise UnreachableError("this account is closed: its `with` has ended")
        connection = self._idle.get()
        try:
            connection = connection or self._open()
            with _silent():
                yield connection
        finally:
            self._idle.put(connection)

    def _open(self) -> Connection:
        try:
            http = httpx.Client(
                transport=self._transport,
                verify=self.trusted(),
                trust_env=False,  # httpx refuses what others take in NO_PROXY, such as fd00::/8
                proxy=proxies.for_url(self._url) if self._needs_tls else None,
                limits=httpx.Limits(max_connections=1),
            )
        except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
            kind = type(error).__name__  # its text may hold the password of a proxy
        else:
            connection = Connection(http)
            with self._opening:
                if self._transport is None and not self._all:
                    threading.Thread(target=self._watch, daemon=True).start()
                self._all.append(connection)
            return connection
        raise UnreachableError(f"{self._url} cannot be reached: {kind}; {_ENVIRONMENT}")

    def _watch(self) -> None:
        while not self._closed.wait(_LOOK):
            for connection in tuple(self._all):
                connection.cut_late()

    def trusted(self) -> ssl.SSLContext:
        """Whom all connections trust; certificates take long to read, so once, and for https."""
        with self._opening:
            if self._tls is None and self._needs_tls:
                self._tls = httpx.create_ssl_context()
            elif self._tls is None:
                self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nobody
            return self._tls
