"""`make coverage`: branch coverage by room, the files with the most that no test takes, the goals.

    python tests/coverage_table.py [coverage.json]

Reads the JSON of coverage.py; exits with 1 below a goal.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

GOALS = {"crons": 95.0, "reconcile": 95.0, "planning": 95.0}  # per cent, of the core
OVERALL = 90.0
_WORST = 12  # files that are named


def share(summary: dict[str, Any]) -> float:
    """Statements and branches that were taken, in per cent."""
    possible = summary["num_statements"] + summary["num_branches"]
    taken = summary["covered_lines"] + summary["covered_branches"]
    return 100.0 * taken / possible if possible else 100.0


def added(summaries: list[dict[str, Any]]) -> dict[str, int]:
    """The counts of several files together."""
    keys = ("num_statements", "num_branches", "covered_lines", "covered_branches")
    return {key: sum(summary[key] for summary in summaries) for key in keys}


def main(path: str = "coverage.json") -> int:
    """Print the table; 1 where a goal is missed."""
    files = json.loads(Path(path).read_text())["files"]
    rooms: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, found in files.items():
        parts = Path(name).parts
        rooms[parts[1] if len(parts) > 2 else "(top)"].append(found["summary"])
    missed = []
    print(f"{'room':<12} {'taken':>7} {'goal':>5}")
    for room, summaries in sorted(rooms.items()):
        taken, goal = share(added(summaries)), GOALS.get(room)
        print(f"{room:<12} {taken:6.1f}% {f'{goal:.0f}%' if goal else '':>5}")
        missed += [room] if goal and taken < goal else []
    whole = share(added([found["summary"] for found in files.values()]))
    print(f"{'all':<12} {whole:6.1f}% {OVERALL:4.0f}%\n")
    missed += ["all"] if whole < OVERALL else []
    worst = sorted(files.items(), key=lambda item: share(item[1]["summary"]))[:_WORST]
    for name, found in worst:
        lines = ", ".join(map(str, found["missing_lines"][:8]))
        print(f"{share(found['summary']):5.1f}%  {name}  {lines}")
    if missed:
        print(f"\nbelow the goal: {', '.join(missed)}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
