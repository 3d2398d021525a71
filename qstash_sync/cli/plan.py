"""`qstash-sync plan`: what an apply would change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from qstash_sync.cli import before, options, report, saved, streams
from qstash_sync.exit_codes import ExitCode

if TYPE_CHECKING:
    from qstash_sync.cli.session import Session
    from qstash_sync.model.resources import Desired
    from qstash_sync.planning.decide import Plan
    from qstash_sync.render.safe import Page


@click.command()
@options.common(
    options.local,
    options.now,
    options.parallelism,
    options.consent,
    options.base,
    options.unknown_env,
    options.verbose("Show every change field by field, all warnings, and what is unmanaged."),
    output=options.report,
)
@options.saving
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are differences.")
def plan(*, path: str | None, detailed_exitcode: bool, verbose: bool, **given: Any) -> int:
    """Show what an apply would change. Cannot write."""
    from qstash_sync.cli.session import Session

    return propose(
        Session.open(without_secrets="--unknown-env", **given),
        path,
        detailed_exitcode=detailed_exitcode,
        verbose=verbose,
    )


def propose(session: Session, path: str | None, *, detailed_exitcode: bool, verbose: bool) -> int:
    """Show a plan, and save it if there is a path; returns the exit code."""
    import qstash_sync
    from qstash_sync.applying.surroundings import is_to_come
    from qstash_sync.render import safe, text

    if path is not None:
        saved.check(path, session)
    config, base = before.with_base(session, session.config())
    with session.client(config, read_only=True) as client:
        found = qstash_sync.plan(
            config.desired, client, now=session.instant, policy=session.policy, base=base
        )
        ahead = is_to_come(client, found.now)
    session.made = found

    more: dict[str, Any] = {"account": session.endpoint and session.endpoint.as_json}
    if path is not None:
        more["saved"] = None if found.errors else path
        if not found.errors:
            saved.save(path, session, config, found)

    session.warn(config.warnings)
    document = replace(found, warnings=config.warnings + found.warnings)
    report.show(
        session,
        {
            "text": lambda paint: text.plan(found, paint, verbose=verbose),
            "markdown": lambda _: _markdown(document, session, verbose=verbose),
            "json": lambda _: _json(document, session, more),
            "html": lambda _: _html(document, config.desired, session, verbose=verbose),
        },
        (*document.errors, *config.warnings, *text.quiet(found, verbose=verbose)[0]),
    )
    if path is not None:
        fate = saved.fate(path, session, found, ahead=ahead)
        streams.note(safe.page(fate))

    if found.errors:
        return found.failure
    if any(change.refused for change in found.changes) or _is_clock_wrong(found):
        return ExitCode.REFUSED  # an apply would end with 4, or write nothing
    differs = detailed_exitcode and not found.empty
    return ExitCode.DIFFERENCES if differs else ExitCode.DONE


def _is_clock_wrong(found: Plan) -> bool:
    """Whether an apply would refuse to write what there is to write."""
    from qstash_sync.applying.surroundings import WRONG_CLOCK

    return not found.empty and any(one.code == WRONG_CLOCK for one in found.warnings)


def _markdown(document: Plan, session: Session, *, verbose: bool) -> Page:
    from qstash_sync.render import markdown

    return markdown.plan(document, verbose=verbose, account=session.account)


def _html(document: Plan, desired: Desired, session: Session, *, verbose: bool) -> Page:
    from qstash_sync.render import html

    return html.plan(document, desired, session.requests, verbose=verbose, account=session.account)


def _json(document: Plan, session: Session, more: dict[str, Any]) -> Page:
    from qstash_sync.render import json

    return json.plan(document, session.requests, **more)
