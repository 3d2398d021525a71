"""What an import came to: for people, and as a document; the file itself is the result."""

import shlex
from collections.abc import Iterator
from typing import Any

from qstash_sync.adopt import env_file
from qstash_sync.adopt.document import Variable
from qstash_sync.adopt.importing import Imported
from qstash_sync.model.change import Reason
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.record import record
from qstash_sync.render import json as view, safe
from qstash_sync.render.safe import Page
from qstash_sync.render.text import noun
from qstash_sync.render.words import counted


@record(kw_only=True)
class Files:
    """Where the file is, and the values of its variables, if they are in files; local: account."""

    out: str | None
    env_out: str | None
    state: str | None = None  # of Terraform
    local: str | None = None


def text(found: Imported, files: Files, requests: tuple[int, int]) -> Page:
    """A few lines beside the file."""
    counts = [counted(len(found.document.items), "schedule")]
    others = found.document.others.items()
    counts += [counted(len(names), noun(kind)) for kind, names in others if names]
    rows = []
    if found.twins:
        told = "as comments; `import --strays` plans the delete of those that may go"
        rows.append(("twins", f"{found.twins}, {told}"))
    if left := len(found.document.left):
        rows.append(("left alone", f"{left:,}, as comments with the reason"))
    rows += _secrets(found, files)
    rows += [("callbacks", told) for told in _callbacks(found)]
    rows += [("beside", told) for told in _untaken(found)]
    if files.state:
        told = f"{files.state} has its own idea of these: `terraform state rm` them, or both write"
        rows.append(("terraform", told))
    rows.append(("checked", f"a plan of it {_plan(found)} and changes nothing else"))
    return safe.page(
        [
            f"Imported {', '.join(counts)}" + (f" to {files.out}." if files.out else "."),
            *(f"  {what:12} {told}" for what, told in rows),
            f"requests: {requests[0]:,} read, {requests[1]:,} write",
            *_next(found, files),
        ]
    )


def _next(found: Imported, files: Files) -> list[str]:
    if files.out is None:
        return []
    words = ["qstash-sync", "plan", "-f", files.out]
    words += ["--env-file", files.env_out] if files.env_out else []
    words += [f"--local={files.local}"] if files.local else []
    words += (
        ["--unknown-env"] if len(_written(found, files)) < len(found.document.variables) else []
    )
    return [f"Next: {shlex.join(words)}"]


def _plan(found: Imported) -> str:
    """What a plan of the file does, none of which changes what fires or is sent."""
    renewed = found.reasons.get(Reason.CLOCK, 0)
    marked = sum(found.reasons.values()) - found.adopted - renewed
    done = [f"adopts {found.adopted}"]
    done += [f"renews {renewed} for the clock"] if renewed else []
    done += [f"marks {marked} anew"] if marked else []
    return ", ".join(done)


def _fits(variable: Variable) -> bool:
    """Whether a line of a file can hold the value."""
    return variable.value is not None and env_file.quoted(variable.value) is not None


def _written(found: Imported, files: Files) -> list[str]:
    """The variables whose values stand in a file."""
    return [one.name for one in found.document.variables if files.env_out and _fits(one)]


def _secrets(found: Imported, files: Files) -> list[tuple[str, str]]:
    """Where the values of the variables are, and which nobody has yet."""
    fitting = [one.name for one in found.document.variables if _fits(one)]
    rows = []
    if fitting and files.env_out:
        rows.append(("secrets", f"{len(fitting):,} in {files.env_out}"))
    elif fitting:
        told = "--env-out FILE writes them, into new files"
        rows.append(("secrets", f"{', '.join(fitting)}; {told}"))
    return rows + [("to be set", told) for _, told in _to_be_set(found)]


def _to_be_set(found: Imported) -> Iterator[tuple[str, str]]:
    """What a person must set, each with the code of its warning."""
    for one in found.document.variables:
        if one.value is not None and not _fits(one):
            yield "unwritable", f"{one.name}: {env_file.NO_LINE}"
    if digests := [one.name for one in found.document.variables if one.value is None]:
        yield "digest", f"{', '.join(digests)}: QStash shows digests alone"


def _callbacks(found: Imported) -> Iterator[str]:
    if unseen := found.with_unseen_callbacks:
        told = "QStash shows the address alone; write what else they have before an apply"
        yield f"of {', '.join(unseen)}: {told}"


def _untaken(found: Imported) -> Iterator[str]:
    if count := len(found.survey.untaken):
        what, them = ("schedule", "it") if count == 1 else ("schedules", "them")
        told = f"{count:,} {what} of this namespace {'is' if count == 1 else 'are'} not in it"
        yield f"{told}; an apply of this file alone deletes {them}"


def _warnings(found: Imported) -> list[Diagnostic]:
    """What has to be done before an apply."""
    told = [*_to_be_set(found), *(("callbacks", one) for one in _callbacks(found))]
    told += (("untaken", one) for one in _untaken(found))
    return [
        Diagnostic(severity=Severity.WARNING, code=code, message=message) for code, message in told
    ]


def document(found: Imported, files: Files, requests: tuple[int, int]) -> Page:
    """One JSON document; `text` is the file, where that is in none."""
    others = found.document.others.items()
    written = _written(found, files)
    variables: list[dict[str, Any]] = [
        {
            "name": one.name,
            "what": one.what,
            "users": one.users,
            "readable": one.value is not None,
            "written": one.name in written,
        }
        for one in found.document.variables
    ]
    left = [{"kind": one.kind, "id": one.id, "why": one.why} for one in found.document.left]
    return view.document(
        out=files.out,
        env_out=files.env_out,
        text=None if files.out else found.document.text,
        summary={
            "schedules": len(found.document.items),
            **{f"{kind}s": len(names) for kind, names in others},
            "twins": found.twins,
            "left": len(left),
            "adopted": found.adopted,
        },
        variables=variables,
        left=left,
        warnings=[view.diagnostic(one) for one in _warnings(found)],
        errors=[],
        requests={"read": requests[0], "write": requests[1]},
    )
