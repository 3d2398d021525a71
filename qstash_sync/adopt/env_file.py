"""The file of an import's secrets: NAME=VALUE lines that every reader of such files takes alike."""

import re
from collections.abc import Sequence

from qstash_sync.adopt.document import Variable

_HEAD = "# Secrets that qstash-sync read from {}; keep them where nobody else can read."
_DIGEST = "QStash shows a digest alone"
NO_LINE = "a line of a file cannot hold it"


def text(variables: Sequence[Variable], source: str) -> str:
    """The file; what no line can hold is named in a comment. source: a word for where from."""
    lines = [_HEAD.format(source)]
    for one in variables:
        line = quoted(one.value) if one.value is not None else None
        why = _DIGEST if one.value is None else NO_LINE
        lines.append(f"# {one.name}: {why}" if line is None else f"{one.name}={line}")
    return "".join(f"{line}\n" for line in lines)


def quoted(value: str) -> str | None:
    """A value as it stands in a line; None where some reader would take another for it."""
    if not value.isprintable() or "${" in value:
        return None
    if value == value.strip() and value[0] not in "'\"" and not re.search(r"\s#", value):
        return value
    fitting = (mark for mark in "'\"" if mark not in value and "\\" not in value)
    mark = next(fitting, None)
    return mark and f"{mark}{value}{mark}"
