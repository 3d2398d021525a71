"""Mutants: each breaks the compiler in one place, and the property check must see it.

The room `crons` is copied, one line of it changed, and loaded in place of the real one; the oracle, which
knows nothing of it, stays.
"""

import importlib
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.crons import oracle

SEED = 20261122
PACKAGE = Path(__file__).parents[2] / "qstash_sync"
FIRST, DAYS = date(2027, 1, 1), 700

MUTANTS = {
    "a shift by the wrong sign": (
        "crons/bitmaps.py", "local >> offset if offset >= 0", "local >> -offset if offset < 0"),
    "a day that moves the other way": (
        "crons/cover.py", "(minutes << (DAY - offset) & DAY_MASK, 1)",
        "(minutes << (DAY - offset) & DAY_MASK, -1)"),
    "weekdays that move the other way": (
        "crons/cover.py", "(weekday - shift) % 7", "(weekday + shift) % 7"),
    "weekdays that do not move": ("crons/cover.py", "(weekday - shift) % 7", "weekday"),
    "months whose edges do not move": (
        "crons/cover.py", "elif here != there or days", "elif days"),
    "no rule for folds": (
        "crons/firings.py", "moved &= ~window(start, start + repeated)", "pass"),
    "a fold a minute short": (
        "crons/firings.py", "moved &= ~window(start, start + repeated)",
        "moved &= ~window(start, start + repeated - 1)"),
    "the other pass of a fold": (
        "crons/firings.py", "total &= ~window(start - repeated, start)",
        "moved &= ~window(start, start + repeated)"),
    "lost firings that stay lost": (
        "crons/firings.py", "if not lost or policy is Gap.SKIP", "if policy is not Gap.SHIFT"),
    "a catch-up a minute late": ("crons/firings.py", "return 1 << at if", "return 2 << at if"),
    "a shift out of the gap to the wrong side": (
        "crons/firings.py", "else move(lost, before)", "else move(lost, after)"),
    "an end a day too late": (
        "crons/compile.py", "until: datetime | None = span.start + timedelta(days=days)",
        "until: datetime | None = span.start + timedelta(days=days + 1)"),
    "a horizon a day too short": (
        "crons/seasons.py", "table([number < days for", "table([number < days - 1 for"),
    "a date in two parts": (
        "crons/seasons.py", "owned[offset] |= in_month(days, month)",
        "owned[offset] |= in_month(MONTH_MASK if len(row) > 1 else days, month)"),
    "a date in no part": (
        "crons/seasons.py", "owned[offset] |= in_month(days, month)",
        "owned[offset] |= in_month(days & ~(days & -days if len(row) > 1 else 0), month)"),
    "a season a day too long": (
        "crons/seasons.py", "lasts = {offset: _first(inside & ~fit)",
        "lasts = {offset: _first(inside & ~fit) << 1"),
    "special dates forgotten": (
        "crons/seasons.py", "special[pattern] = special.get(pattern, 0) | 1 << bit",
        "special[pattern] = 0"),
    "dates outside the horizon that count as inside": (
        "crons/cover.py", "share.dates & ~hard if share.rule.loose else 0",
        "share.dates if share.rule.loose else 0"),
    "months merged that differ": (
        "crons/cover.py", "if self.on & other.off or other.on & self.off:", "if False:"),
    "months merged that miss a day": (
        "crons/cover.py", "rows.append(_Row((month,), whole, 0, MONTH_MASK))",
        "rows.append(_Row((month,), 0, 0, MONTH_MASK))"),
    "hours and minutes mixed up": (
        "crons/cover.py", "in products(minutes):", "in products(minutes)[:1]:"),
    "two crons that fire twice where they overlap": (
        "crons/cover.py", "refined[cell & ~minutes] = why", "refined[cell] = why"),
    "one of two crons where they overlap": (
        "crons/cover.py", "refined[cell & minutes] = (*why, reason)",
        "refined[cell & minutes] = (reason,)"),
}  # fmt: skip

BOUND_MUTANTS = {
    "special dates forgotten": (
        "crons/bound.py", "split * len(seasons) + special", "split * len(seasons)"),
    "special dates of one product each": (
        "crons/bound.py", "return len(products(want))", "return 1"),
    "a split month with one list": (
        "crons/bound.py", "split * len(seasons) + special", "split + special"),
    "one change at a time": (
        "crons/bound.py", "for later in meetings[number:] if", "for later in meetings[number:][:1] if"),
    "a shorter window": (
        "crons/bound.py", "first.last + SHORTEST", "first.last + SHORTEST // 2"),
    "one season only": (
        "crons/bound.py", "for season in seasons for found in season", "for found in seasons[0]"),
    "dates that no weekdays say": (
        "crons/bound.py", "return weekly + min(lists, by_month)", "return weekly"),
    "one list for the dates of one year": (
        "crons/bound.py", "lists = len(dated) if loose else", "lists = 1 if loose else"),
    "one list for dates of neighbouring months": (
        "crons/bound.py", "if shifts == {0} and", "if"),
    "a touched date forgotten": (
        "crons/bound.py", "change.at - reach, change.at + reach", "change.at, change.at + reach"),
    "next year forgotten": (
        "crons/bound.py", "two_years = Span(today, 2 * LONGEST)", "two_years = Span(today, SHORTEST)"),
}  # fmt: skip

RECTANGLE_MUTANTS = {
    "firings that come twice": ("crons/exactness.py", "elif once & days:", "elif False:"),
    "firings that are missing": (
        "crons/exactness.py", "if due != once:", "if once & ~due:"),
    "firings too many": ("crons/exactness.py", "if due != once:", "if due & ~once:"),
    "the days after a change": (
        "crons/exactness.py", "max(start + before - PAD", "max(start - PAD"),
    "the days before a change": ("crons/exactness.py", "min(end - after - PAD", "min(end - PAD"),
    "local dates": (
        "crons/exactness.py", "span.first + timedelta(days=shift)", "span.first"),
    "the order of days": ("crons/exactness.py", "fit[::-1].hex()", "fit.hex()"),
    "the minutes at the end": (
        "crons/exactness.py", "return _same_minutes(job, crons, span, done, high)", "return True"),
    "the minutes around a change": (
        "crons/exactness.py", "low >= high or compare(", "True or compare("),
    "the offset of a season": (
        "crons/exactness.py", "_wanted_rectangles(job, span, offset, days)",
        "_wanted_rectangles(job, span, 0, days)"),
}  # fmt: skip


@contextmanager
def loaded(root: Path) -> Iterator[Callable[[str], Any]]:
    """Import another copy of the package, and put the real one back."""
    ours = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_ours(name)}
    sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    try:
        yield lambda name: importlib.import_module(f"qstash_sync.{name}")
    finally:
        sys.path.remove(str(root))
        for name in [name for name in sys.modules if _is_ours(name)]:
            del sys.modules[name]
        sys.modules.update(ours)


def _is_ours(name: str) -> bool:
    return name == "qstash_sync" or name.startswith("qstash_sync.")


# (cron, zone, day, gap, fold): each meets what the mutants break.
FIXED = (
    ("30 2 * * *", "America/New_York", 20, "next_valid", "first"),
    ("30 2 * * *", "Europe/Berlin", 20, "shift", "second"),
    ("*/10 1-3 * * 0", "America/New_York", 20, "next_valid", "first"),
    ("59 1 * * *", "America/New_York", 250, "next_valid", "first"),
    ("30 1 * * *", "America/New_York", 250, "skip", "second"),
    ("30 19 * * 1-5", "America/New_York", 5, None, None),
    ("30 23 * 3-5 5", "America/New_York", 40, None, None),
    ("0 8 * 3,10 1", "Asia/Tokyo", 20, None, None),
    ("0 8 1 * *", "Asia/Tokyo", 30, None, None),
    ("*/10 9-17 * * 1-5", "Asia/Kolkata", 30, None, None),
    ("0 9 1,15 * 1", "America/New_York", 10, None, None),
    ("0 9 * * * | 0 9,17 * * 1", "America/New_York", 10, None, None),
)  # fmt: skip


def cases() -> Iterator[tuple[str, str, int, str | None, str | None]]:
    yield from FIXED
    rng = random.Random(SEED)
    for _ in range(6):
        hour, weekday = rng.randrange(24), rng.choice(["*", "1-5", "0"])
        text = f"{rng.choice([0, 30])} {hour} * * {weekday}"
        yield (
            text,
            rng.choice(["America/New_York", "Europe/Berlin"]),
            rng.randrange(300),
            None,
            None,
        )


def failures(load: Callable[[str], Any]) -> list[str]:
    """The property: never refused, exact over the horizon, no minute in two parts."""
    compiler, cron, firings = load("crons.compile"), load("crons.grammar"), load("crons.firings")
    found = []
    for text, timezone, day, gap, fold in cases():
        job = firings.Job(
            tuple(map(cron.parse, text.split(" | "))),
            timezone,
            gap and firings.Gap(gap),
            fold and firings.Fold(fold),
        )
        now = datetime(2027, 1, 5, tzinfo=UTC) + timedelta(days=day)
        try:
            made = compiler.compile_job(job, now=now)
        except Exception as error:  # noqa: BLE001 - a mutant may break anything
            found.append(f"{text}: {error!r}")
            continue
        start = oracle.minute_of(made.valid_from)
        end = oracle.minute_of(made.valid_until or made.valid_from + timedelta(days=366))
        union: set[int] = set()
        for one in text.split(" | "):
            union |= oracle.wanted(one, oracle.seen(one, timezone, FIRST, DAYS), gap, fold)
        expected = {minute for minute in union if start <= minute < end}
        stored, doubled = oracle.stored(made.crons, start, end)
        if expected != stored or doubled or not _apart(made.crons, cron.parse):
            found.append(text)
    return found


def _apart(crons: tuple[str, ...], parse: Callable[[str], Any]) -> bool:
    fields = [parse(cron).fields.sets for cron in crons]
    return not any(
        all(set(mine) & set(theirs) for mine, theirs in zip(one, other, strict=True))
        for one, other in combinations(fields, 2)
    )


def copy(root: Path) -> Path:
    """The part of the package that the compiler needs."""
    shutil.copytree(PACKAGE / "crons", root / "qstash_sync" / "crons")
    for name in ("__init__.py", "errors.py", "exit_codes.py", "record.py"):
        shutil.copy(PACKAGE / name, root / "qstash_sync" / name)
    return root


def change(root: Path, file: str, line: str, changed: str) -> None:
    """Make a mutant of a copy."""
    target = root / "qstash_sync" / file
    text = target.read_text()
    assert text.count(line) == 1, f"the line to change is not there once: {line}"
    target.write_text(text.replace(line, changed))


def test_the_unchanged_compiler_passes(tmp_path: Path) -> None:
    with loaded(copy(tmp_path)) as load:
        assert failures(load) == []


@pytest.mark.parametrize(("file", "line", "changed"), MUTANTS.values(), ids=MUTANTS)
def test_a_mutant_is_caught(tmp_path: Path, file: str, line: str, changed: str) -> None:
    change(copy(tmp_path), file, line, changed)
    with loaded(tmp_path) as load:
        assert failures(load), "no property saw this mutant"


# ---------------------------------------------------------------- the bound on parts

# (crons, zone, from when the bound holds, a day with many parts, gap, fold): each needs all
# that one mutant leaves out.
CROWDED = (
    ("30 2 * * *", "America/New_York", date(2027, 1, 1), date(2027, 1, 15), None, None),
    ("*/5 1 1-7 3 *", "America/Santiago", date(2028, 3, 13), date(2028, 3, 13), "shift", None),
    ("* 3 * * *", "Europe/Dublin", date(2028, 9, 1), date(2028, 9, 1), "shift", "both"),
    ("0 8-18/2 * * *", "America/Nuuk", date(2028, 5, 7), date(2028, 7, 2), "shift", "both"),
    ("5,35 */2 * * *", "Australia/Lord_Howe", date(2011, 6, 24), date(2012, 6, 18), "shift", None),
    ("7 8-18/2 13 * 5", "Africa/Cairo", date(2028, 8, 23), date(2028, 8, 23), None, "second"),
    ("59 */2 */2 * *", "America/New_York", date(2014, 1, 19), date(2014, 1, 19), None, None),
    ("*/15 2,14 * * *", "Africa/Casablanca", date(2021, 6, 9), date(2022, 1, 9), "shift", "first"),
    ("10-40/10 0-5/2 * * *", "Antarctica/Troll", date(2028, 11, 22), date(2028, 12, 22), None, "second"),
    ("10-40/10 */2 * * 6", "America/Santiago", date(2017, 1, 25), date(2017, 4, 25), None, None),
    ("*/10 1 * * * | * 22,23,0 * * *", "Antarctica/Troll", date(2028, 6, 9), date(2028, 7, 9), None, "second"),
)  # fmt: skip


def unsound(load: Callable[[str], Any]) -> list[str]:
    """The property: no compilation has more parts than the bound of a day up to a year before."""
    compiler, bound = load("crons.compile"), load("crons.bound")
    cron, firings = load("crons.grammar"), load("crons.firings")
    found = []
    for text, timezone, today, day, gap, fold in CROWDED:
        crons = tuple(map(cron.parse, text.split(" | ")))
        job = firings.Job(crons, timezone, gap and firings.Gap(gap), fold and firings.Fold(fold))
        made = compiler.compile_job(job, now=datetime(day.year, day.month, day.day, tzinfo=UTC))
        if len(made.parts) > bound.most_parts(job, today):
            found.append(text)
    return found


def test_the_unchanged_bound_is_sound(tmp_path: Path) -> None:
    with loaded(copy(tmp_path)) as load:
        assert unsound(load) == []


@pytest.mark.parametrize(("file", "line", "changed"), BOUND_MUTANTS.values(), ids=BOUND_MUTANTS)
def test_a_mutant_of_the_bound_is_caught(
    tmp_path: Path, file: str, line: str, changed: str
) -> None:
    change(copy(tmp_path), file, line, changed)
    with loaded(tmp_path) as load:
        assert unsound(load), "no day of the coming year saw this mutant"


# ---------------------------------------------------------------- years by rectangles


def disagreements(load: Callable[[str], Any]) -> list[str]:
    """The property: rectangles say of a live set what bitmaps say, over any stretch of time."""
    exactness, compiler = load("crons.exactness"), load("crons.compile")
    cron, firings = load("crons.grammar"), load("crons.firings")
    rng = random.Random(SEED)
    # Troll's fold begins on the date before the change, Jerusalem's gap at midnight UTC.
    zones = ("America/New_York", "Antarctica/Troll", "Asia/Jerusalem", "Pacific/Chatham")
    jobs: list[tuple[str, str, str | None, int]] = [
        ("0 1 * * *", "Antarctica/Troll", "second", 240)
    ]
    for _ in range(60):
        text = f"{rng.choice(['0', '*/20'])} {rng.choice(['1', '2', '23', '0,9'])} * * "
        text += rng.choice(["*", "1-5"])
        fold = rng.choice([None, "second", "both"])
        jobs.append((text, rng.choice(zones), fold, rng.randrange(365)))
    found = []
    for text, zone, fold, day in jobs:
        job = firings.Job((cron.parse(text),), zone, None, fold and firings.Fold(fold))
        now = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(days=day)
        made = compiler.compile_job(job, now=now)
        end = made.valid_until or now + timedelta(days=300)
        extra = "7 4 13 * *"
        wrong = (made.crons[1:], (*made.crons, made.crons[0]), (*made.crons, extra))
        for live in (made.crons, *wrong):
            for stop in (end, end + timedelta(hours=40), now + timedelta(days=100, hours=7)):
                exact = exactness.compare(job, live, now, stop).none
                if exactness._agree(job, live, now, stop) != exact:
                    found.append(f"{text} {live} {stop}")
    return found


def test_the_unchanged_rectangles_agree_with_the_bitmaps(tmp_path: Path) -> None:
    with loaded(copy(tmp_path)) as load:
        assert disagreements(load) == []


@pytest.mark.parametrize(
    ("file", "line", "changed"), RECTANGLE_MUTANTS.values(), ids=RECTANGLE_MUTANTS
)
def test_a_mutant_of_the_rectangles_is_caught(
    tmp_path: Path, file: str, line: str, changed: str
) -> None:
    change(copy(tmp_path), file, line, changed)
    with loaded(tmp_path) as load:
        assert disagreements(load), "no stretch of time saw this mutant"
