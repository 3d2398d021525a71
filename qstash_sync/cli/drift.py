"""`qstash-sync drift`: whether the account still is as the files say, and who moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from qstash_sync.cli import options, report
from qstash_sync.errors import ExitCode, UsageError


@click.command()
@options.common(
    options.local,
    options.now,
    options.parallelism,
    options.scope,
    options.unknown_env,
    options.verbose,
    output=options.report,
)
@click.option(
    "--fail-on", type=click.Choice(["unmanaged"]),
    help="unmanaged: exit 2 for what is in the account and not ours, too, and list it.",
)  # fmt: skip
def drift(*, fail_on: str | None, verbose: bool, **given: Any) -> int:
    """Tell where each resource stands; exit 2 where account and files differ. Cannot write."""
    from qstash_sync.apply import watching
    from qstash_sync.cli.session import Session
    from qstash_sync.render import drift as view, markdown

    session = Session.open(without_secrets="--unknown-env", **given)
    config = session.config()
    session.warn(config.warnings)
    with session.client(config, read_only=True) as client:
        found = watching.watch(client, config.desired, now=session.instant, policy=session.policy)
    if fail_on and not found.plan.managed:
        raise UsageError(f"--fail-on {fail_on}: no section is declared, so nothing is looked for")
    verbose = verbose or fail_on is not None
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
    differs = found.differences or (fail_on and found.plan.unmanaged)
    return ExitCode.DIFFERENCES if differs else ExitCode.DONE
