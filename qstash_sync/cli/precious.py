"""What no report is written over: what no run could make again, told by how it begins.

A report of ours, of any format, has none of these; nor has another's file, but by chance.
"""

from __future__ import annotations

import re
from pathlib import Path

from qstash_sync.errors import UsageError

_DATABASE = b"SQLite format 3\0"  # of a `--local` account
# A line of the file that has the version, or of another one of its folder. Of a schedule that is
# called like one of these keys, a report has a time behind the name.
_KEYS = (
    rb"(?m)^(?:version:[ \t]*1|(?:schedules|url_groups|queues|flow_controls):(?:[ \t]*\{.*)?)"
    rb"[ \t]*(?:#.*)?\r?$"
)
_IN_BRACES = rb"""\s*\{\s*(["']?)version\1\s*:\s*1\s*[,}]"""  # JSON, too


def refuse(path: str, option: str) -> None:
    """Say no to a file that holds what nobody could make again; raises `UsageError`."""
    if found := _content(path):
        fact = f"holds {found}, and is not overwritten; name another file"
        raise UsageError(f"{option} {path}: {fact}")


def _content(path: str) -> str | None:
    """What it is that a regular file holds; None for anything else, and where nobody can tell."""
    from qstash_sync.config.sources import MAX_BYTES

    try:
        if not Path(path).is_file():
            return None
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES)  # the most that a configuration has
    except (OSError, ValueError):
        return None

    if data.startswith(_DATABASE):
        return "an SQLite database"
    if re.search(_KEYS, data) or re.match(_IN_BRACES, data):
        return "a configuration"
    return "a saved plan" if _is_saved_plan(data) else None


def _is_saved_plan(data: bytes) -> bool:
    if not data.startswith(b"{"):
        return False
    from qstash_sync.planning import savefile

    return savefile.is_saved_plan(data.decode(errors="replace"))
