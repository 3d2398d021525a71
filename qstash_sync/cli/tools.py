"""`schema` and `serve`: for editors, SDKs and tests."""

import click

from qstash_sync.cli import options
from qstash_sync.errors import ExitCode, UsageError


@click.command()
@click.option("--output", "path", metavar="FILE", help="Write it there instead of to stdout.")
def schema(path: str | None) -> int:
    """Print the JSON Schema of the file format, for editors."""
    import json

    from qstash_sync.config.schema import json_schema

    text = json.dumps(json_schema(), indent=2) + "\n"
    if path is None:
        click.echo(text, nl=False)
        return ExitCode.DONE
    try:
        with click.open_file(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"--output {path}: cannot be written: {error.strerror}") from None
    return ExitCode.DONE


@click.command()
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
    return ExitCode.DONE
