"""Two simulated years at full size: every job in seven zones, by `split` and by `auto`.

    python benchmarks/two_years.py [--seed 20270101] [--processes 2]

A clock steps through 2027 and 2028 with a plan each day against the local server, and an apply of
`--only clock` where it is not empty; 2029 and 2030 go by without any. Each line holds what was
checked against brute force: a wrong firing, an apply too many or too late, or an end that is not as
foretold ends the run with an error.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.applying.test_two_years import AT_THE_CHANGE, SEED, jobs
from tests.support import world
from tests.years import Years

STRATEGIES = ("split", "auto")


def live(timezone: str, strategy: str, seed: int) -> tuple[list[str], int]:
    """All jobs of one zone through all years: a line for each, and the number of applies."""
    with world() as made:
        years = Years(made, jobs(timezone, strategy), seed)
        years.run()
        lines = [years.judge(name) for name in years.jobs]
        return lines, sum(len(lived.applied) for lived in years.lived.values())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args(arguments)
    started, applies, count = perf_counter(), 0, 0
    work = list(product(AT_THE_CHANGE, STRATEGIES))
    print(f"seed {given.seed}")
    with ProcessPoolExecutor(given.processes) as pool:
        done = [pool.submit(live, zone, strategy, given.seed) for zone, strategy in work]
        for (zone, strategy), future in zip(work, done, strict=True):
            lines, made = future.result()
            applies, count = applies + made, count + len(lines)
            print(f"{zone}, strategy {strategy}:", *lines, sep="\n  ", flush=True)
    took = perf_counter() - started
    print(f"{count} schedules, 731 days each, {applies} applies; all exact; {took:.0f} s")


if __name__ == "__main__":
    main()
