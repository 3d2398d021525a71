"""`qstash-sync import`: the file of an account that grew by hand."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from qstash_sync.cli import files, options, streams
from qstash_sync.errors import UsageError
from qstash_sync.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from qstash_sync.adopt.document import Style
    from qstash_sync.adopt.importing import Check, Checked, Imported
    from qstash_sync.cli.session import Session
    from qstash_sync.model.resources import Live
    from qstash_sync.render import imported as view


_MOST = 100_000_000  # bytes of a state of Terraform


@click.command("import")
@click.option(
    "--namespace", metavar="NAME", help="The namespace of the file: new schedules are NAME.<name>."
)
@click.option("--out", metavar="FILE", help="Write the file there, if there is none. Else: stdout.")
@click.option(
    "--env-out", metavar="FILE",
    help="Write the secrets that can be read to a new file of mode 0600, for --env-file.",
)  # fmt: skip
@click.option(
    "--target", "targets", multiple=True, metavar="GLOB",
    help="Only schedules of these ids, URL groups, queues and keys of these names; repeatable.",
)  # fmt: skip
@click.option(
    "--names", "state", metavar="FILE", help="Take names from a terraform.tfstate, by their ids."
)
@click.option(
    "--strays", is_flag=True,
    help="No file, but a plan against the files of -f: adopt what they name by `id:`, delete the"
    " twins of what they declare, keep the rest.",
)  # fmt: skip
@options.saving
@options.files
@options.environment
@options.variables
@options.env_file
@options.local
@options.now
@options.parallelism
@options.allow_deletes
@options.output_format
@options.color
def import_account(
    *,
    strays: bool,
    namespace: str | None,
    out: str | None,
    env_out: str | None,
    targets: tuple[str, ...],
    state: str | None,
    path: str | None,
    **given: Any,
) -> int:
    """Write the file of what an account holds, or plan what to do with what a file leaves.

    Cannot write to the account.
    """
    from qstash_sync.cli.session import Session

    session = Session.open(strays=strays, **given)
    of_file = {
        "--namespace": namespace, "--out": out, "--env-out": env_out, "--target": targets,
        "--names": state,
    }  # fmt: skip
    of_strays = {
        "--save": path, "-f": session.paths, "-e": session.environment, "--var": session.variables,
        "--allow-deletes": session.allow_deletes,
    }  # fmt: skip
    for option, value in (of_file if strays else of_strays).items():
        if value not in (None, ()):
            fact = "it plans against a file that there is" if strays else "only with --strays"
            raise UsageError(f"import {option}: {'not with --strays: ' * strays}{fact}")
    if strays:
        from qstash_sync.cli.plan import propose

        return propose(session, path, detailed_exitcode=False, verbose=True)
    return _write(session, namespace, out, env_out, targets, state)


def _write(
    session: Session,
    namespace: str | None,
    out: str | None,
    env_out: str | None,
    targets: tuple[str, ...],
    state: str | None,
) -> int:
    """The file of an account; returns the exit code."""
    from qstash_sync.adopt import env_file
    from qstash_sync.adopt.importing import imported
    from qstash_sync.adopt.survey import taken
    from qstash_sync.render import imported as view

    namespace = _namespace(namespace)
    for path, option in ((out, "--out"), (env_out, "--env-out")):
        if path is not None:
            files.refuse_existing(path, option)
    if out is not None:
        files.refuse_hiding(out, "--out")
    if out and env_out and files.is_same(out, env_out):
        raise UsageError(f"--env-out {env_out}: is --out, too; secrets need a file of their own")
    given_names = _terraform(state) if state else {}
    session.environ()  # whoever names a file of it is told if there is none

    live = _read(session, namespace)
    _refuse_idle(targets, live)
    found = imported(
        live,
        namespace=namespace,
        now=session.instant,
        style=style_of(_encoding() if out is None else "utf-8"),
        check=check_of(taken(live, namespace, targets), session.instant),
        targets=targets,
        given=given_names,
    )
    values = env_file.text(found.document.variables, "the account")
    _refuse_unreadable({"file": found.document.text, **({"--env-out": values} if env_out else {})})
    new = []
    if out is not None:
        new.append(files.New(path=out, text=found.document.text, option="--out"))
    if env_out is not None:
        new.append(files.New(path=env_out, text=values, option="--env-out", private=True))
    files.create(*new)
    _show(session, found, view.Files(out=out, env_out=env_out, state=state, local=session.local))
    return ExitCode.DONE


def _namespace(namespace: str | None) -> str:
    if namespace is None:
        raise UsageError("import --namespace NAME: is missing; use a-z, 0-9 and -, such as billing")
    if why := options.no_namespace(namespace):
        raise UsageError(why)
    return namespace


def _terraform(path: str) -> Mapping[str, tuple[str, ...]]:
    from qstash_sync.adopt import terraform

    try:
        return terraform.names(files.text(path, "--names", _MOST))
    except (ValueError, RecursionError):
        raise UsageError(f"--names {path}: not a state of Terraform (terraform.tfstate)") from None


def _read(session: Session, namespace: str) -> Live:
    """The four lists, side by side; where QStash has none of the keys, those that are used."""
    from dataclasses import replace

    from qstash_sync.config.environment import Account, Config
    from qstash_sync.model.resources import Desired, Kind

    config = Config(desired=Desired(namespace=namespace), account=Account())
    with session.client(config, read_only=True) as client:
        live = client.read({"schedules", "url_groups", "queues", "flow_controls"})
        if Kind.FLOW_CONTROL not in client.unlisted:
            return live
        uses = (schedule.message.flow_control for schedule in live.schedules or ())
        keys = client.read({"flow_controls"}, {use.key for use in uses if use})
        return replace(live, flow_controls=keys.flow_controls)


def _refuse_idle(targets: tuple[str, ...], live: Live) -> None:
    """A glob that matches nothing is a slip of the pen."""
    from fnmatch import fnmatchcase

    names = [schedule.id for schedule in live.schedules or ()]
    for kind in (live.url_groups, live.queues, live.flow_controls):
        names += [resource.name for resource in kind or ()]
    for glob in targets:
        if not any(fnmatchcase(name, glob) for name in names):
            raise UsageError(f"--target {glob}: nothing in the account has such an id or name")


def _refuse_unreadable(texts: Mapping[str, str]) -> None:
    """A file that is larger than any that is read."""
    from qstash_sync.config import sources
    from qstash_sync.errors import ImportedFileError
    from qstash_sync.model.diagnostics import Diagnostic

    hint = "import parts with --target GLOB into files of one directory; one of them keeps"
    hint += " `namespace`, and what else may stand in one alone"
    for what, text in texts.items():
        if (size := len(text.encode("utf-8", "replace"))) > sources.MAX_BYTES:
            fact = f"the {what} would have {size:,} bytes; {sources.MAX_BYTES:,} are the most read"
            raise ImportedFileError((Diagnostic(code="too_large", message=fact, hint=hint),))


def _encoding() -> str:
    """What stdout shows of a file: a shell may put it into one, and that is UTF-8 or ASCII."""
    import codecs

    given = getattr(sys.stdout, "encoding", None) or "utf-8"
    return "utf-8" if codecs.lookup(given).name == "utf-8" else "ascii"


def style_of(encoding: str) -> Style:
    """The order of the schema's keys, and what a line may show where the file goes."""
    from qstash_sync.adopt.document import Style
    from qstash_sync.config.schema import ScheduleSpec
    from qstash_sync.render import safe

    def shows(line: str) -> bool:
        if line.isascii() and line.isprintable() and "::" not in line and "##" not in line:
            return True
        try:
            line.encode(encoding)
        except UnicodeEncodeError:
            return False
        return safe.line(line) == line

    order = tuple(field.alias or name for name, field in ScheduleSpec.model_fields.items())
    return Style(order=order, shows=shows)


def check_of(live: Live, now: datetime) -> Check:
    """Load a draft as any file is loaded, look a year ahead, and plan it against what was read."""
    from qstash_sync.adopt.importing import Checked
    from qstash_sync.applying import proposal
    from qstash_sync.config.load import Files, Source
    from qstash_sync.config.missing import Missing
    from qstash_sync.model.diagnostics import Diagnostic, Severity
    from qstash_sync.model.steps import PutSchedule
    from qstash_sync.planning import quota
    from qstash_sync.planning.policy import Policy
    from qstash_sync.qstash import wire

    def check(text: str, environ: Mapping[str, str]) -> Checked:
        files = Files([Source("the imported file", ".", text)])
        config, diagnostics = files.attempt(None, {}, environ, Missing.UNKNOWN)
        errors = tuple(d for d in diagnostics if d.severity is Severity.ERROR)
        if config is None or errors:
            return Checked(errors=errors)
        schedules = config.desired.schedules or ()
        if ahead := [d for one in schedules for d in quota.too_many_parts(one, now)]:
            return Checked(errors=tuple(ahead))
        # Each delete is judged by itself: how many there are says nothing of a draft.
        policy = Policy(allow_deletes=sys.maxsize)
        plan = proposal.compare(config.desired, live, now=now, policy=policy)
        faults = [
            Diagnostic(code="unsendable", message=fact, path=(f"{change.kind}s", change.name))
            for change in plan.changes
            for step in change.steps
            if isinstance(step, PutSchedule) and (fact := wire.fault(step))
        ]
        return Checked(errors=tuple(faults), plan=None if faults else plan)

    return check


def _show(session: Session, found: Imported, files: view.Files) -> None:
    """The file on stdout, unless it is in a file of its own; what was done on stderr."""
    from qstash_sync.render import imported as view, safe

    if session.json:
        streams.result(view.document(found, files, session.requests))
        return
    if files.out is None:
        streams.result(safe.page(found.document.text.removesuffix("\n").split("\n")))
    streams.note(view.text(found, files, session.requests))
