"""Drift in 80 columns: a line for each resource, what differs under it; and its JSON."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from textwrap import wrap

from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.plan.drift import Drift, Grade, Standing, Status
from qstash_sync.render import json as view
from qstash_sync.render.text import LABEL_WIDTH, Paint, aside, clean, details, noun

_WIDTH = 80
_ASIDE = 44  # the column of what stands beside a name
WHO_MOVED = {
    Status.SURPLUS: "not in the file",
    Status.UNMARKED: "without a mark of ours",
    Status.MISSING: "not in the account",
    Status.BOTH: "changed outside and in the file",
    Status.DRIFTED: "changed outside",
    Status.DIFFERS: "account and file differ",
    Status.PENDING: "the file changed",
    Status.RENEWAL_DUE: "renewed for the clock",
    Status.IN_SYNC: "",
}
_STYLES = {Status.IN_SYNC: "dim", Status.PENDING: "yellow", Status.RENEWAL_DUE: "yellow"}

# ---------------------------------------------------------------- JSON


def document(drift: Drift, requests: tuple[int, int]) -> str:
    """The keys of a plan, and where each resource stands."""
    return view.plan(
        replace(drift.plan, warnings=drift.warnings),
        requests,
        differences=drift.differences,
        status=[
            {
                "kind": standing.kind,
                "name": standing.name,
                "status": standing.status,
                "grade": standing.grade,
                "facts": [
                    {"grade": fact.grade, "code": fact.code, "message": fact.text}
                    for fact in standing.facts
                ],
            }
            for standing in drift.standings
        ],
    )


# ---------------------------------------------------------------- text


def text(drift: Drift, requests: tuple[int, int], paint: Paint, *, verbose: bool = False) -> str:
    """The whole page: resources, diagnostics, the summary, and that nothing was written."""
    plan = drift.plan
    lines = [line for standing in drift.standings for line in _standing(standing, paint)]
    if verbose and plan.unmanaged:
        lines.append("unmanaged (in the account, not ours, never touched):")
        for kind, name in plan.unmanaged:
            lines += fold(f"    {noun(kind)} {clean(name)}", 8)
    diagnostics = [line for f in (*plan.warnings, *plan.errors) for line in _diagnostic(f, paint)]
    blocks = ["\n".join(block) for block in (lines, diagnostics) if block]
    return "\n\n".join([*blocks, f"{summary(drift)}\n{sent(requests)}"])


def summary(drift: Drift) -> str:
    """How many differ, and in which way; then the others."""
    kinds = Counter((s.grade is Grade.DIFFERENCE, s.status) for s in drift.standings)

    def told(*, differing: bool) -> list[str]:
        return [f"{n} {words(s)}" for s in Status if (n := kinds[differing, s])]

    rest = ", ".join([*told(differing=False), f"{len(drift.plan.unmanaged)} unmanaged."])
    if not drift.differences:
        return f"No differences: {rest}"
    return f"Differences: {', '.join(told(differing=True))}; {rest}"


def words(status: Status) -> str:
    """A status for people."""
    return status.replace("_", " ")


def sent(requests: tuple[int, int]) -> str:
    """What was sent to the account."""
    return f"requests: {requests[0]} read, {requests[1]} write"


def _standing(standing: Standing, paint: Paint) -> Iterator[str]:
    word = f"{words(standing.status):11}"
    head = f"{word}  {noun(standing.kind)} {clean(standing.name)}"
    beside = why(standing)
    fits = max(len(head) + 2, _ASIDE) + len(beside) <= _WIDTH
    if beside and fits:
        head = f"{head:{_ASIDE - 2}}  {beside}"
    first, *rest = fold(head, 13)
    yield paint(word, _STYLES.get(standing.status, "red"), "bold") + first[len(word) :]
    yield from rest
    if not fits:
        yield from fold(f"{'':13}{beside}", 13)
    for line in fields(standing):
        yield from fold(line, 6 + LABEL_WIDTH)
    for line in facts(standing):
        yield from fold(line, 8)


def why(standing: Standing) -> str:
    """Who moved; of a surplus resource also what it is."""
    taken = aside(standing.change) if standing.change and standing.status is Status.SURPLUS else ""
    return "; ".join(filter(None, (WHO_MOVED[standing.status], taken)))


def fields(standing: Standing) -> Iterator[str]:
    """What an apply would change, where both sides are there."""
    if standing.change and standing.status not in (Status.SURPLUS, Status.MISSING):
        yield from details(standing.change)


def facts(standing: Standing) -> Iterator[str]:
    """What the plan does not say, and why an apply would refuse; of deletes, a warning tells."""
    for fact in standing.facts:
        yield f"      {'warning: ' * (fact.grade is Grade.WARNING)}{clean(fact.text)}"
    if standing.change and standing.change.refused and standing.status is not Status.SURPLUS:
        yield f"      refused: {clean(standing.change.refused)}"


def _diagnostic(diagnostic: Diagnostic, paint: Paint) -> Iterator[str]:
    label = f"{diagnostic.severity}:"
    style = "red" if diagnostic.severity is Severity.ERROR else "yellow"
    for line in fold(told(diagnostic), 4):
        yield line.replace(label, paint(label, style, "bold"), 1)
    if diagnostic.hint:
        yield from fold(f"    {clean(diagnostic.hint)}", 4)


def told(diagnostic: Diagnostic) -> str:
    """Place, severity and message on one line."""
    where = f"{clean(str(diagnostic.location))}: " if diagnostic.location else ""
    return f"{where}{diagnostic.severity}: {clean(diagnostic.text)}"


def fold(line: str, hang: int, width: int = _WIDTH) -> list[str]:
    """A line in so many columns, the rest of it hanging; its own indent stays, a half at most."""
    words = line.lstrip(" ")
    return wrap(
        words,
        width,
        initial_indent=" " * min(len(line) - len(words), width // 2),
        subsequent_indent=" " * hang,
        break_on_hyphens=False,
    )
