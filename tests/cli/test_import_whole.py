"""`import` of accounts with much that no file carries: the rest comes over, and stays what it is."""

import json
import os
import random
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qstash_sync.applying.outcomes import Status
from qstash_sync.cli.session import Session
from qstash_sync.config import sources
from tests.adopt.accounts import Grown
from tests.cli.test_import import APP, NOW, Account, applied, imported_from, open_account
from tests.fault_server import FaultServer
from tests.support import HEAD, World, cli


@pytest.fixture
def account(world: World, tmp_path: Path) -> Iterator[Account]:
    yield from open_account(world, tmp_path)


def live(number: int | str, **changes: Any) -> dict[str, Any]:
    """A schedule as QStash lists it."""
    return {
        "scheduleId": f"scd_{number}", "cron": "0 9 * * *", "destination": f"{APP}/{number}",
        "method": "POST", "retries": 3, "createdAt": 1, "isPaused": False, "header": {}, **changes,
    }  # fmt: skip


# ---------------------------------------------------------------- what is left alone


def test_any_number_is_left_alone(account: Account) -> None:
    """A person is shown 200 errors at a time; an import learns from all."""
    refused = [live(n, destination=f"https://u:p@e.example.com/{n}") for n in range(201)]
    text = imported_from([*refused, live("good")], account).out
    assert text.count("credentials in a URL") == 201
    assert "id: scd_good\n" in text


SECRET = "hunter2hunter2"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
@pytest.mark.parametrize(
    "body", ['{"name":"Zoë","api_key":"hunter2hunter2"}', "Zoë: hunter2hunter2"]
)
def test_a_secret_in_bytes_is_not_hidden_by_their_base64(
    account: Account, body: str, encoding: str
) -> None:
    """No variable may stand in `body_base64`: the schedule is left alone, and its twins."""
    headers = {"Upstash-Forward-Authorization": f"Bearer {SECRET}"}
    account.grown.put(f"{APP}/known", "@daily", b"x", headers)
    for _ in range(2):
        account.grown.put(f"{APP}/bin", "@daily", body.encode(encoding))
    account.grown.put(f"{APP}/harmless", "@daily", b"\xff\x00\x01")
    text = account.file()
    assert text.count(f"{APP}/bin: its body is no text, and has a secret in it") == 2
    assert text.count("body_base64") == 1


def test_a_secret_in_bytes_of_ours_is_an_error(account: Account) -> None:
    import base64

    encoded = base64.b64encode(f'ë "api_key":"{SECRET}"'.encode("latin-1")).decode()
    applied(account, OURS.format(more=f"body_base64: {encoded}"))
    ran = account.imported(code=1)
    assert "billing.daily: its body is no text, and has a secret in it" in ran.err
    assert ran.out == ""


OURS = f"""\
version: 1
namespace: billing
schedules:
  daily: {{{{cron: "0 9 * * *", timezone: UTC, destination: {APP}/x, {{more}}}}}}
"""


@pytest.mark.parametrize("where", ["declared", "the same", "another that is left"])
def test_a_secret_of_one_place_is_in_no_comment(account: Account, where: str) -> None:
    secret = {"header": {"Authorization": [f"Bearer {SECRET}"]}}
    run = f"{APP}/run/{SECRET}"
    listed = [live("left", destination=run, cron="@every 1h"), live("good")]
    match where:
        case "declared":
            listed[1] |= secret
        case "the same":
            listed[0] |= secret
        case _:
            listed.append(live("other", cron="@every 1h", **secret))
    text = imported_from(listed, account).out
    assert SECRET not in text
    assert f"#   scd_left   {APP}: its cron: unrecognized descriptor: @every 1h" in text


ODD_NAMES = {
    "a secret": "sk_live_abcdefghij1234",
    "assigned": "password=abc123456",
    "long": "x" * 500,
    "long and none": "x y" * 500,
}
MAY_BE = ("x" * 500,)


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
@pytest.mark.parametrize("where", ["topics", "queues", "flowControl", "schedules"])
def test_a_name_that_no_message_shows_is_left_alone(
    account: Account, where: str, name: str
) -> None:
    """The error of it names it by its mask, or cut."""
    listed: dict[str, dict[str, Any]] = {
        "topics": {"name": name, "endpoints": [{"url": f"{APP}/in", "name": name}], "createdAt": 1},
        "queues": {"name": name, "parallelism": 1, "lag": 0, "paused": False, "createdAt": 1},
        "flowControl": {"flowControlKey": name, "isPinnedParallelism": True, "parallelismMax": 3},
        "schedules": live("odd", scheduleId=f"billing.{name}", header={name: ["x"]}),
    }
    more = {where: [listed[where]]} if where != "schedules" else {}
    schedules = [live("good")] if more else [live("good"), listed[where]]
    ran = imported_from(schedules, account, **more)
    assert "id: scd_good\n" in ran.out
    if name in MAY_BE:
        return
    assert name not in ran.text
    if where != "schedules":
        assert "is left alone: " in ran.out


# ---------------------------------------------------------------- what is no secret


WORDS = [
    ("a word", "X-Auth-Source", "production", "https://production.acme.com"),
    ("an address", "X-Next-Token", "https://app.acme.com", "https://app.acme.com"),
    ("a part of one", "X-Next-Token", "acme.com/job", "https://app.acme.com"),
]


@pytest.mark.parametrize(("_id", "header", "word", "host"), WORDS, ids=[w[0] for w in WORDS])
@pytest.mark.parametrize("ours", [False, True])
def test_no_secret_is_looked_for_in_a_host(
    account: Account, _id: str, header: str, word: str, host: str, *, ours: bool
) -> None:
    account.grown.put(f"{APP}/one", "@daily", headers={f"Upstash-Forward-{header}": word})
    if ours:
        applied(account, OURS.format(more="").replace(APP, host))
    for n in range(4):
        more = {"Upstash-Callback": f"{host}/done"} if n == 3 else {}
        account.grown.put(f"{host}/job{n}", f"{n} 2 * * *", headers=more)
    endpoints = {"endpoints": [{"url": f"{host}/in"}]}
    account.grown.request("POST", "/v2/topics/orders/endpoints", json=endpoints)
    ran = account.imported()
    assert "left alone" not in ran.text
    assert f"base_url: {host}\n" in ran.out
    assert f"endpoints: [{host}/in]" in ran.out.replace('"', "")


# ---------------------------------------------------------------- what is told of it

NO_LINE = "Bearer ${TOKEN}abcdef"


def test_the_next_command_runs_where_no_line_can_hold_a_secret(tmp_path: Path) -> None:
    local = str(tmp_path / "a.db")
    headers = {"Upstash-Forward-Authorization": NO_LINE}
    world = World()
    with FaultServer(local, clock=world.time) as world.account:
        Grown(world, random.Random(1)).put(f"{APP}/p", "@daily", headers=headers)
    file, env = str(tmp_path / "q.yaml"), str(tmp_path / "q.env")
    words = ("--namespace", "billing", f"--local={local}", "--out", file, "--env-out", env)
    ran = cli("import", *words)
    assert "to be set    P_AUTHORIZATION: a line of a file cannot hold it" in ran.err
    line = next(line for line in ran.err.splitlines() if line.startswith("Next: "))
    following = cli(*shlex.split(line.removeprefix("Next: qstash-sync ")))
    assert following.code == 0, following.text


@pytest.mark.parametrize("env_out", [False, True])
def test_a_document_tells_what_the_lines_tell(account: Account, *, env_out: bool) -> None:
    callback = {"Upstash-Callback": f"{APP}/cb", "Upstash-Forward-Authorization": NO_LINE}
    account.grown.put(f"{APP}/p", "@daily", headers=callback)
    account.grown.put(f"{APP}/r", "@daily", headers={"Upstash-Forward-X-Api-Key": "abcdefgh"})
    hidden = {"Upstash-Forward-X-A": "x", "Upstash-Redact-Fields": "header"}
    account.grown.put(f"{APP}/d", "@daily", headers=hidden)
    gone = account.grown.put(f"{APP}/e", "@every 1h")
    words = ("--env-out", str(account.folder / "e.env")) if env_out else ()
    found = json.loads(account.imported("--format", "json", *words).out)
    written = {one["name"]: one["written"] for one in found["variables"]}
    assert written.pop("R_X_API_KEY") is env_out
    assert set(written.values()) == {False}
    assert found["left"] == [
        {"kind": "schedule", "id": gone, "why": found["left"][0]["why"]},
    ]
    assert "its cron: unrecognized descriptor: @every 1h" in found["left"][0]["why"]
    warned = {one["code"]: one["message"] for one in found["warnings"]}
    assert warned["unwritable"].startswith("P_AUTHORIZATION: a line of a file cannot hold it")
    assert "QStash shows digests alone" in warned["digest"]
    assert warned["callbacks"].startswith("of p: QStash shows the address alone")
    assert {one["severity"] for one in found["warnings"]} == {"warning"}


def test_a_document_tells_of_what_else_is_left(account: Account) -> None:
    account.grown.request("POST", "/v2/flowControl/sk_live_abcdefghij1234/pin?parallelism=3")
    found = json.loads(account.imported("--format", "json").out)
    (one,) = found["left"]
    assert (one["kind"], one["id"]) == ("flow_control", "(secret)")
    assert "sk_live" not in json.dumps(found)


# ---------------------------------------------------------------- a part of it

SEVERAL = f"""
version: 1
namespace: billing
limits: {{max_deletes: 0}}
defaults: {{timezone: America/New_York, destination: {APP}/x}}
schedules:
  a: {{cron: "0 9 * * *"}}
  b: {{cron: "0 8 * * *", protect: true}}
  c: {{cron: "0 7 * * *"}}
"""


@pytest.mark.parametrize("glob", ["billing.a", "billing.a.2", "scd_*"])
def test_a_glob_takes_ours_or_leaves_them_out(account: Account, glob: str) -> None:
    """The file is one of several then, and what it leaves out is told."""
    created = account.grown.put(f"{APP}/a", "@daily")
    account.grown.world.apply(SEVERAL)
    ran = account.imported("--target", glob)
    is_ours = glob != "scd_*"
    count = 2 if is_ours else 3
    assert ("  a:\n" in ran.out) is is_ours
    assert (created in ran.out) is not is_ours
    assert f"beside       {count} schedules of this namespace are not in it; an apply of" in ran.err
    assert "changes nothing else" in ran.err
    document = json.loads(account.imported("--target", glob, "--format", "json").out)
    assert [one["code"] for one in document["warnings"]] == ["untaken"]


def test_a_name_of_ours_that_is_left_out_is_not_given_away(account: Account) -> None:
    account.grown.put(f"{APP}/a", "@daily")
    account.grown.world.apply(SEVERAL)
    assert "  a-post:\n" in account.file("--target", "scd_*")


def test_a_part_that_would_be_changed_is_still_an_error(account: Account) -> None:
    account.grown.world.apply(SEVERAL)
    account.server.store.delete("schedule", "billing.a.2")
    ran = account.imported("--target", "billing.a", code=1)
    assert "billing.a would be changed: parts (part 2 is missing)" in ran.err
    assert ran.err.count("error: ") == 1


@pytest.mark.parametrize("what", ["file", "--env-out"])
@pytest.mark.parametrize("words", [(), ("--out",), ("--format", "json")])
def test_a_file_that_nothing_reads_is_not_written(
    account: Account, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], what: str
) -> None:
    """In parts it is read."""
    headers = {"Upstash-Forward-Authorization": "x" * 3_000} if what == "--env-out" else {}
    monkeypatch.setattr(sources, "MAX_BYTES", 5_000)
    for n in range(2):
        own = {name: f"{value}{n}" for name, value in headers.items()}
        account.grown.put(f"{APP}/{n}", f"{n} 1 * * *", b"" if headers else b"x y " * 1_000, own)
    out, env = account.folder / "q.yaml", account.folder / "q.env"
    more = [*words, *([str(out)] if words == ("--out",) else [])]
    ran = account.imported(*more, "--env-out", str(env), code=1)
    assert f"the {what} would have " in ran.text
    assert "bytes; 5,000 are the most read" in ran.text
    assert "import parts with --target GLOB" in ran.text
    assert not out.exists()
    assert not env.exists()
    first = account.grown.request("GET", "/v2/schedules").json()[0]["scheduleId"]
    account.imported("--target", first, "--env-out", str(env))


# ---------------------------------------------------------------- what an apply of it does

EDITED: list[tuple[str, dict[str, Any], bool]] = [
    ("a tab in a cron", {"cron": "0\t9 * * *"}, True),
    ("spaces around a cron", {"cron": " 0 9 * * * "}, True),
    ("a line in a cron", {"cron": "0 9\n* * *"}, True),
    ("another space in a cron", {"cron": "0\u00a09 * * *"}, True),
    ("a zone and a tab", {"cron": "CRON_TZ=Europe/Berlin 0\t9 * * *"}, True),
    ("a header twice", {"header": {"X-A": ["a", "b"]}}, False),
    ("a header in two spellings", {"header": {"X-A": ["a"], "x-a": ["b"]}}, False),
    ("a header with spaces", {"header": {"X-A": [" a"]}}, False),
    ("a header with a tab", {"header": {"X-A": ["a\tb"]}}, False),
    ("an empty header", {"header": {"X-A": [""]}}, False),
    ("a label outside ASCII", {"labels": ["ü"]}, False),
    ("a label with a tab", {"labels": ["a\tb"]}, False),
    ("a label with a comma", {"labels": ["a,b"]}, False),
    ("a label with spaces", {"labels": [" a "]}, False),
    ("a delay with a tab", {"retryDelayExpression": "1000 *\tretried"}, False),
    ("a queue outside ASCII", {"queueName": "ü"}, False),
    ("a key with a tab", {"flowControlKey": "a\tb", "rate": 1}, False),
    ("a key outside ASCII", {"flowControlKey": "ü", "rate": 1}, False),
    ("a callback outside ASCII", {"callback": f"{APP}/ü"}, False),
    ("a callback with a space", {"callback": f"{APP}/a b"}, False),
    ("an address outside ASCII", {"destination": f"{APP}/ü"}, False),
    ("an address with a space", {"destination": f"{APP}/a b"}, False),
    ("an address with dots", {"destination": f"{APP}/a/../b"}, False),
]


@pytest.mark.parametrize(("_id", "changes", "is_kept"), EDITED, ids=[case[0] for case in EDITED])
def test_what_is_written_down_can_be_sent_and_stays(
    account: Account, _id: str, changes: dict[str, Any], *, is_kept: bool
) -> None:
    """QStash may have taken it by another way; else it is left alone."""
    grown = account.grown
    created, good = grown.put(f"{APP}/x", "0 9 * * *"), grown.put(f"{APP}/good", "@daily")
    grown.world.edit(created, **changes)
    before = grown.world.schedule(created)
    text = account.file()
    assert (f"id: {created}" in text) is is_kept, text
    assert f"id: {good}" in text
    outcomes = grown.world.apply(text)
    assert {outcome.status for outcome in outcomes} == {Status.DONE}
    after = grown.world.schedule(created)
    mine = {"labels", "label", "nextScheduleTime", "cron"}
    assert {k: v for k, v in after.items() if k not in mine} == {
        k: v for k, v in before.items() if k not in mine
    }
    assert after["cron"].split() == before["cron"].split()
    assert grown.world.plan(text).changes == ()


@pytest.mark.parametrize("name", [".", ".."])
def test_an_id_that_no_path_can_name_is_left_alone(account: Account, name: str) -> None:
    text = imported_from([live("x", scheduleId=name), live("good")], account).out
    assert "id: scd_good\n" in text
    assert f"#   {name}   {APP}/x: the schedule '{name}' cannot be addressed" in text


# ---------------------------------------------------------------- its options and streams


def test_a_file_of_variables_that_is_not_there_is_an_error_with_a_local_account_too(
    tmp_path: Path,
) -> None:
    words = ("import", "--namespace", "billing", f"--local={tmp_path / 'a.db'}", "--env-file")
    ran = cli(*words, str(tmp_path / "none.env"))
    assert ran.code == 64
    assert "none.env: no such file or directory" in ran.err
    assert ran.out == ""


COMMANDS = [
    ("import", "--namespace", "billing", "--local"), ("plan", "--local"), ("drift", "--local"),
    ("validate",), ("next",), ("import", "--strays", "--local"),
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_run_that_is_stopped_has_its_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    def stopped(_session: Session) -> dict[str, str]:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    Path("qstash.yaml").write_text("version: 1\nnamespace: billing\nschedules: {}\n")
    monkeypatch.setattr(Session, "environ", stopped)
    ran = cli(*words, "--format", "json")
    assert ran.code == 1
    (error,) = json.loads(ran.out)["errors"]
    assert (error["code"], error["message"]) == ("stopped", "stopped; nothing was written")
    assert cli(*words).err.strip().endswith("Stopped; nothing was written.")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_file_on_stdout_is_utf_8_whatever_the_locale_says(
    account: Account, encoding: str
) -> None:
    account.grown.put(f"{APP}/x", "@daily", "grüße".encode())
    stored = account.grown.put(f"{APP}/y", "@every 1h")
    account.grown.world.edit(stored, destination=f"{APP}/ü")
    words = [sys.executable, "-m", "qstash_sync", "import", "--namespace", "billing", "--now", NOW]
    environ = {**account.environ, "PYTHONIOENCODING": encoding, "PATH": os.environ["PATH"]}
    root = Path(__file__).parents[2]
    ran = subprocess.run(words, capture_output=True, check=True, env=environ, cwd=root)
    assert 'body: "gr\\xfc\\xdfe"' in ran.stdout.decode("utf-8")


def test_what_has_no_cron_of_a_file_is_left_with_a_way_to_take_it_over(account: Account) -> None:
    created = account.grown.put(f"{APP}/x", "@every 90m")
    text = account.file()
    assert f"@every 90m; an entry with `id: {created}` and a cron takes it over" in text
    taken = "  x: {cron: '30 * * * *', timezone: UTC, destination: %s/x, id: %s}\n"
    outcomes = account.grown.world.apply(f"{HEAD}schedules:\n{taken % (APP, created)}")
    assert [outcome.status for outcome in outcomes] == [Status.DONE]
    assert account.grown.world.schedule(created)["cron"] == "30 * * * *"
