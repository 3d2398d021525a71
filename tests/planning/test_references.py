"""What a schedule names has to be there: in the file, or in the account."""

from dataclasses import replace
from typing import Any

import pytest

from qstash_sync.model.resources import (
    Endpoint,
    Key,
    Kind,
    Live,
    LiveFlowControl,
    LiveQueue,
    LiveSchedule,
    LiveUrlGroup,
)
from qstash_sync.planning import references
from tests.support import HEAD, config

LIVE = Live(
    url_groups=(LiveUrlGroup(name="live", endpoints=(Endpoint(url="https://e.com"),)),),
    queues=(LiveQueue(name="live", parallelism=1),),
    flow_controls=(LiveFlowControl(name="live"),),
)
FILE = (
    HEAD
    + """url_groups: {declared: {endpoints: ['https://e.com']}}
queues: {declared: {parallelism: 1}}
flow_controls: {declared: {parallelism: 1}}
"""
)
URL = "destination: 'https://e.com'"
TARGETS = {
    "url_group": "url_group: %s",
    "queue": f"{URL}, queue: %s",
    "flow_control": f"{URL}, flow_control: {{key: %s}}",
}

WRITTEN = {"url_group": "url_group: %s", "queue": "queue: %s", "flow_control": "key: %s"}


def dangling(target: str, *, live: Live = LIVE, left_out: tuple[Key, ...] = ()) -> list[Any]:
    desired = config(f"{FILE}schedules: {{s: {{cron: 0 9 * * *, {target}}}}}\n").desired
    return list(references.dangling(desired, desired.schedules or (), live, left_out))


@pytest.mark.parametrize("key", TARGETS)
@pytest.mark.parametrize("name", ["declared", "live"])
def test_what_is_declared_or_live_is_there(key: str, name: str) -> None:
    assert dangling(TARGETS[key] % name) == []
    assert bool(dangling(TARGETS[key] % name, live=Live())) is (name == "live")


@pytest.mark.parametrize("key", TARGETS)
@pytest.mark.parametrize(
    ("name", "hint"),
    [("other", "declare it under {}s"), ("declard", "did you mean declared?")],
    ids=["unlike any", "misspelt"],
)
def test_what_is_neither_is_an_error_with_a_way_out(key: str, name: str, hint: str) -> None:
    (told,) = dangling(TARGETS[key] % name)
    assert told.path == ("schedules", "s", key)
    assert told.location is not None
    assert told.location.text[told.location.column - 1 :].startswith(WRITTEN[key] % name)
    more = " without limits of its own" if key == "flow_control" else ""
    assert told.message == f"{name}{more} is neither in the file nor in the account"
    assert told.hint == hint.format(key)


HOMES = {
    "defaults": "defaults: {%s}\nschedules: {s: {cron: 0 9 * * *, timezone: UTC}}\n",
    "an override": "environments: {e: {token: '${env.T}', overrides: {schedules: {s: {%s}}}}}\n"
    "schedules: {s: {cron: 0 9 * * *, timezone: UTC, destination: 'https://e.com'}}\n",
    "an environment's defaults": "environments: {e: {token: '${env.T}', defaults: {%s}}}\n"
    "schedules: {s: {cron: 0 9 * * *, timezone: UTC}}\n",
    "a block": "schedules:\n  s:\n    cron: 0 9 * * *\n    timezone: UTC\n    %s\n",
    "an anchor": "x-a: &a {%s}\nschedules: {s: {<<: *a, cron: 0 9 * * *, timezone: UTC}}\n",
}


@pytest.mark.parametrize("key", TARGETS)
@pytest.mark.parametrize("home", HOMES)
def test_the_place_is_that_of_the_reference_wherever_it_is_written(key: str, home: str) -> None:
    target = (TARGETS[key] % "other").replace(", ", "\n    " if home == "a block" else ", ", 1)
    text = f"version: 1\nnamespace: n\n{HOMES[home] % target}"
    environment = "e" if "environments" in text else None
    desired = config(text, environment=environment).desired
    (told,) = references.dangling(desired, desired.schedules or (), LIVE)
    assert told.location
    assert told.location.text[told.location.column - 1 :].startswith(WRITTEN[key] % "other")


@pytest.mark.parametrize("key", TARGETS)
def test_what_the_run_leaves_out_is_to_be_done_first(key: str) -> None:
    """It is in the file, so that it is neither here nor there is no slip of the pen."""
    (told,) = dangling(TARGETS[key] % "other", left_out=((Kind(key), "other"),))
    assert told.message == "other is left out of this run, and not in the account yet"
    assert told.hint == f"do it first, or in the same run: --target {key}s.other"
    (told,) = dangling(TARGETS[key] % "other", left_out=((Kind(key), "another"),))
    assert "neither in the file" in told.message


@pytest.mark.parametrize("limit", ["parallelism: 3", "rate: 5"])
def test_a_flow_control_key_with_limits_of_its_own_need_not_be_pinned(limit: str) -> None:
    assert dangling(f"{URL}, flow_control: {{key: other, {limit}}}") == []


@pytest.mark.parametrize("limit", ["parallelism: 1", "rate: 5"])
def test_a_key_that_another_schedule_brings_limits_for_is_there(limit: str) -> None:
    """Of the file, or of the account: the firing of that one makes it."""
    with_limit = f"{URL}, flow_control: {{key: m, {limit}}}"
    text = f"{FILE}schedules: {{a: {{cron: 0 9 * * *, {TARGETS['flow_control'] % 'm'}}}, b: {{cron: 0 9 * * *, {with_limit}}}}}\n"
    both = config(text).desired
    one, other = both.schedules or ()
    assert list(references.dangling(both, both.schedules or (), LIVE)) == []
    assert list(references.dangling(both, [one], LIVE)) == []  # of a saved plan
    alone = replace(both, schedules=(one,))
    live = LiveSchedule(id="billing.b", cron="0 9 * * *", message=other.message)
    assert list(references.dangling(alone, [one], replace(LIVE, schedules=(live,)))) == []
    (told,) = references.dangling(alone, [one], LIVE)
    assert "neither in the file nor in the account" in told.message


def test_a_url_is_no_group() -> None:
    assert dangling("destination: 'https://other.example.com'") == []
