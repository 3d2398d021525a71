"""A file that is wrong: no block in another column, no line that is lost, wakes what it pauses."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from qstash_sync.config import places
from qstash_sync.config.load import Files
from qstash_sync.config.missing import Missing
from qstash_sync.config.outline import outline
from qstash_sync.config.sources import Source
from qstash_sync.errors import ConfigError
from qstash_sync.model.change import Action
from qstash_sync.model.diagnostics import Severity
from qstash_sync.model.resources import Live
from qstash_sync.planning.pause_by_name import Wish, pause_plan
from tests.support import World

JOBS = """\
schedules:
  rests:
    cron: 0 9 * * *
    destination: https://e.example.com/rests
    paused: true
  runs:
    cron: 0 10 * * *
    destination: https://e.example.com/runs
    headers:
      X-Team: one
    dst:
      gap: skip
    redact:
      headers: [X-Team]
  sleeps:
    cron: 0 11 * * *
    paused: true
    destination: https://e.example.com/sleeps
    body:
      kind: daily
"""
PLAIN = f"""\
version: 1
namespace: shop
limits:
  max_deletes: 5
queues:
  images:
    parallelism: 2
defaults:
  timezone: UTC
  callback:
    url: https://e.example.com/told
{JOBS}"""
STAGING = f"""\
version: 1
namespace: shop
environments:
  live:
    namespace: shop-live
  stg:
    namespace: shop-stg
    vars:
      size: 1
    defaults:
      paused: true
      retries: 0
    overrides:
      schedules:
        runs:
          paused: false
          cron: 0 5 * * *
        sleeps:
          retries: 2
url_groups:
  orders:
    endpoints:
      one: https://e.example.com/orders
defaults:
  timezone: UTC
{JOBS.replace("    paused: true" + chr(10), "")}"""
HERE = {"PLAIN": (PLAIN, None), "STAGING": (STAGING, "stg")}


def damaged(text: str) -> Iterator[tuple[str, str]]:
    """The text with one block, line or rest in another column, or with one line lost or twice."""
    lines = text.splitlines(keepends=True)
    indents = [len(line) - len(line.lstrip()) for line in lines]
    for first, indent in enumerate(indents):
        below = next((n for n in range(first + 1, len(lines)) if indents[n] <= indent), len(lines))
        siblings = next(
            (n for n in range(first + 1, len(lines)) if indents[n] < indent), len(lines)
        )
        for last in sorted({first + 1, below, siblings, len(lines)}):
            for shift in (-4, -2, -1, 1, 2, 4):
                if min(indents[first:last]) + shift >= 0:
                    moved = [
                        (" " * shift + line) if shift > 0 else line[-shift:]
                        for line in lines[first:last]
                    ]
                    told = f"lines {first + 1} to {last} by {shift}"
                    yield told, "".join([*lines[:first], *moved, *lines[last:]])
        if "paused" not in lines[first]:
            yield f"line {first + 1} lost", "".join([*lines[:first], *lines[first + 1 :]])
        yield f"line {first + 1} twice", "".join([*lines[: first + 1], *lines[first:]])
        yield f"block {first + 1} twice", "".join([*lines[:below], *lines[first:]])


@pytest.mark.parametrize("which", HERE)
def test_no_damage_wakes_what_the_file_pauses(which: str, world: World) -> None:
    text, environment = HERE[which]
    world.environment = environment
    world.apply(text)
    with world.client() as client:
        live = client.read({"schedules"})
    ids = {schedule.id for schedule in live.schedules or ()}
    for part in ids:
        world.account.console.pause(part)
    with world.client() as client:
        live = client.read({"schedules"})
    assert _woken(text, environment, live) == {"runs"}
    tried = wrong = 0
    for told, other in damaged(text):
        files = Files([Source(name="q.yaml", folder=".", text=other)])
        _, found = files.attempt(environment, {}, {}, Missing.UNKNOWN)
        tried += 1
        if any(one.severity is Severity.ERROR for one in found):
            wrong += 1
            assert _woken(other, environment, live) <= {"runs"}, told
    assert wrong > tried // 2 > 200


def _woken(text: str, environment: str | None, live: Live) -> set[str]:
    files = Files([Source(name="q.yaml", folder=".", text=text)])
    try:
        config, _ = outline(files, environment, {}, {})
    except ConfigError:
        return set()
    wish = Wish(desired=config.desired, globs=("*",), paused=False)
    found = pause_plan(wish, live, now=World.now, tzdata="")
    chosen = (one for one in found.plan.changes if one.key not in found.refused)
    return {one.name for one in chosen if one.action is Action.RESUME}


def test_the_errors_of_a_value_are_errors_of_this_program() -> None:
    """So that a code that gets another name is not forgotten: its errors would refuse everything."""
    text = "".join(path.read_text() for path in Path(places.__file__).parent.glob("*.py"))
    own = Path(places.__file__).read_text()
    known = set(re.findall(r'"([a-z_]+)"', text.replace(own, "")))
    assert known >= places.OF_A_VALUE


PLACES = [  # what stands in the file, where its error is, and of which one value that is; None: of any
    ("schedules: {a: {retries: many}}", ("schedules", "a", "retries"), ("schedules", "a", "retries")),
    ("schedules: {a: {retires: 2}}", ("schedules", "a", "retires"), ("schedules", "a", "retries")),
    ("schedules: {a: {retires: 2, retries: 3}}", ("schedules", "a", "retires"), None),
    ("schedules: {a: {colour: red}}", ("schedules", "a", "colour"), None),
    ("schedules: {a: {rettries: {b: c}}}", ("schedules", "a", "rettries"), None),
    ("environments: {p: {retries: 2}}", ("environments", "p", "retries"), None),  # near to region, and known
    ("environments: {p: {tokn: 2}}", ("environments", "p", "tokn"), ("environments", "p", "token")),
    ("environments: {p: {defaults: {retries: x}}}", ("environments", "p", "defaults", "retries"), ("environments", "p", "defaults", "retries")),
    ("environments: {p: {overrides: {schedules: {a: {retries: x}}}}}", ("environments", "p", "overrides", "schedules", "a"), None),
    ("schedules: {a: {labels: [a, {b: c}]}}", ("schedules", "a", "labels", 1), None),
    ("schedules: {a: {labels: [a, 1]}}", ("schedules", "a", "labels", 1), ("schedules", "a", "labels", 1)),
    ("schedules: {a: {headers: {X A: b}}}", ("schedules", "a", "headers", "X…"), ("schedules", "a", "headers", "X…")),
    ("schedules: {a: {headers: {X A: b, c: {d: e}}}}", ("schedules", "a", "headers", "X…"), None),
    ("schedules: {A: {}}", ("schedules", "A"), ("schedules", "A")),
    ("schedules: {a: 3}", ("schedules", "a"), None),
    ("schedules: 3", ("schedules",), None),
    ("limits: {max_deletes: x}", ("limits", "max_deletes"), ("limits", "max_deletes")),
    ("lint: {disable: [nonsense]}", ("lint", "disable", 0), ("lint", "disable", 0)),
    ("schedules: {a: {timeout: long, timeout: 3}}", ("schedules", "a", "timeout"), None),
    ("x-h: {a: sk_live_0123456789abcdef}", ("x-h", "a"), ("x-h", "a")),
    ("queues: {q: {parallelism: x}}", ("queues", "q", "parallelism"), ("queues", "q", "parallelism")),
    ("queues: {schedules: {a: {}}}", ("queues", "schedules", "a"), None),
    ("allow_private: perhaps", ("allow_private",), ("allow_private",)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "path", "place"), PLACES)
def test_what_is_certain_after_an_error(
    text: str, path: tuple[str | int, ...], place: tuple[str | int, ...] | None
) -> None:
    whole = f"version: 1\nnamespace: n\n{text}\n"
    files = Files([Source(name="q.yaml", folder=".", text=whole)])
    environment = "p" if "environments" in text else None
    _, found = files.attempt(environment, {}, {}, Missing.UNKNOWN)
    errors = [one for one in found if one.severity is Severity.ERROR]
    of_it = [one for one in errors if one.path[: len(path)] == path]
    assert of_it, errors
    assert place in {places.of_value(one, files.documents) for one in of_it}


def test_a_file_without_its_version_is_certain_where_it_has_something() -> None:
    for text, place in (("namespace: n\n", ("version",)), ("", None)):
        files = Files([Source(name="q.yaml", folder=".", text=text)])
        _, found = files.attempt(None, {}, {}, Missing.UNKNOWN)
        (missing,) = [one for one in found if one.path == ("version",)]
        assert places.of_value(missing, files.documents) == place
