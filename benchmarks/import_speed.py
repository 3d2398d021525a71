"""How long an import of a grown account takes, and how much memory: whole processes, medians.

python benchmarks/import_speed.py [--schedules 5000] [--rounds 5]

The account is made from a fixed seed: schedules as scripts leave them, with random ids, in six
zones, a sixth of them twins, a secret in most, with bodies, queues and callbacks. It is served from
files, so that an import is measured and no server.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SEED, NOW = 20261125, "2026-11-25T12:00Z"
GOAL_SECONDS, GOAL_MEMORY = 5.0, 200.0  # of 5,000 schedules; MB
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ZONES = ("", "", "", "CRON_TZ=America/New_York ", "CRON_TZ=Europe/Berlin ", "CRON_TZ=Asia/Tokyo ")
_JOBS = ("report", "invoice", "digest", "cleanup", "export", "sync", "reminder", "backup")


def schedules(count: int) -> list[dict[str, Any]]:
    """The answer to GET /v2/schedules."""
    rng, found = random.Random(SEED), list[dict[str, Any]]()
    while len(found) < count:
        if found and len(found) % 6 == 5:
            found.append({**found[-1], "scheduleId": _id(rng), "createdAt": _created(len(found))})
            continue
        found.append(_schedule(rng, len(found)))
    return found


def _schedule(rng: random.Random, number: int) -> dict[str, Any]:
    body = {"job": rng.choice(_JOBS), "tenant": rng.randrange(1_000, 10_000), "pages": number % 20}
    host = rng.choice(("app", "app", "api"))
    more = {"queueName": "images"} if number % 7 == 0 else {}
    more |= {"callback": "https://app.example.com/done"} if number % 5 == 0 else {}
    return {
        "scheduleId": _id(rng),
        "cron": f"{rng.choice(_ZONES)}{rng.randrange(60)} {rng.randrange(24)} * * 1-5",
        "destination": f"https://{host}.example.com/api/cron/{body['job']}?tenant={body['tenant']}",
        "method": "POST",
        "header": {
            "Content-Type": ["application/json"],
            "Authorization": [f"Bearer cron-secret-{number % 9}"],
        },
        "body": json.dumps(body, separators=(",", ":")),
        "retries": 3,
        "isPaused": number % 40 == 0,
        "createdAt": _created(number),
        **more,
    }


def _id(rng: random.Random) -> str:
    return "scd_" + "".join(rng.choices(_ALPHABET, k=28))


def _created(number: int) -> int:
    return 1_760_000_000_000 + number * 60_000


def account(folder: Path, count: int) -> None:
    """The four lists, as files."""
    lists = {
        "schedules": schedules(count),
        "topics": [],
        "queues": [{"name": "images", "parallelism": 2, "paused": False, "lag": 0}],
        "flowControl": [],
    }
    for name, items in lists.items():
        (folder / name).write_text(json.dumps(items))


def measured(url: str) -> tuple[float, float, float, str]:
    """Seconds, those of the processor, megabytes, and what one process said."""
    paths = [str(ROOT), sysconfig.get_paths()["purelib"]]
    code = f"import sys; sys.path[:0] = {paths}; from qstash_sync.cli.main import main; main()"
    words = ["import", "--namespace", "bench", "--now", NOW]
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={"QSTASH_URL": url, "QSTASH_TOKEN": "made-up-for-benchmarks"},
    ) as process:
        assert process.stderr
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, said
    busy = usage.ru_utime + usage.ru_stime
    return time.perf_counter() - start, busy, usage.ru_maxrss * 1_024 / 1e6, said


def main() -> None:
    options = argparse.ArgumentParser(description="Measure imports.")
    options.add_argument("--schedules", type=int, default=5_000)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        account(Path(folder), given.schedules)
        command = [sys.executable, str(ROOT / "benchmarks" / "lists.py"), folder]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout
            url = server.stdout.readline().strip()
            found = [measured(url) for _ in range(given.rounds)]
            server.communicate()  # closes its stdin, which ends it
    print(found[-1][3])
    figures = zip(*(one[:3] for one in found), strict=True)
    seconds, busy, memory = map(statistics.median, figures)
    print(f"{given.schedules} schedules, medians of {given.rounds} processes:")
    print(f"  {seconds:.2f} s (goal {GOAL_SECONDS:.0f}), of the processor {busy:.2f} s")
    print(f"  {memory:.0f} MB (goal {GOAL_MEMORY:.0f})")


if __name__ == "__main__":
    main()
