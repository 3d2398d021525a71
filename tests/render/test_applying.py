"""The end of an apply at a terminal."""

import pytest

from qstash_sync.applying.outcomes import Applied, Outcome, Status
from qstash_sync.model.change import Action, Change, Reason
from qstash_sync.model.resources import Kind
from qstash_sync.render import applying
from qstash_sync.render.text import Paint

STOPPED = "stopped before it began; run it again"


def outcome(number: int, status: Status, message: str = "") -> Outcome:
    name = f"s{number}"
    change = Change(
        kind=Kind.SCHEDULE, name=name, id=f"n.{name}", action=Action.UPDATE, reason=Reason.FILE
    )
    return Outcome(change=change, status=status, message=message)


@pytest.mark.parametrize(("count", "lines"), [(0, 0), (3, 3), (10, 10), (11, 1), (287, 1)])
def test_many_that_were_not_begun_are_one_line(count: int, lines: int) -> None:
    """Ctrl-C in a large apply: the plan would be out of the scrollback."""
    outcomes = [
        outcome(0, Status.DONE),
        outcome(1, Status.FAILED, "QStash answered 500"),
        outcome(2, Status.BLOCKED, "needs queue q"),
        *(outcome(number, Status.BLOCKED, STOPPED) for number in range(3, 3 + count)),
    ]
    page = applying.applied(Applied(outcomes=tuple(outcomes)), Paint(color=False))
    found = str(page).splitlines()
    assert found[0] == "failed     update schedule s1: QStash answered 500"
    assert found[1] == "blocked    update schedule s2: needs queue q"
    assert sum(STOPPED in line for line in found) == lines
    if lines == 1:
        assert found[2] == f"blocked    update schedule s3: {STOPPED} (and {count - 1} more)"
    assert found[-1] == f"Applied: 1 done, 1 failed, {count + 1} blocked."
