"""A file that was split into a folder: `defaults` stay with the file that they stand in."""

import json
from pathlib import Path

import pytest

from qstash_sync.config.load import Files, Source
from qstash_sync.model.diagnostics import Diagnostic
from tests.support import cli

BASE = "version: 1\nnamespace: s\ndefaults: {timezone: UTC, base_url: 'https://a.example.com', retries: 1}\n"
JOBS = "version: 1\nschedules:\n" + "".join(
    f"  {name}: {{cron: '0 9 * * *', destination: /{name}, callback: /done}}\n" for name in "abc"
)
COPY = "has it in its defaults, which are of that file alone: copy them here"


def found(*texts: str, environment: str | None = None) -> tuple[Diagnostic, ...]:
    sources = [Source(f"qstash/{n}.yaml", "qstash", text) for n, text in enumerate(texts)]
    return Files(sources).build(environment, {}, {})[1]


def hints(*texts: str) -> set[tuple[str, str]]:
    return {(str(one.path[-1]), one.hint) for one in found(*texts)}


def test_what_the_defaults_of_another_file_have_is_said_to_stand_there() -> None:
    told = f"a path needs base_url: qstash/0.yaml {COPY}"
    assert hints(BASE, JOBS) == {
        ("timezone", f"qstash/0.yaml {COPY}"),
        ("destination", told),
        ("callback", told),
    }
    assert {hint.split()[0] for key, hint in hints(JOBS, BASE) if key == "timezone"} == {
        "qstash/1.yaml"
    }


def test_any_key_that_must_be_said_may_have_been_left_behind() -> None:
    base = "version: 1\nnamespace: s\ndefaults: {cron: '@daily', url_group: g}\n"
    told = hints(base, "version: 1\nschedules: {a: {timezone: UTC}}\n")
    assert ("cron", f"qstash/0.yaml {COPY}") in told
    assert dict(told)["destination"].startswith("write destination:")


@pytest.mark.parametrize(
    "base",
    [
        "version: 1\nnamespace: s\n",
        "version: 1\nnamespace: s\ndefaults: {retries: 1}\n",
        "version: 1\nnamespace: s\ndefaults: {timezone: null, base_url: null}\n",
    ],
    ids=["none", "others", "unset"],
)
def test_where_no_defaults_have_it_the_hint_is_how_to_write_it(base: str) -> None:
    told = dict(hints(base, JOBS))
    assert told["timezone"] == "timezone: Europe/Berlin, here or in defaults; UTC is a zone, too"
    assert told["destination"] == "a path needs base_url, for example under defaults"


def test_a_file_is_not_sent_to_its_own_defaults() -> None:
    """Which the schedule has unset, or the file of another environment's keys."""
    own = (
        BASE + "schedules: {a: {cron: '@daily', destination: 'https://e.com/x', timezone: null}}\n"
    )
    assert dict(hints(own))["timezone"].startswith("timezone: Europe/Berlin")


def test_an_environment_s_defaults_are_of_every_file() -> None:
    base = "version: 1\nnamespace: s\nenvironments: {e: {defaults: {timezone: UTC, base_url: 'https://a.example.com'}}}\n"
    assert found(base, JOBS, environment="e") == ()


def test_each_kind_is_told_once_for_the_whole_folder(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "jobs.yaml").write_text(JOBS)
    ran = cli("validate", "-f", str(tmp_path))
    assert ran.code == 1
    lines = ran.err.splitlines()
    jobs = tmp_path / "jobs.yaml"
    assert lines[0].startswith(f"error: in 3 places, first at {jobs}:3:3, {jobs}:4:3, ")
    assert lines[0].endswith(": timezone: this key is missing")
    assert lines[1] == f"    {tmp_path / 'base.yaml'} {COPY}"
    assert len(lines) <= 8
    assert lines[-1] == "2 errors."
    data = json.loads(cli("validate", "-f", str(tmp_path), "--format", "json").out)
    assert len(data["errors"]) == 9
