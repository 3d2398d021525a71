"""What is refused: each with place, fact and way out, and never with a traceback."""

import base64
import json
from pathlib import Path

import pytest

from qstash_sync.local import LOCAL_TOKEN
from qstash_sync.model.diagnostics import Severity
from tests.support import HEAD, build, cli, ids, messages

URL = "https://app.example.com/x"


def schedule(body: str) -> str:
    """A file with one schedule; body is its inner lines in flow style."""
    return HEAD + f"schedules:\n  a: {{cron: '0 9 * * *', destination: {URL}, {body}}}\n"


def cron(text: str) -> str:
    return HEAD + f"schedules:\n  a: {{cron: '{text}', destination: {URL}}}\n"


def destination(url: str) -> str:
    return HEAD + f"schedules:\n  a: {{cron: '0 9 * * *', destination: '{url}'}}\n"


TOKEN = base64.b64encode(json.dumps({"UserID": "u1", "Password": "p" * 20}).encode()).decode()
CASES = [
    ("unknown key", schedule("retires: 3"), "schedules.a.retires: unknown key", "did you mean retries?"),
    ("unknown key at the top", HEAD + "schedule: {}", "q.yaml:4:1: schedule: unknown key", "did you mean schedules?"),
    ("unknown key in a callback", schedule("callback: {url: 'https://e.com', metod: GET}"), "callback.metod", "method"),
    ("duplicate key in a duplicate", HEAD + "queues:\n  a: {}\n  a: {paused: true, paused: false}\n", "queues.a.paused: this key stands here twice", "keep one"),
    ("duplicate key", HEAD + "queues: {}\nqueues: {}", "q.yaml:5:1: queues: this key stands here twice", "keep one"),
    ("wrong type", schedule("retries: three"), "retries: must be a whole number, not text", ""),
    ("number for text", schedule("queue: 5"), "queue: must be text, not a number", 'quote it: "5"'),
    ("null section", HEAD + "schedules:", "schedules: this section is empty", "write `schedules: {}`"),
    ("a list of lint", schedule("lint: [late_day]"), "lint: must be a mapping", "its keys: disable, error, until"),
    ("lint of the file", HEAD + "lint: [late_day]", "lint: must be a mapping", "its keys: disable, error"),
    ("a key alone", schedule("flow_control: openai"), "flow_control: must be a mapping", "write {key: openai}"),
    ("a strategy alone", schedule("dst: native"), "dst: must be a mapping", "write {strategy: native}"),
    ("a plan alone", HEAD + "limits: free", "limits: must be a mapping", "write {plan: free}"),
    ("redact of all", schedule("redact: true"), "redact: must be a mapping", "its keys: body, headers"),
    ("null resource", HEAD + "queues: {a: }", "queues.a: must be a mapping, not nothing", "write its settings"),
    ("alias", HEAD + "schedules:\n  a:\n    cron: */5 * * * *", "q.yaml:6:11: cron: a YAML alias", 'quote it: "*/5'),
    ("a year", cron("0 9 * * 1-5 2027"), "6 fields: QStash has no seconds and no years", "leave out the last field"),
    ("seconds", cron("0 0 9 * * *"), "6 fields: QStash has no seconds", "leave out the first field"),
    ("L", cron("0 9 L * *"), "L (last) is not known to QStash", ""),
    ("W", cron("0 9 15W * *"), "W (nearest weekday)", ""),
    ("nth", cron("0 9 * * 1#2"), "# (the n-th weekday", ""),
    ("R", cron("R 9 * * *"), "random times", ""),
    ("H", cron("H 9 * * *"), "random times", ""),
    ("every", cron("@every 5m"), "has no fixed time", "@daily"),
    ("reboot", cron("@reboot"), "has no fixed time", "@daily"),
    ("never", cron("0 0 30 2 *"), "never fires", ""),
    ("cron range", cron("60 9 * * *"), "minute: 60 is out of range 0-59", ""),
    ("cron wrap", cron("0 22-2 * * *"), "runs backwards", "22-23,0-2"),
    ("cron step", cron("*/0 9 * * *"), "no valid step", ""),
    ("cron fields", cron("9 * * *"), "4 fields instead of 5", ""),
    ("cron zone", cron("CRON_TZ=Asia/Tokyo 0 9 * * *"), "the zone has a key of its own", "timezone:"),
    ("zone", schedule("timezone: Europe/Berln"), "'Europe/Berln' is not a time zone", "Europe/Berlin"),
    ("zone case", schedule("timezone: europe/berlin"), "is not a time zone", "Europe/Berlin"),
    ("name", HEAD + f"schedules: {{A B: {{cron: '0 9 * * *', destination: {URL}}}}}", "'A B' is not allowed", "a-z"),
    ("queue name", HEAD + "queues: {a/b: {}}", "'a/b' is not allowed", "letters"),
    ("group name", HEAD + "url_groups: {'a:b': {endpoints: ['https://e.com']}}", "'a:b' is not allowed", "letters"),
    ("flow key", HEAD + "flow_controls: {'a b': {rate: 1}}", "'a b' is not allowed", ":, @ and /"),
    ("used flow key", schedule("flow_control: {key: 'a?b'}"), "'a?b' is not allowed", ":, @ and /"),
    ("secret in a name", HEAD + "queues: {'a-${env.Q}': {}}", "a name cannot be, or contain, a secret", "|plain"),
    ("list in a name", HEAD + "vars: {l: [1]}\nqueues: {'${var.l}': {}}", "a name must be text", ""),
    ("unknown variable in a name", HEAD + "queues: {'a-${var.nope}': {}}", "the variable nope is not defined", "vars"),
    ("two names that are one", HEAD + "vars: {v: a}\nqueues: {a: {}, '${var.v}': {}}", "the name a stands here twice", "rename"),
    ("a name that a variable spoils", HEAD + "vars: {v: a b}\nqueues: {'${var.v}': {}}", "'a b' is not allowed", "letters"),
    ("variable in a schedule's name", HEAD + f"vars: {{v: a}}\nschedules: {{'${{var.v}}': {{cron: '@daily', destination: {URL}}}}}", "is not allowed", "a-z"),
    ("a method in small letters", schedule("method: get"), "'get' is not one of", "did you mean GET?"),
    ("another key in capitals", schedule("RETRIES: 1"), "unknown key", "did you mean retries?"),
    ("only of a queue", HEAD + "queues: {a: {only: prod}}", "no such environment: prod", ""),
    ("namespace", "version: 1\nnamespace: Bill_ing", "'Bill_ing' is not allowed", "a-z"),
    ("no namespace", "version: 1\nqueues: {}", "namespace: this key is missing", "namespace: billing"),
    ("no version", "namespace: a\nqueues: {}", "version: this key is missing", "version: 1"),
    ("version true", "version: true\nnamespace: a", "version: must be 1", ""),
    ("fraction", HEAD + "queues: {q: {parallelism: 1.5}}", "a whole number, not a decimal number", ""),
    ("surrogate", schedule('body: "\\uD800"'), "half of a surrogate pair", ""),
    ("surrogate in a key", schedule('body: {"a\\uDC00": 1}'), "half of a surrogate pair", ""),
    ("nesting", HEAD + "x-a: " + "[" * 900, "nested too deeply", ""),
    ("version", "version: 2\nnamespace: a", "version: must be 1", ""),
    ("no destination", HEAD + "schedules: {a: {cron: '0 9 * * *'}}", "destination: this key is missing", "url_group"),
    ("two destinations", schedule("url_group: g"), "exclude each other", "keep one"),
    ("no cron", HEAD + f"schedules: {{a: {{destination: {URL}}}}}", "cron: this key is missing", "cron:"),
    ("no zone", f"version: 1\nnamespace: a\nschedules: {{a: {{cron: '0 9 * * *', destination: {URL}}}}}", "timezone: this key is missing", "UTC"),
    ("http", destination("http://app.example.com/"), "in clear", "allow_private"),
    ("localhost", destination("https://localhost:3000/"), "no public host", "allow_private"),
    ("loopback", destination("https://127.0.0.1/"), "private or local address", "allow_private"),
    ("loopback 6", destination("https://[::1]/"), "private or local address", ""),
    ("mapped", destination("https://[::ffff:127.0.0.1]/"), "private or local address", ""),
    ("private", destination("https://10.1.2.3/"), "private or local address", ""),
    ("no dot", destination("https://intranet/"), "no public host", ""),
    ("local", destination("https://printer.local/"), "no public host", ""),
    ("internal", destination("https://api.internal/"), "no public host", ""),
    ("decimal host", destination("https://2130706433/"), "no public host", ""),
    ("hex host", destination("https://127.0x1/"), "not a valid address", ""),
    ("fragment", destination("https://e.com/a#b"), "a fragment", "remove"),
    ("dots", destination("https://e.com/a/../b"), "dot segments", ""),
    ("credentials", destination("https://u:p@e.com/"), "credentials in a URL", ""),
    ("a password with a slash", destination("https://u:p/q@e.com/"), "its host or port is malformed", ""),
    ("query token", destination("https://e.com/?qstash_token=1"), "qstash_token", "rename"),
    ("path without base", destination("/api/x"), "must start with https://", "base_url"),
    ("endpoint", HEAD + "url_groups: {g: {endpoints: {a: 'http://localhost'}}}", "no public host", ""),
    ("empty group", HEAD + "url_groups: {g: {endpoints: []}}", "only through its endpoints", ""),
    ("callback", schedule("callback: 'https://10.0.0.1'"), "private or local address", ""),
    ("failure callback", schedule("failure_callback: {url: 'http://e.com'}"), "in clear", ""),
    ("literal token", schedule(f"headers: {{X: '{TOKEN}'}}"), "a QStash token in clear", "${env.NAME}"),
    ("literal in vars", HEAD + f"vars: {{t: '{TOKEN}'}}", "a QStash token in clear", ""),
    ("literal in x-", HEAD + f"x-mine: {{t: '{TOKEN}'}}", "a QStash token in clear", ""),
    ("signing key", schedule("body: 'sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r'"), "a QStash signing key in clear", ""),
    ("authorization", schedule("headers: {authorization: Bearer abc}"), "holds a literal value", "${env.NAME}"),
    ("cookie", schedule("headers: {Cookie: a=b}"), "holds a literal value", ""),
    ("x-api-key", schedule("headers: {X-Api-Key: abc}"), "holds a literal value", ""),
    ("x-token", schedule("callback: {url: 'https://e.com', headers: {X-Token: abc}}"), "holds a literal value", ""),
    ("secret by var", HEAD + "vars: {t: abc}\nschedules: {a: {cron: '0 9 * * *', destination: 'https://e.com', headers: {X-Secret: '${var.t}'}}}", "holds a literal value", ""),
    ("line break", schedule('headers: {X: "a\\nb"}'), "a line break", "single line"),
    ("not ascii", schedule("headers: {X: äöü}"), "outside ASCII", "base64"),
    ("header twice", schedule("headers: {x-a: '1', X-A: '2'}"), "stands here twice", ""),
    ("upstash header", schedule("headers: {Upstash-Retries: '1'}"), "QStash's own", ""),
    ("expression", schedule("retry_delay: 1000 *"), "ends too early", ""),
    ("unknown function", schedule("retry_delay: sleep(1)"), "'sleep' is not known", "retried"),
    ("geometric", schedule("retry_delay: geometric(2)"), "'geometric' is not known", "pow(2, retried)"),
    ("arity", schedule("retry_delay: pow(2)"), "pow takes 2, not 1", ""),
    ("minus deletes", HEAD + "limits: {max_deletes: -1}", "-1 is out of range", "0 to"),
    ("percent", HEAD + "limits: {max_delete_percent: 101}", "101 is out of range", "0 to 100"),
    ("retries", schedule("retries: -1"), "out of range", "0 to"),
    ("timeout", schedule("timeout: 0s"), "out of range", ""),
    ("period", schedule("flow_control: {key: k, rate: 1, period: 8d}"), "out of range", ""),
    ("duration", schedule("timeout: 5 minutes"), "is not a duration", "5m"),
    ("renewal", schedule("dst: {renew_before: 61d}"), "out of range", ""),
    ("parallelism", HEAD + "queues: {a: {parallelism: 0}}", "out of range", ""),
    ("label", schedule("labels: ['a,b']"), "is not a label", ""),
    ("our label", schedule("labels: [qsync1-x]"), "our own", ""),
    ("deduplication", schedule("deduplication_id: x"), "cannot hold for a schedule", "ids make ours unique"),
    ("not before", schedule("not_before: 5"), "cannot hold for a schedule", "delay"),
    ("batch", schedule("batch: []"), "cannot hold for a schedule", "url_group"),
    ("missing variable", schedule("body: '${env.NOPE}'"), "the environment variable NOPE is not set", "--env-file"),
    ("missing var", schedule("body: '${var.nope}'"), "the variable nope is not defined", "vars"),
    ("secret name", schedule("queue: '${env.Q}'"), "a secret cannot stand here", "|plain"),
    ("secret cron", HEAD + f"schedules: {{a: {{cron: '${{env.Q}}', destination: {URL}}}}}", "cron: a secret cannot stand here", "|plain"),
    ("only", schedule("only: [prod]"), "no such environment: prod", ""),
    ("body twice", schedule("body: x, body_base64: eA=="), "exclude each other", ""),
    ("base64", schedule("body_base64: '!!!'"), "not valid base64", ""),
    ("body file", schedule("body_file: nope.bin"), "nope.bin: no such file or directory", ""),
    ("many crons", HEAD + "schedules: {a: {cron: [" + ", ".join(["'0 9 * * *'"] * 20_000) + f"], destination: {URL}}}}}", "20,000 crons; 100 can be the times", ""),
    ("a long host", HEAD + f"schedules: {{a: {{cron: '0 9 * * *', destination: 'https://{'a.' * 200}com'}}}}", "253 can be resolved", ""),
    ("same id", HEAD + f"schedules: {{a: {{cron: '0 9 * * *', destination: {URL}}}, b: {{cron: '0 9 * * *', destination: {URL}, id: billing.a}}}}", "has the same id as", ""),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "text", "fact", "way_out"), CASES, ids=ids(CASES))
def test_the_file_is_refused(_id: str, text: str, fact: str, way_out: str) -> None:
    environ = {"Q": "secret-value"}
    found = messages(text, environ)
    matching = [message for message in found if fact in message]
    assert matching, found
    assert way_out in matching[0]
    assert "secret-value" not in str(found)
    assert build(text, environ)[0] is None


@pytest.mark.parametrize(("_id", "text", "fact", "way_out"), CASES, ids=ids(CASES))
def test_every_refusal_has_a_place_in_the_file(
    _id: str, text: str, fact: str, way_out: str
) -> None:
    _, diagnostics = build(text, {"Q": "x"})
    for diagnostic in diagnostics:
        assert diagnostic.location is not None, diagnostic
        assert diagnostic.location.file == "q.yaml"


@pytest.mark.parametrize(("_id", "text", "fact", "way_out"), CASES, ids=ids(CASES))
def test_nothing_is_written_and_no_traceback_is_shown(
    _id: str,
    text: str,
    fact: str,
    way_out: str,
    tmp_path: Path,
) -> None:
    file = tmp_path / "q.yaml"
    file.write_text(text)
    account = tmp_path / "account.db"
    for command in (("apply", "--yes"), ("plan",), ("validate",)):
        local = () if command[0] == "validate" else (f"--local={account}",)
        ran = cli(*command, "-f", str(file), *local, environ={"Q": "x"})
        assert ran.code == 1, ran
        assert "Traceback" not in ran.text
        assert "error:" in ran.err
    assert not account.exists()


WRONG_KINDS = ["[x]", "{a: b}", "5", "true", "null", "1.5"]


@pytest.mark.parametrize("value", WRONG_KINDS)
@pytest.mark.parametrize(
    "key", ["account", "region", "url", "namespace", "token", "vars", "defaults", "overrides"]
)
def test_a_setting_of_an_environment_of_a_wrong_kind_is_an_error_at_its_key(
    key: str, value: str
) -> None:
    text = f"version: 1\nnamespace: n\nenvironments:\n  e:\n    {key}: {value}\n  f: {{}}\n"
    for environment in ("e", "f"):
        for message in messages(text, environment=environment):
            assert message.startswith("q.yaml:"), message
    told = any(f"environments.e.{key}" in one for one in messages(text, environment="e"))
    assert told or value == "null" or (key, value) == ("vars", "{a: b}")


def test_all_errors_of_a_run_are_told_at_once() -> None:
    text = schedule("retires: 3, timeout: x, labels: ['a,b']")
    assert len(messages(text)) == 3
    text = schedule("timeout: 0s, labels: ['a,b'], headers: {X: äöü}") + "queues: {a/b: {}}\n"
    assert len(messages(text)) == 4


def test_a_secret_in_the_offending_line_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "q.yaml"
    file.write_text(schedule(f"body: '{LOCAL_TOKEN}'"))
    ran = cli("validate", "-f", str(file))
    assert ran.code == 1
    assert LOCAL_TOKEN not in ran.text
    assert f"{file}:5:" in ran.err


@pytest.mark.parametrize("setting", ["timeout: {}", *(
    f"{key}: {{{{url: 'https://e.example.com/cb', timeout: {{}}}}}}"
    for key in ("callback", "failure_callback")
)])  # fmt: skip
def test_a_timeout_above_the_plans_limit_is_refused(setting: str) -> None:
    """A callback is a message, too, and each is ended at the plan's limit."""

    def told(time: str, plan: str) -> list[str]:
        limits = f"limits: {{plan: {plan}}}\n" if plan else ""
        return messages(schedule(setting.format(time)) + limits)

    for longest, longer, plan in (("15m", "901s", "free"), ("2h", "2h1s", "payg"), ("12h", "12h1s", "fixed_10m")):  # fmt: skip
        assert told(longest, plan) == []
        (message,) = told(longer, plan)
        assert "out of range" in message
        assert message.endswith(f"1s to {longest}; the plan {plan} allows no more")
    assert told("12h", "") == []
    assert "out of range" in told("12h1s", "")[0]


def test_a_body_above_the_plans_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big.bin").write_bytes(b"x" * (1024 * 1024 + 1))
    file = tmp_path / "q.yaml"
    file.write_text(schedule("body_file: big.bin") + "limits: {plan: free}\n")
    ran = cli("validate", "-f", str(file))
    assert ran.code == 1
    assert "1,048,577 bytes; the plan free allows 1,048,576" in ran.err
    file.write_text(schedule("body_file: big.bin") + "limits: {plan: payg}\n")
    assert cli("validate", "-f", str(file)).code == 0


def test_a_secret_in_a_body_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text(f"token={LOCAL_TOKEN}")
    file = tmp_path / "q.yaml"
    file.write_text(schedule("body_file: b.txt"))
    ran = cli("validate", "-f", str(file))
    assert ran.code == 1
    assert "a QStash token in clear" in ran.err
    assert LOCAL_TOKEN not in ran.text


@pytest.mark.parametrize("value", ["", "\udcff"], ids=["not set", "no text"])
@pytest.mark.parametrize("setting", ["headers: {X-A: '${env.A}'}", "callback: '${env.A}'"])
def test_a_variable_without_a_text_is_one_mistake(setting: str, value: str) -> None:
    """And not another one for each check of the empty text in its place."""
    assert len(messages(schedule(setting), {"A": value})) == 1


TWO = """
version: 1
namespace: billing
environments:
  a: {token: "${env.A}"}
  b: {token: "${env.A}"}
"""


def test_two_environments_with_one_account_and_namespace_are_refused() -> None:
    found = messages(TWO, {"A": "x"}, environment="a")
    assert "environments.b: has the same account and namespace as a" in found[0]
    apart = TWO.replace('b: {token: "${env.A}"}', 'b: {token: "${env.A}", namespace: other}')
    assert messages(apart, {"A": "x"}, environment="a") == []


def test_a_literal_token_of_an_environment_is_refused() -> None:
    found = messages(
        TWO.replace('b: {token: "${env.A}"}', "b: {token: abc123}"), {"A": "x"}, environment="a"
    )
    assert "environments.b.token: a literal token" in found[0]
    assert "abc123" not in str(found)


@pytest.mark.parametrize(
    ("environment", "fact"),
    [(None, "say which"), ("c", "no such environment")],
    ids=["none chosen", "unknown"],
)
def test_an_environment_must_be_chosen(environment: str | None, fact: str) -> None:
    text = TWO.replace('b: {token: "${env.A}"}', 'b: {token: "${env.B}"}')
    assert fact in messages(text, {"A": "x"}, environment=environment)[0]


def test_an_environment_that_a_resource_names_has_a_code_of_its_own() -> None:
    codes = {d.code for d in build(schedule("only: [prod]"))[1] if d.severity is Severity.ERROR}
    assert codes == {"unknown_environment"}
    codes = {d.code for d in build(TWO, environment="c")[1] if d.severity is Severity.ERROR}
    assert "environment" in codes


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        ("queue: nope", "schedules.a.queue: nope is neither in the file nor in the account"),
        ("flow_control: {key: nope}", "nope without limits of its own is neither"),
    ],
    ids=["queue", "flow key"],
)
def test_a_dangling_reference_is_refused(tmp_path: Path, line: str, fact: str) -> None:
    file, account = tmp_path / "q.yaml", tmp_path / "account.db"
    file.write_text(schedule(line))
    ran = cli("apply", "--yes", "-f", str(file), f"--local={account}")
    assert ran.code == 1
    assert fact in " ".join(ran.out.split())
    assert "Nothing was written." in ran.err


def test_a_dangling_url_group_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    file = tmp_path / "q.yaml"
    file.write_text(
        HEAD + "url_groups: {orders: {endpoints: ['https://e.com']}}\n"
        "schedules: {a: {cron: '0 9 * * *', url_group: order}}\n"
    )
    ran = cli("plan", "-f", str(file), f"--local={tmp_path / 'a.db'}")
    assert ran.code == 1
    assert "did you mean orders?" in ran.out


def test_no_file_is_a_usage_error_that_says_what_to_do(tmp_path: Path) -> None:
    ran = cli("plan", "-f", str(tmp_path / "nope.yaml"))
    assert ran.code == 64
    assert ran.err.endswith("nope.yaml: no such file or directory\n")  # it has been named with -f


def test_wrong_usage_exits_64_in_json_too() -> None:
    assert cli("plan", "--nonsense").code == 64
    ran = cli("plan", "--nonsense", "--format", "json")
    assert ran.code == 64
    assert json.loads(ran.out)["errors"][0]["code"] == "usage"


def test_what_is_right_of_an_entry_is_looked_at_although_something_of_it_is_wrong() -> None:
    """A broken setting is told once; what depends on it, or may be it, is not."""
    text = HEAD + "schedules:\n  a: {cron: 61 * * * *, retries: x, body: a, body_base64: YQ==}\n"
    assert [message.split(" | ")[0] for message in messages(text)] == [
        "q.yaml:5:3: schedules.a.destination: this key is missing",
        "q.yaml:5:7: schedules.a.cron: minute: 61 is out of range 0-59",
        "q.yaml:5:25: schedules.a.retries: must be a whole number, not text",
        "q.yaml:5:46: schedules.a.body_base64: body and body_base64 exclude each other",
    ]
    text = HEAD + "schedules: {a: {corn: '@daily', destination: /x, base_url: 5}}\n"
    assert len(messages(text)) == 2
    text = "version: 1\nnamespace: b\ndefaults: {timezone: Mars}\n"
    text += f"schedules: {{a: {{cron: '@daily', destination: {URL}}}}}\n"
    assert len(messages(text)) == 1
