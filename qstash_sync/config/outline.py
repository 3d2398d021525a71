"""A file as far as an incident needs it: who is meant, whatever is wrong with the rest.

Which ids and which account must be certain: version, namespace, the name of the environment and
its token, region, url and account. No secret but the token is asked for, and an error anywhere
else is told and ignored: nobody has to repair a header before a schedule can be stopped.
"""

from collections.abc import Mapping

from qstash_sync.config.load import Config, Files
from qstash_sync.config.missing import Missing
from qstash_sync.model.diagnostics import Diagnostic, Severity

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
    config, diagnostics = files.attempt(environment, variables, environ, Missing.UNKNOWN)
    errors = tuple(f for f in diagnostics if f.severity is Severity.ERROR)
    unsure = not files.documents or any(_is_decisive(error, environment) for error in errors)
    if config is None or unsure:
        raise files.failure(errors)
    return config, errors


def _is_decisive(error: Diagnostic, environment: str | None) -> bool:
    """Whether an error is about the ids or the account."""
    if error.code == "same_account":
        return False  # two environments in one account: each has marks of its own
    match error.path:
        case ("namespace" | "environments",):
            return True
        case ("version",):
            return error.code != "missing"  # another version may mean anything
        case ("environments", str(name)):
            return name == environment
        case ("environments", str(name), key, *_):
            return name == environment and key not in _CONTENT
    return False
