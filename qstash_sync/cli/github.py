"""On a runner of GitHub: errors as annotations at their lines, the Markdown in the run's summary.

Annotations go to stderr, which the runner reads, too: stdout stays the result.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from qstash_sync.cli import files, streams
from qstash_sync.render import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qstash_sync.model.diagnostics import Diagnostic, Location
    from qstash_sync.render.safe import Page

_MOST = 10  # of a kind that GitHub shows of one step


def is_runner() -> bool:
    """Whether a runner of GitHub reads what is printed."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def annotate(diagnostics: Iterable[Diagnostic]) -> None:
    """Errors and warnings beside the lines that they are about."""
    if not is_runner():
        return
    from qstash_sync.model.diagnostics import Severity
    from qstash_sync.render.alike import said

    kinds = {Severity.ERROR: "error", Severity.DIFFERENCE: "warning", Severity.WARNING: "warning"}
    told = dict.fromkeys(kinds.values(), 0)
    for one in diagnostics:
        kind = kinds.get(one.severity)
        if kind is None or told[kind] == _MOST:
            continue
        told[kind] += 1
        text = f"{said(one)}; {one.hint}" if one.hint else said(one)
        streams.note(safe.annotation(kind, text, *_place(one.location)))


def _place(location: Location | None) -> tuple[str, int, int]:
    """A place by the repository's own path; none of a text that is no file of it."""
    if location is None or not Path(location.file).is_file():
        return "", 0, 0
    path = Path(files.resolved(location.file))
    workspace = Path(files.resolved(os.environ.get("GITHUB_WORKSPACE", ".")))
    if workspace not in path.parents:
        return "", 0, 0
    return path.relative_to(workspace).as_posix(), location.line, location.column


def summarize(markdown: Callable[[], Page], written: Iterable[str] = ()) -> None:
    """Add a page to the run's summary, unless an option has written it there already."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not is_runner() or not path or path in written:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{streams.without_tokens(markdown())}\n")
    except OSError as error:
        streams.note(safe.page(f"warning: the run's summary cannot be written: {error.strerror}"))
