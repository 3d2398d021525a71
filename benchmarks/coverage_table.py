"""`make coverage`: the branch coverage of each room, from coverage's JSON.

    python benchmarks/coverage_table.py coverage.json

One table: the share of branches that the tests met, that of branches and statements together (what
coverage.py calls covered), each room's worst files. Ends with 1 where a share is below its floor.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

FLOORS = {"crons": 95, "reconcile": 95, "planning": 95}  # per cent of branches
OVERALL = 90
FIELDS = ("num_branches", "covered_branches", "num_statements", "covered_lines")


def rooms(report: dict[str, Any]) -> dict[str, dict[str, dict[str, int]]]:
    """The summaries of each room's files; a file in no room is the package's."""
    found: dict[str, dict[str, dict[str, int]]] = defaultdict(dict)
    for name, measured in report["files"].items():
        path = Path(name).relative_to("qstash_sync")
        room = path.parts[0] if len(path.parts) > 1 else "(package)"
        found[room][str(path)] = measured["summary"]
    return dict(sorted(found.items()))


def share(summaries: list[dict[str, int]], *, branches_only: bool = False) -> float:
    """Per cent covered; what has nothing to cover is covered."""
    all_of, met = 0, 0
    for summary in summaries:
        branches, taken, statements, run = (summary[field] for field in FIELDS)
        all_of += branches + (0 if branches_only else statements)
        met += taken + (0 if branches_only else run)
    return 100.0 * met / all_of if all_of else 100.0


def table(report: dict[str, Any]) -> tuple[list[str], list[str]]:
    """(the lines to print, what is below its floor)."""
    lines = [f"{'room':<12}{'branches':>10}{'both':>8}{'floor':>7}  worst files, by branches"]
    low = []
    found = rooms(report)
    everything = [summary for files in found.values() for summary in files.values()]
    for room, files in found.items():
        branches, floor = share(list(files.values()), branches_only=True), FLOORS.get(room)
        worst = sorted((share([s], branches_only=True), name) for name, s in files.items())[:2]
        named = ", ".join(f"{name} {part:.1f}" for part, name in worst if part < 100)
        both = share(list(files.values()))
        lines.append(f"{room:<12}{branches:>10.1f}{both:>8.1f}{floor or '':>7}  {named}".rstrip())
        if floor and branches < floor:
            low.append(f"{room}: {branches:.1f} % of its branches, not {floor}")
    branches = share(everything, branches_only=True)
    lines.append(f"{'overall':<12}{branches:>10.1f}{share(everything):>8.1f}{OVERALL:>7}")
    if branches < OVERALL:
        low.append(f"overall: {branches:.1f} % of the branches, not {OVERALL}")
    return lines, low


def main(path: str) -> int:
    lines, low = table(json.loads(Path(path).read_text()))
    print("\n".join(lines))
    for each in low:
        print(f"too low: {each}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
