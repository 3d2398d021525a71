"""The connections to one address: as many as may send at once, and whom they trust.

Every thread that sends has an httpx client of its own for as long as it takes: the connection
pool that threads would share in one may close a connection under a request that waits on it
(encode/httpcore#1110, a hang until the timeout), and is slower the more connections it has.
"""

import logging
import queue
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from qstash_sync.errors import UnreachableError
from qstash_sync.qstash import proxies

_ENVIRONMENT = "are HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE right?"


class Connections:
    """httpx clients, each made when it is needed first; transport: in place of a network."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None, size: int) -> None:
        self._url, self._transport = url, transport
        self._needs_tls = transport is None and httpx.URL(url).scheme == "https"
        self._tls: ssl.SSLContext | None = None
        self._opening = threading.Lock()
        # Last in, first out: a connection that was just used is the likeliest to be alive.
        self._idle: queue.LifoQueue[httpx.Client | None] = queue.LifoQueue()
        for _ in range(size):
            self._idle.put(None)
        for name in ("httpx", "httpcore"):  # they log addresses and headers
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)

    def close(self) -> None:
        """Close what is not in use."""
        while not self._idle.empty():
            if (http := self._idle.get()) is not None:
                http.close()

    @contextmanager
    def one(self) -> Iterator[httpx.Client]:
        """A client for one request; waits while as many as there may be are in use."""
        http = self._idle.get()
        try:
            http = http or self._open()
            yield http
        finally:
            self._idle.put(http)

    def _open(self) -> httpx.Client:
        try:
            return httpx.Client(
                transport=self._transport,
                verify=self.trusted(),
                trust_env=False,  # httpx refuses what others take in NO_PROXY, such as fd00::/8
                proxy=None if self._transport else proxies.for_url(self._url),
                limits=httpx.Limits(max_connections=1),
            )
        except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
            kind = type(error).__name__  # its text may hold the password of a proxy
        raise UnreachableError(f"{self._url} cannot be reached: {kind}; {_ENVIRONMENT}")

    def trusted(self) -> ssl.SSLContext:
        """Whom all connections trust; certificates take long to read, so once, and for https."""
        with self._opening:
            if self._tls is None and self._needs_tls:
                self._tls = httpx.create_ssl_context()
            elif self._tls is None:
                self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nobody
            return self._tls
