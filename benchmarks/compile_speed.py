"""How long a compilation takes, proof included, with cold caches: medians in milliseconds.

In processor time, so that whatever else the machine does is left out. Then what a plan does for
each distinct timing: compile it, or only verify what is live and bound its parts of a year.

python benchmarks/compile_speed.py [--rounds 51]
"""

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).parents[1]))

from qstash_sync.crons import (
    bitmaps,
    bound,
    compile as compiler,
    cover,
    dates,
    exactness,
    firings,
    grammar,
    robfig,
    seasons,
    zones,
)
from qstash_sync.crons.compile import Strategy, compile_job
from qstash_sync.crons.gap_and_fold import Job

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
MODULES = (
    bitmaps, bound, compiler, cover, dates, exactness, firings, grammar, robfig, seasons, zones,
)  # fmt: skip
KEPT = {"names", "zone", "tzdata_version", "_known"}  # the zone files stay loaded, as in a run
ZONES = ("America/New_York", "Europe/Berlin", "Asia/Kolkata", "UTC", "Pacific/Auckland")
CASES = (
    ("0 9 * * *", "America/New_York", Strategy.SPLIT, 3),
    ("0 9 * * *", "Europe/Berlin", Strategy.SPLIT, 3),
    ("0 9 * * *", "UTC", Strategy.SPLIT, 3),
    ("0 9-17 * * 1-5", "America/New_York", Strategy.SPLIT, None),
    ("*/5 9-17 * * 1-5", "Pacific/Chatham", Strategy.SPLIT, 25),
    ("0 9 1,15 * 1", "America/New_York", Strategy.SPLIT, 25),
    ("0 9 * * *", "America/New_York", Strategy.AUTO, None),
    ("*/5 9-17 * * 1-5", "Pacific/Chatham", Strategy.AUTO, None),
    ("0 9 * * *", "America/New_York", Strategy.NATIVE, None),
    ("0 9 * * *", "America/New_York", Strategy.FOLLOW, None),
)


def forget() -> None:
    """Empty every cache of the time core."""
    for module in MODULES:
        for name, value in vars(module).items():
            if name not in KEPT and hasattr(value, "cache_clear"):
                value.cache_clear()


def timed(call: Callable[[], object]) -> float:
    start = process_time()
    call()
    return (process_time() - start) * 1000


def once(text: str, timezone: str, strategy: Strategy) -> object:
    return compile_job(Job((grammar.parse(text),), timezone), now=NOW, strategy=strategy)


def median(text: str, timezone: str, strategy: Strategy, rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        forget()
        taken.append(timed(lambda: once(text, timezone, strategy)))
    return statistics.median(taken)


def many(schedules: int, pairs: int) -> tuple[float, float]:
    """Milliseconds for the distinct pairs, then microseconds for each further schedule."""
    forget()
    texts = [(f"{n % 60} {n % 24} * * 1-5", ZONES[n % 5]) for n in range(pairs)]
    first = timed(lambda: [once(*pair, Strategy.SPLIT) for pair in texts])
    rest = schedules - pairs
    cost = timed(lambda: [once(*texts[n % pairs], Strategy.SPLIT) for n in range(rest)])
    return first, cost * 1000 / rest


def distinct(crons: int, names: Sequence[str]) -> tuple[float, float, float]:
    """Milliseconds to compile every cron in every zone, to verify what came out, to bound it."""
    forget()
    texts = [f"{n % 60} {n // 60 % 24} * * {('*', '1-5', '1', '0,6')[n % 4]}" for n in range(crons)]
    jobs = [Job((grammar.parse(text),), name) for text in texts for name in names]
    live: list[tuple[str, ...]] = []
    compiled = timed(lambda: live.extend(compile_job(job, now=NOW).crons for job in jobs))
    forget()
    end = NOW + compiler.RENEW_BEFORE
    pairs = list(zip(jobs, live, strict=True))
    verified = timed(lambda: [exactness.holds(job, crons, NOW, end) for job, crons in pairs])
    forget()
    return compiled, verified, timed(lambda: [bound.most_parts(job, NOW.date()) for job in jobs])


def main() -> None:
    options = argparse.ArgumentParser(description="Measure compilations.")
    options.add_argument("--rounds", type=int, default=51)
    rounds = options.parse_args().rounds
    once("0 9 * * *", "UTC", Strategy.SPLIT)  # imports croniter
    print(f"tzdata {zones.tzdata_version()}, {rounds} rounds, median ms (goal)")
    for text, timezone, strategy, goal in CASES:
        shown = f"({goal})" if goal else ""
        taken = median(text, timezone, strategy, rounds)
        print(f"{strategy:7} {text:18} {timezone:18} {taken:7.2f} {shown}")
    first, rest = many(10_000, 50)
    print(
        f"10,000 schedules over 50 pairs: {first:.0f} ms to compile, then {rest:.1f} us each (20)"
    )
    for crons, names in ((120, ZONES), (1000, ZONES[:1])):
        compiled, verified, bounded = distinct(crons, names)
        print(
            f"{crons} crons x {len(names)} zones: {compiled:.0f} ms to compile,"
            f" {verified:.0f} ms to verify what is live, {bounded:.0f} ms to bound a year's parts"
        )


if __name__ == "__main__":
    main()
