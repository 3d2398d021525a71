"""Addresses that go away, and callbacks that come home: of schedules and of the groups they call."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from qstash_sync.lint import judge
from qstash_sync.model import addresses
from qstash_sync.model.lint import Code
from tests.support import cli, config

NOW = datetime(2026, 11, 26, tzinfo=UTC)
HEAD = """\
version: 1
namespace: acme
defaults: {timezone: UTC, cron: "0 9 * * *", failure_callback: "https://f.example.com/f", retries: 0, timeout: 60s}
"""
OFF = "lint: {disable: [preview_host]}"
PREVIEW = "url_groups: {g: {endpoints: ['https://app-git-x-acme.vercel.app/a']}}\n"


def told(text: str, environment: str | None = None) -> list[tuple[str, str, str]]:
    desired = config(text, environment=environment).desired
    found = judge.leveled(judge.findings(desired, NOW), desired, NOW)
    return [(str(one.code), str(one.severity), str(one.path[1])) for one in found]


@pytest.mark.parametrize(
    ("schedules", "expected"),
    [
        pytest.param("{}", "warning", id="no schedule calls it"),
        pytest.param("{a: {url_group: g}}", "warning", id="one calls it"),
        pytest.param(f"{{a: {{url_group: g, {OFF}}}}}", None, id="the one disables it"),
        pytest.param(f"{{a: {{url_group: g, {OFF}}}, b: {{url_group: g}}}}", "warning", id="one of two"),
        pytest.param("{a: {url_group: g, lint: {error: preview_host}}}", "error", id="an error"),
        pytest.param(f"{{a: {{destination: 'https://a.example.com', {OFF}}}}}", "warning", id="another"),
    ],
)  # fmt: skip
def test_a_group_on_a_preview_is_the_business_of_those_that_call_it(
    schedules: str, expected: str | None
) -> None:
    found = told(f"{HEAD}{PREVIEW}schedules: {schedules}\n")
    assert found == ([("preview_host", expected, "g")] if expected else [])


def test_the_defaults_of_a_preview_environment_hold_for_the_groups_of_its_schedules() -> None:
    """The remedy of preview_host."""
    text = f"""{HEAD}{PREVIEW}
environments:
  production: {{token: "${{env.P_TOKEN}}"}}
  preview: {{namespace: pr, token: "${{env.P_TOKEN}}", defaults: {{{OFF}}}}}
schedules: {{a: {{url_group: g}}}}
"""
    assert told(text, "preview") == []
    assert told(text, "production") == [("preview_host", "warning", "g")]


def test_a_plan_tells_of_a_group_that_a_new_schedule_calls(tmp_path: Path) -> None:
    file = tmp_path / "q.yaml"
    words = ("-f", str(file), f"--local={tmp_path}/a.db")
    file.write_text(f"{HEAD}{PREVIEW}schedules: {{}}\n")
    assert cli("apply", "--yes", *words).code == 0
    file.write_text(f"{HEAD}{PREVIEW}schedules: {{a: {{url_group: g}}}}\n")
    ran = cli("plan", "--fail-on", "warning", *words)
    assert (ran.code, ran.out.count("[preview_host]")) == (3, 1), ran.out


@pytest.mark.parametrize(
    ("host", "is_found"),
    [
        ("acme-backend01.vercel.app", False), ("my-version12.vercel.app", False),
        ("acme-backend01-prod.vercel.app", False), ("h3x9a0k2b.vercel.app", False),
        ("app-h3x9a0k2b-team.vercel.app", True), ("app-h3x9a0k2b-my-team.vercel.app", True),
        ("app-git-main-team.vercel.app", True), ("x.ngrok-free.app.", True),
        ("X.NGROK-free.app", True), ("x.ngrok-free.app.example.com", False),
        ("app-git-main-team.vercel.app.", True),
    ],
)  # fmt: skip
def test_a_host_is_a_preview_by_its_whole_name(host: str, *, is_found: bool) -> None:
    text = f"{HEAD}schedules: {{a: {{destination: 'https://{host}/j'}}}}\n"
    assert (told(text) == [("preview_host", "warning", "a")]) is is_found


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://app.acme.com/x", "https://APP.acme.com:443/x", True),
        ("https://h.example.com", "https://h.example.com/", True),
        ("https://h.example.com./x", "https://h.example.com/x", True),
        ("http://h.example.com:80/", "HTTP://h.example.com", True),
        ("https://h.example.com/x#a", "https://h.example.com/x", True),
        ("https://h.example.com/x", "https://h.example.com/X", False),
        ("https://h.example.com/x", "https://h.example.com/x/", False),
        ("https://h.example.com/x?a=1", "https://h.example.com/x?a=2", False),
        ("https://h.example.com:8443/", "https://h.example.com/", False),
        ("https://h.example.com/", "http://h.example.com/", False),
        ("https://a@h.example.com/", "https://b@h.example.com/", False),
        ("https://h.example.com:port/", "https://h.example.com/", False),
    ],
)
def test_two_spellings_are_one_address_if_they_reach_the_same(
    one: str, other: str, *, same: bool
) -> None:
    assert (addresses.canonical(one) == addresses.canonical(other)) is same


@pytest.mark.parametrize("callback", ["https://APP.acme.com:443/x", "https://app.acme.com/x"])
@pytest.mark.parametrize("key", ["callback", "failure_callback"])
def test_a_callback_that_is_its_destination_is_a_loop_however_it_is_spelt(
    key: str, callback: str
) -> None:
    text = (
        f"{HEAD}schedules: {{a: {{destination: 'https://app.acme.com/x', {key}: '{callback}'}}}}\n"
    )
    assert told(text) == [("callback_loop", "warning", "a")]


GROUP = "url_groups: {g: {endpoints: ['https://a.example.com', 'https://b.example.com/x']}}\n"


def test_a_callback_that_is_an_endpoint_of_its_group_is_a_loop() -> None:
    job = "schedules: {a: {url_group: g, callback: 'https://B.example.com/x'}}\n"
    assert told(HEAD + GROUP + job) == [("callback_loop", "warning", "a")]
    assert told(HEAD + GROUP + job.replace("/x", "/y")) == []
    assert told(HEAD + job) == []  # a group that the file does not declare


def test_a_loop_counts_as_what_the_group_has_changed(tmp_path: Path) -> None:
    desired = config(
        f"{HEAD}{GROUP}schedules: {{a: {{url_group: g, callback: 'https://b.example.com/x'}}}}\n"
    ).desired
    (found,) = judge.findings(desired, NOW, {("url_groups", "g")})
    assert (found.code, found.path[1]) == (Code.CALLBACK_LOOP, "a")
    assert list(judge.findings(desired, NOW, {("queues", "q")})) == []
