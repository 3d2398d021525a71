"""The one place that prints: results on stdout, everything else on stderr.

                    cannot be written
result, document    `OutputError`: nobody would know what the command found
settled             said on stderr; what is done is done, and so is the exit code
note, progress      nothing: what was only to be told never ends a run
"""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from qstash_sync.errors import OutputError
from qstash_sync.render import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from qstash_sync.render.safe import Page

_ESCAPE = "qstash_sync.escape"


def prepare() -> None:
    """Let stdout and stderr escape what their encodings lack, in a way that JSON reads, too."""
    codecs.register_error(_ESCAPE, _escape)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_ESCAPE)


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(safe.as_json, error.object[error.start : error.end])), error.end


def occupy() -> None:
    """Give the numbers of closed standard streams to nothing: a database could be given one."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def end() -> None:
    """Flush both streams; those that cannot are let go, or Python would end with its own code."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except (OSError, ValueError, AttributeError):
            setattr(sys, name, None)


# Out

_hidden: set[str] = set()
_logins: set[str] = set()
_LEAST = 8  # characters of a token: fewer are a word of a test


def hide(environ: Mapping[str, str]) -> None:
    """Mask from now on, whatever prints them, the tokens and keys of QStash in an environment.

    A command line may hold one by mistake, and what is wrong in it is quoted.
    """
    _hidden.clear()
    named = {name: value.strip() for name, value in environ.items() if "QSTASH_" in name}
    if not named:
        return
    from qstash_sync.model.secret_shapes import TOKENS

    found = (value for name, value in named.items() if TOKENS.fullmatch(name))
    _hidden.update(token for token in found if len(token) >= _LEAST)


def hide_logins(words: Iterable[str]) -> None:
    """Mask from now on the passwords of the addresses in a command line, likewise."""
    _logins.clear()
    suspects = [word for word in words if "@" in word]
    if suspects:
        from qstash_sync.model.secret_shapes import passwords

        _logins.update(f"{w[slice(*span)]}@" for w in suspects for span in passwords(w))


def without_tokens(page: Page) -> Page:
    """The page without the tokens, keys and passwords that are to be hidden."""
    for token in _hidden:
        page = safe.masked(page, token)
    for login in _logins:
        page = safe.masked(page, login, "@")
    return page


def result(page: Page) -> None:
    """Write to stdout; raises `OutputError` where that fails."""
    if sys.stdout is None:
        raise OutputError("stdout is closed; the result goes nowhere")
    try:
        click.echo(without_tokens(page), file=sys.stdout, color=True)
    except BrokenPipeError:
        raise OutputError("stdout: its reader has gone", is_gone=True) from None
    except (OSError, ValueError) as error:
        raise OutputError(f"stdout cannot be written: {_fact(error)}") from None


def settled(page: Page) -> None:
    """Write what has become of an account to stdout, or else to stderr; never raises."""
    try:
        result(page)
    except OutputError as error:
        note(safe.page(f"error: {error}"))
        note(page)


def note(page: Page) -> None:
    """Write to stderr, where that is possible."""
    click.echo(without_tokens(page), file=_STDERR, color=True)


def interrupt(words: str) -> None:
    """Write to stderr from a signal's handler: it may have come in the middle of another write."""
    with contextlib.suppress(OSError):
        os.write(2, f"{safe.page(words)}\n".encode())


@contextlib.contextmanager
def progress(total: int, label: str) -> Iterator[Progress]:
    """How far a run is: a bar where stderr is a terminal that can move its cursor."""
    if not is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
        yield Progress(None)
        return
    with click.progressbar(length=total, label=label, file=_STDERR) as bar:
        yield Progress(bar)


class Progress:
    """A bar, or none; a line of text takes the bar's line, and the bar the next one."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    @property
    def has_bar(self) -> bool:
        """Whether there is one."""
        return self._bar is not None

    def tell(self, page: Page) -> None:
        """Say something beside it."""
        if self._bar is None:
            note(page)
            return
        click.echo(f"\r\x1b[K{page}", file=_STDERR, color=True)
        self._bar.render_progress()

    def advance(self) -> None:
        """One more is over."""
        if self._bar is not None:
            self._bar.update(1)


class _Harmless:
    """What stderr is, as far as it is there and can be written."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.flush()

    def isatty(self) -> bool:
        return is_terminal(sys.stderr)


_STDERR: Any = _Harmless()


def _fact(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


# In


def is_terminal(stream: Any) -> bool:
    """Whether somebody is there; nobody is at a stream that is closed."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError, OSError):
        return False


def confirm(question: str) -> None:
    """Ask for a yes; ends the run without one."""
    if not _asked(click.confirm, question):
        raise click.Abort


def ask(question: str, default: str | None = None) -> str:
    """Ask for a word; an empty answer is the default, where there is one."""

    def prompt(text: str) -> str:
        return str(click.prompt(text, default=default, show_default=False))

    return str(_asked(prompt, question))


def _asked(how: Any, question: str) -> Any:
    try:
        return how(safe.page(question))
    except click.Abort:
        note(safe.page(""))  # Ctrl-C left the cursor behind the question
        raise
    except OSError as error:
        raise OutputError(f"stdout cannot be written: {_fact(error)}") from None
