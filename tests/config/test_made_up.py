"""Values that are not there: what no value could mend is told beside them, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qstash_sync.config.environment import Environment
from qstash_sync.config.load import Files, Source
from qstash_sync.config.missing import Missing
from qstash_sync.model.resources import Key
from tests.support import HEAD, cli, ids, messages

URL = "https://app.example.com/x"
MISSING = [Missing.MOCK, Missing.ERROR, Missing.UNKNOWN]


def entry(text: str) -> str:
    """A file with one schedule at a destination."""
    return job(f"destination: {URL}, {text}")


def job(text: str) -> str:
    """A file with one schedule."""
    return HEAD + f"schedules:\n  a: {{cron: '0 9 * * *', {text}}}\n"


def based(base: str, path: str) -> str:
    """A file with one schedule at a path behind a base."""
    head = HEAD.replace("timezone: UTC", f"timezone: UTC, base_url: '{base}'")
    return head + job(f"destination: {path}")[len(HEAD) :]


def to(address: str) -> str:
    """A file with one schedule at another destination."""
    return job(f"destination: '{address}'")


WRONG = [
    ("key", entry("header: '${env.T}'"), "schedules.a.header: unknown key"),
    ("key, plain", entry("header: '${env.T|plain}'"), "schedules.a.header: unknown key"),
    ("key of a callback", entry("failure_calback: 'https://e.com/${env.T}'"), "unknown key"),
    ("section", HEAD + "shedules: '${env.T}'\n", "shedules: unknown key"),
    ("refused key", entry("deduplication_id: '${env.T}'"), "it cannot hold for a schedule"),
    ("header of QStash", entry("headers: {Upstash-Forward-A: '${env.T}'}"), "QStash's own"),
    ("header with a space", entry("headers: {X A: '${env.T}'}"), "'X…' is not a header name"),
    ("header outside ASCII", entry("headers: {Ünï: '${env.T}'}"), "is not a header name"),
    ("header twice", entry("headers: {X-A: '${env.T}', x-a: '${env.T}'}"), "X-A stands here twice"),
    ("header of a callback", entry("callback: {url: 'https://e.com', headers: {Upstash-X: '${env.T}'}}"), "QStash's own"),
    ("our own header", entry("identify: true, headers: {X-Qstash-Sync-Schedule: '${env.T}'}"), "stands here twice"),
    ("a digest", entry("headers: {X-A: 'REDACTED:${env.T}'}"), "is a digest"),
    ("variable", entry("body: '${var.nope}${env.T}'"), "the variable nope is not defined"),
    ("key of a variable", entry("header: '${var.nope}'"), "schedules.a.header: unknown key"),
    ("http", to("http://e.com/?t=${env.T}"), "http:// sends everything in clear"),
    ("http, plain", to("http://e.com/?t=${env.T|plain}"), "http:// sends everything in clear"),
    ("localhost", to("https://localhost/${env.T}"), "localhost is no public host"),
    ("private", to("https://10.0.0.1/${env.T}"), "10.0.0.1 is a private or local address"),
    ("scheme", to("ftp://e.com/${env.T}"), "a URL must start with https://"),
    ("no host", to("https:///${env.T}"), "a URL without a host"),
    ("fragment", to("https://e.com/x#${env.T}"), "a fragment (#…) is never sent"),
    ("fragment, plain", to("https://e.com/x#${env.T|plain}"), "a fragment (#…) is never sent"),
    ("dots", to("https://e.com/../${env.T}"), "dot segments"),
    ("path", to("/x?t=${env.T}"), "a URL must start with https://"),
    ("path, plain", to("/x?t=${env.T|plain}"), "a URL must start with https://"),
    ("prefix", to("pre${env.T}"), "a URL must start with https://"),
    ("failure callback", entry("failure_callback: 'http://localhost/${env.T}'"), "localhost is no public host"),
    ("endpoint", HEAD + "url_groups: {g: {endpoints: ['http://e.com/${env.T}']}}\n", "http:// sends"),
    ("endpoint twice", HEAD + "url_groups: {g: {endpoints: ['https://e.com/${env.T}', 'https://e.com/${env.T}']}}\n", "stands here twice"),
    ("headers", entry("headers: '${env.T|plain}'"), "headers: must be a mapping"),
    ("dst", entry("dst: '${env.T|plain}'"), "dst: must be a mapping"),
    ("redact", entry("redact: '${env.T|plain}'"), "redact: must be a mapping"),
    ("lint", entry("lint: '${env.T|plain}'"), "lint: must be a mapping"),
    ("flow_control", entry("flow_control: '${env.T|plain}'"), "flow_control: must be a mapping"),
    ("limits", HEAD + "limits: '${env.T|plain}'\n", "limits: must be a mapping"),
    ("owns", HEAD + "owns: '${env.T|plain}'\n", "owns: must be a mapping"),
    ("list of owns", HEAD + "owns: {queues: '${env.T|plain}'}\n", "must be a list"),
    ("endpoints", HEAD + "url_groups: {g: {endpoints: '${env.T|plain}'}}\n", "must be a list"),
    ("period", entry("flow_control: {key: k, period: '${env.T|plain}'}"), "a period needs a rate"),
    ("path behind a base", based("https://${env.T|plain}", "/x#y"), "a fragment (#…) is never sent"),
    ("base that is private", based("https://10.0.0.1/${env.T|plain}", "/x"), "10.0.0.1 is a private"),
    ("callback behind a base", based("https://${env.T|plain}", "/x, callback: /a/../b"), "dot segments"),
    ("private in spite of", HEAD + "allow_private: '${env.T|plain}'\n" + to("https:///x")[len(HEAD):], "a URL without a host"),
    ("namespace", HEAD.replace("billing", "'Shop${env.T|plain}'"), "'Shopmock-t' is not allowed"),
    ("id", entry("id: 'a b${env.T|plain}'"), "'a bmock-t' is not a schedule id"),
    ("two bodies", HEAD.replace("UTC", "UTC, body: x, body_base64: '${env.T|plain}'") + job(f"destination: {URL}")[len(HEAD):], "body and body_base64 exclude each other"),
    ("through a variable", HEAD + "vars: {v: '${env.T}'}\n" + entry("header: '${var.v}'")[len(HEAD):], "unknown key"),
]  # fmt: skip


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize(("_id", "text", "expected"), WRONG, ids=ids(WRONG))
def test_what_no_value_could_mend_is_told(
    _id: str, text: str, expected: str, missing: Missing
) -> None:
    if missing is Missing.UNKNOWN and _id == "endpoint twice":
        return  # what is not known may be anything
    told = messages(text, missing=missing)
    assert [one for one in told if expected in one], told
    assert len(told) == len(set(told))
    beside = [one for one in told if expected not in one]
    assert all("is not set" in one or "is not defined" in one for one in beside), beside


RIGHT = [
    ("cron", job(f"cron: '${{env.T|plain}}', destination: {URL}").replace("cron: '0 9 * * *', ", "")),
    ("fields of a cron", entry("x: 1").replace("0 9 * * *", "${env.T|plain} ${env.U|plain} * * *").replace(", x: 1", "")),
    ("some fields of a cron", entry("x: 1").replace("0 9 * * *", "${env.T|plain} * * *").replace(", x: 1", "")),
    ("zone", entry("timezone: '${env.T|plain}'")),
    ("address", to("${env.T|plain}")),
    ("path of it", to("${env.T|plain}/x")),
    ("host", to("https://${env.T|plain}/x")),
    ("label of a host", to("https://${env.T|plain}.example.com/x")),
    ("scheme", to("${env.S|plain}://${env.T|plain}/x")),
    ("letter of a scheme", to("http${env.S|plain}://e.com/x")),
    ("host and port", to("https://${env.H|plain}:${env.P|plain}/x")),
    ("port", to("https://e.com:${env.P|plain}/x")),
    ("query", to("https://e.com/x?${env.T}")),
    ("dots", to("https://e.com/..${env.T}")),
    ("callback", entry("callback: '${env.T|plain}'")),
    ("retries", entry("retries: '${env.T|plain}'")),
    ("timeout", entry("timeout: '${env.T|plain}'")),
    ("unit of a timeout", entry("timeout: '${env.T|plain}s'")),
    ("delay of retries", entry("retry_delay: '${env.T|plain}'")),
    ("method", entry("method: '${env.T|plain}'")),
    ("paused", entry("paused: '${env.T|plain}'")),
    ("body_base64", entry("body_base64: '${env.T|plain}'")),
    ("some base64", entry("body_base64: 'A${env.T|plain}'")),
    ("strategy", entry("dst: {strategy: '${env.T|plain}'}")),
    ("days", entry("dst: {renew_before: '${env.T|plain}'}")),
    ("ignore", entry("ignore: '${env.T|plain}'")),
    ("rule", entry("lint: {disable: ['${env.T|plain}']}")),
    ("day", entry("lint: {disable: [clock_change], until: '${env.T|plain}'}")),
    ("redacted headers", entry("redact: {headers: '${env.T|plain}'}")),
    ("plan", HEAD + "limits: {plan: '${env.T|plain}'}\n"),
    ("deletes", HEAD + "limits: {max_deletes: '${env.T|plain}'}\n"),
    ("private", HEAD + "allow_private: '${env.T|plain}'\n"),
    ("rate", HEAD + "flow_controls: {k: {rate: '${env.T|plain}', period: '${env.U|plain}'}}\n"),
    ("endpoints", HEAD + "url_groups: {g: {endpoints: ['https://e.com/${env.T}', 'https://e.com/${env.U}']}}\n"),
    ("header", entry("headers: {X-Api-Key: 'Bearer ${env.T}', Content-Type: '${env.U|plain}'}")),
    ("base", based("${env.T|plain}", "/x")),
    ("host of a base", based("https://${env.APP_HOST|plain}", "/x, callback: /y")),
    ("label of a base", based("https://${env.T|plain}.example.com/api", "/x")),
    ("port of a base", based("https://a.example.com:${env.T|plain}", "/x")),
    ("path of a base", based("https://a.example.com/${env.T|plain}", "/x")),
    ("base through a variable", based("${var.b}", "/x") + "vars: {b: 'https://${env.T|plain}'}\n"),
    ("private host", HEAD + "allow_private: '${env.T|plain}'\n" + to("http://localhost:3000/a")[len(HEAD):]),
    ("behind a scheme", to("https:${env.T|plain}")),
    ("behind some of a scheme", to("http${env.T|plain}")),
    ("behind all of a scheme", to("https${env.T|plain}")),
    ("behind a slash", to("https:/${env.T|plain}")),
    ("seconds behind hours", entry("timeout: '1h${env.T|plain}'")),
    ("words of a delay", entry("retry_delay: '1000 ${env.T|plain} 2'")),
    ("part of a zone", entry("timezone: 'Europe/${env.T|plain}'")),
    ("environment", HEAD + "queues: {q: {only: ['${env.T|plain}']}}\n"),
]  # fmt: skip


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize(("_id", "text"), RIGHT, ids=ids(RIGHT))
def test_what_a_value_would_mend_is_not_told(_id: str, text: str, missing: Missing) -> None:
    told = messages(text, missing=missing)
    assert all("is not set" in one for one in told) if missing is not Missing.MOCK else not told, (
        told
    )


def test_what_is_wrong_behind_another_base_is_told_at_the_same_place() -> None:
    text = based("https://${env.T|plain}", "/x").replace(
        "base_url", "failure_callback: /f, base_url"
    )
    text += "  b: {cron: '@daily', destination: 'https://e.com', base_url: 'https://10.0.0.1'}\n"
    (told,) = messages(text, missing=Missing.MOCK)
    assert "schedules.b.failure_callback: 10.0.0.1 is a private" in told


@pytest.mark.parametrize("setting", ["region", "url", "account", "namespace"])
def test_an_account_that_a_value_names_is_not_told(setting: str) -> None:
    text = HEAD + f"environments: {{p: {{token: '${{env.K}}', {setting}: '${{env.T|plain}}'}}}}\n"
    assert not messages(text, missing=Missing.MOCK, environment="p")


def test_values_are_tried_without_the_environments_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"e{number}" for number in range(9)]
    spaces = ", ".join(f"{name}: {{namespace: {name}}}" for name in names)
    text = entry("method: '${env.T|plain}'") + f"environments: {{{spaces}}}\n"
    beside: list[str | None] = []

    def declared(self: Environment) -> Iterator[Key]:
        beside.append(self.name)
        return iter(())

    monkeypatch.setattr(Environment, "declared", declared)
    assert not messages(text, missing=Missing.MOCK, environment="e3")
    assert beside == [name for name in names if name != "e3"]


def test_each_environment_is_looked_at_once_however_many_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = [f"e{number}" for number in range(9)]
    spaces = ", ".join(f"{name}: {{namespace: {name}}}" for name in names)
    files = Files([Source("q.yaml", ".", entry("retries: 1") + f"environments: {{{spaces}}}\n")])
    asked: list[str | None] = []

    def declared(self: Environment) -> Iterator[Key]:
        asked.append(self.name)
        return iter(())

    monkeypatch.setattr(Environment, "declared", declared)
    for name in names:
        files.config(name, {}, {})
    assert sorted(map(str, asked)) == names


def test_a_name_that_no_value_could_mend_is_told() -> None:
    (told,) = messages(HEAD + "queues: {'a b${env.T|plain}': {}}\n", missing=Missing.MOCK)
    assert "the name 'a bmock-t' is not allowed" in told


@pytest.mark.parametrize("value", ["'${var.nope}'", "'${nope}'", "'x ${var.nope}'"])
@pytest.mark.parametrize("key", ["headers", "retries", "destination", "dst", "endpoints", "cron"])
def test_nothing_follows_from_a_variable_that_is_not_defined(key: str, value: str) -> None:
    text = HEAD + f"schedules:\n  a:\n    cron: 0 9 * * *\n    destination: {URL}\n"
    written = {"cron": "0 9 * * *", "destination": URL}.get(key)
    text = text.replace(f"{key}: {written}", f"{key}: {value}") if written else text
    if key == "endpoints":
        text = HEAD + f"url_groups:\n  g:\n    endpoints: {value}\n"
    elif not written:
        text += f"    {key}: {value}\n"
    assert len(messages(text)) == 1, messages(text)


def test_a_token_in_plain_is_told_whether_it_is_set_or_not(tmp_path: Path) -> None:
    text = HEAD + "environments: {p: {token: '${env.LIVE|plain}'}}\n"
    (tmp_path / "q.yaml").write_text(text)
    command = f"validate -f {tmp_path / 'q.yaml'}".split()
    for environ in ({}, {"LIVE": "abcdefgh12"}):
        for words in ((), ("--mock-env",)):
            ran = cli(*command, *words, environ=environ)
            assert ran.code == 1
            assert ran.err.count("never shown") == 1, ran.err


def test_a_rate_that_is_made_up_is_one_for_its_period() -> None:
    text = HEAD + "flow_controls: {k: {rate: '${env.T|plain}', period: 1m}}\n"
    assert messages(text, {}, missing=Missing.MOCK) == []
    bare = messages(
        HEAD + "flow_controls: {k: {parallelism: 2, period: 1m}}\n", {}, missing=Missing.MOCK
    )
    assert "a period needs a rate" in str(bare)
