"""`qstash-sync compile`: what QStash would store for a local cron, or for all of a file."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from qstash_sync.cli import options, streams
from qstash_sync.errors import CompileError, ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qstash_sync.cli.session import Session
    from qstash_sync.model.diagnostics import Location
    from qstash_sync.model.resources import Timing

    Asked = tuple[Timing, str | None, Location | None]  # a cron of the command line has no name

_ANY_NUMBER = 1_440  # a part for every minute of the day: no cron needs more
# The options that belong to a cron of the command line, and where a file has them.
_IN_A_FILE = {
    "timezone": "timezone",
    "strategy": "dst.strategy",
    "gap": "dst.gap",
    "fold": "dst.fold",
    "accept": "dst.accept",
    "renew_before": "dst.renew_before",
    "max_parts": "dst.max_parts",
}


@click.command("compile")
@click.argument("crons", nargs=-1, metavar="[CRON]...")
@click.option("--timezone", metavar="ZONE", help="The zone of CRON, such as Europe/Berlin.")
@click.option(
    "--strategy", type=click.Choice(["split", "native", "follow", "auto"]),
    help="How CRON is brought to QStash. Default: split.",
)  # fmt: skip
@click.option(
    "--gap", type=click.Choice(["next_valid", "shift", "skip"]),
    help="What becomes of a local time that does not exist.",
)  # fmt: skip
@click.option(
    "--fold", type=click.Choice(["first", "second", "both"]),
    help="Which of a local time that comes twice.",
)  # fmt: skip
@click.option("--accept", is_flag=True, help="Take a native cron although it differs.")
@click.option("--renew-before", metavar="DURATION", help="Before the end, 1d to 60d. Default: 45d.")
@click.option("--max-parts", type=click.IntRange(1, 100), help="More parts are an error.")
@click.option(
    "--name", "names", multiple=True, metavar="GLOB",
    help="Only the files' schedules of these names; repeatable.",
)  # fmt: skip
@options.common(options.now)
def compile_schedules(*, crons: tuple[str, ...], names: tuple[str, ...], **given: Any) -> int:
    """Show how QStash would store a local CRON, or each schedule of a file.

    Several CRONs are one schedule that fires whenever one of them does. Needs no account.
    """
    from qstash_sync.model.diagnostics import Diagnostic, Severity
    from qstash_sync.planning.outlook import Outlook, outlook
    from qstash_sync.render import compiled, json as view

    chosen = {key: given.pop(key) for key in _IN_A_FILE}
    from qstash_sync.cli.session import Session

    session = Session.open(unknown_env=True, **given)
    _refuse_mixture(session, crons, names, chosen)
    try:
        asked = [_of_line(crons, chosen)] if crons else _of_files(session, names)
    except (CompileError, ConfigError) as error:
        if session.json:
            streams.result(compiled.document((), view.diagnostics_of(error)))
            return error.exit_code
        raise
    now = session.instant
    shown: list[Outlook] = []
    diagnostics: list[Diagnostic] = []
    for timing, name, location in asked:
        result = outlook(timing, now, name=name, location=location)
        if isinstance(result, Outlook):
            shown.append(result)
            diagnostics += result.diagnostics
        else:
            diagnostics.append(result)
    errors = [f for f in diagnostics if f.severity is Severity.ERROR]

    if session.json:
        streams.result(compiled.document(shown, diagnostics))
    elif shown or not errors:
        streams.result(compiled.text(shown, session.paint()))
    session.warn(errors)
    return CompileError.exit_code if errors else 0


def _refuse_mixture(
    session: Session, crons: Sequence[str], names: Sequence[str], chosen: Mapping[str, Any]
) -> None:
    """A cron of the command line and the schedules of files are two things to ask for."""
    of_files = {
        "-f": session.paths,
        "-e": session.environment,
        "--var": session.variables,
        "--env-file": session.env_file,
        "--name": names,
    }
    for flag, value in of_files.items():
        if crons and value:
            raise UsageError(
                f"{flag} is for the schedules of a file, and {crons[0]!r} is a cron of the command"
                f" line; leave out {flag}, or put the cron into the file"
            )
    for key, location in _IN_A_FILE.items():
        if not crons and chosen[key]:
            flag = f"--{key.replace('_', '-')}"
            raise UsageError(
                f"{flag} is for a cron of the command line, and none is given; write the cron, or"
                f" leave out {flag}: a file says it with {location}"
            )
    if crons and not chosen["timezone"]:
        raise UsageError("which zone? give --timezone Europe/Berlin, or --timezone UTC")
    if crons and (why := options.no_zone(chosen["timezone"])):
        raise UsageError(why)


def _of_line(texts: Sequence[str], chosen: Mapping[str, Any]) -> Asked:
    """The schedule of the command line."""
    from qstash_sync.crons.compile import Strategy
    from qstash_sync.crons.error import CronError
    from qstash_sync.crons.gap_and_fold import job
    from qstash_sync.model.resources import Timing

    try:
        made = job(texts, chosen["timezone"], gap=chosen["gap"], fold=chosen["fold"])
    except CronError as error:
        in_words = any(" " not in text.strip() and "@" not in text for text in texts)
        quote = '; quote the whole cron, such as "0 9 * * 1-5"' if in_words else ""
        raise CompileError(f"{error}{quote}") from None
    timing = Timing(
        job=made,
        strategy=Strategy(chosen["strategy"] or "split"),
        renew_before=_renew_before(chosen["renew_before"]),
        max_parts=chosen["max_parts"] or _ANY_NUMBER,
        accept=chosen["accept"],
    )
    return timing, None, None


def _renew_before(text: str | None) -> timedelta:
    from qstash_sync.crons.compile import RENEW_BEFORE, RENEWALS

    if text is None:
        return RENEW_BEFORE
    from qstash_sync.model.durations import parse_duration

    try:
        found = timedelta(seconds=parse_duration(text))
    except (ValueError, OverflowError):
        raise UsageError(f"--renew-before {text}: write it like 45d") from None
    least, most = RENEWALS
    if not least <= found <= most:
        raise UsageError(f"--renew-before {text}: is out of range; {least.days}d to {most.days}d")
    return found


def _of_files(session: Session, names: Sequence[str]) -> list[Asked]:
    """The schedules of the files, all or those that a glob names."""
    from qstash_sync.cli.session import named
    from qstash_sync.config.times import only_times

    config = session.config(only_times(session.sources()))
    session.warn(config.warnings)
    return [
        (schedule.timing, schedule.name, schedule.cron_location)
        for schedule in named(config, names)
    ]
