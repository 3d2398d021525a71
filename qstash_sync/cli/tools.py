"""`schema` and `serve`: for editors, SDKs and tests."""

from typing import Any

import click

from qstash_sync.cli import files, options, streams
from qstash_sync.errors import UsageError
from qstash_sync.exit_codes import ExitCode
from qstash_sync.render import safe

_DOCUMENTS = ("plan", "drift", "apply", "compile", "next", "explain", "doctor")


@click.command()
@click.argument("of", metavar="[COMMAND]", type=click.Choice(_DOCUMENTS), required=False)
@click.option("--output", "path", metavar="FILE", help="Write it there instead of to stdout.")
def schema(of: str | None, path: str | None) -> int:
    """Print the JSON Schema of the file format, for editors, or of the JSON of a COMMAND."""
    import json

    page = safe.document(json.dumps(_schema(of), indent=2))
    if path in (None, "-"):
        streams.result(page)
    else:
        files.write(path, page)
    return ExitCode.DONE


def _schema(of: str | None) -> dict[str, Any]:
    if of is None:
        from qstash_sync.config.schema import json_schema

        return json_schema()
    from qstash_sync.render import contracts

    return contracts.schema(of)


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
    from qstash_sync.library import local_account
    from qstash_sync.local import LOCAL_READ_ONLY_TOKEN, LOCAL_TOKEN
    from qstash_sync.local.serve import Served
    from qstash_sync.model.addresses import TOKEN_VARIABLE, URL_VARIABLE

    streams.hide({})  # its own tokens are to be seen

    with local_account(options.LOCAL_FILE if local is None else local) as server:
        try:
            served = Served(server, port)
        except OSError as error:
            raise UsageError(f"port {port}: {error.strerror}; choose another with --port") from None
        streams.result(
            safe.page(
                [
                    f"{URL_VARIABLE}={served.url}",
                    f"{TOKEN_VARIABLE}={LOCAL_TOKEN}",
                    f"# read-only: {TOKEN_VARIABLE}={LOCAL_READ_ONLY_TOKEN}",
                ]
            )
        )
        streams.note(safe.page("# serving until Ctrl-C"))
        try:
            served.run()
        except KeyboardInterrupt:
            streams.note(safe.page("# stopped"))
    return ExitCode.DONE
