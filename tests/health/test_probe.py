"""Probes against handlers that count: what runs, what does not, and what is said of either."""

import contextlib
import http.server
import json
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from qstash_sync.health import called, probe
from qstash_sync.health.check import Check
from qstash_sync.model.diagnostics import Severity
from tests.support import cli, config

CERTIFICATE = Path(__file__).parents[1] / "data" / "localhost.pem"  # until 2126
NOW = datetime(2026, 11, 26, tzinfo=UTC)


class Handlers:
    """A server whose paths are the statuses that it answers with; it keeps what it was asked."""

    def __init__(self, *, encrypted: bool = False) -> None:
        asked: list[tuple[str, str, dict[str, str]]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def _answer(self) -> None:
                asked.append((self.command, self.path, dict(self.headers)))
                status = self.path.strip("/").partition("?")[0].partition("/")[0]
                if status == "slow":
                    time.sleep(60)
                self.send_response(int(status) if status.isdecimal() else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_HEAD = do_POST = do_PUT = _answer  # noqa: N815 as http.server wants it

            def log_message(self, *_: Any) -> None:
                """Stay silent."""

        self.asked = asked
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if encrypted:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        scheme = "https" if encrypted else "http"
        self.url = f"{scheme}://localhost:{self.server.server_address[1]}"

    @property
    def methods(self) -> list[tuple[str, str]]:
        return sorted((method, path) for method, path, _ in self.asked)


@contextlib.contextmanager
def serving(*, encrypted: bool = False) -> Iterator[Handlers]:
    handlers = Handlers(encrypted=encrypted)
    threading.Thread(target=handlers.server.serve_forever, daemon=True).start()
    yield handlers
    handlers.server.shutdown()
    handlers.server.server_close()


@pytest.fixture
def handlers() -> Iterator[Handlers]:
    with serving() as found:
        yield found


def file(url: str, *paths: str, **methods: str) -> str:
    """A schedule for each path; by its name, another method."""
    entries = "".join(
        f"  s{k}: {{cron: '0 9 * * *', destination: '{url}{path}', method: {methods.get(f's{k}', 'POST')}}}\n"
        for k, path in enumerate(paths)
    )
    return f"version: 1\nnamespace: shop\nallow_private: true\ndefaults: {{timezone: UTC}}\nschedules:\n{entries}"  # fmt: skip


def addresses(text: str, **environ: str) -> tuple[called.Address, ...]:
    return called.addresses(config(text, environ=environ).desired)


def said(checks: list[Check]) -> list[tuple[str | None, str]]:
    return [(one.severity, one.message.partition(": ")[2]) for one in checks]


# ---------------------------------------------------------------- who is called


def test_each_address_once_with_all_its_methods() -> None:
    text = file("https://a.example.com", "/x", "/x", s1="GET") + (
        "  cb: {cron: '0 9 * * *', url_group: g, method: PUT, callback: https://a.example.com/cb,\n"
        "       failure_callback: {url: 'https://b.example.com:8443/f', method: GET}}\n"
        "url_groups: {g: {endpoints: [https://c.example.com/e]}}\n"
    )
    found = {one.url: (sorted(one.methods), str(one.host)) for one in addresses(text)}
    assert found == {
        "https://a.example.com/x": (["GET", "POST"], "a.example.com"),
        "https://a.example.com/cb": (["POST"], "a.example.com"),
        "https://b.example.com:8443/f": (["GET"], "b.example.com:8443"),
        "https://c.example.com/e": (["PUT"], "c.example.com"),
    }


@pytest.mark.parametrize("methods", [("GET", "POST"), ("POST", "GET"), ("PUT", "GET", "POST")])
def test_an_endpoint_is_called_by_the_methods_of_all_schedules_of_its_group(
    methods: tuple[str, ...], handlers: Handlers
) -> None:
    """In whichever order they stand: HEAD is sent to none that one of them could run."""
    entries = "".join(
        f"  b{k}: {{cron: '0 9 * * *', url_group: g, method: {method}}}\n"
        for k, method in enumerate(methods)
    )
    text = file(handlers.url, "/a") + entries
    text += f"url_groups: {{g: {{endpoints: ['{handlers.url}/401']}}}}\n"
    found = {one.url.removeprefix(handlers.url): one for one in addresses(text)}
    assert found["/401"].methods == set(methods)
    assert found["/401"].used_by == "url_groups.g"
    assert len(probe.heads(found.values())) == 1
    assert len(probe.signatures(found.values())) == 2
    assert handlers.methods == [("HEAD", "/a"), ("POST", "/401"), ("POST", "/a")]


def test_an_address_in_two_spellings_is_one(handlers: Handlers) -> None:
    """The case of a host, and what may be left out, make no other handler of it."""
    shouted = handlers.url.replace("localhost", "LOCALHOST")
    text = file(handlers.url, "/a", "", "/?x=1") + (
        f"  u0: {{cron: '0 9 * * *', destination: '{shouted}/a', method: GET}}\n"
        f"  u1: {{cron: '0 9 * * *', destination: '{shouted}/', method: GET}}\n"
        f"  u2: {{cron: '0 9 * * *', destination: '{shouted}?x=2', method: GET}}\n"
    )
    assert len(addresses(text)) == 4
    probe.heads(addresses(text))
    assert handlers.methods == [("HEAD", "/?x=1")]


def test_what_is_secret_in_an_address_is_asked_and_not_shown(handlers: Handlers) -> None:
    text = file(handlers.url, "/401/${env.PLACE}")
    (check,) = probe.signatures(addresses(text, PLACE="hidden-place"))
    assert [path for _, path, _ in handlers.asked] == ["/401/hidden-place"]
    assert "hidden-place" not in str(check)
    assert "(secret)" in check.message


# ---------------------------------------------------------------- hosts


def test_a_host_is_reached_without_a_request(handlers: Handlers) -> None:
    (check,) = probe.hosts(addresses(file(handlers.url, "/a", "/b")), NOW)
    assert (check.severity, check.message.partition(": ")[2]) == (
        None,
        "reached, without encryption",
    )
    assert handlers.asked == []


def test_a_certificate_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(encrypted=True) as handlers:
        found = addresses(file(handlers.url, "/a"))
        (check,) = probe.hosts(found, NOW)
        assert check.severity is Severity.ERROR
        assert "certificate is refused: self" in check.message
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        (check,) = probe.hosts(found, NOW)
        assert check.severity is None
        assert "certificate until 2126-" in check.message
        (check,) = probe.hosts(found, datetime(2126, 10, 30, tzinfo=UTC))
        assert check.severity is Severity.WARNING
        other = addresses(file(handlers.url.replace("localhost", "127.0.0.1"), "/a"))
        (check,) = probe.hosts(other, NOW)
        assert check.severity is Severity.ERROR
        assert handlers.asked == []


def test_a_name_that_nobody_has_and_a_door_that_is_shut() -> None:
    with serving() as handlers:
        shut = handlers.url
    text = (
        file("https://nobody.invalid", "/a")
        + f"  z: {{cron: '0 9 * * *', destination: '{shut}/x'}}\n"
    )
    checks = probe.hosts(addresses(text), NOW)
    assert said(checks) == [("error", "connection refused"), ("error", "no such name")]
    assert checks[0].hint == "schedules.z calls it: is the address right?"


# ---------------------------------------------------------------- HEAD


@pytest.mark.parametrize(
    ("status", "severity"),
    [(200, None), (204, None), (401, None), (403, None), (405, None), (501, None), (404, "warning"), (410, "warning"), (301, "warning"), (500, "warning"), (503, "warning")],
)  # fmt: skip
def test_what_head_is_answered_with(status: int, severity: str | None, handlers: Handlers) -> None:
    (check,) = probe.heads(addresses(file(handlers.url, f"/{status}")))
    assert (check.severity, f"{status} to HEAD" in check.message) == (severity, True)
    assert handlers.methods == [("HEAD", f"/{status}")]


def test_head_asks_nobody_whose_handler_it_could_run(handlers: Handlers) -> None:
    text = file(handlers.url, "/a", "/b", "/c", "/c", s1="GET", s2="GET", s3="POST")
    assert len(probe.heads(addresses(text))) == 1
    assert handlers.methods == [("HEAD", "/a")]


def test_an_answer_that_does_not_come_ends_in_time(
    handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "TIMEOUT", 0.2)
    monkeypatch.setattr(probe, "_GRACE", 0.2)
    (check,) = probe.heads(addresses(file(handlers.url, "/slow")))
    assert check.severity is Severity.ERROR
    assert "no answer within" in check.message


# ---------------------------------------------------------------- signatures


@pytest.mark.parametrize(
    ("status", "severity"),
    [(401, None), (403, None), (200, "error"), (204, "error"), (302, "warning"), (400, "warning"), (404, "warning"), (500, "warning")],
)  # fmt: skip
def test_a_false_signature_is_to_be_refused(
    status: int, severity: str | None, handlers: Handlers
) -> None:
    (check,) = probe.signatures(addresses(file(handlers.url, f"/{status}")))
    assert check.severity == severity
    ((method, path, headers),) = handlers.asked
    assert (method, path) == ("POST", f"/{status}")
    assert headers["Upstash-Signature"].count(".") == 2


def test_a_query_arrives_as_it_is_written(handlers: Handlers) -> None:
    probe.signatures(addresses(file(handlers.url, "/401/a%20b?x=1&y=a+b%2F")))
    assert handlers.methods == [("POST", "/401/a%20b?x=1&y=a+b%2F")]


# ---------------------------------------------------------------- by the command line


def doctor(tmp_path: Path, text: str, *words: str) -> Any:
    (tmp_path / "q.yaml").write_text(text)
    return cli("doctor", "-f", str(tmp_path / "q.yaml"), f"--local={tmp_path}/a.db", *words)


def test_no_handler_is_asked_anything_unless_it_is_asked_for(
    handlers: Handlers, tmp_path: Path
) -> None:
    text = file(handlers.url, "/200", "/201", s1="GET")
    assert doctor(tmp_path, text).code == 0
    assert doctor(tmp_path, text, "--probe").code == 0
    assert handlers.asked == []
    assert doctor(tmp_path, text, "--probe=head").code == 0
    assert handlers.methods == [("HEAD", "/200")]
    assert probed(doctor(tmp_path, text, "--probe=head", "--format", "json"))[-1] == (
        "handler", "info", "1 address is called by GET: not asked, since HEAD could run it"
    )  # fmt: skip
    handlers.asked.pop()
    ran = doctor(tmp_path, text, "--probe-signature")
    assert ran.code == 64
    assert "add --yes" in ran.err
    assert handlers.methods == [("HEAD", "/200")]
    ran = doctor(tmp_path, text, "--probe-signature", "--yes")
    assert ran.code == 2
    assert "it was accepted" in " ".join(ran.out.split())
    assert handlers.methods == [("HEAD", "/200"), ("POST", "/200")]


def probed(ran: Any) -> list[tuple[str, str, str]]:
    subjects = ("host", "handler", "signature")
    checks = [one for one in json.loads(ran.out)["checks"] if one["subject"] in subjects]
    return [(one["subject"], one["status"], one["message"]) for one in checks]


def test_whom_a_probe_leaves_out_is_told(handlers: Handlers, tmp_path: Path) -> None:
    """Else what was not looked at would be healthy."""
    text = file(handlers.url, "/a", "/b", "/c", s0="PUT", s1="DELETE", s2="PUT")
    ran = doctor(tmp_path, text, "--probe-signature", "--format", "json")
    assert probed(ran) == [
        ("signature", "info", "3 addresses are called by DELETE or PUT: not asked, since POST is not for them")
    ]  # fmt: skip
    assert (ran.code, handlers.asked) == (0, [])
    text = file(handlers.url, "/401", "/b", s1="PUT")
    ran = doctor(tmp_path, text, "--probe-signature", "--yes", "--format", "json")
    assert [status for _, status, _ in probed(ran)] == ["ok", "info"]
    assert handlers.methods == [("POST", "/401")]


@pytest.mark.parametrize("word", ["--probe", "--probe=head", "--probe-signature"])
def test_a_probe_of_nobody_says_so(word: str, tmp_path: Path) -> None:
    text = "version: 1\nnamespace: shop\nqueues: {q: {}}\n"
    ran = doctor(tmp_path, text, word, "--format", "json")
    subject = "signature" if "signature" in word else "host"
    assert probed(ran) == [(subject, "info", "no file names an address that could be probed")]
    assert probed(doctor(tmp_path, "nothing: [", word, "--format", "json")) == []
