"""Hostile words in files, accounts, answers and command lines: nothing of it acts, nothing leaks."""

import base64
import json
import re
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from qstash_sync.cli.main import cli as commands
from qstash_sync.exit_codes import ExitCode
from qstash_sync.local import LOCAL_TOKEN, Served
from tests.fault_server import FaultServer
from tests.support import HEAD, Ran, cli, ids

NOW = "2026-11-23T12:00Z"
SECRET = "S3cretS3cret-of-the-file"
HOSTILE = [
    "\x1b[2J\x1b[31mred", "\r\x1b[Kdone", "a\n::error::pwned", "::set-env name=A::b", "##[error]x",
    "\u202egnp.exe", "zero\u200bwidth", "\x9b31m", "\x07", "\u2028::warning::x", "a\tb", "\U000e0041",
    "##vso[task.complete]x", "é😀",
]  # fmt: skip
COMMAND = re.compile(r"^\s*::|##\[|##vso\[", re.MULTILINE)
FILE = HEAD + (
    "url_groups: {g: {endpoints: {a: 'https://a.example.com'}}}\n"
    "schedules:\n"
    "  a: {cron: '0 9 * * *', destination: 'https://e.example.com/x', headers: {X-A: '${env.SECRET}'}}\n"
    "  b: {cron: '30 2 * * *', timezone: Europe/Berlin, url_group: g, body: '${var.v}'}\n"
    "vars: {v: plain}\n"
)  # fmt: skip
ENVIRON = {"SECRET": SECRET}


def assert_harmless(ran: Ran, *, context: object = "") -> None:
    """One of the exit codes, no traceback, and only visible characters that command nothing."""
    assert ran.code in set(ExitCode), context
    assert "Traceback" not in ran.text, (context, ran.text)
    assert "internal error" not in ran.text, (context, ran.text)
    assert all(line.isprintable() for line in ran.text.split("\n")), (context, ascii(ran.text))
    assert not COMMAND.search(ran.text), (context, ran.text)
    assert SECRET not in ran.text, context


# An account


def item(word: str, **more: Any) -> dict[str, Any]:
    """A live schedule with a hostile word wherever a text may be."""
    return {
        "scheduleId": f"x.{word}", "cron": "0 9 * * *", "destination": f"https://e.com/{word}",
        "method": word, "body": word, "header": {f"X-{word}": [word]}, "labels": [word],
        "queueName": word, "error": word, "flowControlKey": word, "callback": word, **more,
    }  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "q.yaml"
    path.write_text(FILE)
    return path


LOOKS = [
    (word, *more)
    for word in ("plan", "drift")
    for more in (
        (),
        ("-v",),
        ("--format", "markdown", "-v"),
        ("--format", "json"),
        ("--format", "html", "-v"),
    )
] + [("drift", "--fail-on", "unmanaged")]


@pytest.mark.parametrize("word", HOSTILE, ids=ascii)
def test_live_words_are_shown_and_do_nothing(word: str, file: Path, tmp_path: Path) -> None:
    database = tmp_path / "a.db"
    words = ("-f", str(file), f"--local={database}", "--now", NOW)
    assert cli("apply", "--yes", *words, environ=ENVIRON).code == 0
    with FaultServer(database) as server:
        store = server.store
        stored = store.get("schedule", "billing.a") or {}
        mark = stored["labels"][0]
        for name, labels in (
            ("billing.a", [*stored["labels"], word]),
            ("other", [mark, word]),
            (f"billing.{word}", [mark, f"billing.{word}"]),
        ):
            theirs = item(word, scheduleId=name, cron=stored["cron"], labels=labels)
            store.put("schedule", name, {**stored, **theirs})
        ends = [{"name": word, "url": f"https://e.com/{word}"}]
        for name in (word, "g"):
            store.put(
                "topic", name, {**(store.get("topic", "g") or {}), "name": name, "endpoints": ends}
            )
        queue = {"name": word, "parallelism": 1, "paused": False, "lag": 7}
        store.put("queue", word, {**queue, "createdAt": 1, "updatedAt": 1})
    owns = "owns: {url_groups: ['*'], queues: ['*']}\nqueues: {}\n"
    for content in (FILE, FILE + owns, HEAD + owns + "schedules: {}\nurl_groups: {}\n"):
        file.write_text(content)
        for look in LOOKS:
            ran = cli(*look, *words, environ=ENVIRON)
            assert_harmless(ran, context=look)
            if "json" in look:
                json.loads(ran.out)
    file.write_text(FILE + owns)
    for write in (
        ("pause", "*", "--yes"),
        ("apply", "--yes", "--allow-deletes", "99", "--allow-in-use", "*", "--drop-backlog", "*"),
        ("apply", "--yes", "--allow-deletes", "99", "--format", "json"),
        ("destroy", "--yes", "billing"),
        ("destroy", "--yes", "billing", "--drop-backlog", "*", "--allow-in-use", "*"),
    ):
        rest = (
            [w for w in words if w not in ("--now", NOW)]
            if write[0] in ("pause", "destroy")
            else words
        )
        assert_harmless(cli(*write, *rest, environ=ENVIRON), context=write)


# Answers


def twice(word: str) -> httpx.Response:
    return httpx.Response(200, json=[item(word), item(word)])


def malformed(word: str) -> httpx.Response:
    return httpx.Response(200, json=[item(word, header={word: [5]})])


def refusal(word: str) -> httpx.Response:
    return httpx.Response(400, json={"error": word})


def page(word: str) -> httpx.Response:
    kind = word.encode("ascii", "replace").replace(b"\n", b" ").replace(b"\r", b" ")
    return httpx.Response(403, text=word, headers={b"Content-Type": kind})


def other_region(word: str) -> httpx.Response:
    return httpx.Response(404, json={"error": f"user not found in this region ({word})"})


@pytest.mark.parametrize(
    "answer", [twice, malformed, refusal, page, other_region], ids=lambda one: one.__name__
)
@pytest.mark.parametrize("writes", [True, False], ids=["of a write", "of all"])
def test_a_servers_words_are_shown_and_do_nothing(answer: Any, writes: bool, file: Path) -> None:
    account = FaultServer()

    def handler(request: httpx.Request) -> httpx.Response:
        if writes and request.method == "GET":
            return account(request)
        response: httpx.Response = answer(word)
        response.headers["Date"] = formatdate(usegmt=True)
        return response

    server: Any = handler
    # The user that a token tells is a word from outside, too.
    with account, Served(server) as served:
        for word in HOSTILE:
            token = base64.b64encode(
                json.dumps({"UserID": word, "Password": "x"}).encode()
            ).decode()
            environ = {
                "QSTASH_URL": served.url,
                "QSTASH_TOKEN": LOCAL_TOKEN if writes else token,
                **ENVIRON,
            }
            for words in (
                ("plan",),
                ("drift", "--format", "markdown"),
                ("apply", "--yes"),
                ("pause", "*", "--yes"),
                ("apply", "--yes", "--format", "json"),
            ):
                ran = cli(*words, "-f", str(file), environ=environ)
                assert_harmless(ran, context=(word, words))
                assert token not in ran.text


# Files


SPOTS = [
    ("key of a schedule", "schedules: {a: {%s: 1, cron: '0 9 * * *', destination: 'https://e.com'}}\n"),
    ("key of the file", "%s: 1\n"),
    ("name", "schedules: {%s: {cron: '0 9 * * *', destination: 'https://e.com'}}\n"),
    ("cron", "schedules: {a: {cron: %s, destination: 'https://e.com'}}\n"),
    ("zone", "schedules: {a: {cron: '0 9 * * *', timezone: %s, destination: 'https://e.com'}}\n"),
    ("destination", "schedules: {a: {cron: '0 9 * * *', destination: %s}}\n"),
    ("header", "schedules: {a: {cron: '0 9 * * *', destination: 'https://e.com', headers: {%s: x}}}\n"),
    ("value of a header", "schedules: {a: {cron: '0 9 * * *', destination: 'https://e.com', headers: {X: %s}}}\n"),
    ("label", "schedules: {a: {cron: '0 9 * * *', destination: 'https://e.com', labels: [%s]}}\n"),
    ("body", "schedules: {a: {cron: '0 9 * * *', destination: 'https://e.com', body: {%s: x}}}\n"),
    ("body file", "schedules: {a: {cron: '0 9 * * *', destination: 'https://e.com', body_file: %s}}\n"),
    ("variable", "vars: {%s: x}\nqueues: {q: {parallelism: '${var.nope}'}}\n"),
    ("environment variable", "queues: {q: {parallelism: 1}}\nvars: {x: %s}\nflow_controls: {'${env.X}': {rate: 1}}\n"),
    ("queue", "queues: {%s: {parallelism: 1}}\n"),
    ("group", "url_groups: {%s: {endpoints: {a: 'https://e.com'}}}\n"),
    ("endpoint", "url_groups: {g: {endpoints: {%s: 'https://e.com'}}}\n"),
    ("environment", "environments: {%s: {namespace: x}}\n"),
    ("glob", "owns: {queues: [%s]}\nqueues: {}\n"),
    ("description", "schedules: {a: {cron: '0 9 * * *', destination: 'https://e.com', description: %s, owner: %s}}\n"),
]  # fmt: skip


def yaml_quoted(word: str) -> str:
    """A word as YAML escapes it, which writes no halves of characters."""
    return f'"{"".join(f"{chr(92)}U{ord(c):08x}" for c in word)}"'


@pytest.mark.parametrize(("_id", "spot"), SPOTS, ids=ids(SPOTS))
def test_words_of_a_file_are_shown_and_do_nothing(_id: str, spot: str, tmp_path: Path) -> None:
    file = tmp_path / "q.yaml"
    local = f"--local={tmp_path / 'a.db'}"
    for word in HOSTILE:
        halves = json.dumps(word)  # as JSON escapes it, which is two halves to YAML
        file.write_text(HEAD + spot.replace("%s", halves), encoding="utf-8")
        assert_harmless(cli("plan", local, "-f", str(file), environ=ENVIRON), context=word)
        file.write_text(HEAD + spot.replace("%s", yaml_quoted(word)), encoding="utf-8")
        for words in (
            ("plan", local, "-v"),
            ("validate",),
            ("compile",),
            ("plan", local, "--format", "markdown"),
        ):
            ran = cli(*words, "-f", str(file), environ=ENVIRON)
            assert_harmless(ran, context=(word, words))
        json.loads(cli("plan", local, "-f", str(file), "--format", "json", environ=ENVIRON).out)
        raw = HEAD + spot.replace("%s", word)
        file.write_text(raw, encoding="utf-8", newline="")
        assert_harmless(cli("validate", "-f", str(file), environ=ENVIRON), context=word)


# Command lines


def options_of(command: str) -> list[str]:
    return [
        option
        for parameter in commands.commands[command].params
        for option in parameter.opts
        if option.startswith("-")
    ]


COMMANDS = sorted(set(commands.commands) - {"serve"})  # which would not end
PLAIN = [
    "", "a", "*", "q.yaml", "missing.yaml", ".", "-", "--", "-1", "0", "99999999999999999999h", "5m",
    NOW, "0 9 * * *", "json", "text", "markdown", "json=o.json", "markdown=.", "x=y", "v=1", "clock",
    "unmanaged", "always", "never", "Europe/Berlin", "split", "a\0b", "=", "billing", "a.db", "p.json",
    "env", "\udcff", "x" * 5_000,
]  # fmt: skip
value = st.sampled_from([*PLAIN, *HOSTILE]) | st.text(max_size=8)


@st.composite
def lines(draw: Any) -> list[str]:
    """A command line: what people type, and what they do not."""
    command = draw(st.sampled_from(COMMANDS))
    known = options_of(command)
    words = [command]
    for _ in range(draw(st.integers(0, 5))):
        option = draw(st.sampled_from(known) | st.just("--nope"))
        if option in ("--yes", "-h", "--help", "--local", "--max-wait"):
            continue
        words += draw(
            st.sampled_from(
                [[option, draw(value)], [f"{option}={draw(value)}"], [option], [draw(value)]]
            )
        )
    if draw(st.booleans()):
        words += ["-f", "q.yaml"]
    if "--local" in known:  # a network would be waited for
        words += ["--local=a.db"]
    return words


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.yaml").write_text(FILE)
    (tmp_path / "env").write_text(f"SECRET={SECRET}\n")
    return tmp_path


@given(words=lines())
@settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
def test_no_command_line_ends_in_a_traceback_or_acts_on_a_terminal(
    words: list[str], folder: Path
) -> None:
    colourless = [word for word in words if "always" not in word]
    ran = cli(
        *colourless, environ={**ENVIRON, "QSTASH_TOKEN": SECRET, "QSTASH_URL": "http://127.0.0.1:1"}
    )
    assert_harmless(ran, context=words)
    assert (folder / "q.yaml").read_text() == FILE
