"""`qstash-sync explain`: why a schedule fires when it does, or did, or did not."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import click

from qstash_sync.cli import options, streams
from qstash_sync.errors import ExitCode, UsageError


@click.command()
@click.argument("what", metavar="NAME|ID")
@click.option(
    "--at", metavar="TIME",
    help="A time to explain: 2027-03-28T01:00Z, or in the schedule's zone '2027-03-28 03:00'.",
)  # fmt: skip
@options.common(options.local, options.now, options.parallelism)
def explain(*, what: str, at: str | None, **given: Any) -> int:
    """Say why a schedule fires when it does: the verdict first, then the facts. Cannot write.

    NAME is that of the file; ID one of the account, or of a delivery's header.
    """
    from qstash_sync.apply import watching
    from qstash_sync.cli.session import Session
    from qstash_sync.render import explained as view
    from qstash_sync.timeline import explained

    session = Session.open(unknown_env=True, **given)  # no time depends on a secret
    instant, local = _time(at, session.instant)
    config = session.config()
    session.warn(config.warnings)
    with session.client(config, read_only=True) as client:
        found = watching.watch(client, config.desired, now=session.instant)
        read_at = client.now()
    try:
        subject = explained.subject(config.desired, found, what)
    except explained.NoSubjectError as error:
        raise UsageError(f"explain {error}") from None
    answer = explained.explain(
        subject, config.desired, found, read_at=read_at, at=instant, local=local
    )
    if session.json:
        streams.result(view.document(answer, session.requests))
    else:
        streams.result(view.text(answer, session.paint()))
    return ExitCode.DONE


def _time(text: str | None, now: datetime) -> tuple[datetime | None, datetime | None]:
    """An instant, or a time of the schedule's own clock, which may not exist; 09:40 is today's."""
    from qstash_sync.cli.session import YEARS

    if text is None:
        return None, None
    today = f"{now:%Y-%m-%d}T" if re.fullmatch(r"\s*\d\d:\d\d\s*", text) else ""
    try:
        found = datetime.fromisoformat(f"{today}{text.strip()}")
    except ValueError:
        fact = "write it like 2027-03-28T01:00Z, or 2027-03-28 03:00 for the schedule's zone"
        raise UsageError(f"--at {text}: {fact}") from None
    if not YEARS[0] <= found.year <= YEARS[1]:
        raise UsageError(f"--at {text}: the years {YEARS[0]} to {YEARS[1]} can be explained")
    return (found.astimezone(UTC), None) if found.tzinfo else (None, found)
