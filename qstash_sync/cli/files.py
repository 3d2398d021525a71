"""The files that a run leaves behind: reports, and saved plans.

The name is what the person gave; where a symbolic link has been put there, following it would let
whoever made it choose what is overwritten.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from qstash_sync.errors import UsageError
from qstash_sync.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qstash_sync.render.safe import Page

_NO_LINK = "a symbolic link, which is not followed; name the file itself"


def write(
    path: str, page: Page, option: str = "--output", kept: Iterable[tuple[str, str]] = ()
) -> None:
    """Write a page to a file; raises `UsageError`. kept: see `refuse_kept`."""
    refuse_link(path, option)
    refuse_kept(path, option, kept)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        handle = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) * (not is_device(path)), 0o666)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{page}\n")
    except (OSError, ValueError) as error:
        raise _cannot_be_written(path, option, error) from None


def replace(path: str, text: str, option: str) -> None:
    """Put a new file in place, for its owner alone, whole or not at all; raises `UsageError`."""
    refuse_link(path, option)
    try:
        with _made_beside(Path(path), text) as made:
            made.replace(path)
    except (OSError, ValueError) as error:
        raise _cannot_be_written(path, option, error) from None


@record(kw_only=True)
class New:
    """A file that is to be; option: names its path. private: for its owner alone."""

    path: str
    text: str = field(repr=False)
    option: str
    private: bool = False


def create(*new: New) -> None:
    """Put new files in place, each whole, all or none; raises `UsageError` where one is there."""
    with ExitStack() as beside, ExitStack() as placed:
        made = [(beside.enter_context(_made(one)), one) for one in new]
        for draft, one in made:
            with _told_by(one):
                os.link(draft, one.path)  # a rename would overwrite what has come there meanwhile
            placed.callback(Path(one.path).unlink, missing_ok=True)
        placed.pop_all()


@contextmanager
def _made(new: New) -> Iterator[Path]:
    """The file under another name; gone in the end."""
    refuse_existing(new.path, new.option)
    with ExitStack() as stack:
        with _told_by(new):
            made = stack.enter_context(_made_beside(Path(new.path), new.text))
            if not new.private:
                made.chmod(0o666 & ~_umask())
        yield made


@contextmanager
def _told_by(new: New) -> Iterator[None]:
    """What goes wrong here is an error of the file's option."""
    try:
        yield
    except (OSError, ValueError) as error:
        if isinstance(error, FileExistsError):
            refuse_existing(new.path, new.option)
        raise _cannot_be_written(new.path, new.option, error) from None


@contextmanager
def _made_beside(target: Path, text: str) -> Iterator[Path]:
    """A whole file of mode 0600 with this text, where a rename need not cross file systems.

    It is gone in the end, unless it was moved away.
    """
    import tempfile

    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def refuse_existing(path: str, option: str) -> None:
    """Say no to what is there already, a dangling link too; raises `UsageError`."""
    _refuse_dash(path, option)
    try:
        is_there = os.path.lexists(path)
        is_home = Path(path).parent.is_dir()
    except (OSError, ValueError) as error:
        raise _cannot_be_written(path, option, error) from None
    if is_there:
        raise UsageError(f"{option} {path}: is there already, and is never overwritten")
    if not is_home:
        raise UsageError(f"{option} {path}: cannot be written: no such directory")


def refuse_hiding(path: str, option: str) -> None:
    """Say no to a new file that leaves open which is read by default, qstash.yaml or qstash/."""
    from qstash_sync.config.sources import DEFAULTS, SUFFIXES, holds_yaml

    name, folder = DEFAULTS
    new = Path(path)
    beside = new.with_name(folder)
    if new.name == name and holds_yaml(beside):
        fact = f"{beside}/ is there, and only one of them is read without -f"
        raise UsageError(f"{option} {path}: {fact}; {option} {beside}/NAME.yaml puts it there")
    home = Path(resolved(path)).parent
    first = home.with_name(name)
    if home.name == folder and os.path.lexists(first) and path.lower().endswith(SUFFIXES):
        names = [str(one) if new.is_absolute() else os.path.relpath(one) for one in (first, home)]
        fact = f"{names[0]} is there, and only one of them is read without -f"
        raise UsageError(f"{option} {path}: {fact}; move {names[0]} into {names[1]}/ first")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def refuse_link(path: str, option: str) -> None:
    """Say no to a symbolic link; raises `UsageError`."""
    _refuse_dash(path, option)
    try:
        is_link = Path(path).is_symlink() and not is_device(path)
    except (OSError, ValueError) as error:
        raise _cannot_be_written(path, option, error) from None
    if is_link:
        raise UsageError(f"{option} {path}: {_NO_LINK}")


def refuse_kept(path: str, option: str, kept: Iterable[tuple[str, str]]) -> None:
    """Say no to what a run reads, or keeps for another purpose; raises `UsageError`.

    kept: paths, and the options that name them. Of a directory the YAML in it, new or not: the
    next run would read it.
    """
    for name, its_option in kept:
        if is_same(path, name) or _is_declared(path, name):
            fact = f"belongs to {its_option}, and is not overwritten; name another file"
            raise UsageError(f"{option} {path}: {fact}")


def _is_declared(path: str, folder: str) -> bool:
    from qstash_sync.config.sources import SUFFIXES

    is_yaml = path.lower().endswith(SUFFIXES)
    return is_yaml and Path(folder).is_dir() and is_same(str(Path(path).parent), folder)


def is_same(one: str, other: str) -> bool:
    """Whether two names are those of one file, there or not."""
    try:
        return Path(one).samefile(other)
    except (OSError, ValueError):
        return resolved(one) == resolved(other)


def resolved(path: str) -> str:
    """The one name of a file, there or not; as it is where it cannot be a name."""
    try:
        return str(Path(path).resolve())
    except (OSError, ValueError, RuntimeError):  # a NUL, or links in a circle
        return path


def _refuse_dash(path: str, option: str) -> None:
    """Say no to what is stdin or stdout elsewhere; raises `UsageError`."""
    if path == "-":
        raise UsageError(f"{option} -: is no name of a file here; ./- is one")


def is_device(path: str) -> bool:
    """Whether the system made the name, such as /dev/stdout and /dev/fd/3: these are links."""
    homes = ("/dev", "/dev/fd", resolved("/proc/self/fd"))
    return resolved(str(Path(path).parent)) in homes


def _cannot_be_written(path: str, option: str, error: Exception) -> UsageError:
    fact = getattr(error, "strerror", None) or "no name of a file"
    return UsageError(f"{option} {path}: cannot be written: {fact}")


def text(path: str, what: str, most: int) -> str:
    """The text of a file that an option names, of so many bytes at most; raises `UsageError`."""
    from qstash_sync.config.sources import UnreadableError, read_text

    try:
        return read_text(Path(path), most)
    except UnreadableError as error:
        raise UsageError(f"{what} {path}: {error}") from None
