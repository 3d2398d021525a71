"""A secret that plain text takes the place of: what it was is shown nowhere."""

from pathlib import Path

import pytest

from tests.fault_server import FaultServer
from tests.support import HEAD, cli, ids

SECRET = "s3cr3t-0ld-value"
URL = "https://app.example.com/x"


def file(settings: str, destination: str = URL) -> str:
    return (
        HEAD
        + f"schedules: {{s: {{cron: '0 9 * * *', destination: '{destination}', {settings}}}}}\n"
    )


def group(url: str) -> str:
    return HEAD + f"url_groups: {{g: {{endpoints: {{a: '{url}', b: 'https://b.example.com'}}}}}}\n"


CASES: list[tuple[str, str, str]] = [
    ("destination", file("retries: 3", "https://h.example.com/${env.S}"), file("retries: 3", "https://h.example.com/plain")),
    ("query", file("retries: 3", "https://h.example.com/?k=${env.S}"), file("retries: 3", "https://h.example.com/?k=plain")),
    ("header", file("headers: {X-K: 'Bearer ${env.S}'}"), file("headers: {X-K: plain}")),
    ("body text", file("body: '${env.S}'"), file("body: plain")),
    ("body mapping", file("body: {k: '${env.S}'}"), file("body: {k: plain}")),
    ("body list", file("body: ['${env.S}', x]"), file("body: [plain, x]")),
    ("body to mapping", file("body: '${env.S}'"), file("body: {a: b}")),
    ("callback", file("callback: 'https://c.example.com/${env.S}'"), file("callback: 'https://c.example.com/plain'")),
    ("failure callback", file("failure_callback: 'https://c.example.com/${env.S}'"), file("failure_callback: 'https://c.example.com/p'")),
    ("endpoint", group("https://e.example.com/${env.S}"), group("https://e.example.com/plain")),
]  # fmt: skip


ADDRESSES = {
    "destination",
    "query",
    "callback",
    "failure callback",
    "endpoint",
    "user of an endpoint",
}


@pytest.mark.parametrize("marks", ["ours", "old", "none"])
@pytest.mark.parametrize(("name", "before", "after"), CASES, ids=ids(CASES))
def test_no_output_shows_what_it_was(
    tmp_path: Path, name: str, before: str, after: str, marks: str
) -> None:
    account, path, saved = tmp_path / "a.db", tmp_path / "q.yaml", tmp_path / "plan.json"
    words = ("-f", str(path), f"--local={account}", "--now", "2026-11-23T12:00Z")
    path.write_text(before)
    assert cli("apply", "--yes", *words, environ={"S": SECRET}).code == 0
    with FaultServer(account) as server:
        for stored in server.store.all("schedule"):
            first, label, when = stored["labels"]
            kept = {
                "ours": [first, label, when],
                "old": [first.partition("-s")[0], label],
                "none": [],
            }
            server.console.edit("schedule", stored["scheduleId"], labels=kept[marks])
    path.write_text(after)
    adopt = () if marks == "ours" else ("--adopt", "*") if "schedules" in after else ()
    shown = ""
    for command in ("plan", "drift", "apply"):
        for form in ("text", "json", "markdown"):
            if command == "apply" and form == "markdown":
                continue
            options = ["--format", form]
            options += ["--save", str(saved)] if command == "plan" and form == "text" else []
            options += ["--yes"] if command == "apply" else list(adopt) if command == "plan" else []
            options += list(adopt) if command == "apply" else []
            ran = cli(command, *words, *options, environ={})
            shown += ran.out + ran.err
    if saved.exists():
        shown += saved.read_text()
    assert "update" in shown or "differs" in shown
    if marks != "none" or name in ADDRESSES:  # of what is not ours, plain settings may be shown
        assert SECRET not in shown


def test_a_secret_that_somebody_copied_to_a_plain_setting_is_masked(tmp_path: Path) -> None:
    """What this run knows as a secret is one wherever it stands: in a setting, a body, a warning."""
    account, path, saved = tmp_path / "a.db", tmp_path / "q.yaml", tmp_path / "plan.json"
    words = ("-f", str(path), f"--local={account}", "--now", "2026-11-23T12:00Z")
    secret = "t0ken with/special+chars"
    settings = (
        "headers: {X-K: 'Bearer ${env.S}', X-Plain: p}, body: {k: plain, l: [a]}, labels: [one]"
    )
    path.write_text(file(settings, "https://h.example.com/plain"))
    environ = {"S": secret}
    assert cli("apply", "--yes", *words, environ=environ).code == 0
    with FaultServer(account) as server:
        stored = server.store.get("schedule", "billing.s") or {}
        server.console.edit(
            "schedule",
            "billing.s",
            destination="https://h.example.com/t0ken%20with%2Fspecial%2Bchars",
            header={**stored["header"], "X-Plain": [f"Bearer {secret}"]},
            body=f'{{"k":"{secret}","l":["x {secret}"]}}',
            labels=[*stored["labels"][:3], secret],
            error=f"failed with {secret}",
            lastScheduleStates={"m": "FAIL"},
        )
    shown = ""
    for command in ("plan", "drift", "apply"):
        for form in ("text", "json", "markdown")[: 2 if command == "apply" else 3]:
            options = ["--save", str(saved)] if command == "plan" and form == "text" else []
            options += ["--yes"] if command == "apply" else []
            ran = cli(command, *words, "--format", form, *options, environ=environ)
            shown += ran.out + ran.err
    shown += saved.read_text()
    assert secret not in shown
    assert "t0ken%20with" not in shown
    assert "headers.X-Plain" in shown
