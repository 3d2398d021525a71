"""Every option once, as a decorator; commands compose them."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from qstash_sync.cli.files import is_device, resolved
from qstash_sync.errors import UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

LOCAL_FILE = ".qstash-local.db"
LONGEST = 366 * 86_400  # seconds that an option may stand for
_SHOWN = 40  # characters of what is no duration
FORMATS = ("text", "markdown", "json", "html")
CALENDAR_FORMATS = (*FORMATS, "ics")
F = TypeVar("F", bound=Callable[..., Any])


class _Text(click.types.StringParamType):
    """Text that there is: the variable that a script forgot to set leaves none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            assert param
            assert ctx
            argument = f"{ctx.info_name} {param.human_readable_name}"
            name = param.opts[0] if isinstance(param, click.Option) else argument
            raise UsageError(f"{name}: is empty; is a variable unset?")
        return super().convert(value, param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list["CompletionItem"]:
        from qstash_sync.cli import completion

        return [*completion.words(ctx, param, incomplete)]


TEXT = _Text()  # of every option and argument that takes a text

files = click.option(
    "-f", "--file", "paths", multiple=True, metavar="PATH",
    help="A file, a directory or - for stdin; repeatable. Default: qstash.yaml, else qstash/.",
)  # fmt: skip
environment = click.option("-e", "--env", "environment", metavar="NAME", help="The environment.")
variables = click.option(
    "--var", "variables", multiple=True, metavar="K=V", help="Set a variable, over the file's."
)
env_file = click.option(
    "--env-file", metavar="PATH",
    help="Read NAME=VALUE lines by python-dotenv's rules; what the process has set wins.",
)  # fmt: skip
local = click.option(
    "--local", metavar="[=FILE]",
    help="Use an embedded QStash: no account, no network. It is kept in FILE, as in --local=x.db"
    f" (without: {LOCAL_FILE}).",
)  # fmt: skip
now = click.option(
    "--now", metavar="ISO", help="Pretend it is this time, such as 2027-03-14T09:00Z."
)
now_of_local = click.option(
    "--now", metavar="ISO", help="Pretend it is this time; only with --local."
)
output_format = click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text",
    show_default=True, help="json is one document on stdout in every outcome.",
)  # fmt: skip
color = click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True,
    help="Colours on a terminal; NO_COLOR turns them off.",
)  # fmt: skip
parallelism = click.option(
    "--parallelism", type=click.IntRange(1, 64), default=8, show_default=True,
    help="Requests in flight at once.",
)  # fmt: skip
adopt = click.option(
    "--adopt", multiple=True, metavar="GLOB",
    help="Take over live schedules of these names that carry no mark of ours.",
)  # fmt: skip
delete_orphan = click.option(
    "--delete-orphan", multiple=True, metavar="GLOB",
    help="Delete schedules of these ids, too, that an environment has left which the files do not"
    " have; repeatable.",
)  # fmt: skip
unknown_env = click.option(
    "--unknown-env", is_flag=True, help="Treat missing secrets as unknown: equal to anything."
)
max_wait = click.option(
    "--max-wait", default="5m", show_default=True, metavar="DURATION",
    callback=lambda _, __, text: seconds(text, "--max-wait"),
    help="How long to wait for a moment in which no firing is lost or doubled.",
)  # fmt: skip
allow_deletes = click.option(
    "--allow-deletes", type=click.IntRange(min=0), metavar="N",
    help="Delete up to N resources, whatever the file's limits say.",
)  # fmt: skip
allow_protected = click.option(
    "--allow-protected", multiple=True, metavar="GLOB", help="Delete these although protected."
)
allow_in_use = click.option(
    "--allow-in-use", multiple=True, metavar="GLOB",
    help="Delete these URL groups or queues although schedules use them.",
)  # fmt: skip
drop_backlog = click.option(
    "--drop-backlog", multiple=True, metavar="QUEUE", help="Delete this queue, backlog and all."
)
delete_after_failure = click.option(
    "--delete-after-failure", is_flag=True, help="Delete even if an earlier change failed."
)
only = click.option(
    "--only", type=click.Choice(["clock"]),
    help="clock: renewals alone, where file and account agree but for the clock; needs no review.",
)  # fmt: skip
saving = click.option(
    "--save", "path", metavar="FILE", help="Keep the plan in FILE, for `apply FILE`; no secret."
)


def verbose(more: str) -> Callable[[Any], Any]:
    """What -v adds, command by command."""
    return click.option("-v", "--verbose", is_flag=True, help=more)


def all_of(*chosen: Callable[[Any], Any]) -> Callable[[F], F]:
    """Several decorators as one; the help lists their options in this order."""

    def decorate(function: F) -> F:
        for option in reversed(chosen):
            function = option(function)
        return function

    return decorate


base = all_of(
    click.option(
        "--base-ref", metavar="REF",
        help="Say of each change whether it is this branch's, was there before (the files at REF of"
        " git), or is the clock's.",
    ),
    click.option(
        "--base", "base_paths", multiple=True, metavar="PATH",
        help="Likewise, with the files as they were before in a file or directory; repeatable.",
    ),
)  # fmt: skip


def _reported(formats: tuple[str, ...], rest: str) -> Callable[[F], F]:
    """How a report is given: its format, and files beside it."""

    def outputs(_: object, __: object, items: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        """Format and path of each `--output`."""
        pairs = [(form, path) for form, _, path in (item.partition("=") for item in items)]
        for form, path in pairs:
            if form not in formats or not path:
                known = ", ".join(formats)
                raise click.BadParameter(f"write it like markdown=FILE; formats: {known}")
            if path == "-":
                raise click.BadParameter(f"- is no file; for stdout, write --format {form}")
        regular = [path for _, path in pairs if not is_device(path)]
        counts = Counter(map(resolved, regular))
        for path in (path for path in regular if counts[resolved(path)] > 1):
            raise click.BadParameter(f"{path} twice; a file holds one of them")
        return tuple(pairs)

    return all_of(
        click.option(
            "--format", "output_format", type=click.Choice(formats), default="text",
            show_default=True, help=f"markdown, for a comment, html, a page by itself, {rest}and"
            " json are one document in every outcome.",
        ),
        click.option(
            "--output", "outputs", multiple=True, metavar="FMT=FILE", callback=outputs,
            help="Write the result to a file, too, as in markdown=plan.md; repeatable.",
        ),
    )  # fmt: skip


report = _reported(FORMATS, "")
calendar_report = _reported(CALENDAR_FORMATS, "ics, for a calendar, ")


fail_on = click.option(
    "--fail-on", type=click.Choice(["error", "warning", "none"]), default="error",
    show_default=True, help="Which of lint's findings stop it, in what it changes.",
)  # fmt: skip


def _read_by(name: str) -> Callable[..., tuple[str, ...]]:
    """A callback: what the function of a module of the plan cannot read is wrong usage."""

    def check(_: object, __: object, items: tuple[str, ...]) -> tuple[str, ...]:
        if items:
            from qstash_sync.reconcile import ignored, scope

            read = {"scope": scope.pattern, "ignored": ignored.option}[name]
            for item in items:
                try:
                    read(item)
                except ValueError as error:
                    raise click.BadParameter(str(error)) from None
        return items

    return check


scope = all_of(
    click.option(
        "--target", multiple=True, metavar="KIND.NAME", callback=_read_by("scope"),
        help="Only these, as in schedules.billing-* or queue.images; repeatable.",
    ),
    click.option(
        "--exclude", multiple=True, metavar="KIND.NAME", callback=_read_by("scope"),
        help="All but these, and of the targets all but these; repeatable.",
    ),
    click.option(
        "--ignore", multiple=True, metavar="KIND.NAME.FIELD", callback=_read_by("ignored"),
        help="Leave a field to somebody else in this run, as in schedules.daily.retries;"
        " repeatable.",
    ),
)  # fmt: skip
# What may be asked for beside the file: scope, and an override for each refusal.
consent = all_of(
    scope,
    adopt,
    delete_orphan,
    only,
    allow_deletes,
    allow_protected,
    allow_in_use,
    drop_backlog,
    delete_after_failure,
    fail_on,
)


def common(
    *extra: Callable[[Any], Any], output: Callable[[Any], Any] = output_format
) -> Callable[[F], F]:
    """The options of every command that reads the files, and more."""
    return all_of(files, environment, variables, env_file, *extra, output, color)


def no_namespace(namespace: str) -> str | None:
    """Why a text is no namespace; None where it is one."""
    from qstash_sync.config.types import NAMESPACE

    if NAMESPACE.fullmatch(namespace):
        return None
    return f"--namespace {namespace}: use a-z, 0-9 and -, such as billing"


def no_zone(timezone: str) -> str | None:
    """Why a text is no time zone, and what may be meant; None where it is one."""
    from qstash_sync.crons import zones
    from qstash_sync.crons.error import CronError

    try:
        zones.zone(timezone)
    except CronError as error:
        return f"--timezone: {error}"
    return None


def seconds(text: str, option: str) -> int:
    """A duration of the command line, as in the file: 90s, 5m, 1h30m, 1d or a number of seconds."""
    from qstash_sync.model.durations import parse_duration

    written, form = text.strip(), "write it like 90s, 5m, 1h30m or 1d"
    try:
        total = parse_duration(f"{written}s" if written[-1:].isdecimal() else written)
    except ValueError:
        raise UsageError(f"{option} {text[:_SHOWN]}: {form}") from None
    if total > LONGEST:
        raise UsageError(f"{option} {text[:_SHOWN]}: more than a year; {form}")
    return total
