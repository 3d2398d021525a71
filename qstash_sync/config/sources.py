"""Where files come from: paths, directories and standard input; the texts are read here."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from qstash_sync.errors import UsageError


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one file; relative paths in it start at its folder."""

    name: str
    folder: str
    text: str


def gather(paths: Sequence[str], stdin: TextIO) -> tuple[Source, ...]:
    """Read files, directories (all `*.yaml`, `*.yml`) and `-`; the default is `qstash.yaml`."""
    if not paths:
        paths = [next((name for name in ("qstash.yaml", "qstash") if Path(name).exists()), "")]
    if paths == [""]:
        raise UsageError("no qstash.yaml and no qstash/ here; name the file or directory with -f")
    return tuple(source for path in paths for source in _sources(path, stdin))


def _sources(path: str, stdin: TextIO) -> Iterator[Source]:
    if path == "-":
        yield Source("<stdin>", ".", stdin.read())
        return
    root = Path(path)
    files = [root]
    if root.is_dir():
        files = sorted(p for p in root.iterdir() if p.suffix in (".yaml", ".yml") and p.is_file())
        if not files:
            raise UsageError(f"{path}: no *.yaml or *.yml in this directory")
    for file in files:
        try:
            yield Source(str(file), str(file.parent), file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UsageError(f"{file}: no such file or directory; name it with -f") from None
        except UnicodeDecodeError:
            raise UsageError(f"{file}: not UTF-8 text") from None
        except OSError as error:
            raise UsageError(f"{file}: cannot be read: {os.strerror(error.errno or 0)}") from None
