"""`qstash-sync validate`: the files alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from qstash_sync.cli import github, options, streams
from qstash_sync.errors import ConfigError
from qstash_sync.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qstash_sync.cli.session import Session
    from qstash_sync.config.load import Config
    from qstash_sync.model.diagnostics import Diagnostic

_FEW = 3  # environments that a finding names


@click.command()
@options.common(options.now, options.verbose("Show notes, too."))
@click.option("--mock-env", is_flag=True, help="Make up missing environment variables.")
@click.option(
    "--fail-on", type=click.Choice(["error", "warning", "none"]), default="error",
    show_default=True, help="Exit 2 if there is a finding as heavy as this.",
)  # fmt: skip
def validate(*, mock_env: bool, verbose: bool, **given: Any) -> int:
    """Check the files and lint them: every environment, or the one of -e. Needs no account."""
    from qstash_sync.cli.session import Session
    from qstash_sync.model.diagnostics import RANKS, Severity, in_order

    session = Session.open(mock_env=mock_env, without_secrets="--mock-env", **given)
    files = session.sources()
    names = () if session.environment else files.names()
    failure: type[ConfigError] = ConfigError
    wrong: dict[str | None, list[Diagnostic]] = {}
    found: dict[str | None, list[Diagnostic]] = {}
    beside: list[Diagnostic] = []  # warnings of files that are wrong, which nobody has looked into
    for name in names or [session.environment]:
        try:
            config = session.config(files, name)
        except ConfigError as error:
            wrong[name] = [one for one in error.diagnostics if one.severity is Severity.ERROR]
            beside += [one for one in error.diagnostics if one.severity is not Severity.ERROR]
            failure = type(error)  # that an environment is not there can only be said of one
        else:
            found[name], wrong[name] = _told(session, config)
    diagnostics = in_order((*_placed(wrong), *_placed(found), *beside))
    if any(wrong.values()):
        raise failure(diagnostics)

    failing = [
        one for one in diagnostics
        if session.failing and RANKS[one.severity] <= RANKS[session.failing]
    ]  # fmt: skip
    github.annotate(diagnostics)
    if session.json:
        _as_json(diagnostics)
    else:
        session.warn(
            [d for d in diagnostics if verbose or d.severity is not Severity.INFO],
            folds=not verbose,
        )
        _as_text(diagnostics, failing, len(files.documents), names, verbose=verbose)
    return ExitCode.DIFFERENCES if failing else ExitCode.DONE


def _told(session: Session, config: Config) -> tuple[list[Diagnostic], list[Diagnostic]]:
    """What is found in one environment, and what of its schedules cannot be compiled at all."""
    from qstash_sync.lint import judge
    from qstash_sync.model.diagnostics import Severity
    from qstash_sync.planning import quota
    from qstash_sync.reconcile import times

    desired, now = config.desired, session.instant
    found = list(config.warnings)
    for schedule in desired.schedules or ():
        found += times.checked(schedule, now)
        found += quota.too_many_parts(schedule, now)
    found += quota.judge(desired.schedules or (), now, plan=desired.limits.plan)
    wrong = [one for one in found if one.severity is Severity.ERROR]
    rest = (one for one in found if one.severity is not Severity.ERROR)
    return list(judge.leveled((*rest, *judge.findings(desired, now)), desired, now)), wrong


def _placed(by_environment: Mapping[str | None, Sequence[Diagnostic]]) -> list[Diagnostic]:
    """The diagnostics of several environments; what some of them do not have names its own.

    The way out may be another in each, as it lists what is there: then it is that of the first.
    """
    where: dict[Diagnostic, dict[str, Diagnostic]] = {}
    for name, found in by_environment.items():
        for one in found:
            where.setdefault(replace(one, hint=""), {}).setdefault(str(name), one)
    placed = []
    for same in where.values():
        names, first = [*same], next(iter(same.values()))
        more = f" and {len(names) - _FEW:,} more" * (len(names) > _FEW)
        fact = f"{first.message} (in {', '.join(names[:_FEW])}{more})"
        is_told = len(names) == len(by_environment) or first.path[:2] == ("environments", *names)
        placed.append(first if is_told else replace(first, message=fact))
    return placed


def _as_json(diagnostics: Sequence[Diagnostic]) -> None:
    from qstash_sync.model.diagnostics import Severity
    from qstash_sync.render import json as view

    errors = [d for d in diagnostics if d.severity is Severity.ERROR]
    warnings = [d for d in diagnostics if d.severity is not Severity.ERROR]
    streams.result(
        view.document(
            warnings=[view.diagnostic(one) for one in warnings],
            errors=[view.diagnostic(one) for one in errors],
            requests={"read": 0, "write": 0},
        )
    )


def _as_text(
    diagnostics: Sequence[Diagnostic],
    failing: Sequence[Diagnostic],
    files: int,
    names: Sequence[str],
    *,
    verbose: bool,
) -> None:
    from qstash_sync.model.diagnostics import Severity
    from qstash_sync.render import safe, words

    notes = sum(one.severity is Severity.INFO for one in diagnostics)
    if notes and not verbose:
        streams.note(safe.page(f"{words.counted(notes, 'note')} beside: -v"))
    shown = ", ".join(name for name in names if name)
    where = f", environments {shown}" if shown else ""
    verdict = f"Valid: {words.counted(files, 'file')}{where}"
    if failing:
        some = "findings fail" if len(failing) > 1 else "finding fails"
        verdict += f"; {len(failing):,} {some} it: mend, disable with a reason, or --fail-on none"
    streams.result(safe.page(f"{verdict}."))
