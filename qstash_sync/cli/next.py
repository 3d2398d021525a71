"""`qstash-sync next`: when the schedules of the files fire. Needs no account and no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from qstash_sync.cli import options, report
from qstash_sync.errors import UsageError
from qstash_sync.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qstash_sync.cli.session import Session
    from qstash_sync.config.load import Config
    from qstash_sync.model.load import Load
    from qstash_sync.model.resources import Schedule
    from qstash_sync.render.safe import Page
    from qstash_sync.timeline.coming import Coming

_HOURS, _COUNT, _PAGE_COUNT = 24, 50, 500
_CALENDAR_HOURS = 31 * 24


@click.command("next")
@click.option("--hours", type=click.IntRange(1, 8_784), metavar="N", help="How far. Default: 24.")
@click.option(
    "--count", type=click.IntRange(1, 10_000), metavar="N",
    help="How many, however far. Default: 50 of the hours; 500 in html, 10000 in json and ics.",
)  # fmt: skip
@click.option("--timezone", metavar="ZONE", help="Show all in this zone, not each in its own.")
@click.option(
    "--name", "names", multiple=True, metavar="GLOB",
    help="Only schedules of these names; repeatable.",
)  # fmt: skip
@click.option("--load", "with_load", is_flag=True, help="Messages a day, at worst, at the peak.")
@options.common(options.now, output=options.calendar_report)
def coming_firings(
    *,
    hours: int | None,
    count: int | None,
    timezone: str | None,
    names: tuple[str, ...],
    with_load: bool,
    **given: Any,
) -> int:
    """Show the coming firings, in local time and UTC, and the clock changes between them."""
    from qstash_sync.cli.session import Session, named
    from qstash_sync.model import load as loads
    from qstash_sync.render import coming as view

    session = Session.open(unknown_env=True, **given)
    if why := timezone and options.no_zone(timezone):
        raise UsageError(why)
    config = session.config()
    schedules = named(config, names)
    now = session.instant
    session.warn(config.warnings)

    def found(form: str) -> Coming:
        from qstash_sync.timeline.coming import MOST, coming

        far = _CALENDAR_HOURS if form == "ics" else _HOURS
        most = {"text": _COUNT, "markdown": _COUNT, "html": _PAGE_COUNT}.get(form, MOST)
        is_counted = count is not None and hours is None
        return coming(
            schedules,
            now,
            hours=None if is_counted else hours or far,
            count=count or most,
            timezone=timezone,
            folds=count is None and form in ("text", "markdown", "html"),
        )

    load = loads.load(config.desired, schedules, now) if with_load else None
    report.show(
        session,
        {
            "text": lambda paint: view.text(found("text"), load, paint),
            "markdown": lambda _: view.markdown(
                found("markdown"), load, config.desired.environment
            ),
            "json": lambda _: view.document(found("json"), load, config.warnings),
            "html": lambda _: _html(found("html"), load, config, schedules, timezone),
            "ics": lambda _: _calendar(found("ics"), session, config),
        },
    )
    return ExitCode.DONE


def _html(
    found: Coming,
    load: Load | None,
    config: Config,
    schedules: Sequence[Schedule],
    timezone: str | None,
) -> Page:
    from qstash_sync.render import html

    return html.coming(
        found,
        load,
        schedules,
        environment=config.desired.environment,
        namespace=config.desired.namespace,
        timezone=timezone,
        warnings=config.warnings,
    )


def _calendar(found: Coming, session: Session, config: Config) -> Page:
    from qstash_sync.cli import streams
    from qstash_sync.render import ics, safe

    if found.more:
        from qstash_sync.render.words import counted

        told = (
            f"{counted(found.more, 'firing')} more than one calendar takes; --hours or --name asks"
            " for less"
        )
        streams.note(safe.page(f"warning: {told}"))
    environment = config.desired.environment
    name = f"QStash {config.desired.namespace}" + (f" ({environment})" if environment else "")
    return ics.calendar(found, name, session.instant)
