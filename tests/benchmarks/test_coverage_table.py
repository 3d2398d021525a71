"""What `make coverage` makes of coverage's JSON."""

from typing import Any

import pytest

from benchmarks import coverage_table


def report(**branches: tuple[int, int]) -> dict[str, Any]:
    """A report of one file a room: (branches, those met)."""
    return {
        "files": {
            f"qstash_sync/{room}/a.py": {
                "summary": {"num_branches": every, "covered_branches": met, "num_statements": 10, "covered_lines": 10}
            }
            for room, (every, met) in branches.items()
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("measured", "low"),
    [
        ({"crons": (100, 95)}, []),
        ({"crons": (1000, 949), "cli": (1000, 999)}, ["crons: 94.9 % of its branches, not 95"]),
        ({"cli": (100, 89)}, ["overall: 89.0 % of the branches, not 90"]),
        ({"cli": (100, 90)}, []),
        ({"planning": (0, 0)}, []),
    ],
    ids=[
        "at its floor",
        "a room below its own",
        "a room without one",
        "all at theirs",
        "no branch",
    ],
)
def test_a_floor_is_of_branches_and_statements_do_not_lift_it(
    measured: dict[str, tuple[int, int]], low: list[str]
) -> None:
    assert coverage_table.table(report(**measured))[1] == low
