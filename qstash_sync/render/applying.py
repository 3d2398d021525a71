"""An apply for terminals: each change as it is done, the end, a saved plan and why it is stale."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from qstash_sync.applying.outcomes import Applied, Approval, Outcome, Status
from qstash_sync.errors import StalePlanError
from qstash_sync.planning.saved import Saved
from qstash_sync.render import safe, words
from qstash_sync.render.safe import Page
from qstash_sync.render.text import Paint, note_of, noun, plan_lines, sides, what

_MANY = 10  # lines that say the same are one line beyond this


def progress(outcome: Outcome, paint: Paint) -> Page:
    """One line as a change is done."""
    return safe.page(outcome_line(outcome, paint))


def outcome_line(outcome: Outcome, paint: Paint, where: str = "") -> str:
    """What became of a change; where: the environment before it, if there are several."""
    style = "green" if outcome.status is Status.DONE else "red"
    head = paint(f"{outcome.status:10} {where}{what(outcome.change)}", style)
    return head + (f": {outcome.message}" if outcome.message else "")


def applied(applied: Applied, paint: Paint, *, destroys: bool = False) -> Page:
    """The end of a run: what is not done, counts, what came up meanwhile, facts for a report."""
    counts = Counter(item.status for item in applied.outcomes)
    left = [item for item in applied.outcomes if item.status is not Status.DONE]
    # Of what the plan had refused already, the plan's page says why.
    told = [replace(item, message="") if item.change.refused else item for item in left]
    lines = [*_left(told, paint)]
    lines += [""] * bool(lines)
    told_counts = ", ".join(f"{counts[s]:,} {s}" for s in Status if counts[s])
    lines.append(f"{'Destroyed' if destroys else 'Applied'}: {told_counts}.")
    for change in applied.fresh:
        lines.append(f"Came up meanwhile, for the next plan: {what(change)}")
    facts = [(item, fact) for item in applied.outcomes for fact in item.facts]
    if facts:
        lines += ["", paint("--- for a bug report ---", "bold")]
        lines += [f"{noun(i.change.kind)} {i.change.name}: {fact}" for i, fact in facts]
    return paint.page(lines)


def _left(items: Sequence[Outcome], paint: Paint) -> Iterator[str]:
    """A line each; many that were not begun for one reason, as after Ctrl-C, are one line."""
    alike: dict[object, list[Outcome]] = {}
    for item in items:
        is_blocked = item.status is Status.BLOCKED
        alike.setdefault(item.message if is_blocked else item.change.key, []).append(item)
    for first, *more in alike.values():
        if len(more) < _MANY:
            yield from (outcome_line(item, paint) for item in (first, *more))
        else:
            yield f"{outcome_line(first, paint)} (and {len(more):,} more)"


def saved(found: Saved, approval: Approval, paint: Paint, *, verbose: bool = False) -> Page:
    """The page of a saved plan that holds: what is left of it to do."""
    count, done = len(found.changes), len(approval.done)
    head = f"Saved plan of {found.now:%a %Y-%m-%d %H:%MZ}: "
    head += f"{count:,} change{'s' * (count != 1)}" if count else "nothing to do"
    if done == count:
        return paint.page([head + ", done already" * bool(count) + "."])
    changes = tuple(c for c in approval.plan.changes if c.key not in approval.done)
    lines = plan_lines(replace(approval.plan, changes=changes), paint, verbose=verbose)
    return paint.page([f"{head}{f', {done} done already' * bool(done)}.", *lines])


def stale(error: StalePlanError, paint: Paint) -> Page:
    """Why a saved plan is not applied: each change that has moved, with the fields that show it.

    As of a diagnostic, each line is whole where no terminal shows it.
    """

    def rows() -> Iterator[tuple[str, int]]:
        yield f"{paint('error:', 'red', 'bold')} the saved plan no longer holds: {error}", 4
        for moved in error.moved:
            yield f"  {paint(what(moved.change), 'bold')}: {moved.why}", 4
            for move in moved.fields:
                yield f"      {words.label(move.path)}", 8
                for when, field in (("approved", move.approved), ("now", move.now)):
                    shown = sides(field) + note_of(field) if field else "no change"
                    yield f"        {when:8}  {shown}", 18
        yield "Nothing was written; plan again.", 0

    shown = (paint.wrapped(*row) if paint.is_terminal else [row[0]] for row in rows())
    return safe.page([line for some in shown for line in some])
