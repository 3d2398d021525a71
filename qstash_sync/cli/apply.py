"""`qstash-sync apply`: make it so."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from qstash_sync.cli import options, saved
from qstash_sync.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qstash_sync.cli.session import Session
    from qstash_sync.config.load import Config
    from qstash_sync.model.resources import Desired
    from qstash_sync.plan.decide import Plan
    from qstash_sync.qstash.client import Client


@click.command()
@click.argument("path", metavar="[PLAN]", required=False)
@options.common(
    options.local,
    options.now,
    options.parallelism,
    options.consent,
    options.max_wait,
    options.verbose,
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def apply(*, path: str | None, verbose: bool, yes: bool, **given: Any) -> int:
    """Make the account as the files say; PLAN, from `plan --save`: if they still say that."""
    from qstash_sync.apply import proposal
    from qstash_sync.cli.session import Session

    session = Session.open(**given)
    if session.now is not None and session.local is None:
        raise UsageError("--now is for plans; apply takes it only with --local")
    stored = saved.read(path, session) if path else None
    config = session.config()
    with session.client(config, read_only=False) as client:
        if stored:
            found = saved.approve(session, client, config, stored, verbose=verbose)
        else:
            found = proposal.propose(
                client, config.desired, now=session.instant, policy=session.policy
            )
            show(session, config, found, verbose=verbose)
        may_ask = not (stored or session.json or yes) and sys.stdin.isatty()
        if not found.empty and not found.errors and may_ask:
            click.confirm(f"Apply these changes to {session.whereabouts}?", abort=True)
        return carry_out(session, client, config.desired, found)


def show(session: Session, config: Config, found: Plan, *, verbose: bool) -> None:
    """The plan that is about to be carried out; a JSON document comes at the end only."""
    if session.json:
        return
    from qstash_sync.render import text

    session.warn(config.warnings)
    click.echo(text.plan(found, session.paint(), verbose=verbose))


def carry_out(session: Session, client: Client, desired: Desired, found: Plan) -> int:
    """Apply an approved plan, or say that nothing is written; returns the exit code."""
    from qstash_sync.apply import applying
    from qstash_sync.apply.executor import Control
    from qstash_sync.render import json as view, text

    if found.errors:
        if session.json:
            click.echo(view.plan(found, (client.reads, client.writes)))
        else:
            click.echo("Nothing was written.", err=True)
        return ExitCode.REFUSED if found.is_refused else ExitCode.ERROR

    stop = threading.Event()
    with _progress(session, len(found.changes)) as (report, say), signals(stop, [client]):
        control = Control(
            parallelism=session.parallelism,
            max_wait=timedelta(seconds=options.seconds(session.max_wait, "--max-wait")),
            report=report,
            say=say,
            stop=stop,
            sleep=session.clock.sleep if session.clock else None,
        )
        applied = applying.apply(client, desired, found, policy=session.policy, control=control)

    session.requests = (client.reads, client.writes)
    if session.json:
        click.echo(view.plan(found, session.requests, applied))
    elif not found.empty:
        click.echo(text.applied(applied, session.paint()))
    return ExitCode.DONE if applied.done else ExitCode.PARTIAL


@contextmanager
def signals(stop: threading.Event, clients: Sequence[Client]) -> Iterator[None]:
    """Finish what is in flight, start nothing, report; a second signal ends the process at once."""

    def asked(number: int, _frame: object) -> None:
        # A second signal finds the system's own handlers.
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        stop.set()
        for client in clients:
            client.cancel()
        name = signal.Signals(number).name
        # Past `sys.stderr`: the signal may have come in the middle of a write to it.
        with contextlib.suppress(OSError):
            os.write(2, f"{name}: finishing what is in flight, starting nothing more\n".encode())

    # Python takes handlers from the main thread only; elsewhere a caller has its own way to stop.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, asked)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress(session: Session, total: int) -> Iterator[tuple[Any, Any]]:
    """A bar where stderr is a terminal, else one line a change; nothing beside JSON."""
    from qstash_sync.render import text

    paint = session.paint(sys.stderr)
    if session.json or not total:
        yield (lambda _outcome: None), (lambda _text: None)
        return
    if not sys.stderr.isatty():
        yield (
            lambda outcome: click.echo(text.outcome(outcome, paint), err=True),
            lambda words: click.echo(words, err=True),
        )
        return
    # A line of text takes the bar's line, and the bar the next one.
    with click.progressbar(length=total, label="Applying", file=sys.stderr) as bar:

        def report(outcome: Any) -> None:
            if outcome.status != "done" or outcome.message:
                click.echo(f"\r\x1b[K{text.outcome(outcome, paint)}", err=True)
            bar.update(1)

        def say(words: str) -> None:
            click.echo(f"\r\x1b[K{words}", err=True)
            bar.render_progress()

        yield report, say
