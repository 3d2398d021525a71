"""A file as far as an incident needs it: who is meant, whatever is wrong with the rest.

Which ids and which account must be certain: version, namespace, the name of the environment and
its token, region, url and account. No secret but the token is asked for, and an error anywhere
else is told and ignored: nobody has to repair a header before a schedule can be stopped. What the
file pauses no error may wake: see `Desired.unbuilt`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from qstash_sync.config import places
from qstash_sync.config.load import Config, Files
from qstash_sync.config.missing import Missing
from qstash_sync.config.report import Path
from qstash_sync.model.diagnostics import Diagnostic, Severity

_BESIDE = "same_account"  # two environments in one account: each has marks of its own
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
    lost = _lost_elsewhere(files, environment, variables, environ)
    errors = (*(f for f in diagnostics if f.severity is Severity.ERROR), *lost)
    unsure = not files.documents or any(_is_decisive(error, environment) for error in errors)
    if config is None or unsure:
        raise files.failure(errors)
    wrong = [(_place(files, error, environment), error.code) for error in errors]
    doubted = filter(None, (_doubted(place, code) for place, code in wrong))
    desired = replace(
        config.desired,
        unbuilt={**config.desired.unbuilt, **dict.fromkeys(doubted)},
        hides_names=any(_hides_names(place) for place, _ in wrong),
        hides_pauses=not files.is_whole or any(_hides_pauses(*one) for one in wrong),
    )
    return replace(config, desired=desired), files.certain(errors)


def _lost_elsewhere(
    files: Files,
    environment: str | None,
    variables: Mapping[str, str],
    environ: Mapping[str, str],
) -> Iterator[Diagnostic]:
    """What other environments override that is not there: a schedule's name is lost for all."""
    for other, names in places.lost_overrides(files.documents).items():
        if other == environment or other not in files.names():
            continue
        _, found = files.attempt(other, variables, environ, Missing.UNKNOWN)
        paths = {("environments", other, "overrides", "schedules", name) for name in names}
        yield from (one for one in found if one.path in paths)


def is_elsewhere(files: Files, error: Diagnostic, schedule: str, environment: str | None) -> bool:
    """Whether an error leaves a schedule as it is: it is about one value of something else."""
    match _place(files, error, environment):
        case ("schedules", str(name), _, *_):
            return name != schedule
        case ("url_groups" | "queues" | "flow_controls", _, *_):
            return True
        case ("limits" | "owns" | "protect" | "lint", *_):
            return True  # about what a run does, and not about when anything fires
        case ("environments", _, *_):
            return True  # another one's: of this one it would be decisive
    return False


def _place(files: Files, error: Diagnostic, environment: str | None) -> Path | None:
    """Of which one value an error is; one of this environment has the path of what all share."""
    if error.code == _BESIDE:
        return error.path
    path = places.of_value(error, files.documents)
    match path:
        case ("environments", str(of), "overrides", _, *_) if of == environment:
            return path[3:]
        case ("environments", str(of), _, *_) if of == environment:
            return path[2:]
    return path


def _doubted(path: Path | None, code: str) -> str | None:
    """The schedule of which it is open whether the file pauses it: a misspelt key may say so."""
    match path:
        case ("schedules", str(name)):
            return name
        case ("schedules", str(name), *rest) if code == "unknown_key" or "paused" in rest:
            return name
    return None


def _hides_names(path: Path | None) -> bool:
    """Whether an error leaves open which live schedules an entry is about."""
    match path:
        case ("schedules", _) | ("schedules", _, "id" | "was", *_):
            return True
    return False


def _hides_pauses(path: Path | None, code: str) -> bool:
    """Whether an error leaves open which schedules there are, or what all of them share."""
    match path:
        case None:
            return True
        case ("defaults", *rest):
            return code == "unknown_key" or "paused" in rest
    return False


def _is_decisive(error: Diagnostic, environment: str | None) -> bool:
    """Whether an error is about the ids or the account."""
    if error.code == _BESIDE:
        return False
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
