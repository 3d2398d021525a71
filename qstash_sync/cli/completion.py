"""What a shell offers for the value of an option or an argument: files, and names of the files."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from qstash_sync.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click

_OF_FILES = {"PATH", "FILE", "[PLAN]"}
_OF_ENVIRONMENTS = {"environment", "environments"}
_OF_SCHEDULES = {"what", "globs", "names"}


def words(context: click.Context, taking: click.Parameter, begun: str) -> Iterator[CompletionItem]:
    """What may stand there; nothing where it is in no file, or the files cannot be read."""
    if taking.metavar in _OF_FILES:
        yield CompletionItem(begun, type="file")
    elif taking.name in _OF_ENVIRONMENTS | _OF_SCHEDULES:
        found = _names(context, of_schedules=taking.name in _OF_SCHEDULES)
        yield from (CompletionItem(name) for name in found if name.startswith(begun))


def _names(context: click.Context, *, of_schedules: bool) -> list[str]:
    from qstash_sync.config.load import Files, gather
    from qstash_sync.config.tree import Map

    paths = context.params.get("paths") or ()
    if "-" in paths:  # stdin is the terminal's here
        return []
    with suppress(UsageError):
        files = Files(gather(paths, None))
        if not of_schedules:
            return [*files.names()]
        roots = [document.root.get("schedules") for document in files.documents]
        names = (name for root in roots if isinstance(root, Map) for name in root)
        return [name for name in names if not name.startswith("x-") and "$" not in name]
    return []
