"""Bodies: each kind is told from the others, and an empty one is none."""

from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from qstash_sync.model.change import Reason
from tests.support import HEAD, World

URL = "https://app.example.com/x"


BODIES = ["body: [1]", "body: {json: [1]}", "body: {base64: /wA=}", "body_base64: /wA=", "body: '/wA='", "body: ['base64', '/wA=']", "body: {}", "body: []", "body: '{}x'", "body: {__typename: A}", "body: {__typename: B}", "body: {json: 1}", "retries: 3"]  # fmt: skip


@pytest.mark.parametrize("after", BODIES)
@pytest.mark.parametrize("before", BODIES)
def test_no_body_can_pass_for_another(world: World, before: str, after: str) -> None:
    """In the file or in the account: a body is compared by its kind and its value."""
    text = HEAD + f"schedules: {{s: {{cron: '0 9 * * *', destination: '{URL}', %s}}}}\n"
    world.apply(text % after)
    edited = {key: world.schedule("billing.s").get(key) for key in ("body", "bodyBase64")}
    header = world.schedule("billing.s")["header"]
    world.apply(text % before)
    assert bool(world.plan(text % after).changes) is (before != after)
    world.edit("billing.s", **edited, header=header)
    plan = world.plan(text % before)
    assert [change.reason for change in plan.changes] == [Reason.DRIFT] * (before != after)


@pytest.mark.parametrize("empty", ["body: ''", "body: '${env.NONE:-}'", "body: '${var.e}'", "body_file: empty.txt", "body_base64: ''"])  # fmt: skip
def test_an_empty_body_is_none(
    world: World, empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_bytes(b"")
    text = (
        HEAD
        + f"vars: {{e: ''}}\nschedules: {{s: {{cron: '0 9 * * *', destination: '{URL}', {empty}}}}}\n"
    )
    world.apply(text)
    assert world.plan(text).empty
    assert world.plan(text.replace(f", {empty}", "")).empty


TWO_READINGS = [
    ("a: 1", '{"a":2,"a":1}'),  # who receives it may take the first
    ("a: 1.0", '{"a":1.0000000000000000001}'),
    ("a: 1.0", '{"a":1e400}'),
]


@pytest.mark.parametrize(("declared", "live"), TWO_READINGS)
def test_json_that_has_two_readings_is_not_the_same(world: World, declared: str, live: str) -> None:
    text = (
        HEAD
        + f"schedules: {{s: {{cron: '0 9 * * *', destination: '{URL}', body: {{{declared}}}}}}}\n"
    )
    world.apply(text)
    world.edit("billing.s", bodyBase64=b64encode(live.encode()).decode())
    assert [change.reason for change in world.plan(text).changes] == [Reason.DRIFT]


@pytest.mark.parametrize("live", ['{"a": 1.0 }', '{"a":1.00}', '{"a":1e0}'])
def test_json_that_is_spelt_otherwise_is_the_same(world: World, live: str) -> None:
    text = (
        HEAD + f"schedules: {{s: {{cron: '0 9 * * *', destination: '{URL}', body: {{a: 1.0}}}}}}\n"
    )
    world.apply(text)
    world.edit("billing.s", bodyBase64=b64encode(live.encode()).decode())
    assert world.plan(text).empty


def test_a_text_that_is_json_is_compared_by_what_it_says_and_sent_as_it_is(world: World) -> None:
    """As docs/file.md has it: spaces alone wait for the next change."""
    text = HEAD + f"schedules: {{s: {{cron: '0 9 * * *', destination: '{URL}', body: '%s'%s}}}}\n"
    world.apply(text % ('{"a":1}', ""))
    assert world.plan(text % ('{"a":  1}', "")).empty
    assert not world.plan(text % ('{"a":"1"}', "")).empty
    world.apply(text % ('{"a":  1}', ", retries: 2"))
    assert b64decode(world.schedule("billing.s")["bodyBase64"]) == b'{"a":  1}'
