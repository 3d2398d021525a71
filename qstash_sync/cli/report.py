"""How a result or an error is shown: on stdout in the chosen format, and in files beside it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qstash_sync.cli import files, github, streams
from qstash_sync.errors import (
    AccountError,
    ConfigError,
    FileError,
    OutputError,
    QstashSyncError,
    StalePlanError,
    UsageError,
)
from qstash_sync.render import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from qstash_sync.cli.session import Session
    from qstash_sync.model.diagnostics import Diagnostic
    from qstash_sync.render.safe import Page
    from qstash_sync.render.text import Paint

    Views = Mapping[str, Callable[[Paint], Page]]  # by format: the page, in these colours or none


_MOST = 200  # errors that a text shows; nobody reads more at a time
_WRITING = ("apply", "destroy", "import", "init", "pause", "resume")


def show(session: Session, views: Views, diagnostics: Iterable[Diagnostic] = ()) -> None:
    """The result; files first, so that stdout has one document whatever becomes of them.

    diagnostics: what a runner of GitHub shows beside the files.
    """
    from qstash_sync.render.text import Paint

    for form, path in session.outputs:
        files.write(path, views[form](Paint(color=False)), kept=session.kept())
    github.annotate(diagnostics)
    if "markdown" in views:
        written = [path for _, path in session.outputs]
        github.summarize(lambda: views["markdown"](Paint(color=False)), written)
    streams.result(views[session.output_format](session.paint()))


def fail(
    error: QstashSyncError, *, output_format: str, command: str, environment: str | None
) -> None:
    """An error: as a document on stdout, or diagnostics with their locations on stderr."""
    from qstash_sync.cli.session import Session, paint_of
    from qstash_sync.render import json as view, markdown
    from qstash_sync.render.text import Paint

    if isinstance(error, OutputError) and error.is_gone:
        return  # who reads no further has seen enough
    session = Session.current
    requests = session.requests if session else (0, 0)
    views: Views = {
        "text": lambda paint: _text(error, paint, command, written=requests[1]),
        "markdown": lambda _: markdown.error(error, command, environment, written=requests[1]),
        "json": lambda _: view.error(error, requests),
        "html": lambda _: _html(error, command, environment),
        "ics": lambda _: _calendar(error),
    }
    for form, path in session.outputs if session else ():
        try:
            files.write(
                path, views[form](Paint(color=False)), kept=session.kept() if session else ()
            )
        except (UsageError, FileError) as unwritable:
            # The error to be shown may be that this very file cannot be written.
            if str(unwritable) != str(error):
                streams.note(safe.page(str(unwritable)))
    github.annotate(view.diagnostics_of(error))
    if session:
        github.summarize(lambda: views["markdown"](Paint(color=False)))
    # Where stdout is what failed, a document would not get there either.
    is_document = output_format in views and output_format != "text"
    if is_document and not isinstance(error, OutputError):
        streams.settled(views[output_format](Paint(color=False)))
        return
    paint = paint_of(session.color if session else "auto", sys.stderr)
    streams.note(_text(error, paint, command, written=requests[1]))


def _html(error: QstashSyncError, command: str, environment: str | None) -> Page:
    from qstash_sync.render import html

    return html.error(error, command, environment)


def _calendar(error: QstashSyncError) -> Page:
    """The event of an error stands at the real time: the error may be about `--now`."""
    from qstash_sync.render import ics
    from qstash_sync.render.alike import folded
    from qstash_sync.render.json import diagnostics_of

    found = folded(diagnostics_of(error))[:_MOST]
    told = (f"{one.location or ''}: {one.text}".removeprefix(": ") for one in found)
    return ics.failed(tuple(told), datetime.now(UTC))


def _text(error: QstashSyncError, paint: Paint, command: str, *, written: int) -> Page:
    """Of a command that may write: that it has not, where that is certain; written: requests."""
    from qstash_sync.render import words
    from qstash_sync.render.alike import folded
    from qstash_sync.render.text import blocks

    if isinstance(error, StalePlanError):
        from qstash_sync.render.applying import stale

        return stale(error, paint)
    if isinstance(error, UsageError) and error.usage:
        return paint.page([*error.usage, "", f"{paint('error:', 'red', 'bold')} {error}"])
    nothing = "; nothing was written" * (command in _WRITING and not written)
    if not isinstance(error, ConfigError):
        outcome = nothing if isinstance(error, AccountError) else ""  # others say it themselves
        return paint.page([f"{paint('error:', 'red', 'bold')} {error}{outcome}"])
    told = folded(error.diagnostics)
    count = sum(one.severity == "error" for one in told)
    total = f"{words.counted(count, 'error')}{nothing}."
    found = blocks(told[:_MOST], paint, wraps=paint.is_terminal, folds=False)
    more = [f"and {len(told) - _MOST:,} more"] if told[_MOST:] else []
    return paint.page([*found, *more, "", total])
