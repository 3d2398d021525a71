"""Ctrl-C while nothing answers: who is asked to stop waits for no answer."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support import HEAD

FILE = f"{HEAD}schedules: {{a: {{cron: '0 9 * * *', timezone: UTC, destination: 'https://a.example.com'}}}}\n"
COMMANDS = [
    ("plan",), ("drift",), ("explain", "a"), ("pause", "*"), ("apply", "--yes"), ("doctor",),
]  # fmt: skip


@pytest.mark.usefixtures("usual_handlers")
@pytest.mark.parametrize("words", COMMANDS, ids=[words[0] for words in COMMANDS])
def test_it_ends_at_once(words: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "q.yaml"
    file.write_text(FILE)
    asked, taken = threading.Event(), list[socket.socket]()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)

        def accept() -> None:
            taken.append(server.accept()[0])
            taken[0].settimeout(60)
            taken[0].recv(10)
            asked.set()  # and never answered

        threading.Thread(target=accept, daemon=True).start()
        environ = {
            **os.environ,
            "QSTASH_URL": f"http://127.0.0.1:{server.getsockname()[1]}",
            "QSTASH_TOKEN": "any",
        }
        command = [sys.executable, "-m", "qstash_sync", *words, "-f", str(file)]
        with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
            assert asked.wait(60)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=20)  # a request has 30 seconds
        assert process.returncode == 1
        assert "Stopped; nothing was written." in told
        taken[0].close()
