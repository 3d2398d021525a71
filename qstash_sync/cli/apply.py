"""`qstash-sync apply`: make it so."""

import sys
from typing import Any

import click

from qstash_sync.cli import options
from qstash_sync.cli.session import Session, reason, refusal_code
from qstash_sync.errors import PartialError, UsageError


@click.command()
@options.common(
    options.local,
    options.now,
    options.parallelism,
    options.adopt,
    options.only,
    options.verbose,
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def apply(
    *, adopt: tuple[str, ...], only: str | None, verbose: bool, yes: bool, **given: Any
) -> int:
    """Make the account as the files say."""
    from qstash_sync import engine

    session = Session.open(**given)
    if session.now is not None and session.local is None:
        raise UsageError("--now is for plans; apply takes it only with --local")
    config = session.config()
    with session.client(config, read_only=False) as client:
        found = engine.propose(
            client, config.desired, now=session.instant, adopt=adopt, only=reason(only)
        )
        if not session.json:
            _show(session, config, found, verbose=verbose)
        if found.errors:
            _tell_refusal(session, found, (client.reads, client.writes))
            return refusal_code(found)
        if not found.empty and not session.json and not yes and sys.stdin.isatty():
            click.confirm("Apply these changes?", abort=True)
        outcomes = engine.apply(
            client, found, parallelism=session.parallelism, report=_reporter(session)
        )
    if session.json:
        from qstash_sync.render import json as view

        click.echo(view.plan(found, session.requests, outcomes))
    elif not found.empty:
        from qstash_sync.render import text

        click.echo(text.applied(outcomes))
    done = all(outcome.status is engine.Status.DONE for outcome in outcomes)
    return 0 if done else PartialError.exit_code


def _show(session: Session, config: Any, found: Any, *, verbose: bool) -> None:
    from qstash_sync.render import text

    session.warn(config.warnings)
    click.echo(text.plan(found, session.paint(), verbose=verbose))


def _tell_refusal(session: Session, found: Any, requests: tuple[int, int]) -> None:
    if session.json:
        from qstash_sync.render import json as view

        click.echo(view.plan(found, requests))
    else:
        click.echo("Nothing was written.", err=True)


def _reporter(session: Session) -> Any:
    from qstash_sync.render import text

    paint = session.paint(sys.stderr)

    def report(outcome: Any) -> None:
        if not session.json:
            click.echo(text.outcome(outcome, paint), err=True)

    return report
