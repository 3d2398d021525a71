"""Whatever an answer holds: each command ends as it says, prints no secret, and stops where it must."""

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from qstash_sync import local
from tests.cli.test_hostile import ENVIRON, HOSTILE, NOW, SECRET, assert_harmless
from tests.fault_server import FaultServer
from tests.support import HEAD, cli

FILE = (
    HEAD
    + """
owns: {url_groups: ['*'], queues: ['*'], flow_controls: ['*']}
url_groups: {g: {endpoints: {a: 'https://a.example.com'}}}
queues: {q: {parallelism: 2}}
flow_controls: {f: {parallelism: 5, rate: 10}}
schedules:
  s:
    cron: 0 9 * * *
    timezone: America/New_York
    destination: https://e.example.com/x
    headers: {X-A: '${env.SECRET}'}
    body: {a: 1}
    retries: 2
    timeout: 30s
    labels: [l]
    queue: q
    flow_control: {key: f, rate: 3}
    callback: https://c.example.com
  t: {cron: '*/5 * * * *', destination: 'https://e.example.com/y', id: scd_t}
"""
)
NINES = "9" * 5_000
DIGESTS = "-".join(["a" * 12] * 3)
NUMBERS = [
    0, -1, 1, 10**12, 1_735_689_600_000_000, 10**18, -(10**18), 2**63 - 1, -(2**63), 2**63,
    10**4_000, 1.5, 1e300,
]  # fmt: skip
CRONS = [
    f"{NINES} * * * *", f"*/{NINES} * * * *", f"0-{NINES} * * * *", ",".join(["1"] * 5_000) + " * * * *",
    "* " * 5_000, "@every 1h", f"@every {NINES}h", "@every", "0 0 30 2 *", "* * * * * *", ", * * * *",
    "CRON_TZ=../../etc/passwd 0 9 * * *", "CRON_TZ=/etc/passwd 0 9 * * *", "CRON_TZ=\0 0 9 * * *",
    "CRON_TZ=Europe/Berlin 0 9 * * *", "CRON_TZ=Europe/Berlin", "TZ= 0 9 * * *",
]  # fmt: skip
LABELS = [
    f"qsync1-0000-{NINES}of1-{DIGESTS}", f"qsync1-0000-1of3000000000-{DIGESTS}",
    f"qsync1-0000-0of0-{DIGESTS}", f"qsync1-0000-999of1-{DIGESTS}-p-z", f"qsync1-0000-²of1-{DIGESTS}",
    "0_9_x_x_1-5@America.New_York", f"{NINES[:80]}_9_x_x_x@UTC", "0_9_x_x_x@Etc..passwd", "0_9_x_x_x@.",
    "billing.", "billing.s", ",", "a,b",
]  # fmt: skip
TEXTS = [
    "", "x", SECRET, f"Bearer {SECRET}", SECRET[:-2], "REDACTED:" + "a" * 64, "ab!cd", "/wA=", "0s",
    "https://e.example.com/" + "a" * 5_000, "billing.s.2", "billing.s.999", f"billing.s.{NINES}", "..",
]  # fmt: skip
PLAIN: list[Any] = [None, True, False, [], {}, ["a"], [1], {"X": ["1"]}, {"X": None}, [None]]
VALUES: list[Any] = [*NUMBERS, *CRONS, *LABELS, *TEXTS, *HOSTILE, "\ud800", *PLAIN]
KEYS = ("error", "label", "lastScheduleTime", "nextScheduleTime", "bodyBase64", "labels", "lag")
Lie = tuple[int, Any]  # which value of an answer, and what stands there instead


class Liar(FaultServer):
    """A server whose answers to a GET hold other values than its account."""

    def __init__(self, *words: Any, lies: list[Lie], **more: Any) -> None:
        super().__init__(*words, **more)
        self.lies = lies

    def __call__(self, request: httpx.Request) -> httpx.Response:
        response = super().__call__(request)
        if request.method != "GET" or not response.content or not self.lies:
            return response
        data = response.json()
        for number, value in self.lies:
            places = list(_places(data))
            if places:
                holder, key = places[number % len(places)]
                holder[key] = _fitting(holder.get(key) if isinstance(holder, dict) else None, value)
        content = json.dumps(data).encode()
        return httpx.Response(
            response.status_code, headers={"Date": response.headers["Date"]}, content=content
        )


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every value of a document, and some that are not there, with what holds it."""
    if isinstance(data, list):
        for number, item in enumerate(data):
            yield data, number
            yield from _places(item)
    elif isinstance(data, dict):
        for key in (*data, *KEYS):
            yield data, key
        for item in tuple(data.values()):
            yield from _places(item)


def _fitting(was: Any, value: Any) -> Any:
    """The value in the form of what it replaces, so that more is read of it than its type."""
    if isinstance(was, list) and isinstance(value, str):
        return [*was, value]
    return value


one_lie = st.tuples(st.integers(0, 400), st.sampled_from(VALUES) | st.text(max_size=9))
COMMANDS = [
    ("plan", "-v", "--adopt", "*"),
    ("drift", "-v"),
    ("drift", "--format", "json"),
    ("plan", "--format", "markdown", "-v"),
    ("pause", "*", "--yes"),
    ("apply", "--yes", "--adopt", "*", "--format", "json"),
    ("apply", "--yes", "--adopt", "*"),
]


def liar(lies: list[Lie]) -> Any:
    return mock.patch.object(local, "LocalQStash", functools.partial(Liar, lies=lies))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.yaml").write_text(FILE)
    return tmp_path


def told(folder: Path, lies: list[Lie]) -> None:
    """Every command on an account that is as the file says, but for the lies about it."""
    database = folder / "a.db"
    database.unlink(missing_ok=True)
    with FaultServer(database) as server:
        foreign = {"cron": "0 9 * * *", "destination": "https://e.example.com/z", "labels": ["l"]}
        whole = {
            "isPaused": False,
            "createdAt": 1,
            "retries": 3,
            "redact": [],
            "header": {},
            "bodyBase64": "",
        }
        for name in ("scd_t", "other", "billing.s.9"):
            server.store.put(
                "schedule", name, {"scheduleId": name, **foreign, **whole, "method": "POST"}
            )
    where = ("-f", "q.yaml", f"--local={database}")
    assert cli("apply", "--yes", "--adopt", "*", *where, "--now", NOW, environ=ENVIRON).code == 0
    with liar(lies):
        for words in COMMANDS:
            when = () if words[0] == "pause" else ("--now", NOW)
            ran = cli(*words, *where, *when, environ=ENVIRON)
            assert_harmless(ran, context=(words, lies))
            if "json" in words:
                json.loads(ran.out)


@given(lies=st.lists(one_lie, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@example(lies=[(0, None)])
def test_no_answer_ends_in_a_traceback_or_shows_a_secret(folder: Path, lies: list[Lie]) -> None:
    told(folder, lies)


FIELDS = [
    "cron",
    "labels",
    "retries",
    "nextScheduleTime",
    "createdAt",
    "lastScheduleTime",
    "timeout",
    "delay",
]


@pytest.mark.parametrize("field", FIELDS)
def test_no_value_of_a_field_that_is_computed_with_does_either(folder: Path, field: str) -> None:
    """Each by itself, in every schedule of the list, ours and others'."""
    kinds = {"cron": CRONS, "labels": LABELS}
    for value in kinds.get(field, NUMBERS):

        class Exact(Liar):
            said = value

            def __call__(self, request: httpx.Request) -> httpx.Response:
                response = FaultServer.__call__(self, request)
                data = response.json() if response.content else None
                for item in data if isinstance(data, list) else [data]:
                    if isinstance(item, dict) and "scheduleId" in item and request.method == "GET":
                        item[field] = (
                            [*item.get(field, []), self.said] if field == "labels" else self.said
                        )
                return httpx.Response(
                    response.status_code, headers={"Date": response.headers["Date"]}, json=data
                )

        with mock.patch(f"{__name__}.Liar", Exact):
            told(folder, [])
