"""The local server on a socket, for SDKs and other tools: 127.0.0.1 only."""

import contextlib
import json
import re
import socket
import sys
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import httpx

from qstash_sync.local.server import LocalQStash

_LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_LONGEST_BODY = 64_000_000  # bytes: above what any plan allows of a message
_LONGEST_HANG = 3600.0  # seconds; clients give up long before, closing the server ends it


class Served:
    """A listening server: its port and URL. `with` serves from a thread, `run` from this one."""

    def __init__(self, account: LocalQStash, port: int = 0, *, host: str = "127.0.0.1") -> None:
        if host != "127.0.0.1":
            raise ValueError(f"{host}: the local server is for this machine only, 127.0.0.1")
        self._http = _Server((host, port), account)
        self.port = int(self._http.server_address[1])
        self.url = f"http://{host}:{self.port}"
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Serve from a thread of its own."""
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop listening and end every connection."""
        if self._thread:
            self._http.shutdown()
            self._thread.join()
            self._thread = None
        self._http.end()

    def run(self) -> None:
        """Serve from this thread until interrupted."""
        try:
            self._http.serve_forever()
        finally:
            self._http.end()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(server: LocalQStash, host: str = "127.0.0.1", port: int = 0) -> Served:
    """Put a server on a socket; use the result in a `with` and read its `url`."""
    return Served(server, port, host=host)


class _Server(ThreadingHTTPServer):
    """Knows its open connections, so that it can end them and wait for their threads."""

    daemon_threads = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], account: LocalQStash) -> None:
        super().__init__(address, _Handler)
        self.account = account
        self.closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection while its thread lives."""
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        """Forget the connection and close it."""
        with self._guard:
            self._open.discard(request)
        super().close_request(request)

    def handle_error(self, *_: Any) -> None:
        """A client that went away is no error of the server."""
        error = sys.exception()  # socketserver calls this while it handles it
        if error and not isinstance(error, ConnectionError | TimeoutError):
            raise error

    def end(self) -> None:
        """Close every connection and wait for the threads that served them."""
        self.closing.set()
        with self._guard:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def answer(self) -> None:
        why = self._stranger()
        if why:
            self._refuse(HTTPStatus.FORBIDDEN, why)
            return
        body = self._body()
        if body is None:
            return
        # The target goes beside the URL, as it came: http.server and httpx would both clean a path.
        target = self.requestline.split()[1].encode("latin-1")
        request = httpx.Request(
            self.command,
            "http://127.0.0.1/",
            headers=[(n.encode("latin-1"), v.encode("latin-1")) for n, v in self.headers.items()],
            content=body,
            extensions={"target": target},
        )
        try:
            response = self.server.account(request)
        except httpx.TransportError as error:
            # A fault: do to the connection what it does in process.
            if isinstance(error, httpx.TimeoutException):
                self.server.closing.wait(_LONGEST_HANG)
            self.close_connection = True
            return

        rate = [name for name in response.headers if name.startswith("burst-")]
        headers = {name: response.headers[name] for name in ("Content-Type", "Date", *rate)}
        self._send(response.status_code, headers, response.content)

    def _stranger(self) -> str | None:
        """Why a request is no program's of this machine, if so.

        A page in a browser reaches us, too: under a name of its own that it lets mean 127.0.0.1,
        or by sending what needs no permission.
        """
        hosts = self.headers.get_all("Host", [])
        if not hosts or any(not _LOOPBACK.fullmatch(host) for host in hosts):
            return "this server answers to 127.0.0.1 and localhost only"
        site = self.headers.get("Sec-Fetch-Site", "none")
        if self.headers.get("Origin") is not None or site != "none":
            return "this server answers no page of a browser"
        return None

    def _body(self) -> bytes | None:
        """The body; None where it cannot be read, which is answered already."""
        if self.headers.get("Transfer-Encoding"):
            # No client of this API streams its bodies.
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is required")
            return None
        lengths = set(self.headers.get_all("Content-Length", ["0"]))
        length = lengths.pop()
        if lengths or not re.fullmatch(r"[0-9]{1,12}", length):
            self._refuse(HTTPStatus.BAD_REQUEST, "the Content-Length is no number")
            return None
        if int(length) > _LONGEST_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too long")
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self._refuse(HTTPStatus.BAD_REQUEST, "the body is shorter than its Content-Length")
            return None
        return body

    def _refuse(self, status: int, text: str) -> None:
        """Without the account, and without what else comes on this connection."""
        self.close_connection = True
        self.request_version = self.protocol_version  # before that is read, it is that of 1991
        content = json.dumps({"error": text}).encode()
        self._send(status, {"Content-Type": "application/json", "Connection": "close"}, content)

    def _send(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        # httpx leaves the length of an empty body out, and the client would wait for more.
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code: int, *_: Any, **__: Any) -> None:
        """What http.server itself refuses, in QStash's form."""
        self._refuse(code, HTTPStatus(code).phrase)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 http.server's names

    def log_message(self, *_: Any) -> None:
        """Stay silent: results belong to stdout, errors to the caller."""
