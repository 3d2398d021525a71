"""What `--var` may set: a variable that the files know, and not to an empty text.

A slip in a name would leave the file's own value standing, and a variable of a workflow that is not
set would leave nothing: either way an apply goes into another namespace than was meant.
"""

from collections.abc import Iterator, Mapping

from qstash_sync.config.interpolate import variables_in
from qstash_sync.config.layers import meant
from qstash_sync.config.load import Files
from qstash_sync.config.tree import Map, texts
from qstash_sync.errors import UsageError
from qstash_sync.model.secret_shapes import kind_in


def check(files: Files, given: Mapping[str, str], option: str = "--var") -> None:
    """Raise `UsageError` for a value that is empty and for a name that no file knows.

    option: what gives them. What cannot be read of the files may know any name, and that is told.
    """
    known = set(_declared(files, given))
    if not given.keys() <= known:  # else no text need be read for it
        known.update(*map(variables_in, _texts(files, given)))
    for name, value in given.items():
        # Of an unknown name and what might be the end of base64, the name may be a secret itself.
        is_shown = name in known or (value.strip("=") and kind_in(name) is None)
        shown = f" {name}" if is_shown else ""
        if not value:
            hint = "for an empty text, write it in vars of the file"
            raise UsageError(f"{option}{shown}: is empty; is a variable unset? {hint}")
        if name not in known and files.is_whole:
            fact = "no such variable in the files, neither in vars nor as ${var.…}"
            hint = f"; {meant(name, sorted(known))}" if known else ""
            raise UsageError(f"{option}{shown}: {fact}{hint}")


def _declared(files: Files, given: Mapping[str, str]) -> Iterator[str]:
    """The names in `vars`, of the files and of each environment; one that is no mapping has any."""
    for document in files.documents:
        environments = document.root.get("environments")
        holders = [document.root]
        if isinstance(environments, Map):
            holders += [one for one in environments.values() if isinstance(one, Map)]
        for holder in holders:
            found = holder.get("vars")
            if isinstance(found, Map):
                yield from found
            elif found is not None:
                yield from given


def _texts(files: Files, given: Mapping[str, str]) -> Iterator[str]:
    """Whatever may name a variable."""
    yield from given.values()
    for document in files.documents:
        yield from (text for _, text, _ in texts(document.root))
