"""A repository of git with a file, and accounts beside it."""

import os
import subprocess
from pathlib import Path

from tests.fault_server import FaultServer


class Repository:
    """A clone in a folder of its own; what git does there depends on nothing of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "repo"
        self.folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str, folder: Path | None = None) -> str:
        """Run git; returns what it prints."""
        environ = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder.parent),
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_DATE": "2026-11-01T00:00Z",
            "GIT_COMMITTER_DATE": "2026-11-01T00:00Z",
        }  # fmt: skip
        for who in ("AUTHOR", "COMMITTER"):
            environ |= {f"GIT_{who}_NAME": "a", f"GIT_{who}_EMAIL": "a@example.com"}
        command = ["git", "-C", str(folder or self.folder), *words]
        ran = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
        return ran.stdout

    def commit(self, text: str, name: str = "qstash.yaml") -> None:
        """Write a file and commit it."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")


def edit(database: Path, name: str, **changes: object) -> None:
    """Somebody's hand in the console of an account."""
    with FaultServer(database) as server:
        server.console.edit("schedule", name, **changes)
