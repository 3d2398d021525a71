"""The commands: each reads its options, calls one use case, renders."""

import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import click

from qstash_sync import __version__
from qstash_sync.cli import options
from qstash_sync.cli.session import Session, fail
from qstash_sync.errors import ConfigError, PartialError, QstashSyncError, RefusedError, UsageError

DIFFERENCES = 2
USAGE = 64
_current: list[Session] = []


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="qstash-sync")
def cli() -> None:
    """Infrastructure as config for Upstash QStash: schedules, URL groups, queues, flow control."""


def _session(**given: Any) -> Session:
    session = Session(**given)
    _current.append(session)
    return session


@cli.command()
@options.common()
@click.option("--mock-env", is_flag=True, help="Make up missing environment variables.")
def validate(*, mock_env: bool, **given: Any) -> int:
    """Check the files: every environment, or the one of -e. Needs no account."""
    session = _session(mock_env=mock_env, **given)
    files = session.sources()
    names: Sequence[str | None] = files.names() if not session.environment else ()
    found = []
    for name in names or (session.environment,):
        try:
            config = session.config(files, name)
        except ConfigError as error:
            found += list(error.findings)
        else:
            found += [*config.warnings, *_compiles(session, config)]
    from qstash_sync.core.findings import Severity, in_order

    findings = in_order(found)
    if any(f.severity is Severity.ERROR for f in findings):
        raise ConfigError(findings)
    if session.json:
        from qstash_sync.render import json as view

        warnings = [view.finding(f) for f in findings]
        click.echo(view.document(warnings=warnings, errors=[], requests={"read": 0, "write": 0}))
        return 0
    session.warn(findings)
    shown = ", ".join(name for name in names if name)
    click.echo(
        f"Valid: {len(files.documents)} file(s)" + (f", environments {shown}." if shown else ".")
    )
    return 0


def _compiles(session: Session, config: Any) -> list[Any]:
    """Findings of schedules that cannot be brought to QStash."""
    from qstash_sync.core import timing
    from qstash_sync.core.findings import Finding

    made = [timing.compiled(s, session.instant) for s in config.desired.schedules or ()]
    return [found for found in made if isinstance(found, Finding)]


@cli.command()
@click.option("--output", "path", metavar="FILE", help="Write it there instead of to stdout.")
def schema(path: str | None) -> int:
    """Print the JSON Schema of the file format, for editors."""
    import json

    from qstash_sync.config.spec import json_schema

    text = json.dumps(json_schema(), indent=2) + "\n"
    if path is None:
        click.echo(text, nl=False)
        return 0
    try:
        with click.open_file(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"--output {path}: cannot be written: {error.strerror}") from None
    return 0


@cli.command()
@options.common(
    options.local,
    options.now,
    options.parallelism,
    options.adopt,
    options.unknown_env,
    options.verbose,
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are differences.")
def plan(*, detailed_exitcode: bool, adopt: tuple[str, ...], verbose: bool, **given: Any) -> int:
    """Show what an apply would change. Cannot write."""
    session = _session(**given)
    config = session.config()
    found = _propose(session, config, adopt, read_only=True)
    if session.json:
        from qstash_sync.render import json as view

        click.echo(view.plan(found, session.requests))
    else:
        from qstash_sync.render import text

        session.warn(config.warnings)
        click.echo(text.plan(found, session.paint(), verbose=verbose))
    if found.errors:
        return _refusal_code(found)
    return DIFFERENCES if detailed_exitcode and not found.empty else 0


def _propose(session: Session, config: Any, adopt: tuple[str, ...], *, read_only: bool) -> Any:
    from qstash_sync import engine

    with session.client(config, read_only=read_only) as client:
        return engine.propose(client, config.desired, now=session.instant, adopt=adopt)


def _refusal_code(found: Any) -> int:
    """A guard or a limit is 3; an error of the file that only the account shows is 1."""
    guards = all(finding.code in ("guard", "limit") for finding in found.errors)
    return RefusedError.exit_code if guards else ConfigError.exit_code


@cli.command()
@options.common(options.local, options.now, options.parallelism, options.adopt, options.verbose)
@click.option("--yes", is_flag=True, help="Do not ask.")
def apply(*, adopt: tuple[str, ...], verbose: bool, yes: bool, **given: Any) -> int:
    """Make the account as the files say."""
    from qstash_sync import engine

    session = _session(**given)
    if session.now is not None and session.local is None:
        raise UsageError("--now is for plans; apply takes it only with --local")
    config = session.config()
    with session.client(config, read_only=False) as client:
        found = engine.propose(client, config.desired, now=session.instant, adopt=adopt)
        if not session.json:
            _show(session, config, found, verbose=verbose)
        if found.errors:
            _tell_refusal(session, found, (client.reads, client.writes))
            return _refusal_code(found)
        if not found.empty and not session.json and not yes and sys.stdin.isatty():
            click.confirm("Apply these changes?", abort=True)
        outcomes = engine.apply(
            client, found, parallelism=session.parallelism, report=_reporter(session)
        )
    if session.json:
        from qstash_sync.render import json as view

        click.echo(view.plan(found, session.requests, outcomes))
    elif not found.empty:
        from qstash_sync.render import text

        click.echo(text.applied(outcomes))
    done = all(outcome.status is engine.Status.DONE for outcome in outcomes)
    return 0 if done else PartialError.exit_code


def _show(session: Session, config: Any, found: Any, *, verbose: bool) -> None:
    from qstash_sync.render import text

    session.warn(config.warnings)
    click.echo(text.plan(found, session.paint(), verbose=verbose))


def _tell_refusal(session: Session, found: Any, requests: tuple[int, int]) -> None:
    if session.json:
        from qstash_sync.render import json as view

        click.echo(view.plan(found, requests))
    else:
        click.echo("Nothing was written.", err=True)


def _reporter(session: Session) -> Any:
    from qstash_sync.render import text

    paint = session.paint(sys.stderr)

    def report(outcome: Any) -> None:
        if not session.json:
            click.echo(text.outcome(outcome, paint), err=True)

    return report


@cli.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="0: any free port.",
)
@options.local
def serve(port: int, local: str | None) -> int:
    """Serve the local QStash on 127.0.0.1, for SDKs and other tools."""
    from qstash_sync.local import LOCAL_READ_ONLY_TOKEN, LOCAL_TOKEN, LocalQStash
    from qstash_sync.local.serve import Served

    with LocalQStash(local or options.LOCAL_FILE) as server:
        try:
            served = Served(server, port)
        except OSError as error:
            raise UsageError(f"port {port}: {error.strerror}; choose another with --port") from None
        click.echo(f"QSTASH_URL={served.url}")
        click.echo(f"QSTASH_TOKEN={LOCAL_TOKEN}")
        click.echo(f"# read-only: QSTASH_TOKEN={LOCAL_READ_ONLY_TOKEN}")
        click.echo("# serving until Ctrl-C", err=True)
        try:
            served.run()
        except KeyboardInterrupt:
            click.echo("# stopped", err=True)
    return 0


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
    _current.clear()
    try:
        return cli.main(given, prog_name="qstash-sync", standalone_mode=False) or 0
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
    session = _current[0] if _current else None
    color = session.color if session else "auto"
    requests = session.requests if session else (0, 0)
    fail(error, as_json=as_json, color=color, requests=requests)
    return error.exit_code
