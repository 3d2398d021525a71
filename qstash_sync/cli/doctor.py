"""`qstash-sync doctor`: whether a set-up works, before it hurts."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

from qstash_sync.cli import options, streams
from qstash_sync.errors import (
    AccountError,
    AuthError,
    ConfigError,
    UnknownNameError,
    UsageError,
)
from qstash_sync.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qstash_sync.cli.session import Session
    from qstash_sync.config.load import Config
    from qstash_sync.health.account import Untold
    from qstash_sync.health.called import Address
    from qstash_sync.health.check import Check, Subject
    from qstash_sync.model.diagnostics import Diagnostic, Severity
    from qstash_sync.model.resources import Desired, Live
    from qstash_sync.qstash.client import Client

T = TypeVar("T")
_KINDS = ("schedules", "url_groups", "queues", "flow_controls")
PATIENCE = 10.0  # seconds for the tries of one question: that nobody answers is a finding, too


@click.command()
@options.common(options.local, options.now, options.parallelism)
@click.option(
    "--probe", type=click.Choice(["hosts", "head"]), metavar="[=head]",
    help="Look up each host that the file names, and its certificate; head: and ask each address"
    " by HEAD, but none that is called by GET or HEAD.",
)  # fmt: skip
@click.option(
    "--probe-signature", is_flag=True,
    help="POST to each handler with a false signature, which it should refuse. Asks first: one"
    " that does not verify signatures runs.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--fail-on", type=click.Choice(["error", "warning", "none"]), default="error",
    show_default=True, help="Exit 2 if there is a finding as heavy as this.",
)  # fmt: skip
def doctor(*, probe: str | None, probe_signature: bool, yes: bool, **given: Any) -> int:
    """Tell whether token, region, signing keys, quotas, clock and addresses are right."""
    from qstash_sync.cli.session import Session
    from qstash_sync.health import called
    from qstash_sync.render import health as view

    session = Session.open(**given)
    checks, config = _of_file(session)
    if config:
        checks += _of_account(session, config)
    checks += _of_surroundings(session)
    if config:
        addresses = called.addresses(config.desired)
        checks += _probed(session, addresses, probe, asks_handlers=probe_signature, yes=yes)

    streams.result(
        view.document(checks, session.requests)
        if session.json
        else view.text(checks, session.paint())
    )
    failing = session.failing
    fails = failing is not None and any(check.is_at_least(failing) for check in checks)
    return ExitCode.DIFFERENCES if fails else ExitCode.DONE


def _check(
    subject: Subject, message: str, severity: Severity | None = None, hint: str = ""
) -> Check:
    from qstash_sync.health.check import Check

    return Check(subject=subject, severity=severity, message=message, hint=hint)


# ---------------------------------------------------------------- the file


def _of_file(session: Session) -> tuple[list[Check], Config | None]:
    """What the files are, and the config of them; none of files that are wrong."""
    from qstash_sync.config.environment import Account, Config
    from qstash_sync.config.missing import Missing
    from qstash_sync.health.check import Subject
    from qstash_sync.model.diagnostics import Severity
    from qstash_sync.model.resources import Desired
    from qstash_sync.render.alike import folded
    from qstash_sync.render.words import counted

    try:
        files = session.sources()
    except UsageError:
        if session.paths or session.variables:  # which are of a file
            raise
        fact = "no qstash.yaml here, so only the account is looked at"
        hint = "qstash-sync init writes one; -f names another"
        check = _check(Subject.FILE, fact, Severity.INFO, hint)
        return [check], Config(desired=Desired(namespace=""), account=Account())
    try:
        config = session.config(files, missing=Missing.UNKNOWN)
    except UnknownNameError:  # of the command line: no finding of a file
        raise
    except ConfigError as error:
        first, *others = _errors(error)
        count = len(folded((first, *others)))
        more = f", and {count - 1:,} more" if count > 1 else ""
        where = f"{first.location}: " if first.location else ""
        # Where nothing but the hint is left to show, as of a --var, it is all.
        is_whole = first.hint and not (others or first.location)
        shows = shlex.join(("qstash-sync", "validate", *session.of_files)) + " shows all of it"
        hint = "; ".join(filter(None, (first.hint, "" if is_whole else shows)))
        return [_check(Subject.FILE, f"{where}{first.text}{more}", Severity.ERROR, hint)], None
    desired = config.desired
    count = len(files.documents)
    declare = "declares" if count == 1 else "declare"
    fact = f"{counted(count, 'file')} {declare} {_sizes(desired) or 'nothing'}"
    checks = [_check(Subject.FILE, fact)]
    try:
        session.config(files, missing=Missing.ERROR)
    except ConfigError as error:
        # The others follow from what is not set.
        for one in folded(one for one in _errors(error) if one.code == "unset"):
            hint = "plan --unknown-env goes without it, apply does not"
            where = f"{one.location}: " if one.location else ""
            fact = f"{where}{one.text}"
            checks.append(_check(Subject.VARIABLES, fact, Severity.WARNING, hint))
    return checks, config


def _errors(error: ConfigError) -> list[Diagnostic]:
    """What is wrong with files; their warnings are for `validate`."""
    from qstash_sync.model.diagnostics import Severity

    return [one for one in error.diagnostics if one.severity is Severity.ERROR]


def _sizes(side: Desired | Live) -> str:
    """How many of each kind there are, those aside of which there is none."""
    from qstash_sync.model.resources import Kind
    from qstash_sync.render.text import noun
    from qstash_sync.render.words import counted

    sizes = {kind: len(getattr(side, f"{kind}s") or ()) for kind in reversed(Kind)}
    return ", ".join(counted(size, noun(kind)) for kind, size in sizes.items() if size)


# ---------------------------------------------------------------- the account


def _of_account(session: Session, config: Config) -> list[Check]:
    """What the account says; where it says no, that is all."""
    from qstash_sync.health.check import Subject
    from qstash_sync.model.diagnostics import Severity

    checks: list[Check] = []
    try:
        with session.client(config, read_only=True, tells=False) as client:
            client.patience = PATIENCE
            checks += _read(session, config, client)
    except (AccountError, ConfigError) as error:
        hint = "" if session.endpoint is None else session.endpoint.reason
        checks.append(_check(Subject.TOKEN, str(error), Severity.ERROR, hint))
    return checks


def _read(session: Session, config: Config, client: Client) -> Iterator[Check]:
    from qstash_sync.health import account
    from qstash_sync.health.check import Subject
    from qstash_sync.model.diagnostics import Severity

    live = client.read(_KINDS)
    yield _check(Subject.TOKEN, f"good for {session.whereabouts}{_region(session)}")
    keys, unread = _asked(lambda: account.Keys(*client.signing_keys()))
    parallelism, untold = _asked(client.parallelism)
    read = _sizes(live) or "an empty account"
    yield account.access(read, is_read_only=keys is account.Untold.FORBIDDEN)
    for what, why in (("signing keys", unread), ("parallelism", untold)):
        if why:
            yield _check(Subject.ACCESS, f"{what}: {why}", Severity.WARNING)

    names = _key_names(session)
    environ = session.environ()
    here = account.Keys(current=environ.get(names[0]) or None, next=environ.get(names[1]) or None)
    yield from account.signing_keys(here, keys, names)
    if session.local is None:  # an embedded one is of no plan
        yield from account.plan(config.desired, parallelism)
    yield from account.quotas(config.desired, live, session.instant)
    yield from account.clock(client.skew(), is_odd=client.has_odd_clock)
    yield from account.globs(config.desired, live)


def _region(session: Session) -> str:
    """Which region the address is, and what said so."""
    if session.endpoint is None:
        return ""
    from qstash_sync.model.addresses import region_of

    region = region_of(session.endpoint.url)
    where = f", the region {region}" if region else ""
    return f"{where}: {session.endpoint.reason}"


def _asked(question: Callable[[], T | None]) -> tuple[T | Untold, str]:
    """What an account answers to what a token need not be allowed to ask, or why it does not.

    The text is of an answer that was none: of what somebody may have to mend.
    """
    from qstash_sync.health.account import Untold

    try:
        found = question()
    except AuthError:
        return Untold.FORBIDDEN, ""
    except AccountError as error:
        return Untold.UNANSWERED, str(error)
    return (Untold.ABSENT if found is None else found), ""


def _key_names(session: Session) -> tuple[str, str]:
    """The variables of the keys: those beside the token's, such as PROD_QSTASH_TOKEN."""
    from qstash_sync.model.addresses import KEY_VARIABLES, TOKEN_VARIABLE

    token = session.endpoint.token_from if session.endpoint else TOKEN_VARIABLE
    prefix = token.removesuffix(TOKEN_VARIABLE) if token.endswith(TOKEN_VARIABLE) else ""
    current, following = (f"{prefix}{name}" for name in KEY_VARIABLES)
    return current, following


def _of_surroundings(session: Session) -> Iterator[Check]:
    from qstash_sync.health import account

    return account.zone_data(session.instant)


# ---------------------------------------------------------------- who is called


def _probed(
    session: Session,
    addresses: tuple[Address, ...],
    probe: str | None,
    *,
    asks_handlers: bool,
    yes: bool,
) -> Iterator[Check]:
    from qstash_sync.health import probe as probes
    from qstash_sync.health.check import Subject
    from qstash_sync.model.diagnostics import Severity

    if not addresses and (probe or asks_handlers):
        subject = Subject.HOST if probe else Subject.SIGNATURE
        yield _check(subject, "no file names an address that could be probed", Severity.INFO)
        return
    if probe:
        yield from probes.hosts(addresses, session.instant)
    if probe == "head":
        yield from probes.heads(addresses)
        yield from probes.no_heads(addresses)
    if not asks_handlers:
        return
    handlers = [one for one in addresses if one.is_posted]
    if handlers and not yes:
        if session.json or not streams.is_terminal(sys.stdin):
            raise UsageError("--probe-signature runs handlers that do not verify: add --yes")
        count = f"{len(handlers):,} address{'es' if len(handlers) > 1 else ''}"
        streams.confirm(f"POST with a false signature to {count}?")
    yield from probes.signatures(handlers)
    yield from probes.no_signatures(addresses)
