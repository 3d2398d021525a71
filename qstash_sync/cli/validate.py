"""`qstash-sync validate`: the files alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from qstash_sync.cli import github, options, streams
from qstash_sync.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from qstash_sync.cli.session import Session
    from qstash_sync.config.load import Config
    from qstash_sync.model.diagnostics import Diagnostic


@click.command()
@options.common(options.now)
@click.option("--mock-env", is_flag=True, help="Make up missing environment variables.")
def validate(*, mock_env: bool, **given: Any) -> int:
    """Check the files: every environment, or the one of -e. Needs no account."""
    from qstash_sync.cli.session import Session

    session = Session.open(mock_env=mock_env, without_secrets="--mock-env", **given)
    files = session.sources()
    names = () if session.environment else files.names()
    found = []
    for name in names or [session.environment]:
        try:
            config = session.config(files, name)
        except ConfigError as error:
            found += list(error.diagnostics)
        else:
            found += [*config.warnings, *_about_time(session, config)]
    from qstash_sync.model.diagnostics import Severity, in_order
    from qstash_sync.render import safe

    diagnostics = in_order(found)
    if any(f.severity is Severity.ERROR for f in diagnostics):
        raise ConfigError(diagnostics)
    github.annotate(diagnostics)
    if session.json:
        from qstash_sync.render import json as view

        warnings = [view.diagnostic(f) for f in diagnostics]
        streams.result(
            view.document(warnings=warnings, errors=[], requests={"read": 0, "write": 0})
        )
        return ExitCode.DONE
    session.warn(diagnostics)
    shown = ", ".join(name for name in names if name)
    where = f", environments {shown}." if shown else "."
    streams.result(safe.page(f"Valid: {len(files.documents)} file(s){where}"))
    return ExitCode.DONE


def _about_time(session: Session, config: Config) -> list[Diagnostic]:
    """What of the schedules cannot be compiled, meets a clock change, or takes many parts."""
    from qstash_sync.plan import quota
    from qstash_sync.reconcile import times

    found: list[Diagnostic] = []
    schedules = config.desired.schedules or ()
    now = session.instant
    for schedule in schedules:
        found += times.checked(schedule, now)
        found += quota.too_many_parts(schedule, now)
    return found + list(quota.judge(schedules, now, plan=config.desired.limits.plan))
