"""An account that only answers: four files of a folder as the lists of QStash, on 127.0.0.1.

    python benchmarks/lists.py FOLDER

Prints its address, serves until its stdin is closed. The answers are bytes read at the start, so
that a plan is measured and no server.
"""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def handler(answers: dict[str, bytes]) -> type[BaseHTTPRequestHandler]:
    """Answers GETs by path; http.server adds the Date."""

    class Lists(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            content = answers.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    return Lists


def main() -> None:
    """Serve the folder of the command line."""
    folder = Path(sys.argv[1])
    answers = {f"/v2/{file.name}": file.read_bytes() for file in folder.iterdir()}
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(answers)) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
