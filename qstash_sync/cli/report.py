"""How a result or an error is shown: on stdout in the chosen format, and in files beside it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from qstash_sync.errors import ConfigError, QstashSyncError, StalePlanError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qstash_sync.cli.session import Session
    from qstash_sync.render.text import Paint

    Views = Mapping[str, Callable[[Paint], str]]  # by format: the page, in these colours or none


def show(session: Session, views: Views) -> None:
    """The result; files first, so that stdout has one document whatever becomes of them."""
    from qstash_sync.render.text import Paint

    for form, path in session.outputs:
        _write(path, views[form](Paint(color=False)))
    click.echo(views[session.output_format](session.paint()))


def _write(path: str, page: str) -> None:
    from pathlib import Path

    try:
        Path(path).write_text(f"{page}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--output {path}: cannot be written: {error.strerror}") from None


def fail(
    error: QstashSyncError, *, output_format: str, command: str, environment: str | None
) -> None:
    """An error: as a document on stdout, or diagnostics with their locations on stderr."""
    from qstash_sync.cli.session import Session, wants_color
    from qstash_sync.render import json as view, markdown
    from qstash_sync.render.text import Paint

    session = Session.current
    requests = session.requests if session else (0, 0)
    views: Views = {
        "text": lambda paint: _text(error, paint),
        "markdown": lambda _: markdown.error(error, command, environment),
        "json": lambda _: view.error(error, requests),
    }
    for form, path in session.outputs if session else ():
        try:
            _write(path, views[form](Paint(color=False)))
        except UsageError as unwritable:
            # The error to be shown may be that this very file cannot be written.
            if str(unwritable) != str(error):
                click.echo(str(unwritable), err=True)
    if output_format in ("markdown", "json"):
        click.echo(views[output_format](Paint(color=False)))
        return
    color = wants_color(session.color if session else "auto", sys.stderr)
    click.echo(_text(error, Paint(color=color)), err=True, color=color)


def _text(error: QstashSyncError, paint: Paint) -> str:
    from qstash_sync.render.text import diagnostics, stale

    if isinstance(error, StalePlanError):
        return stale(error, paint)
    if not isinstance(error, ConfigError):
        return f"{paint('error:', 'red', 'bold')} {error}"
    count = sum(f.severity == "error" for f in error.diagnostics)
    total = f"{count} error{'s' if count != 1 else ''}; nothing was written."
    return f"{diagnostics(error.diagnostics, paint)}\n\n{total}"
