"""A line break in a variable, as `$(cat file)` leaves one, is an error that names the variable."""

import pytest

from tests.support import HEAD, config, ids, messages

URL = "https://app.example.com"
BROKEN = {"U": f"{URL}\n", "CR": f"{URL}\r", "NUL": "a\0b", "T": "a\tb", "ESC": "\x1b[31m"}


def schedule(settings: str) -> str:
    return HEAD + f"schedules:\n  a: {{cron: '0 9 * * *', {settings}}}\n"


PLACES = [
    ("destination", schedule("destination: '${env.U|plain}/x'")),
    ("destination alone", schedule("destination: '${env.U|plain}'")),
    ("secret path", schedule(f"destination: '{URL}/${{env.U}}'")),
    ("path", schedule("destination: '/x/${env.U}', base_url: https://e.com")),
    ("base url", schedule("destination: /x, base_url: '${env.U|plain}'")),
    ("callback", schedule(f"destination: {URL}, callback: '{URL}/${{env.U}}'")),
    ("failure callback", schedule(f"destination: {URL}, failure_callback: {{url: '{URL}/${{env.U}}'}}")),
    ("endpoint", HEAD + f"url_groups: {{g: {{endpoints: ['{URL}/${{env.U}}']}}}}"),
    ("named endpoint", HEAD + f"url_groups: {{g: {{endpoints: {{a: '{URL}/${{env.U}}'}}}}}}"),
    ("header", schedule(f"destination: {URL}, headers: {{X: '${{env.U}}'}}")),
    ("callback's header", schedule(f"destination: {URL}, callback: {{url: '{URL}', headers: {{X: '${{env.U}}'}}}}")),
    ("content type", schedule(f"destination: {URL}, content_type: '${{env.U|plain}}'")),
    ("defaults", "version: 1\nnamespace: n\ndefaults: {timezone: UTC, headers: {X: '${env.U}'}}\n" + f"schedules: {{a: {{cron: '@daily', destination: {URL}}}}}"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "text"), PLACES, ids=ids(PLACES))
def test_the_error_names_the_variable_that_brought_it(_id: str, text: str) -> None:
    (found,) = messages(text, BROKEN)
    assert "line break" in found
    assert found.endswith("remove it from the environment variable U")
    assert "app.example.com\n" not in found


@pytest.mark.parametrize("name", ["CR", "NUL", "T", "ESC"])
def test_every_control_character_in_a_url_is_refused(name: str) -> None:
    (found,) = messages(schedule(f"destination: '{URL}/${{env.{name}}}'"), BROKEN)
    assert f"remove it from the environment variable {name}" in found


def test_a_variable_of_the_file_or_the_command_line_is_named_too() -> None:
    text = HEAD + f'vars: {{u: "{URL}\\n"}}\n'
    text += "schedules: {a: {cron: '@daily', destination: '${var.u}/x'}}"
    assert messages(text)[0].endswith("remove it from the variable u")
    text = schedule("destination: '${var.v}/x'")
    assert messages(text, variables={"v": f"{URL}\n"})[0].endswith("from the variable v")
    assert messages(schedule(f'destination: "{URL}\\n/x"'))[0].endswith("| remove them")


def test_a_body_may_have_lines() -> None:
    assert messages(schedule(f"destination: {URL}, body: '${{env.U}}'"), BROKEN) == []


def test_a_cron_may_end_in_a_line_break() -> None:
    """As a block of YAML does, and a variable that was read from a file."""
    text = HEAD + f"schedules:\n  a:\n    destination: {URL}\n    cron: |\n      0 9 * * *\n"
    (schedule,) = config(text).desired.schedules or ()
    assert [cron.text for cron in schedule.timing.job.crons] == ["0 9 * * *"]
