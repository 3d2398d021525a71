"""`qstash-sync init`: the first file, from three answers or from another tool's jobs."""

from __future__ import annotations

import re
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qstash_sync.cli import files, options, streams
from qstash_sync.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from qstash_sync.adopt.document import Beginning
    from qstash_sync.adopt.foreign import Found
    from qstash_sync.adopt.starting import Start

_MOST = 10_000_000  # bytes of a file of another tool
_EXAMPLE = "https://app.example.com"
_SOURCES = {"vercel.json": "vercel.json", "crontab": "the crontab", "jobs": "the list of jobs"}
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
    if kind == "vercel.json" and timezone is not None:
        raise UsageError(f"--timezone {timezone}: the crons of a vercel.json are UTC")
    found = _found(kind, source, text) if source else None
    given = {"namespace": namespace, "timezone": timezone, "base_url": base_url}
    unsaid = {key for key in _needed(found) if given[key] is None}
    asks = not yes and streams.is_terminal(sys.stdin)
    if unsaid and not asks and not yes:
        raise UsageError("init asks three questions; say --yes where nobody can answer")
    if found and "base_url" in unsaid and not asks:
        raise UsageError("--base-url URL: say where the application of these paths is")
    questions = _questions(real=bool(found) and "base_url" in unsaid)
    wrong = (questions[key].fault(said) for key, said in given.items() if said is not None)
    if why := next(filter(None, wrong), None):
        raise UsageError(why)
    answers = {
        key: _asked(question) if asks and key in unsaid else given[key] or question.default
        for key, question in questions.items()
    }
    start = starting.Start(**answers, plan=plan)
    if found is None:
        files.create(out, starting.starter(start), "--out", private=False)
        _tell(out, ", with an example to change")
        return ExitCode.DONE
    made = _carried(kind, source or "", found, start)
    _write(made, out, env_out, kind)
    _tell_carried(out, kind, made, env_out, is_guessed="timezone" in unsaid and not asks)
    return ExitCode.DONE


@dataclass(frozen=True, slots=True)
class _Question:
    """What a first file needs to know; fault: why an answer is none."""

    text: str
    default: str
    fault: Callable[[str], str | None]


def _questions(*, real: bool) -> dict[str, _Question]:
    """The three questions; real: for the paths of jobs, which no example serves."""
    return {
        "namespace": _Question("Namespace, with which ids begin", _folder(), options.no_namespace),
        "timezone": _Question("Time zone of the crons", "UTC", _no_zone),
        "base_url": _Question("Address of the application", "" if real else _EXAMPLE, _no_address),
    }


def _needed(found: list[Found] | None) -> Iterator[str]:
    """What has to be known: all of it for an example, of jobs what they do not say."""
    yield "namespace"
    if found is None or any(job.why is None and job.timezone is None for job in found):
        yield "timezone"
    if found is None or any(job.url.startswith("/") for job in found):
        yield "base_url"


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


def _asked(question: _Question) -> str:
    """An answer, asked for until it is one."""
    from qstash_sync.render import safe

    default = question.default
    text = f"{question.text} [{default}]" if default else question.text
    while True:
        said = streams.ask(text, default or None) or default
        why = question.fault(said)
        if why is None:
            return said
        streams.note(safe.page(why))


def _write(made: Beginning, out: str, env_out: str | None, kind: str) -> None:
    from qstash_sync.adopt import env_file

    files.create(out, made.text, "--out", private=False)
    if env_out is not None:
        files.create(
            env_out, env_file.text(made.variables, _SOURCES[kind]), "--env-out", private=True
        )


def _read(source: str) -> tuple[str, str]:
    """What kind of file it is, by its name, and its text."""
    name = Path(source).name
    text = files.text(source, "--from", _MOST)
    if name == "vercel.json":
        return name, text
    if name.endswith((".json", ".yaml", ".yml")):
        return "jobs", text
    return "crontab", text


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
    from qstash_sync.adopt import crontab, foreign
    from qstash_sync.config.parse import plain

    try:
        if kind == "vercel.json":
            found = foreign.vercel(text)
        elif kind == "crontab":
            found = list(crontab.jobs(text))
        else:
            found = foreign.jobs(plain(text, source))
    except foreign.ForeignError as error:
        raise UsageError(f"--from {source}: {error}") from None
    if not found:
        raise UsageError(f"--from {source}: has no jobs")
    return found


def _wrong(text: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    """What the file's own rules refuse, by the name of the schedule; environ: of its secrets."""
    from qstash_sync.config.load import Files, Source
    from qstash_sync.errors import ConfigError
    from qstash_sync.model.diagnostics import Severity

    loaded = Files([Source("the new file", ".", text)])
    _, diagnostics = loaded.build(None, {}, environ, "mock")
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
    where = _SOURCES[kind]
    more = [f"Take them out of {where} once this is applied, or both fire."]
    if is_guessed:
        more.append("Nothing says the time zone of all: UTC is taken; --timezone says another.")
    if made.left:
        more.append(f"{made.left} not carried over; they stand as comments with the reason.")
    if made.needed:
        kept = f" (those that were read: {env_out})" if env_out else ""
        more.append(f"Set in the environment: {', '.join(made.needed)}{kept}")
    _tell(out, f": {made.count} schedule{'s' * (made.count != 1)} from {where}", *more)
