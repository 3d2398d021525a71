"""`qstash-sync explain`: why a schedule fires when it does, or did, or did not."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

import click

from qstash_sync.cli import options, streams
from qstash_sync.errors import ConfigError, UsageError
from qstash_sync.exit_codes import ExitCode

if TYPE_CHECKING:
    from qstash_sync.model.diagnostics import Diagnostic


@click.command()
@click.argument("what", metavar="NAME|ID")
@click.option(
    "--at", metavar="TIME",
    help="A time to explain: 2027-03-28T01:00Z, or by the schedule's own clock '2027-03-28 03:00';"
    " 03:00 alone is that of today.",
)  # fmt: skip
@options.common(options.local, options.now, options.parallelism)
def explain(*, what: str, at: str | None, **given: Any) -> int:
    """Say why a schedule fires when it does: the verdict first, then the facts. Cannot write.

    NAME is that of the file; ID one of the account, or of a delivery's header.
    """
    from qstash_sync.applying import watching
    from qstash_sync.cli.session import Session
    from qstash_sync.config.outline import is_elsewhere
    from qstash_sync.render import explained as view
    from qstash_sync.render.paused import ignored
    from qstash_sync.timeline import explained, question as questions, subject as subjects

    session = Session.open(unknown_env=True, **given)  # no time depends on a secret
    asked = None if at is None else _time(at)
    wrong: ConfigError | None = None
    errors: tuple[Diagnostic, ...] = ()
    files = session.sources()  # once: it may be stdin
    try:
        config = session.config(files)
    except ConfigError as error:  # in an incident a slip in another entry is in nobody's way
        wrong = error
        config, errors = session.outline(files)
        config = replace(config, warnings=ignored(errors))
    with session.client(config, read_only=True) as client:
        found = watching.watch(client, config.desired, now=session.instant, more=questions.READS)
        read_at = client.now()
    try:
        subject = subjects.subject(config.desired, found, what)
    except subjects.NoSubjectError as error:
        raise wrong or UsageError(f"explain {error}") from None
    elsewhere = (is_elsewhere(files, one, subject.name, session.environment) for one in errors)
    if wrong and not (subject.schedule and all(elsewhere)):
        raise wrong
    session.warn(config.warnings)
    now = session.instant if session.now else read_at
    question = questions.ask(subject, config.desired, found, read_at=read_at, now=now, at=asked)
    answer = explained.explain(question)
    if session.json:
        streams.result(view.document(answer, session.requests, config.warnings))
    else:
        streams.result(view.text(answer, session.paint()))
    return ExitCode.DONE


def _time(text: str) -> datetime | time:
    """An instant, or a time of the schedule's own clock, which may not exist; 9:40 is today's."""
    from qstash_sync.crons.zones import YEARS

    padded = re.sub(r"(?<![\d:])(\d:\d\d)", r"0\1", text.strip())  # 9:40
    with suppress(ValueError):
        day = date.fromisoformat(padded)
        raise UsageError(f"--at {text}: a day has many times; write one, like '{day} 09:00'")
    try:
        if re.match(r"\d\d:", padded):
            return time.fromisoformat(padded)
        found = datetime.fromisoformat(padded)
    except ValueError:
        fact = "write it like 2027-03-28T01:00Z; 2027-03-28 03:00 or 03:00 by the schedule's clock"
        raise UsageError(f"--at {text}: {fact}") from None
    if found.year not in YEARS:
        raise UsageError(f"--at {text}: the years {YEARS[0]} to {YEARS[-1]} can be explained")
    return found
