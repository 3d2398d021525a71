"""The console script: the commands of the other modules, and what becomes of their errors."""

import gc
import os
import shlex
import sys
from collections import Counter, UserDict
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
from click.core import augment_usage_errors

from qstash_sync import __version__
from qstash_sync.cli import options, report, streams
from qstash_sync.errors import (
    InternalError,
    QstashSyncError,
    StoppedError,
    UsageError,
)
from qstash_sync.exit_codes import ExitCode
from qstash_sync.render import safe

_SESSION = "qstash_sync.cli.session"  # heavy, and not for --help
# These may stand alone: without this, click would take the next word for their value.
_ALONE = {"--local": f"--local={options.LOCAL_FILE}", "--probe": "--probe=hosts"}


# Where each command is, and what --help says of it: only the one that is asked for is imported,
# since to import them all is a quarter of the time of --help. A test holds the words to their own.
_MODULES = {
    "init": ("init", "Write a first file; never over another one."),
    "validate": (
        "validate",
        "Check the files and lint them: every environment, or the one of -e. Needs no account.",
    ),
    "plan": ("plan", "Show what an apply would change. Cannot write."),
    "apply": (
        "apply",
        "Make the account as the files say; PLAN, from `plan --save`: if they still say that.",
    ),
    "destroy": (
        "destroy",
        "Delete all of one namespace: every schedule of ours, and what `owns` names.",
    ),
    "drift": (
        "drift",
        "Tell where each resource stands; exit 2 where account and files differ. Cannot write.",
    ),
    "explain": (
        "explain",
        "Say why a schedule fires when it does: the verdict first, then the facts. Cannot write.",
    ),
    "import": (
        "import_",
        "Write the file of what an account holds, or plan what to do with what a file leaves.",
    ),
    "compile": (
        "compile",
        "Show how QStash would store a local CRON, or each schedule of a file.",
    ),
    "next": (
        "next",
        "Show the coming firings, in local time and UTC, and the clock changes between them.",
    ),
    "pause": ("pause", "Pause schedules of ours by name, in any number of environments."),
    "resume": ("pause", "Resume schedules of ours by name, in any number of environments."),
    "doctor": (
        "doctor",
        "Tell whether token, region, signing keys, quotas, clock and addresses are right.",
    ),
    "schema": (
        "tools",
        "Print the JSON Schema of the file format, for editors, or of the JSON of a COMMAND.",
    ),
    "serve": ("tools", "Serve the local QStash on 127.0.0.1, for SDKs and other tools."),
}


class _Commands(UserDict[str, Any]):
    """The commands by name; none of them takes an empty text."""

    def __getitem__(self, name: str) -> click.Command:
        found = vars(import_module(f"qstash_sync.cli.{self.data[name][0]}")).values()
        command = next(one for one in found if isinstance(one, click.Command) and one.name == name)
        for taking in command.params:
            if taking.type is click.STRING:
                taking.type = options.TEXT
        if _HELP not in command.params:
            command.params.append(_HELP)
        return command


def _page(names: Sequence[str], what: str, text: Callable[[click.Context], str]) -> click.Option:
    """An option in place of all else: click's own would print by themselves."""

    def show(context: click.Context, _: object, given: object) -> None:
        if given and not context.resilient_parsing:
            streams.result(safe.page(text(context).split("\n")))
            context.exit()

    return click.Option(
        names, is_flag=True, is_eager=True, expose_value=False, help=what, callback=show
    )


_HELP = _page(("-h", "--help"), "Show this message and exit.", click.Context.get_help)
_VERSION = _page(
    ("--version",),
    "Show the version and exit.",
    lambda context: f"{context.info_name}, version {__version__}",
)


class _Group(click.Group):
    """The program: its help needs none of its commands."""

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each with its first words."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in sorted(_MODULES.items())])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; none takes two values where it uses one, as click's last one wins."""
        if ctx.resilient_parsing:  # a shell completes a line that is not whole yet
            return super().resolve_command(ctx, args)
        if args[0] not in self.commands:
            from qstash_sync.cli import other_tools

            if meant := other_tools.command(args[0]):
                raise click.UsageError(f"No such command {args[0]!r}; {meant}", ctx)
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            _refuse_wrong_words(command, click.Context(command, ctx, name), rest)
        return name, command, rest


_OF_A_PAGE = ("output_format", "color")


def _refuse_wrong_words(
    command: click.Command, context: click.Context, words: Sequence[str]
) -> None:
    """Say no to an option of one value that stands twice, and to a word that nothing takes.

    One of the two would not count. Of how a page looks (--format, --color) the last one wins:
    scripts add theirs behind others.
    """
    with augment_usage_errors(context):
        values, left, order = command.make_parser(context).parse_args([*words])
    counts = Counter(order)
    if _HELP not in counts:
        _refuse_eaten_options(context, values)
    if left and _HELP not in counts and not _is_file_of_local(left[0], words):
        from qstash_sync.cli import other_tools

        if meant := other_tools.argument(left[0], _known(context)):
            raise click.UsageError(f"Got unexpected extra argument ({left[0]}); {meant}", context)
    for taking, count in () if _HELP in counts else counts.items():
        is_one = isinstance(taking, click.Option) and not (taking.multiple or taking.is_flag)
        if count > 1 and is_one and taking.name not in _OF_A_PAGE:
            more = "; pause and resume take several" if taking.name == "environment" else ""
            raise UsageError(f"{taking.opts[0]}: stands here {count} times, and takes one{more}")


def _refuse_eaten_options(context: click.Context, values: Mapping[str, object]) -> None:
    """Say no to an option that was taken for the value which the one before it lacks."""
    known = _known(context)
    for option in (one for one in context.command.params if isinstance(one, click.Option)):
        found = values.get(option.name or "")
        for value in found if isinstance(found, list) else [found]:
            if isinstance(value, str) and (value in known or value in _ALONE.values()):
                name = value.partition("=")[0]
                fact = f"Option {option.opts[0]!r} requires an argument, and {name} is an option"
                raise click.BadOptionUsage(option.opts[0], f"{fact}.", context)


@click.group(
    cls=_Group,
    commands=_Commands(_MODULES),
    params=[_VERSION, _HELP],
    context_settings={"help_option_names": [], "max_content_width": 100},
)
def cli() -> None:
    """Infrastructure as config for Upstash QStash: schedules, URL groups, queues, flow control."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script: maps every outcome to an exit code, and no traceback to the user."""
    # What a run makes lives to its end: looking through all of it for garbage, time after time,
    # would take a quarter of the time.
    gc.freeze()
    gc.set_threshold(1_000_000, 50, 100)
    # Plugins of pydantic could look at the values of a file, and looking for them takes a while.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    given = list(sys.argv[1:] if arguments is None else arguments)
    streams.occupy()
    code = run(given)
    streams.end()
    gc.freeze()  # at the end, too: Python would look through all of it once more
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit code."""
    given = [_ALONE.get(word, word) for word in arguments] or ["--help"]
    session = sys.modules.get(_SESSION)
    if session:
        session.Session.current = None  # of an earlier run in this process
    streams.prepare()
    streams.hide(os.environ)
    streams.hide_logins(given)
    try:
        # color: click would strip what `--color always` sends into a pipe; `Paint` decides alone.
        return (
            cli.main(given, prog_name="qstash-sync", standalone_mode=False, color=True)
            or ExitCode.DONE
        )
    except click.exceptions.Abort:
        what = f"stopped; nothing {'more is' if _has_written() else 'was'} written"
        if (_option(given, "--format") or "text") == "text":
            streams.note(safe.page(f"{what.capitalize()}."))
            return ExitCode.ERROR
        return _failed(StoppedError(what), given)
    except Exception as error:  # noqa: BLE001 the last net: a bug is one line, no traceback
        return _failed(_as_ours(error, arguments), given)


def _has_written() -> bool:
    """Whether the run has sent a write to an account."""
    session = sys.modules.get(_SESSION)
    current = session.Session.current if session else None
    return bool(current and current.requests and current.requests[1])


def _as_ours(error: Exception, arguments: Sequence[str]) -> QstashSyncError:
    """Any exception as an error that can be shown; of one that is a bug, never the text."""
    if isinstance(error, QstashSyncError):
        return error
    if isinstance(error, click.ClickException):
        context = error.ctx if isinstance(error, click.UsageError) else None
        usage = context.get_usage().splitlines() if context else []
        usage += [f"Try '{context.command_path} --help' for help."] if context else []
        fact = error.format_message()
        hint = _about_local(arguments) or (_way_out(error, context, arguments) if context else None)
        if isinstance(error, click.NoSuchOption) and hint:
            fact = error.message
        fact = f"{fact.removesuffix('.')}; {hint}" if hint else fact
        return UsageError(fact, usage=tuple(usage))
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    place = f" in {Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else ""
    return InternalError(f"internal error: {type(error).__name__}{place}; please report this bug")


def _way_out(
    error: click.ClickException, context: click.Context, words: Sequence[str]
) -> str | None:
    """What to write in place of an option that is unknown, or lacks its value."""
    from qstash_sync.cli import other_tools

    known = _known(context)
    if isinstance(error, click.NoSuchOption):
        if context.command is cli:
            return other_tools.before(error.option_name, words, cli.commands)
        return other_tools.option(error.option_name, words, known)
    if isinstance(error, click.BadOptionUsage) and known.get(error.option_name):
        return f"write {error.option_name} {known[error.option_name]}"
    return None


def _known(context: click.Context) -> dict[str, str]:
    """The options of a command, and what each wants behind it."""
    return {name: one.metavar or "" for one in context.command.params for name in one.opts}


def _failed(error: QstashSyncError, given: Sequence[str]) -> int:
    from qstash_sync.cli.session import Session

    session = Session.current
    report.fail(
        error,
        output_format=_option(given, "--format") or "text",
        command=next((word for word in given if word in cli.commands), ""),
        environment=session.environment if session else _option(given, "-e", "--env"),
    )
    return error.exit_code


def _about_local(words: Sequence[str]) -> str | None:
    """The way out for who wrote `--local x.db`, where x.db is a word of its own."""
    file = _option(words, "--local") if "--local" in words else None
    if not file or file.startswith("-"):
        return None
    return f"if {file} is the file of --local, write {shlex.quote(f'--local={file}')}"


def _is_file_of_local(word: str, words: Sequence[str]) -> bool:
    """Whether it may be so, as it stands right behind the option."""
    before = (one for one, following in pairwise(words) if following == word)
    return any(one.partition("=")[0] == "--local" for one in before)


def _option(words: Sequence[str], *names: str) -> str | None:
    """What an option was given last, as far as that shows where click has not read the line."""
    found = None
    for word, following in pairwise((*words, "")):
        name, joined, value = word.partition("=")
        if name in names:
            found = value if joined else following
    return found
