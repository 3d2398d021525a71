"""The proof at full size: random crons in every clock history under every policy, by brute force.

    python benchmarks/prove.py [--zones 32] [--crons 200] [--seed 20261122] [--processes 2]

Each compilation is read back by an oracle that shares no code with the compiler: it walks every
UTC minute of four years in each zone and asks zoneinfo. Then the numbers of parts over two years,
and of firings that would be wrong (missing or extra) in the year after the end without an apply.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from statistics import mean
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from qstash_sync.crons import zones
from qstash_sync.crons.compile import after_the_end, compile_job
from qstash_sync.crons.error import CronError
from qstash_sync.crons.gap_and_fold import Fold, Gap, Job
from qstash_sync.crons.grammar import parse
from tests.crons import oracle
from tests.crons.crons import a_cron

FIRST, DAYS = date(2025, 12, 27), 1466  # walked: 2026 to 2029
TODAY, STARTS = date(2026, 1, 1), 1060  # first day of a compilation, and how many to choose from
POLICIES = tuple(product(Gap, Fold))
SHOWN = ("America/New_York", "Europe/Berlin")  # before one zone for each history
COUNTED = ("0 9 * * *", "0 9-17 * * 1-5", "30 2 * * *", "0 * * * *", "*/15 * * * *")


@dataclass
class Tally:
    """What a zone's compilations came to, in compilations and firings."""

    timezone: str
    compiled: int = 0
    refused: int = 0
    firings: int = 0
    missing: int = 0
    extra: int = 0
    doubled: int = 0
    parts: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def histories() -> tuple[str, ...]:
    """One zone for each way to change clocks in 2025-2030."""
    span = datetime(2025, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
    found: dict[tuple[zones.Transition, ...], str] = {}
    for name in zones.names():
        found.setdefault(zones.transitions(name, *span), name)
    return tuple(sorted(name for changes, name in found.items() if changes))


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def prove(task: tuple[str, int, int]) -> Tally:
    """All policies for some random crons in one zone."""
    timezone, crons, seed = task
    rng = random.Random(f"{seed} {timezone}")
    tally = Tally(timezone)
    for _ in range(crons):
        text = a_cron(rng)
        now = midnight(TODAY + timedelta(days=rng.randrange(STARTS)))
        seen = oracle.seen(text, timezone, FIRST, DAYS)
        for gap, fold in POLICIES:
            _prove_one(tally, text, now, (gap, fold), seen)
    return tally


def _prove_one(
    tally: Tally, text: str, now: datetime, policy: tuple[Gap, Fold], seen: oracle.Seen
) -> None:
    tally.compiled += 1
    named = f"{text} {now:%Y-%m-%d} {' '.join(policy)}"
    try:
        made = compile_job(Job((parse(text),), tally.timezone, *policy), now=now)
    except CronError as error:
        tally.refused += 1
        tally.wrong.append(f"refused: {named}: {error}")
        return
    start = oracle.minute_of(made.valid_from)
    end = oracle.minute_of(made.valid_until or made.valid_from + timedelta(days=366))
    expected = {m for m in oracle.wanted(text, seen, *policy) if start <= m < end}
    found, doubled = oracle.stored(made.crons, start, end)
    tally.parts[len(made.parts)] += 1
    tally.firings += len(expected)
    tally.missing += len(expected - found)
    tally.extra += len(found - expected)
    tally.doubled += doubled
    if expected != found or doubled:
        tally.wrong.append(f"{named}: {made.crons}")


@dataclass
class Years:
    """A cron in a zone, compiled on every day of 2027 and 2028."""

    text: str
    timezone: str
    parts: list[int] = field(default_factory=list)
    wrong: list[int] = field(default_factory=list)  # firings in the year after the end


def years(task: tuple[str, str]) -> Years:
    text, timezone = task
    found, job = Years(text, timezone), Job((parse(text),), timezone)
    known: dict[object, int] = {}
    for number in range(731):
        made = compile_job(job, now=midnight(date(2027, 1, 1) + timedelta(days=number)))
        key = made.crons, made.valid_until
        if key not in known:
            after = after_the_end(job, made)
            known[key] = after.missing + after.extra + after.doubled
        found.parts.append(len(made.parts))
        found.wrong.append(known[key])
    return found


def show_proofs(tallies: Iterable[Tally]) -> list[Tally]:
    """Print a line for each zone as it is done."""
    print(
        f"{'zone':24} {'compiled':>9} {'refused':>8} {'firings':>12} missing extra doubled  parts"
    )
    done = []
    for tally in tallies:
        most = f"{min(tally.parts)}-{max(tally.parts)}" if tally.parts else "-"
        print(
            f"{tally.timezone:24} {tally.compiled:9,} {tally.refused:8} {tally.firings:12,}"
            f" {tally.missing:7} {tally.extra:5} {tally.doubled:7}  {most}",
            flush=True,
        )
        done.append(tally)
    return done


def show_sum(tallies: Sequence[Tally]) -> bool:
    """Print the total; whether everything is exact and under 1 % refused."""
    compiled, refused = sum(t.compiled for t in tallies), sum(t.refused for t in tallies)
    missing, extra = sum(t.missing for t in tallies), sum(t.extra for t in tallies)
    doubled, fired = sum(t.doubled for t in tallies), sum(t.firings for t in tallies)
    print(f"{'all':24} {compiled:9,} {refused:8} {fired:12,} {missing:7} {extra:5} {doubled:7}")
    for line in [line for tally in tallies for line in tally.wrong][:20]:
        print("   ", line)
    parts: Counter[int] = sum((t.parts for t in tallies), Counter())
    shown = ", ".join(f"{count} parts: {parts[count]:,}" for count in sorted(parts))
    print(f"compilations by number of parts: {shown}")
    return not (missing or extra or doubled) and refused < compiled / 100


def show_one_day(day: datetime) -> None:
    """Print how many parts each of some crons needs in all zones."""
    print(f"\nparts on {day:%Y-%m-%d} in all {len(zones.names())} zones")
    for text in COUNTED:
        counts = Counter(
            len(compile_job(Job((parse(text),), name), now=day).parts) for name in zones.names()
        )
        shown = ", ".join(f"{count} zones need {parts}" for parts, count in sorted(counts.items()))
        print(f"{text:16} {shown}")


def show_years(all_years: Iterable[Years]) -> None:
    """Print the parts and what is wrong after the end, for each cron and zone."""
    print("\non each day of 2027 and 2028: parts (mean, most), and wrong firings after the end")
    for found in all_years:
        print(
            f"{found.text:16} {found.timezone:24} {mean(found.parts):5.2f} {max(found.parts):3}"
            f" {mean(found.wrong):7.1f} {max(found.wrong):5}",
            flush=True,
        )


def main() -> int:
    options = argparse.ArgumentParser(description="Prove compilations by brute force.")
    options.add_argument("--zones", type=int, default=None, help="how many clock histories")
    options.add_argument("--crons", type=int, default=200, help="random crons for each")
    options.add_argument("--seed", type=int, default=20261122)
    options.add_argument("--processes", type=int, default=2)
    given = options.parse_args()
    names = histories()[: given.zones]
    print(f"tzdata {zones.tzdata_version()}, seed {given.seed}: {len(names)} clock histories x")
    print(f"{given.crons} random crons x {len(POLICIES)} gap/fold pairs\n")
    begun = perf_counter()
    with ProcessPoolExecutor(given.processes) as pool:
        tasks = [(name, given.crons, given.seed) for name in names]
        exact = show_sum(show_proofs(pool.map(prove, tasks)))
        print(f"in {perf_counter() - begun:.0f} s")
        show_one_day(datetime(2026, 11, 22, tzinfo=UTC))
        counted = [(text, name) for text in COUNTED[:2] for name in (*SHOWN, *names)]
        show_years(pool.map(years, counted))
    print(f"\nall in {perf_counter() - begun:.0f} s: {'exact' if exact else 'NOT EXACT'}")
    return 0 if exact else 1


if __name__ == "__main__":
    raise SystemExit(main())
