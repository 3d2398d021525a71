"""`qstash-sync destroy`: all of one namespace, as for a preview that is over."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import click

from qstash_sync.cli import options, streams
from qstash_sync.cli.apply import carry_out, show
from qstash_sync.errors import UsageError
from qstash_sync.exit_codes import ExitCode


@click.command()
@options.common(
    options.local,
    options.parallelism,
    options.delete_orphan,
    options.allow_protected,
    options.allow_in_use,
    options.drop_backlog,
    options.delete_after_failure,
    options.verbose("Show every change field by field, all warnings, and what is unmanaged."),
)
@click.option("--yes", metavar="NAMESPACE", help="Do not ask; must name the namespace.")
def destroy(*, verbose: bool, yes: str | None, **given: Any) -> int:
    """Delete all of one namespace: every schedule of ours, and what `owns` names."""
    from qstash_sync.applying import proposal
    from qstash_sync.cli.session import Session
    from qstash_sync.config.missing import Missing
    from qstash_sync.render import safe

    session = Session.open(**given)
    config = session.config(missing=Missing.UNKNOWN)
    desired = proposal.emptied(config.desired)
    namespace = desired.namespace
    if yes is not None and yes != namespace:
        raise UsageError(f"--yes {yes}: the namespace is {namespace}; nothing was deleted")
    with session.client(config, read_only=False) as client:
        found = proposal.propose(client, desired, now=session.instant, policy=session.policy)
        left = tuple(proposal.left_behind(config.desired, found))
        found = replace(found, warnings=found.warnings + left)
        if found.empty and not (found.errors or session.json):
            session.warn(found.warnings)
            what = "to be deleted" if found.warnings else "in the account"
            streams.result(safe.page(f"Nothing of {namespace} is {what}."))
            return ExitCode.PARTIAL if found.orphans else ExitCode.DONE
        show(session, config, found, verbose=verbose)
        if not found.empty and not found.errors and yes is None:
            if session.json or not streams.is_terminal(sys.stdin):
                raise UsageError(
                    f"destroy asks first; say --yes {namespace} where nobody can answer"
                )
            typed = streams.ask(f"Delete all of this from {session.whereabouts}? Type {namespace}")
            if typed != namespace:
                raise UsageError(f"{typed!r} is not {namespace}; nothing was deleted")
        done = carry_out(session, client, desired, found, destroys=True)
        return ExitCode.PARTIAL if done == ExitCode.DONE and found.orphans else done
