"""Drift in 80 columns: a line for each resource, what differs under it; and its JSON."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from qstash_sync.model.change import Origin
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.names import natural
from qstash_sync.planning.drift import Drift, ResourceDrift, Status
from qstash_sync.render import json as view
from qstash_sync.render.alike import folded, said
from qstash_sync.render.safe import Page
from qstash_sync.render.text import (
    OUTSIDE_OR_CUT_OFF,
    SEVERE,
    Paint,
    details,
    headline,
    ignored,
    left_out,
    noun,
    quiet,
    unmanaged,
)
from qstash_sync.render.words import headline as headline_of

_ASIDE = 44  # the column of what stands beside a name
WHO_MOVED = {
    Status.SURPLUS: "not in the file",
    Status.UNMARKED: "without a mark of ours",
    Status.MISSING: "not in the account",
    Status.BOTH: "changed outside and in the file",
    Status.DRIFTED: "changed outside",
    Status.DIFFERS: "account and file differ",
    Status.PENDING: "the file changed",
    Status.RENEWAL_DUE: "to be renewed for the clock",
    Status.IN_SYNC: "",
}
_ASKS = {  # of what is to be looked at, where the code is no word for it
    "failed": "whose last run failed",
    "held": "held back",
    "next_time": "with an unexpected next firing",
    "zone_data": "with old zone data",
}
ASKED = ("owner", "runbook")  # whom a finding is for, and what to do about it
GRADES = {
    Severity.DIFFERENCE: "difference",
    Severity.WARNING: "warning",
    Severity.INFO: "information",
}  # in JSON
_STYLES = {Status.IN_SYNC: "dim", Status.PENDING: "yellow", Status.RENEWAL_DUE: "yellow"}

# ---------------------------------------------------------------- JSON


def document(
    drift: Drift, requests: tuple[int, int], account: Mapping[str, str | None] | None
) -> Page:
    """The keys of a plan, and where each resource stands; account: None of a local server."""
    return view.plan(
        replace(drift.plan, warnings=drift.warnings),
        requests,
        account=account,
        differences=drift.differences,
        attention=[view.diagnostic(one) for one in drift.attention],
        status=[
            {
                "kind": one.kind,
                "name": one.name,
                "status": one.status,
                "grade": GRADES[one.severity],
                "origin": _origin(one),
                **{key: dict(one.notes).get(key) for key in ASKED},
                "facts": [
                    {"grade": GRADES[fact.severity], "code": fact.code, "message": fact.message}
                    for fact in one.diagnostics
                ],
            }
            for one in drift.resources
        ],
    )


# ---------------------------------------------------------------- text


def text(
    drift: Drift,
    requests: tuple[int, int],
    paint: Paint,
    *,
    verbose: bool = False,
    minds: bool = False,
) -> Page:
    """The whole page: resources, diagnostics, the summary, and that nothing was written.

    minds: the run fails for what is to be looked at.
    """
    plan = drift.plan
    lines = [line for one in as_read(drift) for line in _resource(one, paint)]
    if verbose:
        lines += [part for line in ignored(plan) for part in paint.wrapped(line, 8)]
    if verbose and plan.unmanaged:
        lines.append("unmanaged (in the account, not ours, never touched):")
        for line in unmanaged(plan):
            lines += paint.wrapped(f"    {line}", 8)

    diagnostics: list[str] = []
    kept, more = quiet(plan, verbose=verbose)
    found = (*kept, *plan.errors)
    for diagnostic in found if verbose else folded(found):
        label = f"{diagnostic.severity}:"
        painted = paint(label, SEVERE[diagnostic.severity], "bold")
        # Painted once it is folded: colours take no columns.
        diagnostics += [
            line.replace(label, painted, 1) for line in paint.wrapped(one_line(diagnostic), 4)
        ]
        if diagnostic.hint:
            diagnostics += paint.wrapped(f"    {diagnostic.hint}", 4)
    diagnostics += more

    blocks = [line for block in (lines, diagnostics) if block for line in (*block, "")]
    last = [
        *_sides(drift),
        summary(drift),
        *attention(drift, minds=minds),
        *left_out(plan),
        sent(requests),
    ]
    end = [line for one in last for line in paint.wrapped(one, 0)]
    return paint.page([*blocks, *end])


def as_read(drift: Drift) -> list[ResourceDrift]:
    """The resources by status and kind, with names as people sort them."""
    return sorted(drift.resources, key=lambda one: (*one.order[:2], natural(one.name)))


def _sides(drift: Drift) -> list[str]:
    """Which side of a difference is which, where somebody may take them for the edit itself."""
    moved = (Status.DRIFTED, Status.BOTH)
    changes = [one.change for one in drift.resources if one.status in moved and one.change]
    is_shown = any(change.fields for change in changes)
    return ["What differs: as the account has it -> as the file says."] * is_shown


def summary(drift: Drift) -> str:
    """How many differ, and in which way; then the others."""
    kinds = Counter((s.severity is Severity.DIFFERENCE, s.status) for s in drift.resources)

    differing, others = (
        [
            f"{kinds[differs, status]:,} {words(status)}"
            for status in Status
            if kinds[differs, status]
        ]
        for differs in (True, False)
    )
    rest = ", ".join([*others, f"{len(drift.plan.unmanaged):,} unmanaged."])
    if not drift.plan.managed:
        return headline(drift.plan)[0]
    if not drift.differences:
        return f"No differences: {rest}"
    return f"Differences: {', '.join(differing)}; {rest}"


def attention(drift: Drift, *, minds: bool) -> list[str]:
    """How many things there are to look at although file and account agree."""
    found = Counter(one.code for one in drift.attention)
    if not found:
        return []
    said = ", ".join(f"{count:,} {_ASKS.get(code, code)}" for code, count in sorted(found.items()))
    way = "so this run exits with 2" if minds else "--fail-on attention exits 2 for it"
    return [f"To look at: {said}; {way}."]


def words(status: Status) -> str:
    """A status for people."""
    return status.replace("_", " ")


def sent(requests: tuple[int, int]) -> str:
    """What was sent to the account."""
    return f"requests: {requests[0]:,} read, {requests[1]:,} write"


def _resource(one: ResourceDrift, paint: Paint) -> Iterator[str]:
    word = f"{words(one.status):11}"
    head = f"{word}  {noun(one.kind)} {one.name}"

    # Who moved; of a surplus resource also what it is.
    what = headline_of(one.change) if one.change and one.status is Status.SURPLUS else ""
    beside = "; ".join(filter(None, (who_moved(one), what, whose(one))))
    fits = max(len(head) + 2, _ASIDE) + len(beside) <= paint.width
    if beside and fits:
        head = f"{head:{_ASIDE - 2}}  {beside}"
    first, *rest = paint.wrapped(head, 13)
    yield paint(word, _STYLES.get(one.status, "red"), "bold") + first[len(word) :]
    yield from rest
    if not fits:
        yield from paint.wrapped(f"{'':13}{beside}", 13)

    for line in effect(one):
        yield from paint.wrapped(line, 8)
    for line in fields(one):
        yield from paint.row(line)
    for line in facts(one):
        yield from paint.wrapped(line, 8)


def who_moved(one: ResourceDrift) -> str:
    """Who moved, file or account; or that an apply was cut off, which had begun to follow."""
    if one.change is not None and one.change.may_be_cut_off:
        return OUTSIDE_OR_CUT_OFF
    is_begun = one.status is Status.PENDING and one.change is not None and one.change.is_begun
    return "an apply was cut off" if is_begun else WHO_MOVED[one.status]


_ORIGINS = {Origin.YOURS: "yours", Origin.ALREADY: "there before", Origin.BOTH: "partly yours"}


def whose(one: ResourceDrift) -> str:
    """Whose a difference is, where a base says it."""
    origin = _origin(one)
    return _ORIGINS.get(origin, "") if origin else ""


def _origin(one: ResourceDrift) -> Origin | None:
    return one.change.origin if one.change else None


def fields(one: ResourceDrift) -> Iterator[str]:
    """What an apply would change, or take away, of what is there; of a renewal no time changes."""
    if one.change and one.status not in (Status.MISSING, Status.RENEWAL_DUE):
        yield from details(one.change)


def effect(one: ResourceDrift) -> Iterator[str]:
    """What an apply would do to its firings."""
    if one.change and one.change.firings and one.status is not Status.MISSING:
        yield f"      {headline_of(one.change)}"


def facts(one: ResourceDrift) -> Iterator[str]:
    """What the plan does not say, and why an apply would refuse; of deletes, a warning says so."""
    for fact in one.diagnostics:
        yield f"      {'warning: ' * (fact.severity is Severity.WARNING)}{fact.message}"
    if one.change and one.change.refused and not one.change.is_guarded:
        yield f"      refused: {one.change.refused}"
    if one.status is not Status.IN_SYNC or one.diagnostics:
        yield from (f"      {key}: {text}" for key, text in one.notes if key in ASKED)


def one_line(diagnostic: Diagnostic) -> str:
    """Location, severity and message on one line."""
    where = f"{diagnostic.location}: " if diagnostic.location else ""
    return f"{where}{diagnostic.severity}: {said(diagnostic)}"
