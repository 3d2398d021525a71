"""`qstash-sync init`: the first file, from three answers or from another tool's jobs."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qstash_sync.cli import files, options, streams
from qstash_sync.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qstash_sync.adopt.document import Beginning
    from qstash_sync.adopt.foreign import Found
    from qstash_sync.adopt.starting import Start

Fault = Callable[[str], str | None]  # why an answer is none
_MOST = 10_000_000  # bytes of a file of another tool
_EXAMPLE = "https://app.example.com"
_PLANS = ("free", "payg", "fixed_1m", "fixed_10m")


@click.command()
@click.option("--out", default="qstash.yaml", show_default=True, metavar="FILE", help="Where to.")
@click.option(
    "--from", "source", metavar="FILE",
    help="Carry over jobs: a vercel.json, a crontab, or a list of jobs in JSON or YAML.",
)  # fmt: skip
@click.option("--namespace", metavar="NAME", help="What ids begin with; else the folder's name.")
@click.option("--timezone", metavar="ZONE", help="Of the crons, such as Europe/Berlin; else UTC.")
@click.option("--base-url", metavar="URL", help="Where the application is; paths go below it.")
@click.option("--plan", type=click.Choice(_PLANS), help="The account's; free: fewest schedules.")
@click.option(
    "--env-out", metavar="FILE",
    help="Write the secrets of these jobs to a new file of mode 0600, for --env-file.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask; what is not given is guessed.")
@options.color
def init(
    *,
    out: str,
    source: str | None,
    namespace: str | None,
    timezone: str | None,
    base_url: str | None,
    plan: str | None,
    env_out: str | None,
    yes: bool,
    **_: Any,
) -> int:
    """Write a first file; never over another one."""
    from qstash_sync.adopt import starting

    _refuse_files(out, env_out, source)
    kind, text = _read(source) if source else ("", "")
    asks = not yes and streams.is_terminal(sys.stdin)
    if not asks and not yes and None in (namespace, timezone, base_url):
        raise UsageError("init asks three questions; say --yes where nobody can answer")

    def answer(given: str | None, question: str, default: str, fault: Fault) -> str:
        return _asked(question, default, fault) if asks and given is None else given or default

    start = starting.Start(
        namespace=answer(
            namespace, "Namespace, with which ids begin", _folder(), options.no_namespace
        ),
        timezone=answer(timezone, "Time zone of the crons", "UTC", _no_zone),
        base_url=answer(base_url, "Address of the application", _EXAMPLE, _no_address),
        plan=plan,
    )
    _check(start)
    if not source:
        files.create(out, starting.starter(start), "--out", private=False)
        _tell(out, ", with an example to change")
        return ExitCode.DONE
    found = _found(kind, source, text)
    if not found:
        raise UsageError(f"--from {source}: has no jobs")
    if base_url is None and not asks and any(job.url.startswith("/") for job in found):
        raise UsageError("--base-url URL: say where the application of these paths is")
    made = _carried(kind, source, found, start)
    is_guessed = timezone is None and not asks and any(job.timezone is None for job in found)
    _write(made, out, env_out)
    _tell_carried(out, kind, made, env_out, is_guessed=is_guessed)
    return ExitCode.DONE


def _refuse_files(out: str, env_out: str | None, source: str | None) -> None:
    files.refuse_existing(out, "--out")
    if env_out is not None:
        files.refuse_existing(env_out, "--env-out")
        if not source or env_out == out:
            raise UsageError(f"--env-out {env_out}: a file of its own, for the secrets of --from")


def _folder() -> str:
    """The folder's name in the letters of a namespace."""
    letters = unicodedata.normalize("NFKD", Path.cwd().name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", letters.lower()).strip("-") or "app"


def _asked(question: str, default: str, fault: Fault) -> str:
    """An answer, asked for until it is one."""
    from qstash_sync.render import safe

    while True:
        said = streams.ask(f"{question} [{default}]", default) or default
        why = fault(said)
        if why is None:
            return said
        streams.note(safe.page(why))


def _write(made: Beginning, out: str, env_out: str | None) -> None:
    from qstash_sync.adopt import env_file

    files.create(out, made.text, "--out", private=False)
    if env_out is not None:
        files.create(env_out, env_file.text(made.variables), "--env-out", private=True)


def _read(source: str) -> tuple[str, str]:
    """What kind of file it is, by its name, and its text."""
    name = Path(source).name
    text = files.text(source, "--from", _MOST)
    if name == "vercel.json":
        return name, text
    if name.endswith((".json", ".yaml", ".yml")):
        return "jobs", text
    return "crontab", text


def _check(start: Start) -> None:
    faults = (
        options.no_namespace(start.namespace),
        _no_zone(start.timezone),
        _no_address(start.base_url),
    )
    if why := next(filter(None, faults), None):
        raise UsageError(why)


def _no_zone(timezone: str) -> str | None:
    from qstash_sync.crons import zones
    from qstash_sync.crons.error import CronError

    try:
        zones.zone(timezone)
    except CronError as error:
        return f"--timezone: {error}"
    return None


def _no_address(base_url: str) -> str | None:
    from qstash_sync.config import url

    why = url.fault(base_url)
    return f"--base-url {base_url}: {why}" if why else None


def _carried(kind: str, source: str, found: list[Found], start: Start) -> Beginning:
    from qstash_sync.adopt import starting
    from qstash_sync.cli.import_ import style_of
    from qstash_sync.model.quotas import PLANS

    head = [f"Made from {Path(source).name} by qstash-sync init."]
    if kind == "vercel.json":
        head.append('Take the "crons" out of vercel.json once this is applied, or both fire.')
    elif kind == "crontab":
        head.append("Take these lines out of the crontab once this is applied, or both fire.")
    else:
        head.append("Stop what runs these jobs today once this is applied, or both fire.")
    made = starting.of_jobs(found, start, style_of("utf-8"), head, _wrong)
    if start.plan is not None and made.count > PLANS[start.plan].schedules:
        fact = f"{made.count} jobs; {start.plan} allows {PLANS[start.plan].schedules} schedules"
        raise UsageError(f"--plan {start.plan}: {fact}")
    return made


def _found(kind: str, source: str, text: str) -> list[Found]:
    from qstash_sync.adopt import foreign
    from qstash_sync.config.parse import plain

    try:
        if kind == "vercel.json":
            return foreign.vercel(text)
        return foreign.crontab(text) if kind == "crontab" else foreign.jobs(plain(text, source))
    except foreign.ForeignError as error:
        raise UsageError(f"--from {source}: {error}") from None


def _wrong(text: str) -> Mapping[str, str]:
    """What the file's own rules refuse, by the name of the schedule."""
    from qstash_sync.config.load import Files, Source
    from qstash_sync.errors import ConfigError
    from qstash_sync.model.diagnostics import Severity

    loaded = Files([Source("the new file", ".", text)])
    _, diagnostics = loaded.build(None, {}, {}, "mock")
    errors = tuple(one for one in diagnostics if one.severity is Severity.ERROR)
    found = {
        str(e.path[1]): e.message for e in errors if len(e.path) > 1 and e.path[0] == "schedules"
    }
    if errors and not found:
        raise ConfigError(errors)
    return found


def _tell(out: str, what: str, *more: str) -> None:
    from qstash_sync.render import safe

    lines = [f"Wrote {out}{what}.", *more, f"Next: qstash-sync plan --local -f {out}"]
    streams.result(safe.page(lines))


def _tell_carried(
    out: str, kind: str, made: Beginning, env_out: str | None, *, is_guessed: bool
) -> None:
    where = {"jobs": "the list of jobs", "crontab": "the crontab"}.get(kind, kind)
    more = [f"Take them out of {where} once this is applied, or both fire."]
    if is_guessed:
        more.append("Nothing says the time zone of all: UTC is taken; --timezone says another.")
    if made.left:
        more.append(f"{made.left} not carried over; they stand as comments with the reason.")
    if made.needed:
        kept = f" (those that were read: {env_out})" if env_out else ""
        more.append(f"Set in the environment: {', '.join(made.needed)}{kept}")
    _tell(out, f": {made.count} schedule{'s' * (made.count != 1)} from {where}", *more)
