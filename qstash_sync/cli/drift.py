"""`qstash-sync drift`: whether the account still is as the files say, and who moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from qstash_sync.cli import options, report
from qstash_sync.errors import ExitCode


@click.command()
@options.common(
    options.local,
    options.now,
    options.parallelism,
    options.unknown_env,
    options.verbose,
    output=options.report,
)
def drift(*, verbose: bool, **given: Any) -> int:
    """Tell where each resource stands; exit 2 where account and files differ. Cannot write."""
    from qstash_sync.apply import watching
    from qstash_sync.cli.session import Session
    from qstash_sync.render import drift as view, markdown

    session = Session.open(**given)
    config = session.config()
    session.warn(config.warnings)
    with session.client(config, read_only=True) as client:
        found = watching.watch(client, config.desired, now=session.instant)
    whole = replace(found.plan, warnings=config.warnings + found.plan.warnings)
    document = replace(found, plan=whole)  # text has the file's warnings on stderr
    report.show(
        session,
        {
            "text": lambda paint: view.text(found, session.requests, paint, verbose=verbose),
            "markdown": lambda _: markdown.drift(document, session.requests, verbose=verbose),
            "json": lambda _: view.document(document, session.requests),
        },
    )
    if found.plan.errors:
        return ExitCode.ERROR
    return ExitCode.DIFFERENCES if found.differences else ExitCode.DONE
