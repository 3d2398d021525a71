"""`qstash-sync init`: the first file, from three answers or from another tool's jobs."""

from __future__ import annotations

import re
import shlex
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qstash_sync.cli import files, options, streams
from qstash_sync.errors import UsageError
from qstash_sync.exit_codes import ExitCode
from qstash_sync.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from qstash_sync.adopt.document import Beginning
    from qstash_sync.adopt.foreign import Found
    from qstash_sync.adopt.starting import Start, Wrong

_EXAMPLE = "https://app.example.com"
_SOURCES = {"vercel.json": "vercel.json", "crontab": "the crontab", "jobs": "the list of jobs"}
_STOP = {
    "vercel.json": 'Take the "crons" out of vercel.json once this is applied, or both fire.',
    "crontab": "Take these lines out of the crontab once this is applied, or both fire.",
    "jobs": "Stop what runs these jobs today once this is applied, or both fire.",
}
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
    kind, found = _read(source) if source else ("", None)
    if kind == "vercel.json" and timezone is not None:
        raise UsageError(f"--timezone {timezone}: the crons of a vercel.json are UTC")
    given = {"namespace": namespace, "timezone": timezone, "base_url": base_url}
    unsaid = {key for key in _needed(found) if given[key] is None}
    asks = not yes and streams.is_terminal(sys.stdin)
    if unsaid and not asks and not yes:
        needed = ", ".join(f"--{key.replace('_', '-')}" for key in sorted(unsaid))
        raise UsageError(
            f"init asks for {needed}; give them, or --yes to let it guess where nobody can answer"
        )
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
        files.create(files.New(path=out, text=starting.starter(start), option="--out"))
        _tell(out, ", with an example to change")
        return ExitCode.DONE
    made = _carried(kind, source or "", found, start)
    _write(made, out, env_out, kind)
    _tell_carried(out, kind, made, env_out, found, set() if asks else unsaid)
    return ExitCode.DONE


@record()
class _Question:
    """What a first file needs to know; fault: why an answer is none."""

    text: str
    default: str
    fault: Callable[[str], str | None]


def _questions(*, real: bool) -> dict[str, _Question]:
    """The three questions; real: for the paths of jobs, which no example serves."""
    return {
        "namespace": _Question("Namespace, with which ids begin", _folder(), options.no_namespace),
        "timezone": _Question("Time zone of the crons", "UTC", options.no_zone),
        "base_url": _Question("Address of the application", "" if real else _EXAMPLE, _no_address),
    }


def _needed(found: list[Found] | None) -> Iterator[str]:
    """What has to be known: all of it for an example, of jobs what they do not say."""
    yield "namespace"
    if found is None or any(job.why is None and job.timezone is None for job in found):
        yield "timezone"
    if found is None or any(job.has_paths for job in found):
        yield "base_url"


def _refuse_files(out: str, env_out: str | None, source: str | None) -> None:
    files.refuse_existing(out, "--out")
    files.refuse_hiding(out, "--out")
    if env_out is not None:
        files.refuse_existing(env_out, "--env-out")
        if not source or files.is_same(env_out, out):
            raise UsageError(f"--env-out {env_out}: a file of its own, for the secrets of --from")


def _folder() -> str:
    """The folder's name in the letters of a namespace."""
    name = Path(files.resolved(".")).name
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", letters.lower()).strip("-") or "app"


def _asked(question: _Question) -> str:
    """An answer, asked for until it is one."""
    from qstash_sync.render import safe

    default = question.default
    text = f"{question.text} [{default}]" if default else question.text
    while True:
        said = (streams.ask(text, default or None) or default).strip()
        why = question.fault(said)
        if why is None:
            return said
        streams.note(safe.page(why))


def _write(made: Beginning, out: str, env_out: str | None, kind: str) -> None:
    from qstash_sync.adopt import env_file

    new = [files.New(path=out, text=made.text, option="--out")]
    if env_out is not None:
        text = env_file.text(made.variables, _SOURCES[kind])
        new.append(files.New(path=env_out, text=text, option="--env-out", private=True))
    files.create(*new)


def _read(source: str) -> tuple[str, list[Found]]:
    """What kind of file it is, by its name or what is in it, and its jobs."""
    from qstash_sync.adopt import crontab, foreign
    from qstash_sync.config import as_json, sources
    from qstash_sync.config.parse import plain

    name = Path(source).name
    if source == "-":
        text = sources.stdin_text(sys.stdin, "--from")
    else:
        text = files.text(source, "--from", sources.MAX_BYTES)
    is_yaml = name.endswith(sources.SUFFIXES)
    is_json = name.endswith(".json") or (not is_yaml and text.lstrip()[:1] in ("[", "{"))
    try:
        if not (is_yaml or is_json):
            kind, found = "crontab", list(crontab.jobs(text))
        else:
            data = as_json.values(text, source) if is_json else plain(text, source)
            is_vercels = name == "vercel.json" or foreign.is_vercels(data)
            kind = "vercel.json" if is_vercels else "jobs"
            found = foreign.vercel(data) if is_vercels else foreign.jobs(data)
    except foreign.ForeignError as error:
        raise UsageError(f"--from {source}: {error}") from None
    if not found:
        raise UsageError(f"--from {source}: has no jobs")
    return kind, found


def _no_address(base_url: str) -> str | None:
    from qstash_sync.config import url
    from qstash_sync.config.interpolate import is_text
    from qstash_sync.model.secret_shapes import kind_in, shows_one

    if not is_text(base_url):
        return "--base-url: is not UTF-8 text"
    if "${" in base_url:  # it may be a default with a secret in it
        return "--base-url: ${…} is for the file; give an address, and write that there"
    if kind := kind_in(base_url):
        return f"--base-url: {kind} in clear"
    why = url.fault(base_url, is_base=True)
    shown = "" if "@" in base_url or shows_one(base_url) else f" {base_url}"
    return f"--base-url{shown}: {why}" if why else None


def _carried(kind: str, source: str, found: list[Found], start: Start) -> Beginning:
    from qstash_sync.adopt import starting
    from qstash_sync.cli.import_ import style_of

    name = _SOURCES[kind] if source == "-" else Path(source).name
    head = [f"Made from {name} by qstash-sync init.", _STOP[kind]]
    if kind != "jobs":
        head.append(
            "QStash tries a call that fails 3 times more, where `retries` says nothing else."
        )
    made = starting.of_jobs(found, start, style_of("utf-8"), head, wrong)
    if not made.count:
        more = f" (and {len(made.left) - 1:,} more)" * (len(made.left) > 1)
        raise UsageError(f"--from {source}: nothing of it is carried over; {made.left[0]}{more}")
    _refuse_too_many(made, start)
    return made


def _refuse_too_many(made: Beginning, start: Start) -> None:
    """More schedules than the account's plan allows, parts of local times counted."""
    from datetime import UTC, datetime

    from qstash_sync.config.load import Source, load
    from qstash_sync.config.missing import Missing
    from qstash_sync.model.diagnostics import Severity
    from qstash_sync.planning import quota

    sources = [Source("the new file", ".", made.text)]
    config = load(sources, environ=made.environ, missing=Missing.MOCK)
    schedules = config.desired.schedules or ()
    for found in quota.judge(schedules, datetime.now(UTC), plan=start.plan) if start.plan else ():
        if found.severity is Severity.ERROR:
            raise UsageError(f"--plan {start.plan}: {found.message}")


def wrong(text: str, environ: Mapping[str, str]) -> Wrong:
    """What the file's own rules refuse; environ: of its secrets."""
    from qstash_sync.adopt.starting import Wrong
    from qstash_sync.config.load import Files, Source
    from qstash_sync.config.missing import Missing
    from qstash_sync.errors import ConfigError
    from qstash_sync.model.diagnostics import Severity

    loaded = Files([Source("the new file", ".", text)])
    _, diagnostics = loaded.attempt(None, {}, environ, Missing.MOCK)
    schedules: dict[str, str] = {}
    defaults: set[str] = set()
    others = []
    for one in diagnostics:
        match one.severity, one.path:
            case Severity.ERROR, ("schedules", name, *where):
                place = f"{where[0]}: " if where and f"{where[0]}" not in one.message else ""
                hint = f"; {one.hint}" if one.hint else ""
                schedules.setdefault(str(name), f"{place}{one.message}{hint}")
            case Severity.ERROR, ("defaults", key, *_):
                defaults.add(str(key))
            case Severity.ERROR, _:
                others.append(one)
    if others and not schedules and not defaults:
        raise ConfigError(tuple(others))
    return Wrong(schedules=schedules, defaults=frozenset(defaults))


def _tell(out: str, what: str, *more: str, options: Sequence[str] = ()) -> None:
    from qstash_sync.render import safe

    command = shlex.join(("qstash-sync", "plan", "--local", "-f", out, *options))
    streams.result(safe.page([f"Wrote {out}{what}.", *more, f"Next: {command}"]))


def _tell_carried(
    out: str, kind: str, made: Beginning, env_out: str | None, found: list[Found], guessed: set[str]
) -> None:
    more = [_STOP[kind]]
    if "timezone" in guessed:
        more.append("Nothing says the time zone of all: UTC is taken; --timezone says another.")
    if "namespace" in guessed:
        more.append(f"Namespace: {_folder()}, as the folder is called; --namespace says another.")
    posted = sum(not job.why and job.method is None for job in found)
    if posted:
        more.append(f"{posted} without a method: POST, as QStash does where nothing is said.")
    if made.left:
        more.append(f"{len(made.left):,} not carried over; they stand as comments with the reason.")
    if made.asides:
        some = f"{made.asides:,} schedule{'s' * (made.asides != 1)}"
        more.append(f"Settings of {some} have no place in the file; its comments name them.")
    known = {one.name for one in made.variables if one.value is not None}
    options = []
    if env_out and known:
        more.append(f"Secrets: {len(known):,} in {env_out}, for --env-file.")
        options += ["--env-file", env_out]
    missing = [name for name in made.needed if not env_out or name not in known]
    if missing:
        again = "; --env-out FILE writes those that were read, into a new file" if known else ""
        more.append(f"Set in the environment: {', '.join(missing)}{again * (not env_out)}")
        options += ["--unknown-env"]
    count = f"{made.count:,} schedule{'s' * (made.count != 1)}"
    _tell(out, f": {count} from {_SOURCES[kind]}", *more, options=options)
