"""The files as they were before, `--base-ref` or `--base`: they tell whose each change is."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from qstash_sync.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qstash_sync.cli.session import Session
    from qstash_sync.config.load import Config, Source
    from qstash_sync.model.resources import Desired


class _NoBaseError(Exception):
    """Why a base says nothing."""

    def __init__(self, fact: str) -> None:
        super().__init__(fact)
        self.fact = fact


class _NothingBeforeError(_NoBaseError):
    """Why nothing of what is declared was there before."""


def with_base(session: Session, config: Config) -> tuple[Config, Desired | None]:
    """What the files declared before this branch; None where nothing says it.

    A base only attributes: one that cannot be read is a warning of the config.
    """
    from qstash_sync.model.diagnostics import Diagnostic, Severity
    from qstash_sync.model.resources import Desired

    if session.base_ref is not None and session.base_paths:
        raise UsageError("--base-ref and --base: one of them is enough")
    if session.base_ref is None and not session.base_paths:
        return config, None
    try:
        return config, _base(session)
    except _NothingBeforeError as error:
        told, hint = f"{error.fact}, so everything counts as yours", ""
        base = Desired(namespace=config.desired.namespace)
    except _NoBaseError as error:
        told = f"cannot be read: {error.fact}"
        hint = "nothing says whose each change is; another base would, such as an older one"
        base = None
    name = session.base_ref or ", ".join(session.base_paths)
    warning = Diagnostic(
        severity=Severity.WARNING, code="base", message=f"the base {name} {told}", hint=hint
    )
    return replace(config, warnings=(*config.warnings, warning)), base


def _base(session: Session) -> Desired:
    """The files of the base; raises `_NoBaseError`, `_NothingBeforeError`, `UsageError`."""
    from qstash_sync.config.load import gather

    if session.base_ref is None:
        if "-" in session.base_paths:
            raise UsageError("--base -: standard input is for -f; name the files as they were")
        return _built(session, gather(session.base_paths, None, "--base"))
    from qstash_sync.config.at_ref import checked_out

    with checked_out(session.base_ref, session.paths) as (folder, paths):
        if not paths:
            raise _NothingBeforeError("has no such files")
        root = f"{folder}{os.sep}"  # in which they stand, for a while
        try:
            sources = gather(paths, None, "--base-ref")
        except UsageError as error:
            fact = str(error).replace(root, "").partition(";")[0]
            raise _NoBaseError(fact) from None
        named = [replace(source, name=source.name.removeprefix(root)) for source in sources]
        return _built(session, named)


def _built(session: Session, sources: Sequence[Source]) -> Desired:
    """The environment of this run, of a base; where that has none, all of it."""
    from qstash_sync.config.load import Files
    from qstash_sync.config.missing import Missing
    from qstash_sync.model.diagnostics import Severity

    files = Files(sources, one_account=session.local is not None)
    environment = session.environment
    session.keep_bodies(files)
    if files.environments is None:
        environment = None  # they are new
    elif environment is None:
        raise _NoBaseError("it has environments, and -e names none of them")
    elif environment not in files.names():
        raise _NothingBeforeError(f"has no environment {environment}")
    found, diagnostics = files.build(
        environment, session.given(), session.environ(), Missing.UNKNOWN
    )
    if found is not None:
        return _ignoring_where_known(session, found.desired)
    first = next(d for d in diagnostics if d.severity is Severity.ERROR)
    where = f"{first.location}: " if first.location else ""
    raise _NoBaseError(f"{where}{first.text}")


def _ignoring_where_known(session: Session, desired: Desired) -> Desired:
    """A base with the same fields ignored, as far as it has what the options name."""
    for option in session.ignore:
        with suppress(UsageError):
            desired = session.ignoring(desired, [option])
    return desired
