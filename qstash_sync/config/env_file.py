"""The file of `--env-file`: NAME=VALUE lines, read by the rules of python-dotenv.

`export`, quotes with escapes, values of several lines, ` # comments`, and `${NAME}` or
`${NAME:-default}` for a variable of the process or of a line above. No line is skipped in silence,
and no message shows one: it may hold a secret.
"""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream
from dotenv.variables import parse_variables

from qstash_sync.config.sources import UnreadableError, read_text
from qstash_sync.errors import UsageError

MAX_CHARACTERS = 10_000_000  # of all values: one may stand for two others, forty times over


def surroundings(path: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of the process and, where those are not set or empty, of the file.

    Empty is not set: CI hands over a missing secret as empty text.
    """
    process = {name: value for name, value in environ.items() if value}
    return {**environ, **_read(path, process), **process}


def _read(path: str, process: Mapping[str, str]) -> dict[str, str]:
    place = f"--env-file {path}"
    try:
        text = read_text(Path(path))
    except UnreadableError as error:
        raise UsageError(f"{place}: {error}") from None
    found: dict[str, str] = {}
    known = dict[str, str | None](process)
    left = MAX_CHARACTERS
    for line in parse_stream(StringIO(text)):
        if line.error or (line.key and line.value is None):
            raise UsageError(f"{place}:{line.original.line}: not a NAME=VALUE line")
        if line.key is None or line.value is None:
            continue  # a comment
        value = "".join(atom.resolve(known) for atom in parse_variables(line.value))
        left -= len(value)
        if left < 0:
            fact = f"its values have more than {MAX_CHARACTERS:,} characters"
            raise UsageError(f"{place}:{line.original.line}: {fact}")
        found[line.key] = value
        if line.key not in process:
            known[line.key] = value
    return found
