"""What an import came to: for people, and as a document; the file itself is the result."""

import shlex
from typing import Any

from qstash_sync.adopt import env_file
from qstash_sync.adopt.importing import Imported
from qstash_sync.model.change import Reason
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
    if found.left:
        rows.append(("left alone", f"{found.left}, as comments with the reason"))
    rows += _secrets(found, files)
    if unseen := found.with_unseen_callbacks:
        told = "QStash shows the address alone; write what else they have before an apply"
        rows.append(("callbacks", f"of {', '.join(unseen)}: {told}"))
    if files.state:
        told = f"{files.state} has its own idea of these: `terraform state rm` them, or both write"
        rows.append(("terraform", told))
    rows.append(("checked", f"a plan of it {_plan(found)} and changes nothing else"))
    return safe.page(
        [
            f"Imported {', '.join(counts)}" + (f" to {files.out}." if files.out else "."),
            *(f"  {what:12} {told}" for what, told in rows),
            f"requests: {requests[0]} read, {requests[1]} write",
            *_next(found, files),
        ]
    )


def _next(found: Imported, files: Files) -> list[str]:
    if files.out is None:
        return []
    words = ["qstash-sync", "plan", "-f", files.out]
    words += ["--env-file", files.env_out] if files.env_out else []
    words += [f"--local={files.local}"] if files.local else []
    unread = any(variable.value is None for variable in found.document.variables)
    words += ["--unknown-env"] if unread or (found.document.variables and not files.env_out) else []
    return [f"Next: {shlex.join(words)}"]


def _plan(found: Imported) -> str:
    """What a plan of the file does, none of which changes what fires or is sent."""
    renewed = found.reasons.get(Reason.CLOCK, 0)
    marked = sum(found.reasons.values()) - found.adopted - renewed
    done = [f"adopts {found.adopted}"]
    done += [f"renews {renewed} for the clock"] if renewed else []
    done += [f"marks {marked} anew"] if marked else []
    return ", ".join(done)


def _secrets(found: Imported, files: Files) -> list[tuple[str, str]]:
    """Where the values of the variables are, and which nobody has yet."""
    values = {one.name: one.value for one in found.document.variables if one.value is not None}
    digests = [one.name for one in found.document.variables if one.value is None]
    unwritten = [name for name, value in values.items() if env_file.quoted(value) is None]
    rows = []
    if values and files.env_out:
        rows.append(("secrets", f"{len(values) - len(unwritten)} in {files.env_out}"))
        rows += [("to be set", f"{name}: a line of a file cannot hold it") for name in unwritten]
    elif values:
        rows.append(("secrets", f"{', '.join(values)}; --env-out FILE writes them, into new files"))
    if digests:
        rows.append(("to be set", f"{', '.join(digests)}: QStash shows digests alone"))
    return rows


def document(found: Imported, files: Files, requests: tuple[int, int]) -> Page:
    """One JSON document; `text` is the file, where that is in none."""
    others = found.document.others.items()
    variables: list[dict[str, Any]] = [
        {
            "name": one.name,
            "what": one.what,
            "users": one.users,
            "readable": one.value is not None,
        }
        for one in found.document.variables
    ]
    return view.document(
        out=files.out,
        env_out=files.env_out,
        text=None if files.out else found.document.text,
        summary={
            "schedules": len(found.document.items),
            **{f"{kind}s": len(names) for kind, names in others},
            "twins": found.twins,
            "left": found.left,
            "adopted": found.adopted,
        },
        variables=variables,
        warnings=[],
        errors=[],
        requests={"read": requests[0], "write": requests[1]},
    )
