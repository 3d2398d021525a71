"""`qstash-sync plan`: what an apply would change."""

from dataclasses import replace
from typing import Any

import click

from qstash_sync.cli import options, report
from qstash_sync.cli.session import DIFFERENCES, Session, refusal_code


@click.command()
@options.common(
    options.local,
    options.now,
    options.parallelism,
    options.consent,
    options.unknown_env,
    options.verbose,
    output=options.report,
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
    from qstash_sync.render import json as view, markdown, text

    session = Session.open(**given)
    config = session.config()
    with session.client(config, read_only=True) as client:
        found = engine.propose(client, config.desired, now=session.instant, options=session.options)
    session.warn(config.warnings)
    document = replace(found, warnings=config.warnings + found.warnings)
    report.tell(
        session,
        {
            "text": lambda paint: text.plan(found, paint, verbose=verbose),
            "markdown": lambda _: markdown.plan(document, verbose=verbose),
            "json": lambda _: view.plan(document, session.requests),
        },
    )
    if found.errors:
        return refusal_code(found)
    return DIFFERENCES if detailed_exitcode and not found.empty else 0
