"""A file as far as an incident needs it: who is meant, whatever is wrong with the rest.

Which ids and which account must be certain: version, namespace, the name of the environment and
its token, region, url and account. No secret but the token is asked for, and an error anywhere
else is told and ignored: nobody has to repair a header before a schedule can be stopped. What the
file pauses no error may wake: see `Desired.unbuilt`.
"""

from collections.abc import Mapping
from dataclasses import replace

from qstash_sync.config.load import Config, Files
from qstash_sync.config.missing import Missing
from qstash_sync.config.report import Path
from qstash_sync.model.diagnostics import Diagnostic, Severity

_UNKNOWN = ("unknown_key", "unknown_name")
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
    names = filter(None, (_doubted(error.path, environment) for error in errors))
    desired = replace(
        config.desired,
        unbuilt={**config.desired.unbuilt, **dict.fromkeys(names)},
        hides_names=any(_hides_names(error, environment) for error in errors),
        hides_pauses=not files.is_whole or any(_hides_pauses(one, environment) for one in errors),
    )
    return replace(config, desired=desired), files.certain(errors)


def is_elsewhere(error: Diagnostic, schedule: str, environment: str | None) -> bool:
    """Whether an error leaves a schedule as it is: another entry has it, or another kind's section.

    What is merged in, stands twice or cannot be read may be about any of them.
    """
    path = _as_of_all(error.path, environment)
    if "<<" in path or error.code == "duplicate":
        return False
    match path:
        case ("schedules", str(name), _, *_):
            return name != schedule
        case ("url_groups" | "queues" | "flow_controls", _, *_):
            return True
        case ("environments", _, *_):
            return True  # another one's: of this one it would be decisive
    return False


def _doubted(path: Path, environment: str | None) -> str | None:
    """The schedule that is wrong as a whole, as one that stands twice is, or in its pause.

    That may be in the wrong column, as below `headers`.
    """
    match _as_of_all(path, environment):
        case ("schedules", str(name)):
            return name
        case ("schedules", str(name), *rest) if "paused" in rest or "<<" in rest:
            return name
    match path:
        case ("environments", str(of), "overrides", "schedules", str(name)) if of == environment:
            return name
    return None


def _hides_names(error: Diagnostic, environment: str | None) -> bool:
    """Whether an error leaves open which live schedules an entry is about.

    A key that nobody knows may be meant for one that says it.
    """
    match _as_of_all(error.path, environment):
        case ("schedules", _) | ("schedules", _, "id" | "was", *_):
            return True
        case ("schedules", *_):
            return error.code in _UNKNOWN
    return False


def _hides_pauses(error: Diagnostic, environment: str | None) -> bool:
    """Whether an error leaves open which schedules there are, or what all of them share.

    A key that nobody knows may be meant for one that says it, and what stands in place of an entry
    for a setting of one, in the wrong column. What is merged in may be merged into any schedule.
    """
    path = _as_of_all(error.path, environment)
    is_of_many = _is_home(path) or error.code == "duplicate"
    if "<<" in path or ("paused" in path and is_of_many):
        return path[0] != "environments"
    match path:
        case ("schedules" | "defaults" | "overrides",) | ("defaults", "paused", *_):
            return True
        case ("schedules", _):
            return error.code in ("type", *_UNKNOWN)
        case (_,) | ("defaults", *_):
            return error.code in _UNKNOWN
    return False


def _is_home(path: Path) -> bool:
    """Whether it is below an anchor's home."""
    return any(str(key).startswith("x-") for key in path[:2])


def _as_of_all(path: Path, environment: str | None) -> Path:
    """The path of what is about one environment, as if it were about all of them."""
    match path:
        case ("environments", str(of), "overrides", _, *_) if of == environment:
            return path[3:]
        case ("environments", str(of), _, *_) if of == environment:
            return path[2:]
    return path


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
