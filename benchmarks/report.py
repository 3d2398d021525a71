"""The table of `make bench`: in the terminal, in docs/performance.md, and kept as JSON.

`before.json` holds what was measured of the code as it was before it was made fast.
"""

import json
import os
import platform
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
BEFORE = Path(__file__).parent / "before.json"
TABLE = re.compile(r"(?<=<!-- table -->\n).*(?=<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Row:
    """One line of the table; goal: the most that it may be; figure: from all that was measured."""

    key: str
    what: str
    goal: float
    unit: str
    needs: tuple[str, ...]
    figure: Callable[[Any], float]


@dataclass(frozen=True)
class Measured:
    """The figures of one run by the keys of the rows, and where it ran."""

    machine: Mapping[str, str]
    figures: Mapping[str, float]


def machine() -> dict[str, str]:
    """What a figure depends on beside the code; load: of the minute before."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "qstash-sync": f"{version('qstash-sync')} ({_commit()})",
        "octoDNS": version("octodns"),
        "Python": platform.python_version(),
        "cores": str(os.cpu_count()),
        "CPU": _processor(),
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def _commit() -> str:
    """The commit that the code measured is of, and whether it was edited since."""

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words, "--", "qstash_sync"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip()

    found = git("log", "-1", "--format=%h") or "no commit"
    return f"{found}, edited" if git("status", "--porcelain") else found


def _processor() -> str:
    """The name of the processor, as Linux tells it."""
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _told(facts: Mapping[str, str]) -> str:
    return (
        f"{facts['date']}: qstash-sync {facts['qstash-sync']}, octoDNS {facts['octoDNS']}, "
        f"Python {facts['Python']}, {facts['cores']} cores of {facts['CPU']}, "
        f"load before the run {facts['load']}"
    )


def before() -> Measured | None:
    """What was measured before, if it was kept."""
    return load(BEFORE) if BEFORE.exists() else None


def load(path: Path) -> Measured:
    """What `save` kept."""
    return Measured(**json.loads(path.read_text()))


def save(path: Path, now: Measured) -> None:
    """Keep the figures, beside those of other rows that are kept there already."""
    kept = load(path).figures if path.exists() else {}
    figures = {**kept, **{key: round(value, 3) for key, value in now.figures.items()}}
    text = json.dumps(asdict(Measured(now.machine, figures)), indent=2)
    path.write_text(text + "\n")


def as_text(rows: Sequence[Row], now: Measured, *, judged: bool) -> str:
    """The table for a terminal; judged: beside what was before, a word where a goal is missed."""
    then = before() if judged else None
    lines = [f"{'':62} {'before':>8} {'now':>8} {'goal':>8}"]
    for row in rows:
        was, found = _figure(then, row), now.figures[row.key]
        over = "  OVER" if judged and found > row.goal else ""
        numbers = f"{was:>8} {_number(found):>8} {_number(row.goal):>8} {row.unit}{over}"
        lines.append(f"{row.what:62} {numbers}")
    return "\n".join([_told(now.machine), "", *lines])


def write(rows: Sequence[Row], now: Measured) -> None:
    """Put the table into the page, in place of the one that is there."""
    then = before()
    lines = ["| what | before | now | goal, at most |", "| --- | ---: | ---: | ---: |"]
    for row in rows:
        figures = _figure(then, row), _figure(now, row)
        lines.append(
            f"| {row.what} | {figures[0]} | {figures[1]} | {_number(row.goal)} {row.unit} |"
        )
    told = [f"Now: {_told(now.machine)}."]
    if then:
        told.insert(0, f"Before: {_told(then.machine)}.  ")
    text = "\n".join([*lines, "", *told, ""])
    PAGE.write_text(TABLE.sub(lambda _: text, PAGE.read_text()))


def _figure(measured: Measured | None, row: Row) -> str:
    value = measured.figures.get(row.key) if measured else None
    return "" if value is None else _number(value)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 20 else f"{value:.2f}"
