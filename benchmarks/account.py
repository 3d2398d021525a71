"""The account: what an apply writes, as bytes to serve, and one that counts under an apply.

    python benchmarks/account.py build FILE FOLDER [--changed FOLDER]
    python benchmarks/account.py serve [--latency 0.05]

All that the harness needs of the product but its commands is imported here, in processes of their
own: the harness itself stays small, and so does the peak memory that a command inherits from it.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
from inputs import NOW, SECRETS

sys.path.insert(0, str(Path(__file__).parents[1]))

from qstash_sync.cli.main import run
from qstash_sync.local import LOCAL_TOKEN, LocalQStash, Served, Switches

LISTS = ("schedules", "topics", "queues", "flowControl")
LIMITLESS = Switches(plan="none")
_LIST_TARGETS = {f"/v2/{name}" for name in LISTS}
CHANGED_EVERY = 100  # one schedule of as many


# In sync: what the four lists answer after an apply


def build(file: Path, folder: Path, changed: Path | None) -> None:
    """Apply a file to an account in memory and keep its lists; `changed`: and with 1 % edited."""
    lists = applied(file)
    keep(lists, folder)
    if changed:
        keep({**lists, "schedules": edited(lists["schedules"])}, changed)


def applied(file: Path) -> dict[str, Any]:
    """The lists of an account that a file was applied to at the time of the benchmark."""
    clock = datetime.fromisoformat(NOW).timestamp
    words = ["--now", NOW, "-f", str(file), "--format", "json"]
    with tempfile.TemporaryDirectory() as scratch:
        database = str(Path(scratch) / "account")
        with (
            mock.patch("qstash_sync.local.LocalQStash", partial(LocalQStash, switches=LIMITLESS)),
            mock.patch.dict(os.environ, SECRETS),
            Path(os.devnull).open("w") as nowhere,
            mock.patch("sys.stdout", nowhere),
        ):
            code = run(["apply", "--yes", f"--local={database}", *words])
        assert code == 0, f"the apply of the benchmark's account ended with {code}"
        with (
            LocalQStash(database, switches=LIMITLESS, clock=clock) as account,
            httpx.Client(transport=httpx.MockTransport(account)) as client,
        ):
            return {name: _read(client, name) for name in LISTS}


def _read(client: httpx.Client, name: str) -> Any:
    authorization = {"Authorization": f"Bearer {LOCAL_TOKEN}"}
    answer = client.get(f"http://local/v2/{name}", headers=authorization)
    return answer.raise_for_status().json()


def edited(schedules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same with other retries in one schedule of a hundred, in all of its parts."""
    names = sorted({_name(part) for part in schedules})
    touched = set(names[CHANGED_EVERY // 2 :: CHANGED_EVERY])
    return [
        {**part, "retries": part["retries"] + 4} if _name(part) in touched else part
        for part in schedules
    ]


def _name(part: dict[str, Any]) -> str:
    """The label that all parts of one schedule share."""
    shared: str = next(label for label in part["labels"] if not label.startswith("qsync"))
    return shared


def keep(lists: dict[str, Any], folder: Path) -> None:
    """Write each list as the bytes of its answer."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in LISTS:
        (folder / name).write_bytes(json.dumps(lists[name]).encode())


# Under an apply: an account on a socket that answers after its latency and counts


class Counting(LocalQStash):
    """When requests came and were answered; `serve` asks for it, and begins anew."""

    def __init__(self, latency: float) -> None:
        super().__init__(switches=LIMITLESS)
        self.latency = latency
        self._seeing = threading.Lock()
        self._seen: list[tuple[str, str, float, float]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Hold an answer back until the latency is over, the work on it included."""
        came = time.perf_counter()
        response = super().__call__(request)
        time.sleep(max(came + self.latency - time.perf_counter(), 0.0))
        target = bytes(request.extensions["target"]).decode().partition("?")[0]
        with self._seeing:
            self._seen.append((request.method, target, came, time.perf_counter()))
        return response

    def told(self) -> dict[str, Any]:
        """All requests, and those about single resources with the time that they took together."""
        with self._seeing:
            seen, self._seen = self._seen, []
        single = [entry for entry in seen if entry[0] != "GET" or entry[1] not in _LIST_TARGETS]
        writes = sum(method != "GET" for method, *_ in seen)
        took = max(e[3] for e in single) - min(e[2] for e in single) if single else 0.0
        return {"all": len(seen), "writes": writes, "single": len(single), "took": took}


def serve(latency: float) -> None:
    """Print address and token; for each line of stdin, empty the account and tell the counts."""
    with Counting(latency) as account, Served(account) as served:
        print(json.dumps({"url": served.url, "token": LOCAL_TOKEN}), flush=True)
        for _ in sys.stdin:
            for stored in account.store.all("schedule"):
                account.store.delete("schedule", stored["scheduleId"])
            print(json.dumps(account.told()), flush=True)


def main() -> None:
    """One of the two."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = options.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build")
    building.add_argument("file", type=Path)
    building.add_argument("folder", type=Path)
    building.add_argument("--changed", type=Path)
    serving = commands.add_parser("serve")
    serving.add_argument("--latency", type=float, default=0.05, help="seconds")
    given = options.parse_args()
    if given.command == "build":
        build(given.file, given.folder, given.changed)
    else:
        serve(given.latency)


if __name__ == "__main__":
    main()
