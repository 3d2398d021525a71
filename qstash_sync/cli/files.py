"""The files that a run leaves behind: reports, schemas, saved plans, configurations, secrets.

Each is whole or not there: it is made under another name beside its own, and then put in place.
The name is what the person gave; where a symbolic link has been put there, following it would let
whoever made it choose what is overwritten.

                                        cannot be written
a name that can be none of a file       `UsageError`: no such folder, a directory, no permission
what a file needs                       `FileError`: a full disk, a fault of it
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack, contextmanager
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from qstash_sync.cli import precious
from qstash_sync.errors import FileError, QstashSyncError, UsageError
from qstash_sync.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qstash_sync.render.safe import Page

_NO_LINK = "a symbolic link, which is not followed; name the file itself"
_DRAFT = ".qstash-sync."  # how the name of a file begins that is not whole yet
# What says that a name can be none of a file, or that its place lets nobody make one.
_OF_NAMES = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR,
    errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.ENXIO,
    errno.ENODEV, errno.EBUSY, errno.ETXTBSY, errno.ENOSYS, errno.EOPNOTSUPP,
}  # fmt: skip


def write(
    path: str, page: Page, option: str = "--output", kept: Iterable[tuple[str, str]] = ()
) -> None:
    """Write a page to a file; raises `UsageError` and `FileError`. kept: see `refuse_kept`.

    what is there                       the page is
    nothing                             put there whole, for whom the umask lets
    a file                              put in its place whole, for whom that was
    one that cannot be replaced         written over it
    a pipe, a device                    written to it
    """
    refuse_report(path, option, kept)
    text = f"{page}\n"
    with _told_by(path, option):
        if is_device(path) or not _exchanged(path, text):
            _poured(path, text)


def refuse_report(path: str, option: str, kept: Iterable[tuple[str, str]]) -> None:
    """Say no to a file for a report that another one is in; raises `UsageError`."""
    refuse_link(path, option)
    refuse_kept(path, option, kept)
    if not is_device(path):
        precious.refuse(path, option)


def _exchanged(path: str, text: str) -> bool:
    """Put a whole file in place; False where what is there stays, and is to be written itself."""
    there = _there(path)
    if there and not _is_replaceable(path, there):
        return False
    try:
        with _made_beside(Path(path), text) as made:
            if there:
                _hand_over(made, path, there)
            else:
                made.chmod(0o666 & ~_umask())
            made.replace(path)
    except OSError as error:
        if there and error.errno in _OF_NAMES:  # its folder takes no other, or it is a mount
            return False
        raise
    return True


def _there(path: str) -> os.stat_result | None:
    try:
        return Path(path).stat()
    except FileNotFoundError:
        return None


def _is_replaceable(path: str, there: os.stat_result) -> bool:
    """Whether it is a file of this name alone that may be written: a rename would not ask."""
    return stat.S_ISREG(there.st_mode) and there.st_nlink == 1 and os.access(path, os.W_OK)


def _hand_over(made: Path, path: str, there: os.stat_result) -> None:
    """Give a file the owner, the mode and the access lists of the one at a path."""
    import shutil

    found = made.stat()
    if (found.st_uid, found.st_gid) != (there.st_uid, there.st_gid):
        os.chown(made, there.st_uid, there.st_gid)
    shutil.copystat(path, made)
    os.utime(made)  # it is of now


def _poured(path: str, text: str) -> None:
    """Write to what is there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    handle = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) * (not is_device(path)), 0o666)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def replace(path: str, text: str, option: str) -> None:
    """Put a new file in place, for its owner alone; raises `UsageError` and `FileError`."""
    refuse_link(path, option)
    with _told_by(path, option), _made_beside(Path(path), text) as made:
        made.replace(path)


@record(kw_only=True)
class New:
    """A file that is to be; option: names its path. private: for its owner alone."""

    path: str
    text: str = field(repr=False)
    option: str
    private: bool = False


def create(*new: New) -> None:
    """Put new files in place, all or none; raises `UsageError` where one is there, `FileError`."""
    with ExitStack() as beside, ExitStack() as placed:
        made = [(beside.enter_context(_made(one)), one) for one in new]
        for draft, one in made:
            with _told_by(one.path, one.option, is_new=True):
                os.link(draft, one.path)  # a rename would overwrite what has come there meanwhile
            placed.callback(Path(one.path).unlink, missing_ok=True)
        placed.pop_all()


@contextmanager
def _made(new: New) -> Iterator[Path]:
    """The file under another name; gone in the end."""
    refuse_existing(new.path, new.option)
    with ExitStack() as stack:
        with _told_by(new.path, new.option, is_new=True):
            made = stack.enter_context(_made_beside(Path(new.path), new.text))
            if not new.private:
                made.chmod(0o666 & ~_umask())
        yield made


@contextmanager
def _told_by(path: str, option: str, *, is_new: bool = False) -> Iterator[None]:
    """What goes wrong here is an error of the file's option; is_new: nothing was there before."""
    try:
        yield
    except (OSError, ValueError) as error:
        if is_new and isinstance(error, FileExistsError):
            refuse_existing(path, option)
        raise _cannot_be_written(path, option, error) from None


@contextmanager
def _made_beside(target: Path, text: str) -> Iterator[Path]:
    """A whole file of mode 0600 with this text, where a rename need not cross file systems.

    It is gone in the end, unless it was moved away.
    """
    import tempfile

    handle, name = tempfile.mkstemp(dir=target.parent, prefix=_DRAFT)
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
    with _told_by(path, option):
        is_there = os.path.lexists(path)
        is_home = Path(path).parent.is_dir()
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
    with _told_by(path, option):
        is_link = Path(path).is_symlink() and not is_device(path)
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


def _cannot_be_written(path: str, option: str, error: OSError | ValueError) -> QstashSyncError:
    fact = getattr(error, "strerror", None) or "no name of a file"
    is_of_name = not isinstance(error, OSError) or error.errno in _OF_NAMES
    kind = UsageError if is_of_name else FileError
    return kind(f"{option} {path}: cannot be written: {fact}")


def text(path: str, what: str, most: int) -> str:
    """The text of a file that an option names, of so many bytes at most; raises `UsageError`."""
    from qstash_sync.config.sources import UnreadableError, read_text

    try:
        return read_text(Path(path), most)
    except UnreadableError as error:
        raise UsageError(f"{what} {path}: {error}") from None
