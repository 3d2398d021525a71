"""Plans in files: `plan --save FILE` writes one, `apply FILE` carries it out."""

from __future__ import annotations

import shlex
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from qstash_sync.cli import files, streams
from qstash_sync.errors import SavedPlanError, StalePlanError, UsageError

if TYPE_CHECKING:
    from qstash_sync.cli.session import Session
    from qstash_sync.config.load import Config
    from qstash_sync.planning.decide import Plan
    from qstash_sync.planning.saved import Saved, Where
    from qstash_sync.qstash.client import Client


# Writing


def check(path: str, session: Session) -> None:
    """Say no early to a plan that could not be saved; raises `UsageError`."""
    from pathlib import Path

    from qstash_sync.planning import savefile

    if session.unknown_env:
        raise UsageError("--save: what --unknown-env leaves open cannot be approved; set it")
    files.refuse_link(path, "--save")
    files.refuse_kept(path, "--save", session.kept())
    session.saves_to = path
    for _, other in session.outputs:
        files.refuse_kept(other, "--output", session.kept())
    target = Path(path)
    if not target.exists():
        return
    if not target.is_file():
        raise UsageError(f"--save {path}: not a file")
    text = files.text(path, "--save", _MOST)
    if text and not savefile.is_saved_plan(text):
        raise UsageError(f"--save {path}: holds something else than a saved plan; not overwritten")


def save(path: str, session: Session, config: Config, found: Plan) -> None:
    """Write a plan to its file, whole or not at all, for its owner alone."""
    from qstash_sync.planning import saved, savefile
    from qstash_sync.planning.fingerprint import Fingerprints

    fingerprints = Fingerprints(config.desired, found.live, found.index)
    plan = saved.of_plan(found, fingerprints, where(session, config), session.policy)
    files.replace(path, savefile.dump(replace(plan, made_with=_made_with(session))), "--save")


def fate(path: str, session: Session, found: Plan, *, ahead: bool) -> str:
    """What became of a plan that was to be saved, and what to do with it.

    ahead: it is of a time that is to come, for the account.
    """
    if found.errors:
        return f"Not saved to {path}: it has errors"
    if ahead:
        return f"Saved to {path}, to look at: no apply takes it before {found.now:%Y-%m-%d %H:%MZ}"
    return f"Saved to {path}; apply it: {command(path, session)}"


def command(path: str, session: Session) -> str:
    """The command line that applies a saved plan: it takes the files and the account once more."""
    options = replace(session, environment=None).options  # it knows its environment
    if session.local is not None and session.now is not None:  # the time that both pretend
        options = (*options, "--now", session.now)
    return shlex.join(("qstash-sync", "apply", path, *options))


def where(session: Session, config: Config) -> Where:
    """What this run is for; a local server is the same wherever its file lies."""
    from qstash_sync.model.addresses import region_of
    from qstash_sync.planning.saved import LOCAL, Where

    endpoint, desired = session.endpoint, config.desired
    url = endpoint.url.rstrip("/") if endpoint else LOCAL
    return Where(
        environment=desired.environment,
        namespace=desired.namespace,
        user=endpoint.user if endpoint else LOCAL,
        region=region_of(url),
        url=url,
    )


def _made_with(session: Session) -> str:
    """What an apply takes once more, as a plan may hold it: no value, no folder of a machine."""
    named = [*(("-f ", path) for path in session.paths), ("--env-file ", session.env_file)]
    named.append(("--local=", session.local))
    found = [f"{option}{_portable(path)}" for option, path in named if path]
    found += [f"--var {item.partition('=')[0]}" for item in session.variables]
    return " ".join(sorted(found)) or "no -f"


def _portable(path: str) -> str:
    from pathlib import Path

    return Path(path).name if Path(path).is_absolute() else path


# Reading

_MOST = 500_000_000  # bytes of a saved plan: a change of every schedule that an account can have


def read(path: str, session: Session) -> Saved:
    """The plan in a file; its environment is the run's, unless that names one."""
    from qstash_sync.planning import savefile

    text = files.text(path, "apply", _MOST)
    if not savefile.is_saved_plan(text):
        told = f"; files of resources come with {shlex.join(('-f', path))}"
        hint = told if path.endswith((".yaml", ".yml")) else ""
        raise UsageError(f"apply {path}: not a plan that `plan --save` has written{hint}")
    try:
        found = savefile.load(text)
    except SavedPlanError as error:
        raise SavedPlanError(f"{path}: {error}") from None

    # Options of the command line may repeat those of the plan, and nothing else.
    given = session.policy
    for field in fields(given):
        value: Any = getattr(given, field.name)
        if field.name == "fail_on":
            continue  # it was linted when it was saved
        if value not in (field.default, getattr(found.policy, field.name)):
            option = f"--{field.name.replace('_', '-')}"
            raise UsageError(f"{option}: the plan was saved without that; plan again with it")

    session.environment = session.environment or found.where.environment
    session.ignore = found.policy.ignore
    return found


def approve(
    session: Session, client: Client, config: Config, plan: Saved, *, verbose: bool
) -> Plan:
    """What is approved and still holds, shown without asking; raises `StalePlanError`."""
    from qstash_sync.applying import applying
    from qstash_sync.planning import saved

    away = saved.elsewhere(plan.where, where(session, config))
    if away:
        raise StalePlanError(away)
    try:
        found = applying.approved(client, config.desired, plan)
    except StalePlanError as error:
        then, now = plan.made_with, _made_with(session)
        if then in (None, now):
            raise
        told = f"it was made with {then}, this run has {now}"
        raise StalePlanError(f"{error}; {told}", error.moved) from None
    session.taken = found.policy
    if not session.json:
        from qstash_sync.render import applying as view

        session.warn(config.warnings)
        streams.result(view.saved(plan, found, session.paint(), verbose=verbose))
    return found.plan
