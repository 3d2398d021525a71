"""Where texts come from: paths, directories and standard input, all read here and by one rule.

What is read is a regular file of a bounded size, or standard input. Anything else that has a name
would hang (a FIFO that nobody writes), never end (a device), or show what is nobody's file (the
environment of a process, with the token in it).
"""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from qstash_sync.errors import UsageError
from qstash_sync.record import record

MAX_BYTES = 10_000_000  # of one file; 50,000 schedules, the most that QStash has, need half of it
SUFFIXES = (".yaml", ".yml")
DEFAULTS = ("qstash.yaml", "qstash")  # the one that there is
_OTHERS = ("qstash.yml", "qstash-sync.yaml", "qstash-sync.yml")  # which somebody may take for it
_SPLIT = "; split it into the files of a folder"
_READ = os.O_RDONLY
for _flag in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY", "O_CLOEXEC"):
    _READ |= getattr(os, _flag, 0)


class UnreadableError(Exception):
    """Why the content of a file cannot be had; its text is for people."""


class NoTextError(UnreadableError):
    """Bytes that are not UTF-8; line and column of the first, from 1."""

    def __init__(self, line: int, column: int) -> None:
        super().__init__(f"not UTF-8 text, in line {line}")
        self.line, self.column = line, column


class TooLargeError(UnreadableError):
    """A file of more bytes than may be read."""

    def __init__(self, size: int, most: int) -> None:
        super().__init__(f"is larger than {most:,} bytes, the most that is read")
        self.size = size


@record()
class Source:
    """The text of one file; relative paths in it start at its folder.

    no_text: in place of a text, the line and column from which on it is none.
    """

    name: str
    folder: str
    text: str
    no_text: tuple[int, int] | None = None


def gather(paths: Sequence[str], stdin: TextIO | None, option: str = "-f") -> tuple[Source, ...]:
    """Read files, directories (all `*.yaml`, `*.yml`) and `-`; the default is `qstash.yaml`.

    option: that names them.

    Raises `UsageError` for whatever cannot be read: what a file declares would be missing, and
    what is missing is deleted. What can be, and is no text, is the content's fault: see `Source`.
    """
    if "" in paths:
        raise UsageError(f"{option}: names nothing; is a variable unset?")
    way_out = ""  # for who has named no file
    if not paths:
        paths = [_default()]
        way_out = f"; name another with {option}"
    if paths == [""]:
        others = [name for name in _OTHERS if os.path.lexists(name)]
        ways = f"there is -f {others[0]}" if others else "`qstash-sync init` writes a first one"
        raise UsageError(f"no {' and no '.join(DEFAULTS)}/ here; {ways}, or name it with -f")
    return tuple(source for path in paths for source in _sources(path, stdin, option, way_out))


def _default() -> str:
    """The one that there is of file and folder, "" for none; two of them leave open what is meant.

    What the other one declares would be missing.
    """
    file, folder = DEFAULTS
    if os.path.lexists(file) and holds_yaml(Path(folder)):
        fact = f"{file} and {folder}/ are both here, and only one is read without -f"
        raise UsageError(f"{fact}; name it, as in -f {file}, or both: -f {file} -f {folder}")
    return next((name for name in DEFAULTS if os.path.lexists(name)), "")


def _sources(path: str, stdin: TextIO | None, option: str, way_out: str) -> Iterator[Source]:
    if path == "-":
        try:
            yield Source("<stdin>", ".", _decoded(_stdin(stdin, option)))
        except NoTextError as error:
            yield Source("<stdin>", ".", "", (error.line, error.column))
        except TooLargeError as error:
            raise UsageError(f"{option} -: {error}{_SPLIT}") from None
        return
    root = Path(path)
    try:
        is_directory = root.is_dir()
        files = sorted(map(root.joinpath, declared(root))) if is_directory else [root]
    except (OSError, ValueError) as error:
        raise UsageError(f"{_shown(path)}: cannot be read: {_reason(error)}") from None
    if not files:
        raise UsageError(f"{path}: no *.yaml or *.yml in this directory")
    for file in files:
        try:
            yield Source(str(file), str(file.parent), read_text(file))
        except NoTextError as error:
            yield Source(str(file), str(file.parent), "", (error.line, error.column))
        except TooLargeError as error:
            raise UsageError(f"{_shown(file)}: {error}{_SPLIT}") from None
        except UnreadableError as error:
            raise UsageError(f"{_shown(file)}: {error}{way_out}") from None


def declared(folder: Path) -> list[str]:
    """Every entry that calls itself YAML, whatever it is: none may be left out in silence."""
    return [entry.name for entry in folder.iterdir() if entry.name.lower().endswith(SUFFIXES)]


def holds_yaml(folder: Path) -> bool:
    """Whether a path is a directory that declares something, as far as anybody can tell."""
    try:
        return folder.is_dir() and bool(declared(folder))
    except OSError:
        return True


def stdin_text(stdin: TextIO | None, option: str) -> str:
    """The UTF-8 text of standard input, whatever the locale says; raises `UsageError`."""
    try:
        return _decoded(_stdin(stdin, option))
    except UnreadableError as error:
        raise UsageError(f"{option} -: {error}") from None


def _stdin(stdin: TextIO | None, option: str) -> bytes:
    if stdin is None:
        raise UsageError(f"{option} -: stdin is closed; give it the file, or name one")
    try:
        data = stdin.buffer.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{option} -: stdin cannot be read: {_reason(error)}") from None
    if len(data) > MAX_BYTES:
        raise TooLargeError(len(data), MAX_BYTES)
    return data


def read_text(path: Path, most: int = MAX_BYTES) -> str:
    """The UTF-8 text of a regular file, without a byte order mark; raises `UnreadableError`."""
    return _decoded(read_bytes(path, most))


def read_bytes(path: Path, most: int = MAX_BYTES) -> bytes:
    """The content of a regular file; raises `UnreadableError`, of too many bytes `TooLargeError`.

    A FIFO opens at once here, so that it can be seen to be one.
    """
    try:
        handle = os.open(path, _READ)
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise UnreadableError(f"is {_kind(found.st_mode)}, not a regular file")
            if found.st_size > most:
                raise TooLargeError(found.st_size, most)
            data = file.read(found.st_size + 1)
    except FileNotFoundError:
        fact = "a symbolic link to nothing" if path.is_symlink() else "no such file or directory"
        raise UnreadableError(fact) from None
    except (OSError, ValueError) as error:
        raise UnreadableError(f"cannot be read: {_reason(error)}") from None
    if len(data) > found.st_size:  # the files of /proc say that they are empty
        raise UnreadableError("holds more than its size says, so it is no ordinary file")
    return data


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        lines = error.object[: error.start].decode().split("\n")  # which is without a mark of order
        raise NoTextError(len(lines), len(lines[-1]) + 1) from None


def _kind(mode: int) -> str:
    kinds = {
        stat.S_ISDIR: "a directory", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket",
        stat.S_ISCHR: "a device", stat.S_ISBLK: "a device",
    }  # fmt: skip
    return next((word for test, word in kinds.items() if test(mode)), "something else")


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return "this cannot be a name"  # a NUL in it


def _shown(path: str | Path) -> str:
    return str(path).encode("utf-8", "backslashreplace").decode()
