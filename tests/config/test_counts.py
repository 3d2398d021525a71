"""How the work grows with a file: counted, not timed."""

import sys
from typing import TYPE_CHECKING, Any

import pytest

from qstash_sync.config.interpolate import Scope
from qstash_sync.config.load import Files, Source
from qstash_sync.config.parse import read
from qstash_sync.config.report import Report

if TYPE_CHECKING:
    from qstash_sync.config.tree import Map

DEFAULTS = """version: 1
namespace: billing
vars: {base: https://app.example.com, team: {name: billing, tags: [a, b]}}
defaults:
  timezone: Europe/Berlin
  base_url: ${var.base}
  headers: {X-Team: billing, Authorization: "Bearer ${env.TOKEN}"}
  failure_callback: /failed
  dst: {gap: skip}
schedules:
"""
ENTRY = """  s{number}:
    cron: "{minute} 9 * * *"
    destination: /jobs/{number}
    headers: {{X-Job: job-{number}, X-Team: null}}
    body: {{id: {number}, team: "${{var.team}}", tags: [a, b]}}
    labels: [reports]
    retries: {retries}
"""


def file(count: int) -> str:
    """A file with so many schedules, which use everything that layers and variables have."""
    return DEFAULTS + "".join(
        ENTRY.format(number=number, minute=number % 60, retries=number % 5)
        for number in range(count)
    )


def calls(count: int, change: tuple[str, str] = ("", "")) -> int:
    """How many functions run, Python's and C's, while a file of so many schedules is built."""
    text = file(count).replace(*change) if change[0] else file(count)
    found = 0

    def profile(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal found
        found += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        files = Files([Source("q.yaml", ".", text)])
        files.build(None, {}, {"TOKEN": "t"})
    finally:
        sys.setprofile(None)
    return found


@pytest.mark.parametrize(
    "change", [("", ""), ("labels: [reports]", "labels: ['a,b']"), ("retries", "retires")],
    ids=["valid", "an error in each", "an unknown key in each"],
)  # fmt: skip
def test_the_work_grows_with_the_number_of_schedules(change: tuple[str, str]) -> None:
    calls(60, change)  # what is asked for the first time
    few, many = calls(200, change), calls(2_000, change)
    assert many / few < 10.5


def test_the_defaults_are_checked_once() -> None:
    """Their headers, callbacks and variables cost nothing for another schedule."""
    calls(60)
    each = (calls(400) - calls(200)) / 200
    bare = ("  failure_callback: /failed\n  dst: {gap: skip}\n", "")
    assert (each - (calls(400, bare) - calls(200, bare)) / 200) < 12


def test_a_tree_without_variables_is_not_copied() -> None:
    text = "a: {b: [1, {c: d}]}\ne: {f: '${var.x}', g: {h: [i]}}\n"
    document = read(text, name="q", folder=".", report=Report())
    assert document is not None
    scope = Scope({"x": ("y", None)}, {})
    root: Map = scope.resolve(document.root, document.root.location, ())
    assert root["a"] is document.root["a"]
    assert root["e"]["g"] is document.root["e"]["g"]
    assert root["e"]["f"] == "y"
    assert document.root["e"]["f"] == "${var.x}"


def test_schedules_that_fire_alike_share_one_job() -> None:
    """What is known of a job is found by it: one object for all of them is found at once."""
    config = Files([Source("q.yaml", ".", file(130))]).config(None, {}, {"TOKEN": "t"})
    schedules = config.desired.schedules or ()
    assert len({id(schedule.timing.job) for schedule in schedules}) == 60
    assert len({schedule.timing.job for schedule in schedules}) == 60
