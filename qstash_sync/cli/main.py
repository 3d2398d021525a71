"""The console script: the commands of the other modules, and what becomes of their errors."""

import sys
from collections.abc import Sequence
from itertools import pairwise

import click

from qstash_sync import __version__
from qstash_sync.cli import (
    apply,
    compile as compiler,
    destroy,
    options,
    pause,
    plan,
    tools,
    validate,
)
from qstash_sync.cli.session import Session, fail
from qstash_sync.errors import QstashSyncError, UsageError

USAGE = 64


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="qstash-sync")
def cli() -> None:
    """Infrastructure as config for Upstash QStash: schedules, URL groups, queues, flow control."""


for command in (
    validate.validate,
    plan.plan,
    apply.apply,
    destroy.destroy,
    compiler.compile_schedules,
    pause.pause,
    pause.resume,
    tools.schema,
    tools.serve,
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script: maps every outcome to an exit code, and no traceback to the user."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run(given))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit code."""
    # `--local` may stand alone: without this, click would take the next word for its file.
    given = [f"--local={options.LOCAL_FILE}" if word == "--local" else word for word in arguments]
    as_json = "--format=json" in given or any(
        pair == ("--format", "json") for pair in pairwise(given)
    )
    Session.current = None
    try:
        # color: click would strip what `--color always` sends into a pipe; `Paint` decides alone.
        return cli.main(given, prog_name="qstash-sync", standalone_mode=False, color=True) or 0
    except click.exceptions.Abort:
        click.echo("Stopped; nothing more is written.", err=True)
        return 1
    except click.ClickException as error:
        if as_json:
            return _failed(UsageError(error.format_message()), as_json=True)
        error.show()
        return USAGE
    except QstashSyncError as error:
        return _failed(error, as_json=as_json)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone, as with `| head`
        return 1


def _failed(error: QstashSyncError, *, as_json: bool) -> int:
    session = Session.current
    color = session.color if session else "auto"
    requests = session.requests if session else (0, 0)
    fail(error, as_json=as_json, color=color, requests=requests)
    return error.exit_code
