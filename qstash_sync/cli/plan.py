"""`qstash-sync plan`: what an apply would change."""

from typing import Any

import click

from qstash_sync.cli import options
from qstash_sync.cli.session import DIFFERENCES, Session, refusal_code


@click.command()
@options.common(
    options.local,
    options.now,
    options.parallelism,
    options.consent,
    options.unknown_env,
    options.verbose,
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are differences.")
def plan(
    *,
    detailed_exitcode: bool,
    verbose: bool,
    **given: Any,
) -> int:
    """Show what an apply would change. Cannot write."""
    from qstash_sync import engine

    session = Session.open(**given)
    config = session.config()
    with session.client(config, read_only=True) as client:
        found = engine.propose(client, config.desired, now=session.instant, options=session.options)
    if session.json:
        from qstash_sync.render import json as view

        click.echo(view.plan(found, session.requests))
    else:
        from qstash_sync.render import text

        session.warn(config.warnings)
        click.echo(text.plan(found, session.paint(), verbose=verbose))
    if found.errors:
        return refusal_code(found)
    return DIFFERENCES if detailed_exitcode and not found.empty else 0
