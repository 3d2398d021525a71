"""Every option once, as a decorator; commands compose them."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

LOCAL_FILE = ".qstash-local.db"
F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[F], F]

files = click.option(
    "-f", "--file", "paths", multiple=True, metavar="PATH",
    help="A file, a directory or - for stdin; repeatable. Default: qstash.yaml, else qstash/.",
)  # fmt: skip
environment = click.option("-e", "--env", "environment", metavar="NAME", help="The environment.")
variables = click.option(
    "--var", "variables", multiple=True, metavar="K=V", help="Set a variable, over the file's."
)
env_file = click.option(
    "--env-file", metavar="PATH", help="Read environment variables from a file of K=V lines."
)
local = click.option(
    "--local", metavar="FILE",
    help=f"Use an embedded QStash kept in FILE ({LOCAL_FILE}): no account, no network.",
)  # fmt: skip
now = click.option(
    "--now", metavar="ISO", help="Pretend it is this time, such as 2027-03-14T09:00Z."
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
unknown_env = click.option(
    "--unknown-env", is_flag=True, help="Treat missing secrets as unknown: equal to anything."
)
only = click.option(
    "--only", type=click.Choice(["clock"]),
    help="clock: renewals alone, where file and account agree but for the clock; needs no review.",
)  # fmt: skip
verbose = click.option("-v", "--verbose", is_flag=True, help="List unmanaged resources, too.")


def common(*extra: Callable[[Any], Any]) -> Callable[[F], F]:
    """The options of every command that reads the files, and more."""

    def decorate(function: F) -> F:
        chosen = (files, environment, variables, env_file, *extra, output_format, color)
        for option in reversed(chosen):
            function = option(function)
        return function

    return decorate
