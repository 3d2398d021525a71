"""`qstash-sync apply`: make it so."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from qstash_sync.cli import github, options, saved, streams
from qstash_sync.errors import UsageError
from qstash_sync.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from qstash_sync.applying.outcomes import Applied
    from qstash_sync.cli.session import Session
    from qstash_sync.config.load import Config
    from qstash_sync.model.resources import Desired
    from qstash_sync.planning.decide import Plan
    from qstash_sync.qstash.client import Client

_STOPS = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is none of Windows'
_ONE_WISH = 1.0  # second, in which the same signal is no second one


@click.command()
@click.argument("path", metavar="[PLAN]", required=False)
@options.common(
    options.local,
    options.now_of_local,
    options.parallelism,
    options.consent,
    options.max_wait,
    options.verbose("Show every change field by field, all warnings, and what is unmanaged."),
)
@click.option(
    "--yes", is_flag=True, help="Do not ask; off a terminal it applies at once, with or without."
)
def apply(*, path: str | None, verbose: bool, yes: bool, **given: Any) -> int:
    """Make the account as the files say; PLAN, from `plan --save`: if they still say that."""
    import qstash_sync
    from qstash_sync.cli.session import Session

    session = Session.open(**given)
    if session.now is not None and session.local is None:
        raise UsageError("--now is for plans; apply takes it only with --local")
    stored = None if path is None else saved.read(path, session)
    config = session.config()
    with session.client(config, read_only=False) as client:
        if stored:
            found = saved.approve(session, client, config, stored, verbose=verbose)
        else:
            found = qstash_sync.plan(
                config.desired, client, now=session.instant, policy=session.policy
            )
            show(session, config, found, verbose=verbose)
        may_ask = not (stored or session.json or yes) and streams.is_terminal(sys.stdin)
        if not found.empty and not found.errors and may_ask:
            streams.confirm(f"Apply these changes to {session.whereabouts}?")
        return carry_out(session, client, config.desired, found)


def show(session: Session, config: Config, found: Plan, *, verbose: bool) -> None:
    """The plan that is about to be carried out; a JSON document comes at the end only."""
    if session.json:
        return
    from qstash_sync.render import text

    session.warn(config.warnings)
    streams.result(text.plan(found, session.paint(), verbose=verbose))


def carry_out(
    session: Session, client: Client, desired: Desired, found: Plan, *, destroys: bool = False
) -> int:
    """Apply an approved plan, or say that nothing is written; returns the exit code.

    destroys: it is not done as long as anything is left that a next plan would do.
    """
    import qstash_sync
    from qstash_sync.applying.executor import Control
    from qstash_sync.planning.horizons import LEFT_DUE
    from qstash_sync.render import applying, json as view, safe

    account = session.endpoint and session.endpoint.as_json
    if found.errors:
        github.annotate(found.errors)
        if session.json:
            requests = client.reads, client.writes
            streams.result(view.plan(found, requests, account=account))
        else:
            streams.note(safe.page("Nothing was written."))
        return found.failure

    stop = threading.Event()
    doing = "Destroying" if destroys else "Applying"
    with _progress(session, len(found.changes), doing) as (report, say), signals(stop, [client]):
        client.on_retry = client.on_retry and say  # beside the bar
        control = Control(
            parallelism=session.parallelism,
            max_wait=timedelta(seconds=session.max_wait),
            report=report,
            say=say,
            stop=stop,
            sleep=session.clock.sleep if session.clock else None,
        )
        policy = session.policy
        applied = qstash_sync.apply(desired, found, client, policy=policy, control=control)

    session.requests = (client.reads, client.writes)
    if session.json:
        streams.settled(view.plan(found, session.requests, applied, account=account))
    elif not found.empty:
        streams.settled(applying.applied(applied, session.paint(), destroys=destroys))
    _on_github(session, found, applied)
    is_late = any(warning.code == LEFT_DUE for warning in found.warnings)
    is_done = applied.done and not is_late and not (destroys and applied.fresh)
    return ExitCode.DONE if is_done else ExitCode.PARTIAL


def _on_github(session: Session, found: Plan, applied: Applied) -> None:
    from qstash_sync.render import markdown, text

    github.annotate(text.quiet(found, verbose=False)[0])
    github.summarize(lambda: markdown.applied(found, applied, account=session.account))


@contextmanager
def signals(
    stop: threading.Event,
    clients: Sequence[Client],
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """Finish what is in flight, start nothing, report; the same signal later ends it at once.

    A repetition at once is no impatience: GNU `timeout` signals a process and its group, CI cancels
    with SIGINT and then SIGTERM.
    """
    first: dict[int, float] = {}

    def asked(number: int, _frame: object) -> None:
        now, name = monotonic(), signal.Signals(number).name
        if now - first.setdefault(number, now) > _ONE_WISH:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        if stop.is_set():
            return
        stop.set()
        for client in clients:
            client.cancel()
        doing = "finishing what is in flight, starting nothing more"
        streams.interrupt(f"{name}: {doing}; {name} once more ends at once")

    # Python takes handlers from the main thread only; elsewhere a caller has its own way to stop.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # What is ignored stays ignored, as `nohup` wants it.
    known = [number for name in _STOPS if (number := getattr(signal, name, None))]
    before = {n: at for n in known if (at := signal.getsignal(n)) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, asked)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress(session: Session, total: int, doing: str) -> Iterator[tuple[Any, Any]]:
    """A bar where stderr is a terminal, else a line for each change that is done; none beside JSON.

    What is not done stands in the result, and only there.
    """
    from qstash_sync.applying.outcomes import Outcome, Status
    from qstash_sync.render import applying, safe

    if session.json or not total:
        yield (lambda _outcome: None), (lambda _text: None)
        return
    paint = session.paint(sys.stderr)
    with streams.progress(total, doing) as progress:

        def report(outcome: Outcome) -> None:
            if outcome.status is Status.DONE and (outcome.message or not progress.has_bar):
                progress.tell(applying.progress(outcome, paint))
            progress.advance()

        yield report, lambda words: progress.tell(safe.page(words))
