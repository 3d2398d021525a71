"""`import` as a new user meets it: an account that grew by hand, and one command."""

import errno
import json
import os
import random
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from qstash_sync.applying.outcomes import Status
from qstash_sync.config.env_file import surroundings
from qstash_sync.local import LOCAL_TOKEN, Switches
from qstash_sync.local.serve import Served
from qstash_sync.local.server import target_of
from tests.adopt.accounts import Grown
from tests.cli.test_hostile import HOSTILE, assert_harmless
from tests.fault_server import FaultServer
from tests.support import Ran, World, cli, config, world as make_world

APP = "https://app.example.com"
JSON = {"Content-Type": "application/json"}
NOW = "2026-11-25T12:00Z"


@dataclass
class Account:
    """An account on a socket, and the folder of somebody who has its token."""

    grown: Grown
    url: str
    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        return {"QSTASH_URL": self.url, "QSTASH_TOKEN": LOCAL_TOKEN}

    def run(self, *words: str, **more: str) -> Ran:
        """A command line of ours."""
        return cli(*words, environ={**self.environ, **more})

    def imported(self, *words: str, code: int = 0) -> Ran:
        """An import into the namespace billing."""
        ran = self.run("import", "--namespace", "billing", "--now", NOW, *words)
        assert ran.code == code, ran.text
        return ran

    def file(self, *words: str) -> str:
        """What is imported."""
        return self.imported(*words).out

    @property
    def server(self) -> FaultServer:
        return self.grown.world.account


def open_account(world: World, folder: Path) -> Iterator[Account]:
    with Served(world.account) as served:
        yield Account(Grown(world, random.Random(1)), served.url, folder)


@pytest.fixture
def account(world: World, tmp_path: Path) -> Iterator[Account]:
    yield from open_account(world, tmp_path)


def fill(account: Account) -> list[str]:
    """What a script leaves behind: a few jobs with one secret, a group, a queue, a twin."""
    grown = account.grown
    grown.request("POST", "/v2/topics/orders/endpoints", json={"endpoints": [
        {"name": "stock", "url": "https://stock.example.com/in"},
        {"name": "slack", "url": "https://hooks.slack.com/services/T0/B0/zzz"},
    ]})  # fmt: skip
    grown.request("POST", "/v2/queues", json={"queueName": "mail", "parallelism": 2})
    secret = {"Upstash-Forward-Authorization": "Bearer s3cr3t-value", **JSON}
    ids = [
        grown.put(f"{APP}/api/cron/{job}", cron, b'{"type":"daily"}', secret)
        for job, cron in (
            ("report", "0 9 * * 1-5"),
            ("digest", "0 7 * * *"),
            ("report", "0 9 * * 1-5"),
        )
    ]
    ids.append(grown.put("orders", "CRON_TZ=Europe/Berlin 0 6 * * *"))
    ids.append(
        grown.put(f"{APP}/sync?token=t0ken", "*/5 * * * *", b"a b", {"Upstash-Queue-Name": "mail"})
    )
    grown.request("POST", f"/v2/schedules/{ids[4]}/pause")
    account.server.forget()
    return ids


def in_a_file(tmp_path: Path) -> tuple[Account, list[str], tuple[str, ...]]:
    """A grown account in a file, whose time is the one that is pretended; its ids, its options."""
    world = World(now=datetime.fromisoformat(NOW))
    with FaultServer(tmp_path / "account.db", clock=world.time) as world.account:
        account = Account(Grown(world, random.Random(1)), "", tmp_path)
        ids = fill(account)
    return account, ids, (f"--local={tmp_path / 'account.db'}",)


def test_five_commands_from_a_grown_account_to_an_empty_drift(tmp_path: Path) -> None:
    """Against an account in a file, whose time is the one that is pretended."""
    account, _, local = in_a_file(tmp_path)
    file, env = str(tmp_path / "qstash.yaml"), str(tmp_path / ".env")
    ran = account.imported("--out", file, "--env-out", env, *local)
    assert ran.out == ""
    assert "Imported 4 schedules, 1 URL group, 1 queue to " in ran.err
    assert (
        "twins        1, as comments; `import --strays` plans the delete of those that may go"
        in ran.err
    )
    assert f"Next: qstash-sync plan -f {file} --env-file {env} {local[0]}" in ran.err
    assert "checked      a plan of it adopts 4 and changes nothing else" in ran.err
    assert "requests: 4 read, 0 write" in ran.err

    words = ("-f", file, "--env-file", env, "--now", NOW, *local)
    plan = json.loads(account.run("plan", *words, "--format", "json").out)
    assert {change["reason"] for change in plan["changes"]} == {"adopt"}
    assert plan["summary"] == {
        "create": 0,
        "update": 4,
        "delete": 0,
        "refused": 0,
        "unchanged": 2,
        "unmanaged": 1,
    }
    assert account.run("apply", *words, "--yes").code == 0
    ran = account.run("plan", *words)
    assert "No changes: the account is as the file says; 6 unchanged, 1 unmanaged." in ran.out
    assert account.run("drift", *words).code == 0


def test_without_an_option_no_secret_is_written_anywhere(account: Account) -> None:
    fill(account)
    ran = account.imported("--out", str(account.folder / "q.yaml"))
    shown = ran.text + (account.folder / "q.yaml").read_text() + account.file()
    shown += account.imported("--format", "json").out
    for secret in ("s3cr3t-value", "t0ken", "T0/B0/zzz", LOCAL_TOKEN):
        assert secret not in shown
    assert (
        "secrets      ORDERS_SLACK_WEBHOOK, BILLING_AUTHORIZATION, SYNC_TOKEN; --env-out FILE"
        in ran.err
    )


def test_what_is_a_secret_in_one_place_is_none_less_in_another(account: Account) -> None:
    headers = {
        "Upstash-Forward-Authorization": "Bearer s3cr3t-value",
        "Upstash-Forward-X-A": "a s3cr3t-value b",
    }
    account.grown.put(f"{APP}/run/s3cr3t-value?x=s3cr3t-value", "@daily", b"s3cr3t-value", headers)
    text = account.file()
    assert "s3cr3t-value" not in text
    assert text.count("${env.RUN_AUTHORIZATION}") == 5


def test_the_file_of_secrets_is_its_owners_alone(account: Account) -> None:
    fill(account)
    path = account.folder / "secrets.env"
    account.imported("--env-out", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().splitlines()[1:] == [
        "ORDERS_SLACK_WEBHOOK=T0/B0/zzz",
        "BILLING_AUTHORIZATION=s3cr3t-value",
        "SYNC_TOKEN=t0ken",
    ]


@pytest.mark.parametrize(
    "value", ["a#b", "a #b", "#a", "a\\b c", "it's", '"quoted"', "'", "a=b", "x  y"]
)
def test_a_secret_survives_its_file(account: Account, value: str) -> None:
    account.grown.put(f"{APP}/x", "@daily", headers={"Upstash-Forward-X-Api-Key": value})
    env = str(account.folder / "e.env")
    account.imported("--env-out", env)
    assert surroundings(env, {}) == {"X_X_API_KEY": value}


def test_a_secret_that_no_line_can_hold_is_named(account: Account) -> None:
    body = b"-----BEGIN KEY-----\nghp_" + b"a" * 36
    account.grown.put(f"{APP}/x", "@daily", b'{"password":"a\\nb"}', JSON)
    account.grown.put(f"{APP}/y", "@daily", body)
    env = account.folder / "e.env"
    ran = account.imported("--env-out", str(env))
    assert "to be set    X_PASSWORD: a line of a file cannot hold it" in ran.err
    assert "# X_PASSWORD: a line of a file cannot hold it" in env.read_text()
    assert "Y_BODY=ghp_" in env.read_text()


@pytest.mark.parametrize("option", ["--out", "--env-out"])
@pytest.mark.parametrize(
    "what", ["a file", "an empty file", "a link", "a link to nowhere", "a folder"]
)
def test_nothing_is_ever_overwritten(account: Account, option: str, what: str) -> None:
    fill(account)
    path, other = account.folder / "there", account.folder / "other"
    match what:
        case "a file":
            path.write_text("mine")
        case "an empty file":
            path.touch()
        case "a folder":
            path.mkdir()
        case _:
            path.symlink_to(other)
            if what == "a link":
                other.write_text("mine")
    ran = account.imported(option, str(path), code=64)
    assert "is there already, and is never overwritten" in ran.err
    assert sorted(p.name for p in account.folder.iterdir()) in (["there"], ["other", "there"])
    assert not other.exists() or other.read_text() == "mine"
    assert account.server.log == []


@pytest.mark.parametrize("what", ["no such name", "the other one", "no such link"])
@pytest.mark.parametrize("swapped", [False, True])
def test_both_files_are_there_or_none(
    account: Account, what: str, swapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second try would be refused, by what the first one left."""
    fill(account)
    good, bad = account.folder / "good", account.folder / ("x" * 256)
    if what == "the other one":
        (account.folder / "alias").symlink_to(account.folder)
        bad = account.folder / "alias" / "good"
    if what == "no such link":
        bad = account.folder / "bad"

        def link(made: Path, path: str, link: Callable[..., None] = os.link) -> None:
            if path == str(bad):
                raise OSError(errno.EPERM, "not here")
            link(made, path)

        monkeypatch.setattr("os.link", link)
    before = sorted(account.folder.iterdir())
    out, env_out = (bad, good) if swapped else (good, bad)
    ran = account.imported("--out", str(out), "--env-out", str(env_out), code=64)
    option = "--out" if swapped and what != "the other one" else "--env-out"
    assert f"error: {option} /" in ran.err
    assert sorted(account.folder.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--out", "no/such/folder/q.yaml"), "no such directory"),
        (("--out", "same", "--env-out", "same"), "secrets need a file of their own"),
        (("--target", "nothing-*"), "--target nothing-*: nothing in the account has such an id"),
        (("--names", "nowhere.tfstate"), "--names nowhere.tfstate: no such file"),
        (("--names", "/dev/null"), "--names /dev/null: is a device, not a regular file"),
        (("--names", __file__), "not a state of Terraform"),
    ],
)
def test_a_slip_of_the_pen_is_one_clear_error(
    account: Account, words: tuple[str, ...], told: str
) -> None:
    fill(account)
    ran = account.imported(*words, code=64)
    assert told in ran.err
    assert ran.out == ""


def test_the_namespace_is_asked_for(account: Account) -> None:
    ran = account.run("import")
    assert ran.code == 64
    assert "--namespace" in ran.err
    ran = account.run("import", "--namespace", "Not Ok")
    assert ran.code == 64
    assert "--namespace Not Ok: use a-z, 0-9 and -" in ran.err


def test_strays_go_by_a_plan_that_is_saved_and_applied(tmp_path: Path) -> None:
    account, ids, local = in_a_file(tmp_path)
    file, secrets, saved = (str(tmp_path / name) for name in ("q.yaml", ".env", "strays.plan"))
    account.imported("--out", file, "--env-out", secrets, *local)
    words = ("-f", file, "--env-file", secrets, "--now", NOW, *local)
    planned = account.run("import", "--strays", *words, "--save", saved)
    assert planned.code == 0, planned.text
    assert f"- schedule {ids[2]}  twin of schedules.report" in planned.out
    assert "4 to update, 1 to delete" in planned.out
    applied = account.run("apply", saved, *words)
    assert applied.code == 0, applied.text
    again = account.run("import", "--strays", *words)
    assert "No changes" in again.out
    assert account.run("drift", *words).code == 0


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        ((), "--namespace NAME: is missing"),
        (("--strays", "--namespace", "billing"), "--namespace: not with --strays"),
        (("--strays", "--out", "x.yaml"), "--out: not with --strays"),
        (("--strays", "--target", "x"), "--target: not with --strays"),
        (("--namespace", "billing", "-f", "x.yaml"), "-f: only with --strays"),
        (("--namespace", "billing", "--save", "x"), "--save: only with --strays"),
        (("--namespace", "billing", "--allow-deletes", "0"), "--allow-deletes: only with --strays"),
    ],
)
def test_a_file_and_its_strays_have_their_own_options(
    account: Account, words: tuple[str, ...], fact: str
) -> None:
    ran = account.run("import", *words)
    assert ran.code == 64
    assert fact in ran.err
    assert not account.server.requests


def test_twins_stand_below_the_oldest(account: Account) -> None:
    ids = fill(account)
    text = account.file()
    assert (
        f"id: {ids[0]}\n    # The same again, beside report; import --strays says which may go:\n    #   {ids[2]}   since 2026-11-23\n"
        in text
    )


def test_names_come_from_a_terraform_state(account: Account) -> None:
    ids = fill(account)
    kind = "upstash_qstash_schedule_v2"
    attributes = {"attributes": {"schedule_id": ids[1]}}
    state = {"resources": [{"type": kind, "name": "Morning_digest", "instances": [attributes]}]}
    path = account.folder / "terraform.tfstate"
    path.write_text(json.dumps(state), encoding="utf-8-sig")  # as PowerShell writes it
    assert '  morning_digest:\n    cron: "0 7 * * *"' in account.file("--names", str(path))


def test_only_what_a_glob_names_is_imported(account: Account) -> None:
    ids = fill(account)
    text = account.file("--target", ids[1], "--target", "ord*")
    assert ids[1] in text
    assert "orders:" in text
    assert "queues" not in text
    assert ids[0] not in text


def test_the_same_account_is_the_same_file_to_the_byte(account: Account) -> None:
    fill(account)
    first = account.file()
    account.server.switches = account.server.switches.with_(list_order="reverse")
    assert account.file() == first
    path = account.folder / "q.yaml"
    account.imported("--out", str(path))
    assert path.read_text() == first


def test_one_document_tells_what_was_done(account: Account) -> None:
    fill(account)
    found = json.loads(account.imported("--format", "json").out)
    assert found["text"] == account.file()
    assert found["summary"]["adopted"] == found["summary"]["schedules"] == 4
    assert {
        "name": "SYNC_TOKEN", "what": "token", "users": ["sync"], "readable": True, "written": False,
    } in found["variables"]  # fmt: skip
    assert found["requests"] == {"read": 4, "write": 0}
    wrong = account.run("import", "--namespace", "billing", "--target", "x", "--format", "json")
    assert json.loads(wrong.out)["errors"][0]["code"] == "usage"


# ---------------------------------------------------------------- what carries marks

OURS = f"""\
version: 1
namespace: billing
defaults: {{timezone: America/New_York, destination: {APP}/x}}
schedules:
  daily: {{cron: "0 9 * * *"}}
"""


def applied(account: Account, text: str = OURS) -> None:
    assert [outcome.status for outcome in account.grown.world.apply(text)] == [Status.DONE]


def test_what_apply_wrote_comes_back_as_the_one_schedule_it_was(account: Account) -> None:
    applied(account)
    assert account.file().partition("schedules:\n")[2].strip() == (
        f'daily:\n    cron: "0 9 * * *"\n    timezone: America/New_York\n    destination: {APP}/x'
    )


def test_another_namespace_s_schedules_and_copies_of_ours_are_left_alone(account: Account) -> None:
    applied(account)
    applied(account, OURS.replace("billing", "acme").replace("/x", "/acme"))
    stored = account.grown.world.schedule("billing.daily")
    account.server.store.put("schedule", "scd_copy", {**stored, "scheduleId": "scd_copy"})
    text = account.file()
    assert (
        f"#   acme.daily   {APP}/acme: it carries the mark of another namespace or environment"
        in text
    )
    assert f"#   scd_copy   {APP}/x: a copy of one of ours, labels and all" in text
    assert text.count("id:") == 0


def test_a_schedule_that_an_apply_would_mend_is_an_error_that_names_it(account: Account) -> None:
    """A file of it would be no picture of what is live, and a comment would delete it."""
    applied(account)
    account.server.store.delete("schedule", "billing.daily.2")
    path = account.folder / "out.yaml"
    ran = account.imported("--out", str(path), code=1)
    assert "billing.daily would be changed: parts (part 2 is missing)" in ran.err
    assert "mend it with the file that made it, or import under another --namespace" in ran.err
    assert "nothing was written" in ran.err
    assert not path.exists()
    text = account.run("import", "--namespace", "other", "--now", NOW).out
    assert "it carries the mark of another namespace" in text


def test_a_cron_that_was_edited_in_the_console_is_what_it_is_now(account: Account) -> None:
    applied(account, OURS.replace("America/New_York", "UTC"))
    account.grown.world.edit("billing.daily", cron="0 6 * * *")
    text = account.file()
    assert 'daily:\n    cron: "0 6 * * *"\n    timezone: UTC\n' in text


def test_a_pause_and_a_protection_come_back(account: Account) -> None:
    applied(account, OURS.replace('"}', '", protect: true, paused: true}'))
    text = account.file()
    assert "paused: true" in text
    assert "protect: true" in text


# ---------------------------------------------------------------- what no file can carry

LEFT: list[tuple[str, dict[str, Any], str]] = [
    ("a cron of another kind", {"cron": "@every 1h"}, "its cron: unrecognized descriptor: @every 1h"),
    ("a host in capitals", {"destination": "https://App.Example.com/x"}, "written down, it would be another: destination"),
    ("credentials in an address", {"destination": "https://u:p@e.com/x"}, "credentials in a URL end up in logs"),
    ("a header outside ASCII", {"header": {"X-A": ["ü"]}}, "contains characters outside ASCII"),
    ("an empty header", {"header": {"X-A": [""]}}, "is empty"),
    ("a method of its own", {"method": "HEAD"}, "is not one of"),
    ("a label that looks like ours", {"labels": ["0_9_x_x_x@UTC"]}, "looks like the time that we write"),
    ("a group that is not there", {"destination": "nobody"}, "nobody is neither in the file nor in the account"),
    ("a timeout in no known unit", {"timeout": 30_000}, "may be seconds or milliseconds"),
    ("too many retries", {"retries": 5_000}, "out of range"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "changes", "why"), LEFT, ids=[case[0] for case in LEFT])
def test_what_the_file_cannot_say_stands_as_a_comment_with_the_reason(
    account: Account, _id: str, changes: dict[str, Any], why: str
) -> None:
    """The rest of the account is imported all the same."""
    good = account.grown.put(f"{APP}/good", "@daily")
    bad = {
        "scheduleId": "scd_bad", "cron": "@daily", "destination": f"{APP}/bad", "method": "POST",
        "retries": 3, "createdAt": 1, "isPaused": False, "header": {}, **changes,
    }  # fmt: skip
    answer = account.grown.request("GET", "/v2/schedules").json()
    text = imported_from([*answer, bad], account).out
    assert f"id: {good}\n" in text
    comment = next(line for line in text.splitlines() if line.startswith("#   scd_bad"))
    assert why in comment
    assert "u:p" not in text


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_a_group_whose_addresses_a_file_writes_otherwise_is_left_alone(
    account: Account, count: int
) -> None:
    """However many of them there are: the limits of deletes are those of an apply."""
    good = account.grown.put(f"{APP}/good", "@daily")
    urls = [{"url": f"https://App.Example.com/{number}"} for number in range(count)]
    answer = account.grown.request("GET", "/v2/schedules").json()
    topics = [{"name": "g", "endpoints": urls, "createdAt": 1, "updatedAt": 1}]
    text = imported_from(answer, account, topics=topics).out
    assert f"id: {good}\n" in text
    assert "# url_groups.g is left alone: written down, it would be another: endpoints\n" in text


def imported_from(
    schedules: list[dict[str, Any]], account: Account, *words: str, **others: list[dict[str, Any]]
) -> Ran:
    """The import of an account that answers with these; others: lists by their addresses."""
    import threading
    from http.server import ThreadingHTTPServer

    from benchmarks.lists import handler

    lists = {"schedules": schedules, "topics": [], "queues": [], "flowControl": [], **others}
    answers = {f"/v2/{name}": json.dumps(items).encode() for name, items in lists.items()}
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(answers)) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        billing = ("--namespace", "billing", "--now", NOW)
        ran = account.run("import", *billing, *words, QSTASH_URL=url)
        server.shutdown()
    assert ran.code == 0, ran.text
    return ran


def test_a_timeout_is_in_seconds_where_another_one_proves_it(account: Account) -> None:
    account.grown.put(f"{APP}/a", "@daily", headers={"Upstash-Timeout": "30s"})
    account.grown.put(f"{APP}/b", "@daily", headers={"Upstash-Timeout": "2000s"})
    assert "timeout: 33m20s" in account.file()


def test_where_one_label_alone_is_shown_the_file_says_so(tmp_path: Path) -> None:
    with make_world(Switches(labels_shown="first")) as world:
        for account in open_account(world, tmp_path):
            account.grown.put(f"{APP}/x", "@daily", headers={"Upstash-Label": "one,two"})
            account.grown.put(f"{APP}/y", "@daily")
            text = account.file()
            assert "labels: [one]" in text
            assert "# QStash shows one label of these" in text
            assert "\n#   x\n" in text


def test_what_the_file_s_own_rules_take_for_a_secret_is_none_in_clear(account: Account) -> None:
    """One table tells both: what an import takes out is at least what the file is warned of."""
    values = {
        "/api/x?code=abcdefgh123": b"", "/api/y?hmac=abcdefgh123": b"",
        "/z": b'{"stripeSecret":"abcdefgh123","jwt":"abcdefgh123","n":1}',
        "/w": b"jwt=abcdefgh123&a=1", "/v": b"key: -----BEGIN RSA PRIVATE KEY-----abcdefgh123",
    }  # fmt: skip
    for path, body in values.items():
        account.grown.put(APP + path, "@daily", body, JSON)
    account.grown.put(f"{APP}/h", "@daily", headers={"Upstash-Forward-X-Session": "abcdefgh123"})
    text = account.file()
    assert "abcdefgh123" not in text
    environ = dict.fromkeys(re.findall(r"\$\{env\.(\w+)\}", text), "value")
    assert [w.code for w in config(text, environ).warnings] == []


def test_a_secret_of_one_place_is_found_inside_of_others(account: Account) -> None:
    """With slashes, within a word, and a webhook in a body that no address has."""
    hook = "https://hooks.slack.com/services/T000/B000/abcdefghijk"
    basic = {"Upstash-Forward-Authorization": "Basic dXNlcjpw/YXNz+d29yZA=="}
    account.grown.put(hook, "@daily", b"x")
    account.grown.put(f"{APP}/b", "@daily", b'{"notify":"%s"}' % hook.encode(), JSON)
    account.grown.put(f"{APP}/c", "@daily", b"auth is dXNlcjpw/YXNz+d29yZA==, you see", basic)
    account.grown.put(f"{APP}/d", "@daily", b"xxdXNlcjpw/YXNz+d29yZA==yy")
    account.grown.put(
        f"{APP}/e", "@daily", b'{"to":"https://hooks.slack.com/services/T1/B1/zyxwvutsrq"}', JSON
    )
    text = account.file()
    for secret in ("abcdefghijk", "dXNlcjpw", "zyxwvutsrq"):
        assert secret not in text
    assert "you see" in text


def test_of_a_text_around_a_webhook_the_rest_stays(account: Account) -> None:
    account.grown.put(
        f"{APP}/t", "@daily", b"to https://api.telegram.org/bot12:AAbbccdd now, please"
    )
    text = account.file()
    assert "AAbbccdd" not in text
    assert "now, please" in text


EXPOSED = """
version: 1
namespace: billing
defaults: {timezone: UTC}
schedules:
  s:
    cron: "0 9 * * *"
    destination: https://e.example.com/h/${env.X}/x?k=${env.X}
    headers: {X-Thing: "a ${env.X}", Authorization: "Bearer ${env.X}"}
    body: {a: [1, {b: "${env.X}"}]}
    callback: {url: "https://c.example.com/${env.X}"}
    failure_callback: {url: "https://f.example.com/?a=${env.X}"}
  plain: {cron: "0 9 * * *", destination: "https://e.example.com/plain", body: {a: 1}}
"""


def test_what_our_mark_says_has_secrets_is_taken_out_whole(account: Account) -> None:
    """Nothing tells which of its texts they are, but that they are among them."""
    account.grown.world.environ = {"X": "zzzz9999yyyy"}
    account.grown.world.apply(EXPOSED)
    file, secrets = (str(account.folder / name) for name in ("q.yaml", ".env"))
    shown = account.imported().text + account.imported("--format", "json").text
    shown += account.imported("--out", file, "--env-out", secrets).text
    text = Path(file).read_text()
    assert "zzzz9999yyyy" not in shown + text
    assert "https://e.example.com/${env." in text
    assert "Bearer ${env." in text
    assert "body: {a: 1}" in text  # of what has none
    ran = account.run("plan", "-f", file, "--env-file", secrets, "--now", "2026-11-23T12:00Z")
    assert "No changes" in ran.out, ran.text


def test_a_shared_setting_that_is_wrong_is_left_out_with_its_schedules(account: Account) -> None:
    bad = [
        {
            "scheduleId": f"scd_{number}", "cron": "@daily", "destination": f"{APP}/bad{number}",
            "method": "POST", "retries": 5_000, "createdAt": 1, "isPaused": False,
        }
        for number in range(4)
    ]  # fmt: skip
    good = [{**bad[0], "scheduleId": "good", "retries": 3, "destination": f"{APP}/good"}]
    text = imported_from([*bad, *good], account).out
    assert "id: good" in text
    assert text.count("out of range") == 4


def test_a_key_that_is_too_long_for_yaml_stands_in_a_text(account: Account) -> None:
    body = b'{"%s":1}' % (b"k" * 1_100)
    account.grown.put(f"{APP}/x", "@daily", body, JSON)
    assert '{"kkk' in account.file()


@pytest.mark.parametrize(
    "instances",
    [
        None,
        5,
        [None],
        [5],
        [{"attributes": None}],
        [{"attributes": []}],
        [{"attributes": {"id": []}}],
    ],
)
def test_a_state_of_any_form_is_no_fault_of_ours(account: Account, instances: object) -> None:
    state = account.folder / "terraform.tfstate"
    resource = {"type": "upstash_qstash_schedule_v2", "name": "x", "instances": instances}
    odd = {"type": ["x"], "instances": []}
    state.write_text(json.dumps({"resources": [resource, odd, None, 5]}))
    account.grown.put(f"{APP}/x", "@daily")
    assert "  x:\n" in account.file("--names", str(state))


@pytest.mark.parametrize("name", ["/dev/zero", "fifo", "missing"])
def test_a_state_that_is_no_regular_file_is_refused(account: Account, name: str) -> None:
    path = account.folder / name
    if name == "fifo":
        os.mkfifo(path)
    ran = account.imported("--names", str(path), code=64)
    assert f"--names {path}: " in ran.err


def test_where_keys_are_not_listed_those_that_are_used_are_asked_for(tmp_path: Path) -> None:
    with make_world(Switches(flow_list=404)) as world:
        for account in open_account(world, tmp_path):
            account.grown.request("POST", "/v2/flowControl/k/pin?parallelism=3")
            account.grown.put(f"{APP}/x", "@daily", headers={"Upstash-Flow-Control-Key": "k"})
            assert "k: {parallelism: 3}" in account.file()


def test_secrets_are_not_left_where_the_file_cannot_be_written(account: Account) -> None:
    fill(account)
    secrets = account.folder / ".env"
    account.imported("--out", "/proc/q.yaml", "--env-out", str(secrets), code=64)
    assert not secrets.exists()


def test_addresses_that_are_not_public_https_are_allowed_with_a_word(account: Account) -> None:
    account.grown.put("http://app.example.com/x", "@daily")
    account.grown.put("https://localhost/x", "@daily")
    text = account.file()
    assert "allow_private: true # some addresses are http://, or no public hosts" in text
    assert "scd_" in text.partition("schedules:")[2]


def test_an_address_that_is_wrong_anyway_opens_nothing(account: Account) -> None:
    account.grown.put("https://u:p@e.com/x", "@daily")
    assert "allow_private" not in account.file()


def with_words(word: str) -> list[dict[str, Any]]:
    """Live schedules with a word wherever a text may be, at one place each."""
    common = {
        "scheduleId": "scd_0", "cron": "@daily", "destination": f"{APP}/x", "method": "POST",
        "retries": 3, "createdAt": 1, "isPaused": False,
    }  # fmt: skip
    changes: list[dict[str, Any]] = [
        {}, {"scheduleId": f"x.{word}"}, {"cron": word}, {"destination": f"{APP}/{word}"},
        {"destination": word}, {"method": word}, {"body": word}, {"labels": [word]},
        {"header": {"X-A": [word]}}, {"header": {f"X-{word}": ["1"]}}, {"queueName": word},
        {"flowControlKey": word, "rate": 1}, {"callback": f"{APP}/{word}"},
        {"retryDelayExpression": word}, {"error": word},
        {"body": json.dumps({word: word}, separators=(",", ":"), ensure_ascii=False),
         "header": {"Content-Type": ["application/json"]}},
    ]  # fmt: skip
    return [
        {**common, "scheduleId": f"scd_{number}", "destination": f"{APP}/{number}", **change}
        for number, change in enumerate(changes)
    ]


@pytest.mark.parametrize("word", HOSTILE, ids=ascii)
def test_hostile_words_of_an_account_stay_words(account: Account, word: str) -> None:
    """They cannot end a comment, begin a key, move a cursor, or command a CI runner."""
    ran = imported_from(with_words(word), account)
    assert_harmless(ran)
    assert "\nschedules:\n  " in ran.out
    bodies = {s.message.body for s in config(ran.out).desired.schedules or ()}
    assert word in bodies
    assert json.dumps({word: word}, separators=(",", ":"), ensure_ascii=False) in bodies


@pytest.mark.parametrize(("gone", "code"), [("/v2/flowControl", 0), ("/v2/schedules", 1)])
def test_a_qstash_that_has_no_list_of_flow_control_keys_has_none_pinned(
    account: Account, monkeypatch: pytest.MonkeyPatch, gone: str, code: int
) -> None:
    """No official client asks for that list any more."""
    fill(account)
    answer = FaultServer.__call__

    def without(server: FaultServer, request: httpx.Request) -> httpx.Response:
        if target_of(request) == gone:
            date = {"Date": "Mon, 23 Nov 2026 12:00:00 GMT"}
            return httpx.Response(404, headers=date, json={"error": "not found"})
        return answer(server, request)

    monkeypatch.setattr(FaultServer, "__call__", without)
    assert ("schedules:" in account.imported(code=code).out) is (code == 0)


def test_a_file_for_a_terminal_of_ascii_reads_back_as_it_is(account: Account) -> None:
    account.grown.put(f"{APP}/x", "@daily", "grüße 🎉".encode())
    ran = cli_in_ascii(account)
    assert 'body: "gr\\xfc\\xdfe \\U0001f389"' in ran


def cli_in_ascii(account: Account) -> str:
    import subprocess
    import sys

    words = ["import", "--namespace", "billing", "--now", NOW]
    ran = subprocess.run(
        [sys.executable, "-m", "qstash_sync", *words],
        capture_output=True, check=True,
        env={**account.environ, "PYTHONIOENCODING": "ascii", "PATH": os.environ["PATH"]},
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    return ran.stdout.decode("ascii")


SIMILAR: list[tuple[str, str, str, dict[str, str]]] = [
    ("a path each", "{n} 9 * * 1-5", "", {}),
    ("a body each", "{n} 9 * * *", '{{"tenant":{n}}}', {}),
    ("in another zone", "CRON_TZ=Europe/Berlin {n} 9 * * *", "", {}),
    ("with settings", "{n} 9 * * *", "", {"Upstash-Retries": "5", "Upstash-Failure-Callback": f"{APP}/dead"}),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "cron", "body", "more"), SIMILAR, ids=[s[0] for s in SIMILAR])
def test_twenty_five_similar_schedules_fit_in_120_lines(
    account: Account, _id: str, cron: str, body: str, more: dict[str, str]
) -> None:
    """With one secret, as scripts make them; what they share is said once."""
    headers = {"Upstash-Forward-Authorization": "Bearer one-for-all", **JSON, **more}
    for n in range(25):
        path = "/api/cron/job" if body else f"/api/cron/job-{n:02}"
        account.grown.put(APP + path, cron.format(n=n), body.format(n=n).encode(), headers)
    text = account.file()
    assert len(text.splitlines()) <= 120
    assert max(map(len, text.splitlines())) <= 100
    assert text.count("Bearer ${env.BILLING_AUTHORIZATION}") == 1


def test_the_duplicates_of_five_deploys_stand_below_what_they_repeat(account: Account) -> None:
    for _ in range(5):
        for n in range(5):
            account.grown.put(f"{APP}/api/cron/job-{n}", f"{n} 9 * * 1-5")
    text = account.file()
    assert text.count("The same again, beside job-") == 5
    assert text.count("    #   scd_") == 20
    assert text.count("    id: scd_") == 5


@pytest.mark.parametrize("unit", ["s", "ms"])
def test_no_timeout_becomes_a_thousand_times_as_long(tmp_path: Path, unit: Any) -> None:
    with make_world(Switches(timeout_unit=unit)) as world:
        for account in open_account(world, tmp_path):
            account.grown.put(f"{APP}/x", "@daily", headers={"Upstash-Timeout": "30s"})
            text = account.file()
            assert ("timeout: 30s" in text) is (unit == "s")
            assert ("may be seconds or milliseconds" in text) is (unit == "ms")
