"""qstash-sync as a library, thinly: what its own commands are made of.

    compile_cron    a local cron -> UTC crons, proven; for any scheduler that knows UTC alone
    load            files -> what they declare, and the account that they name
    connect         the account, for reading unless it is said otherwise
    embedded        an account in memory or in a file, with no network: for tests of one's own
    plan            what an apply would change
    apply           make it so, and look whether it came true

Each of them is in `qstash_sync` itself. What fails raises an error of `qstash_sync.errors`.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import httpx

from qstash_sync.applying import proposal
from qstash_sync.applying.account import Account
from qstash_sync.config import given
from qstash_sync.config.account import Endpoint, resolve
from qstash_sync.config.load import Config, Files, gather
from qstash_sync.config.missing import OFFERED, Missing
from qstash_sync.crons.compile import RENEW_BEFORE, RENEWALS, Compilation, Strategy, compile_job
from qstash_sync.crons.error import CronError
from qstash_sync.crons.gap_and_fold import Fold, Gap, job
from qstash_sync.crons.zones import YEARS
from qstash_sync.errors import CompileError, ConfigError, UsageError, WriteForbiddenError
from qstash_sync.model.resources import Desired, Piece, Secret
from qstash_sync.planning.decide import Plan
from qstash_sync.planning.policy import Policy
from qstash_sync.qstash.answers import Origin
from qstash_sync.qstash.client import Client, at_once
from qstash_sync.reconcile import ignored, scope

if TYPE_CHECKING:
    from qstash_sync.applying.executor import Control
    from qstash_sync.applying.outcomes import Applied
    from qstash_sync.local import LocalQStash

_NO_POLICY = Policy()
E = TypeVar("E", bound=StrEnum)


def compile_cron(
    crons: str | Sequence[str],
    timezone: str,
    *,
    now: datetime | None = None,
    strategy: str = "split",
    gap: str | None = None,
    fold: str | None = None,
    renew_before: timedelta = RENEW_BEFORE,
    accept: bool = False,
) -> Compilation:
    """UTC crons whose firings together are those of one or several local crons.

    crons: five fields in local time. timezone: an IANA zone. now: an aware time, from whose day on
    the compilation holds. strategy, gap, fold, renew_before, accept: as `dst` in a file.

    Returns the crons (`.crons`), until when they are exact (`.valid_until`, None: for ever), when
    to compile again (`.renew_at`) and the proof. Raises `CompileError` for what is not understood,
    never fires, or cannot be proven, and `UsageError` for a word or a time that cannot be meant.
    """
    least, most = RENEWALS
    if not isinstance(renew_before, timedelta):
        raise UsageError(f"renew_before: {renew_before!r} is no timedelta, as timedelta(days=45)")
    if not least <= renew_before <= most:
        raise UsageError(f"renew_before: {renew_before} is out of range; 1 to {most.days} days")
    meant = _known(Strategy, "strategy", strategy)
    gap, fold = gap and _known(Gap, "gap", gap), fold and _known(Fold, "fold", fold)
    try:
        return compile_job(
            job(_texts(crons), str(timezone), gap=gap, fold=fold),
            now=_instant(now),
            strategy=meant,
            renew_before=renew_before,
            accept=accept,
        )
    except CronError as error:
        raise CompileError(str(error)) from None


def _texts(crons: object) -> list[str]:
    """One cron or several, of which there is one at least."""
    found = [crons] if isinstance(crons, str) else crons
    texts = list(found) if isinstance(found, Iterable) else []
    if not texts or not all(isinstance(text, str) for text in texts):
        raise UsageError(f"crons: {crons!r} is neither a cron, such as '0 9 * * *', nor some")
    return texts


def _known(kind: type[E], name: str, word: str) -> E:
    try:
        return kind(word)
    except ValueError:
        raise UsageError(f"{name}: {word!r} is not one of {', '.join(kind)}") from None


def _instant(now: object) -> datetime:
    if now is None:
        return datetime.now(UTC)
    if not isinstance(now, datetime) or now.tzinfo is None:
        raise UsageError(f"now: {now!r} is no aware time, such as datetime.now(UTC)")
    if now.year not in YEARS:
        raise UsageError(f"now: {now}: the years {YEARS[0]} to {YEARS[-1]} can be planned")
    return now


def load(
    *paths: str | Path,
    environment: str | None = None,
    variables: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    missing: str = "error",
) -> Config:
    """What files declare: `.desired` for one environment, `.warnings`, and the account.

    paths: files and folders; without, qstash.yaml, else qstash/. environ: in place of the process's
    environment. missing: what becomes of variables that are not set: `error`, `unknown` (equal to
    anything) or `mock` (made up). Raises `ConfigError` with every diagnostic, `UsageError` for what
    cannot be read.
    """
    if missing not in OFFERED:
        raise UsageError(f"missing: {missing!r} is not one of {', '.join(OFFERED)}")
    for name, value in (variables or {}).items():
        if not isinstance(value, str):
            raise UsageError(f"variables: {name} must be text, as --var gives it")
    files = Files(gather([str(path) for path in paths], None))
    given.check(files, variables or {}, "variables")
    surroundings = dict(os.environ) if environ is None else environ
    return files.config(environment, variables or {}, surroundings, Missing(missing))


def endpoint(config: Config, environ: Mapping[str, str] | None = None) -> Endpoint:
    """Address and token of the account; raises `AuthError` or `ConfigError` where they are none."""
    surroundings = dict(os.environ) if environ is None else environ
    return resolve(config.account, config.desired.environment, surroundings)


def connect(
    config: Config,
    *,
    environ: Mapping[str, str] | None = None,
    read_only: bool = True,
    parallelism: int = 8,
) -> Client:
    """A client of the account that the files or the environment name; `with` closes it.

    read_only: refuse to send anything but GET.
    """
    found = endpoint(config, environ)
    return Client(
        found.url,
        found.token,
        read_only=read_only,
        parallelism=parallelism,
        hide=config.secrets,
        origin=Origin(url=found.url_from, token=found.token_from, is_default=found.is_default),
    )


def local_account(path: str, clock: Callable[[], float] = time.time) -> "LocalQStash":
    """The embedded QStash in a file; raises `UsageError` where it cannot be one's."""
    from qstash_sync.local import LocalQStash, StoreError  # noqa: PLC0415 a real account needs no server

    if not path:
        raise UsageError("--local=: say which file; --local alone takes the default one")
    try:
        return LocalQStash(path, clock=clock)
    except StoreError as error:
        raise UsageError(f"--local={path}: {error}; it keeps an account in a file") from None


@contextmanager
def embedded(
    path: str = ":memory:",
    *,
    read_only: bool = False,
    parallelism: int = 8,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] | None = None,
) -> Iterator[Client]:
    """A client of an embedded QStash, kept in a file or in memory; no account, no network.

    clock, monotonic, sleep: for tests that move time. Raises `UsageError` for a file that is none.
    """
    with (
        local_account(path, clock) as account,
        Client(
            "http://local",
            Secret((Piece(account.token, hidden=True),)),
            read_only=read_only,
            transport=httpx.MockTransport(account),
            parallelism=parallelism,
            sleep=sleep,
            clock=clock,
            monotonic=monotonic,
        ) as client,
    ):
        yield client


def plan(
    desired: Desired,
    account: Account,
    *,
    now: datetime | None = None,
    policy: Policy = _NO_POLICY,
    base: Desired | None = None,
) -> Plan:
    """What an apply would change: `.changes`, `.warnings`, `.errors`, `.summary`; writes nothing.

    desired: of `load`. policy: scope, consents and overrides, as the options of the command. base:
    what the files declared before, which says whose each change is.
    """
    _check(policy)
    return proposal.propose(account, desired, now=_instant(now), policy=policy, base=base)


def _check(policy: Policy) -> None:
    """What the command line checks of its options."""
    try:
        for text in (*policy.target, *policy.exclude):
            scope.pattern(text)
        for text in policy.ignore:
            ignored.option(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


def apply(
    desired: Desired,
    approved: Plan,
    account: Client,
    *,
    policy: Policy = _NO_POLICY,
    control: "Control | None" = None,
) -> "Applied":
    """Carry out a plan that has no errors: `.outcomes`, and `.done` if each of them came true.

    What has moved since the plan was made is not done; nothing is asked. control: parallelism,
    waiting, progress and a way to stop. Raises `WriteForbiddenError` for an account that was
    connected for reading, `UsageError` for a plan of other files or of another environment.
    """
    from qstash_sync.applying import applying  # noqa: PLC0415 a plan needs none of it

    if account.read_only:
        raise WriteForbiddenError("this account is for reading: connect(config, read_only=False)")
    if approved.desired is not None and approved.desired != desired:
        raise UsageError("this plan is of other files, or of another environment: plan these anew")
    _check(policy)
    if control is not None:
        at_once(control.parallelism)
    if approved.errors:
        raise ConfigError(approved.errors)
    return applying.apply(account, desired, approved, policy=policy, control=control)
