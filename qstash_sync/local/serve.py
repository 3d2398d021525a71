"""The local server on a socket, for SDKs and other tools: 127.0.0.1 only."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import httpx

from qstash_sync.local.server import LocalQStash


class Served:
    """A running server: its port and URL; leave the `with` block to stop it."""

    def __init__(self, account: LocalQStash, port: int = 0) -> None:
        self._http = _Server(("127.0.0.1", port), _handler(account))
        self.port = int(self._http.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def run(self) -> None:
        """Serve in this thread until interrupted."""
        try:
            self._http.serve_forever()
        finally:
            self._http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _handler(account: LocalQStash) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1
        timeout = 60

        def handle_one_request(self) -> None:
            """Read one request, answer it; a fault closes the connection instead."""
            try:
                super().handle_one_request()
            except (ConnectionError, TimeoutError):
                self.close_connection = True

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            # The target stands in the path literally: nothing may clean or re-encode it.
            url = httpx.URL(scheme="http", host="127.0.0.1", raw_path=self.path.encode())
            request = httpx.Request(
                self.command, url, headers=self.headers.items(), content=self.rfile.read(length)
            )
            try:
                response = account(request)
            except httpx.TransportError:
                self.close_connection = True
                return
            self.send_response_only(response.status_code)
            for name, value in response.headers.items():
                if name.lower() != "content-length":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 http.server's names

        def log_message(self, *_: Any) -> None:
            """Stay silent: results belong to stdout, errors to the caller."""

    return Handler
