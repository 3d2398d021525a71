"""Names: which characters they take, variables in them, and where a resource is."""

from pathlib import Path
from typing import Any

import pytest

from qstash_sync.model.resources import Desired
from tests.support import HEAD, World, build, cli, config, ids, messages

URL = "https://app.example.com/x"
ENVIRONMENTS = """
vars: {pr: main}
environments:
  production: {token: "${env.T}"}
  preview:
    token: "${env.T}"
    namespace: preview
    vars: {pr: 12}
    overrides: {queues: {"images-${var.pr}": {parallelism: 2}}}
"""
KEYS = [
    "openai:gpt",
    "user@example.com",
    "https://api.openai.com:443/v1",
    "a/b/../c",
    ":",
    "@",
    "/",
]


def built(text: str, environment: str) -> Desired:
    return config(HEAD + ENVIRONMENTS + text, {"T": "t"}, environment=environment).desired


def names(found: tuple[Any, ...] | None) -> list[str]:
    return [one.name for one in found or ()]


def test_a_name_may_hold_a_variable_and_is_used_by_what_refers_to_it() -> None:
    """So a preview has queues, groups and keys of its own."""
    text = """
url_groups: {"orders-${var.pr}": {endpoints: ['https://e.com']}}
queues: {"images-${var.pr}": {}}
flow_controls: {"api@${var.pr}": {rate: 5}}
schedules:
  a: {cron: '@daily', url_group: "orders-${var.pr}", queue: "images-${var.pr}", flow_control: {key: "api@${var.pr}"}}
"""
    for environment, pr in (("production", "main"), ("preview", "12")):
        found = built(text, environment)
        assert names(found.url_groups) == [f"orders-{pr}"]
        assert names(found.queues) == [f"images-{pr}"]
        assert names(found.flow_controls) == [f"api@{pr}"]
        (schedule,) = found.schedules or ()
        assert schedule.message.destination == f"orders-{pr}"
        assert schedule.message.queue == f"images-{pr}"
    (queue,) = built(text, "preview").queues or ()
    assert queue.parallelism == 2  # the override's name holds the variable, too


def test_an_error_of_such_an_entry_stands_at_its_key() -> None:
    text = HEAD + 'vars: {v: a}\nqueues:\n  b: {}\n  "x-${var.v}": {paralelism: 1}\n'
    (found,) = messages(text)
    assert found.startswith("q.yaml:7:18: queues.x-a.paralelism: unknown key")


SELECTED = [
    ("schedules", "a: {cron: '@daily', destination: https://e.com, ONLY}"),
    ("url_groups", "a: {endpoints: ['https://e.com'], ONLY}"),
    ("queues", "a: {parallelism: 1, ONLY}"),
    ("flow_controls", "a: {rate: 1, ONLY}"),
]


@pytest.mark.parametrize(("section", "entry"), SELECTED, ids=ids(SELECTED))
def test_only_and_except_hold_for_every_kind(section: str, entry: str) -> None:
    for said, where in (
        ("only: production", {"production"}),
        ("only: [preview]", {"preview"}),
        ("except: [production]", {"preview"}),
        ("only: [preview, production]", {"preview", "production"}),
    ):
        for environment in ("production", "preview"):
            text = f"{section}: {{{entry.replace('ONLY', said)}}}\n"
            if section != "queues":
                text += "queues: {'images-${var.pr}': {}}\n"
            else:
                text = text.replace("{a:", "{'images-${var.pr}': {}, a:")
            found = names(getattr(built(text, environment), section))
            assert ("a" in found) is (environment in where), (said, environment)


@pytest.mark.parametrize("key", KEYS)
def test_a_flow_control_key_takes_colons_at_signs_and_slashes(world: World, key: str) -> None:
    text = HEAD + f"flow_controls: {{'{key}': {{parallelism: 2, rate: 5}}}}\n"
    text += (
        f"schedules: {{a: {{cron: '@daily', destination: {URL}, flow_control: {{key: '{key}'}}}}}}"
    )
    world.apply(text)
    assert world.plan(text).empty
    stored = world.account.store.get("flow", key)
    assert stored is not None
    assert stored["parallelismMax"] == 2


@pytest.mark.parametrize("section", ["schedules", "url_groups", "queues", "flow_controls"])
def test_an_override_of_what_no_file_has_is_an_error(section: str) -> None:
    """Whether or not there is such a section: a word in the wrong one does nothing."""
    text = f"{HEAD}environments: {{e: {{overrides: {{{section}: {{a: {{}}}}}}}}}}\n"
    for more in ("", f"{section}: {{}}\n"):
        _, found = build(text + more, environment="e")
        assert [(one.code, one.path[-2:]) for one in found] == [("unknown_name", (section, "a"))]


def test_an_entry_of_schedules_that_begins_with_x_is_an_anchors_home() -> None:
    text = HEAD + "schedules:\n  x-base: &base {cron: '@daily', retries: 5}\n  x-none:\n"
    text += f"  a: {{<<: *base, destination: {URL}}}\n"
    found = config(text).desired
    assert names(found.schedules) == ["a"]
    assert found.schedules
    assert found.schedules[0].message.retries == 5
    assert names(config(HEAD + "queues: {x-q: {}}").desired.queues) == ["x-q"]


@pytest.mark.parametrize("command", ["plan", "drift", "destroy", "pause"])
def test_the_file_of_local_as_a_word_of_its_own_gets_the_way_out(
    tmp_path: Path, command: str
) -> None:
    (tmp_path / "q.yaml").write_text(HEAD + "queues: {}\n")
    ran = cli(command, "-f", str(tmp_path / "q.yaml"), "--local", "x.db")
    assert ran.code == 64
    if command == "pause":  # there it is the name of schedules
        return
    assert "extra argument (x.db); if x.db is the file of --local, write --local=x.db" in ran.err
    assert "--local=x.db" in cli(command, "--help").out
    ran = cli(command, "--format", "json", "-f", str(tmp_path / "q.yaml"), "--local", "x.db")
    assert "--local=x.db" in ran.out


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("x-ray: {cron: '0 9 * * *', destination: 'https://e.com'}", True),
        ("x-base: &base {cron: '0 9 * * *', destination: 'https://e.com'}", False),
        ("x-base: {retries: 1}", False),
    ],
)
def test_a_schedule_that_is_none_by_its_name_is_told(entry: str, told: bool) -> None:
    codes = [w.code for w in config(HEAD + f"schedules:\n  {entry}\n").warnings]
    assert codes == ["home"] * told


def test_a_variable_that_is_null_makes_no_name() -> None:
    """`shop-` would be a namespace of its own, and `Bearer ` a header."""
    entry = "schedules: {a: {cron: '0 9 * * *', timezone: UTC, destination: 'https://e.example.com/${var.p}', retries: '${var.n}'}}\n"
    (told,) = messages(f"version: 1\nnamespace: shop\nvars: {{p: null, n: null}}\n{entry}")
    assert "${var.p} is null and cannot stand inside a text" in told
    assert not messages(f"version: 1\nnamespace: shop\nvars: {{p: '', n: null}}\n{entry}")
