"""A secret that is not set here, wherever one may stand: no command that can do without is at a loss."""

import re
from pathlib import Path

import pytest

from tests.support import HEAD, UNLINTED, cli, ids

ENTRY = "cron: 0 9 * * *, timezone: Europe/Berlin"
PLACES = [  # the settings of a schedule, and what else the file has
    ("destination", "destination: 'https://e.com/x?key=${env.X}'", ""),
    ("path", "destination: '/x?key=${env.X}'", "defaults: {base_url: 'https://e.com'}\n"),
    ("header", "destination: 'https://e.com', headers: {Authorization: '${env.X}'}", ""),
    ("type", "destination: 'https://e.com', body: a, headers: {Content-Type: '${env.X}'}", ""),
    ("body", "destination: 'https://e.com', body: 'a ${env.X}'", ""),
    ("mapping", "destination: 'https://e.com', body: {a: '${env.X}'}", ""),
    ("callback", "destination: 'https://e.com', callback: 'https://e.com/${env.X}'", ""),
    ("failure", "destination: 'https://e.com', failure_callback: 'https://e.com/${env.X}'", ""),
    (
        "header of a callback",
        "destination: 'https://e.com', callback: {url: 'https://e.com', headers: {A: '${env.X}'}}",
        "",
    ),
    ("endpoint", "url_group: g", "url_groups: {g: {endpoints: ['https://e.com/${env.X}']}}\n"),
    ("queue", "destination: 'https://e.com', queue: '${env.X|plain}'", ""),
    ("group", "url_group: '${env.X|plain}'", ""),
    ("cron", "destination: 'https://e.com', cron: '${env.X|plain}'", ""),
]
OFFLINE = ["validate", "validate --mock-env", "next", "next --load", "next --format ics", "compile"]
ONLINE = [
    "plan", "plan --unknown-env", "plan --unknown-env --format json",
    "plan --unknown-env --format markdown", "plan --unknown-env --format html",
    "drift --unknown-env", "drift --unknown-env --format html", "explain a",
    "explain a --at 2026-12-01T09:00Z", "pause a", "resume a", "import --strays", "apply --yes",
]  # fmt: skip


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize(("_id", "entry", "head"), PLACES, ids=ids(PLACES))
def test_no_command_is_at_a_loss(
    tmp_path: Path, _id: str, entry: str, head: str, *, live: bool
) -> None:
    time = ENTRY.partition(", ")[2] if "cron:" in entry else ENTRY
    others = f"  b: {{{ENTRY}, destination: 'https://e.com/b'}}\n"
    text = (
        f"{UNLINTED}{HEAD.replace('defaults: {timezone: UTC}', '')}{head}limits: {{plan: free}}\n"
    )
    text += f"schedules:\n  a: {{{time}, {entry}}}\n{others}"
    (tmp_path / "q.yaml").write_text(text)
    files, account = f"-f {tmp_path / 'q.yaml'}", f"--local={tmp_path / 'account.db'}"
    if live:
        value = "0 9 * * *" if "cron:" in entry else "made-up"
        cli(*f"apply --yes {files} {account}".split(), environ={"X": value})
    for command in (*OFFLINE, *ONLINE):
        where = f" {account}" if command in ONLINE else ""
        ran = cli(*f"{command} {files}{where}".split())
        assert not re.search("internal error|Traceback", ran.text), (command, ran.text)
        no_name = (64,) if command in ("pause a", "resume a") else ()  # its entry may be broken
        assert ran.code in (0, 1, 2, 3, 4, *no_name), (command, ran.text)


JOB = "schedules: {{a: {{cron: '0 9 * * *', destination: 'https://e.com/a', {}}}}}\n"
NOWHERE = [  # where no secret can stand, whatever its value is
    ("base_url", "defaults: {base_url: '${env.X}'}\n", "a secret cannot stand here"),
    ("part of base_url", "defaults: {base_url: 'https://a.com/${env.X}'}\n", "a secret cannot"),
    ("through a variable", "vars: {v: '${env.X}'}\ndefaults: {base_url: '${var.v}'}\n", "a secret cannot"),
    ("destination", "schedules: {a: {cron: '0 9 * * *', destination: '${env.X}'}}\n", "must stand in clear"),
    ("path", "defaults: {base_url: 'https://a.com'}\nschedules: {a: {cron: '0 9 * * *', destination: '${env.X}'}}\n", "must stand in clear"),
    ("host", "schedules: {a: {cron: '0 9 * * *', destination: 'https://${env.X}/x'}}\n", "a host cannot be"),
    ("callback", JOB.format("callback: '${env.X}'"), "must stand in clear"),
    ("callback's host", JOB.format("callback: {url: 'https://${env.X}/x'}"), "a host cannot be"),
    ("endpoint", "url_groups: {g: {endpoints: ['${env.X}']}}\n", "must stand in clear"),
    ("endpoint's name", "url_groups: {g: {endpoints: {'${env.X}': 'https://a.com'}}}\n", "a name cannot"),
    ("name", "queues: {'q-${env.X}': {}}\n", "a name cannot be"),
    ("headers", JOB.format("headers: '${env.X}'"), "a secret cannot stand here"),
    ("dst", JOB.format("dst: '${env.X}'"), "a secret cannot stand here"),
    ("flow_control", JOB.format("flow_control: '${env.X}'"), "a secret cannot stand here"),
    ("body_base64", JOB.format("body_base64: '${env.X}'"), "a secret cannot stand here"),
    ("a glob", "owns: {queues: ['${env.X}']}\n", "a secret cannot stand here"),
    ("a limit", "limits: {max_deletes: '${env.X}'}\n", "a secret cannot stand here"),
    *(
        (key, JOB.format(f"{key}: '${{env.X}}'"), "a secret cannot stand here")
        for key in (
            "queue", "was", "id", "method", "retries", "timeout", "delay", "retry_delay", "labels",
            "paused", "protect", "identify", "content_type", "body_file", "description", "redact",
            "ignore", "lint",
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "text", "told"), NOWHERE, ids=ids(NOWHERE))
def test_validate_says_what_every_plan_refuses(
    tmp_path: Path, _id: str, text: str, told: str
) -> None:
    """That needs no value to be known, and all that a fork can run makes values up."""
    files = _written(tmp_path, text)
    local = f"--local={tmp_path / 'account.db'}"
    for command, value in (
        (f"validate --mock-env {files}", ""),
        (f"validate {files}", ""),
        (f"validate {files}", "v"),
        (f"plan --unknown-env {files} {local}", ""),
    ):
        ran = cli(*command.split(), environ={"X": value} if value else {})
        assert ran.code == 1, command
        assert told in ran.err, (command, ran.err)
        assert "goes without secrets" not in ran.err or "vars" in text


@pytest.mark.parametrize(("_id", "text", "told"), NOWHERE, ids=ids(NOWHERE))
def test_a_default_is_no_way_around(tmp_path: Path, _id: str, text: str, told: str) -> None:
    """What can be as long as its variable is not set alone is refused before somebody sets it."""
    files = _written(tmp_path, text.replace("${env.X}", "${env.X:-v}"))
    for command in ("validate", "validate --mock-env", f"plan --local={tmp_path / 'account.db'}"):
        ran = cli(*f"{command} {files}".split())
        assert ran.code == 1, command
        assert ran.err.count(told) == 1, (command, ran.err)


def _written(folder: Path, text: str) -> str:
    head = HEAD if "defaults" not in text else HEAD.replace("defaults: {timezone: UTC}\n", "")
    text = text.replace("defaults: {", "defaults: {timezone: UTC, ")
    (folder / "q.yaml").write_text(head + text)
    return f"-f {folder / 'q.yaml'}"


SECRETS = [(name, entry, head) for name, entry, head in PLACES if "|plain" not in entry]


@pytest.mark.parametrize(("_id", "entry", "head"), SECRETS, ids=ids(SECRETS))
def test_a_default_may_stand_where_a_secret_may(
    tmp_path: Path, _id: str, entry: str, head: str
) -> None:
    text = f"{UNLINTED}{head}schedules: {{a: {{{ENTRY}, {entry}}}}}\n"
    text = text.replace("${env.X}", "${env.X:-v}").replace("Authorization", "X-Team")
    ran = cli(*f"validate --mock-env {_written(tmp_path, text)}".split())
    assert ran.code == 0, ran
