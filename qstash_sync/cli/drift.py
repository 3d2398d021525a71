"""`qstash-sync drift`: whether the account still is as the files say, and who moved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from qstash_sync.cli import before, options, report
from qstash_sync.errors import UsageError
from qstash_sync.exit_codes import ExitCode

if TYPE_CHECKING:
    from qstash_sync.cli.session import Session
    from qstash_sync.model.resources import Desired
    from qstash_sync.planning.drift import Drift
    from qstash_sync.render.safe import Page


@click.command()
@options.common(
    options.local,
    options.now,
    options.parallelism,
    options.base,
    options.scope,
    options.unknown_env,
    options.verbose("Show all warnings, what is ignored, and what is unmanaged."),
    output=options.report,
)
@click.option(
    "--fail-on", type=click.Choice(["unmanaged", "attention"]), multiple=True,
    help="Exit 2, too: unmanaged: for what is in the account and not ours, and list it; attention:"
    " for overdue, failing, paused and held schedules, and old zone data. Repeatable.",
)  # fmt: skip
def drift(*, fail_on: tuple[str, ...], verbose: bool, **given: Any) -> int:
    """Tell where each resource stands; exit 2 where account and files differ. Cannot write."""
    from qstash_sync.applying import watching
    from qstash_sync.cli.session import Session
    from qstash_sync.render import drift as view, markdown, text

    session = Session.open(without_secrets="--unknown-env", **given)
    config, base = before.with_base(session, session.config())
    session.warn(config.warnings)
    with session.client(config, read_only=True) as client:
        found = watching.watch(
            client, config.desired, now=session.instant, policy=session.policy, base=base
        )
    if "unmanaged" in fail_on and not found.plan.managed:
        raise UsageError("--fail-on unmanaged: no section is declared, so nothing is looked for")
    verbose = verbose or "unmanaged" in fail_on
    whole = replace(found.plan, warnings=config.warnings + found.plan.warnings)
    document = replace(found, plan=whole)  # text has the file's warnings on stderr
    shown = (*config.warnings, *text.quiet(found.plan, verbose=verbose)[0])
    told = replace(found, plan=replace(found.plan, warnings=shown))
    report.show(
        session,
        {
            "text": lambda paint: view.text(
                found, session.requests, paint, verbose=verbose, minds="attention" in fail_on
            ),
            "markdown": lambda _: markdown.drift(
                document, session.requests, verbose=verbose, account=session.account
            ),
            "json": lambda _: view.document(
                document, session.requests, session.endpoint.as_json if session.endpoint else None
            ),
            "html": lambda _: _html(document, config.desired, session, verbose=verbose),
        },
        (*found.plan.errors, *found.differing, *told.warnings),
    )
    if found.plan.errors:
        return ExitCode.ERROR
    asked = {"unmanaged": found.plan.unmanaged, "attention": found.attention}
    differs = found.differences or any(asked[word] for word in fail_on)
    return ExitCode.DIFFERENCES if differs else ExitCode.DONE


def _html(document: Drift, desired: Desired, session: Session, *, verbose: bool) -> Page:
    from qstash_sync.render import html

    return html.drift(document, desired, session.requests, verbose=verbose, account=session.account)
