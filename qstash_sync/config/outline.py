"""A file as far as an incident needs it: who is meant, whatever is wrong with the rest.

Which ids and which account must be certain: version, namespace, the name of the environment and
its token, region, url and account. No secret but the token is asked for, and an error anywhere
else is told and ignored: nobody has to repair a header before a schedule can be stopped.
"""

from collections.abc import Mapping

from qstash_sync.config.load import Config, Files
from qstash_sync.errors import ConfigError
from qstash_sync.model.diagnostics import Diagnostic, Severity

_ACCOUNT = ("token", "region", "url", "account")
_CONTENT = ("vars", "defaults", "overrides")  # of an environment: what its schedules are made of


def outline(
    files: Files,
    environment: str | None,
    variables: Mapping[str, str],
    environ: Mapping[str, str],
) -> tuple[Config, tuple[Diagnostic, ...]]:
    """One environment with the schedules that can be read, and the errors that do not matter.

    Raises `ConfigError`, with everything found, where an error leaves open which ids or which
    account are meant.
    """
    config, diagnostics = files.attempt(environment, variables, environ, "unknown")
    errors = tuple(f for f in diagnostics if f.severity is Severity.ERROR)
    unsure = not files.documents or any(_is_decisive(error, environment) for error in errors)
    if config is None or unsure:
        raise ConfigError(errors)
    return config, errors


def _is_decisive(error: Diagnostic, environment: str | None) -> bool:
    """Whether an error is about the ids or the account; every message starts with its path."""
    if error.code == "same_account":
        return False  # two environments in one account: each has marks of its own
    path = error.message.partition(": ")[0]
    if path in ("namespace", "environments"):
        return True
    if path == "version":
        return error.code != "missing"  # another version may mean anything
    if environment is None:
        return False
    if error.code == "duplicate" and path in (environment, *_ACCOUNT):
        return True  # told without its path; twice in a callback is rare enough to be refused, too
    own = f"environments.{environment}"
    key = path.removeprefix(f"{own}.")
    return path == own or (key != path and key.partition(".")[0] not in _CONTENT)
