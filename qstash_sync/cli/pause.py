"""`qstash-sync pause` and `resume`: the way out of an incident."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from qstash_sync.cli import options, streams
from qstash_sync.cli.apply import signals
from qstash_sync.errors import ConfigError, UnknownNameError
from qstash_sync.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qstash_sync.cli.session import Session
    from qstash_sync.config.load import Config
    from qstash_sync.model.diagnostics import Diagnostic
    from qstash_sync.qstash.client import Client
    from qstash_sync.render.paused import Environment


# The same for both commands: what a plan takes, and any number of environments.
_options = options.all_of(
    click.argument("globs", nargs=-1, required=True, metavar="GLOB..."),
    options.files,
    click.option(
        "-e", "--env", "environments", multiple=True, metavar="NAME",
        help="The environment; repeatable.",
    ),
    options.variables,
    options.env_file,
    options.local,
    options.parallelism,
    click.option("--yes", is_flag=True, help="Do not ask; off a terminal nobody is asked."),
    options.output_format,
    options.color,
)  # fmt: skip


@click.command()
@_options
def pause(**given: Any) -> int:
    """Pause schedules of ours by name, in any number of environments.

    GLOB is a schedule's name in the file, or a pattern such as 'daily-*'; '*' means all of them. It
    may be the id that a log shows, too. Needs no secret of the file, and none but the token of an
    environment.
    """
    return _run(paused=True, **given)


@click.command()
@_options
def resume(**given: Any) -> int:
    """Resume schedules of ours by name, in any number of environments."""
    return _run(paused=False, **given)


def _run(
    *,
    paused: bool,
    globs: tuple[str, ...],
    environments: tuple[str, ...],
    yes: bool,
    **given: Any,
) -> int:
    from qstash_sync.applying import incident
    from qstash_sync.applying.executor import Control
    from qstash_sync.applying.outcomes import Status
    from qstash_sync.cli.session import Session
    from qstash_sync.planning.pause_by_name import Wish
    from qstash_sync.render import paused as view, safe

    session = Session.open(environment=None, **given)
    configs, ignored = _outlines(session, environments or (None,))
    wishes = [Wish(desired=c.desired, globs=globs, paused=paused) for c in configs]
    with _accounts(session, configs) as clients:
        found = [
            view.Environment(
                name=wish.desired.environment,
                place=session.whereabouts if session.local else client.url,
                found=incident.look(client, wish, now=session.instant),
            )
            for client, wish in zip(clients, wishes, strict=True)
        ]
        _warn(session, found, ignored)
        if any(change.steps for one in found for change in one.found.plan.changes):
            _ask(session, found, yes=yes, paused=paused)

        control = Control(parallelism=session.parallelism)
        with signals(control.stop, clients):
            done = [
                replace(one, outcomes=incident.pause(client, wish, one.found, control).outcomes)
                for one, client, wish in zip(found, clients, wishes, strict=True)
            ]

    if session.json:
        streams.settled(view.document(done, ignored, session.requests))
    else:
        streams.settled(view.after(done, session.paint(), paused=paused))
        read, write = session.requests
        streams.note(safe.page(f"requests: {read:,} read, {write:,} write"))
    all_done = all(outcome.status is Status.DONE for one in done for outcome in one.outcomes)
    return ExitCode.DONE if all_done else ExitCode.PARTIAL


def _outlines(
    session: Session, environments: Sequence[str | None]
) -> tuple[list[Config], tuple[Diagnostic, ...]]:
    """The environments, each named once, and what is ignored of their files."""
    from qstash_sync.config.outline import outline
    from qstash_sync.model.diagnostics import in_order

    files, variables, environ = session.sources(), session.given(), session.environ()
    configs: list[Config] = []
    ignored: list[Diagnostic] = []
    failed: list[ConfigError] = []
    for name in dict.fromkeys(environments):
        try:
            config, errors = outline(files, name, variables, environ)
        except ConfigError as error:
            failed.append(error)
        else:
            options = replace(session, environment=name).options
            configs.append(replace(config, desired=replace(config.desired, options=options)))
            ignored += errors
    if failed:
        wrong = next((one for one in failed if isinstance(one, UnknownNameError)), failed[0])
        raise type(wrong)(in_order(said for one in failed for said in one.diagnostics))
    return configs, in_order(ignored)


@contextmanager
def _accounts(session: Session, configs: Sequence[Config]) -> Iterator[list[Client]]:
    """A client for each environment; the session counts the requests of all of them."""
    clients: list[Client] = []
    try:
        with ExitStack() as stack:
            clients.extend(
                stack.enter_context(session.client(config, read_only=False, tells=False))
                for config in configs
            )
            yield clients
    finally:
        session.requests = (sum(c.reads for c in clients), sum(c.writes for c in clients))


def _warn(session: Session, found: Sequence[Environment], ignored: Sequence[Diagnostic]) -> None:
    """Warnings; and the end of the run where a glob names nothing, before anything is written."""
    from qstash_sync.render import paused as view

    warnings = [diagnostic for one in found for diagnostic in one.found.plan.warnings]
    errors = [diagnostic for one in found for diagnostic in one.found.plan.errors]
    shown = [*view.ignored(ignored), *warnings]
    if errors:
        raise UnknownNameError((*shown, *errors))
    session.warn(shown)


def _ask(session: Session, found: Sequence[Environment], *, yes: bool, paused: bool) -> None:
    if yes or session.json or not streams.is_terminal(sys.stdin):
        return
    from qstash_sync.render import paused as view

    streams.result(view.before(found, session.paint(), paused=paused))
    streams.confirm(f"{'Pause' if paused else 'Resume'} these schedules?")
