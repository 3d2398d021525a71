"""`doctor`: each check has its verdicts, and none of them writes, runs a handler or shows a key."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qstash_sync.cli.doctor import PATIENCE
from qstash_sync.health import account
from qstash_sync.health.account import Keys, Untold
from qstash_sync.health.check import Check
from qstash_sync.local import LOCAL_READ_ONLY_TOKEN, LOCAL_TOKEN, OTHER_REGION_TOKEN, Switches
from qstash_sync.local.serve import Served
from tests.fault_server import Fault, FaultServer
from tests.support import Ran, cli, config

NAMES = ("QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY")
BESIDE = ("/v2/keys", "/v2/globalParallelism")  # what a token need not be allowed to ask
ADDRESS: dict[str, str] = {}  # of the account that a test serves
LIVE = Keys(current="sig_one", next="sig_two")
FILE = (
    "version: 1\nnamespace: shop\nlimits: {plan: payg}\ndefaults: {timezone: UTC}\n"
    "schedules: {a: {cron: '0 9 * * *', destination: https://a.example.com/x}}\n"
)


def verdicts(checks: Iterator[Check]) -> list[str | None]:
    return [check.severity for check in checks]


# ---------------------------------------------------------------- signing keys


@pytest.mark.parametrize(
    ("current", "following", "severities", "words"),
    [
        (None, None, ["info"], "none here"),
        ("sig_one", "sig_two", [None], "both are the live ones"),
        ("sig_one", None, ["warning"], "QSTASH_NEXT_SIGNING_KEY is not set"),
        (None, "sig_two", ["warning"], "QSTASH_CURRENT_SIGNING_KEY is not set"),
        (None, "sig_else", ["warning", "warning"], "is not the live next key"),
        (None, "sig_one", ["warning", "warning"], "rotated"),
        ("sig_two", "sig_one", ["warning"], "swapped"),
        ("sig_old", "sig_one", ["warning"], "rotated"),
        ("sig_one", "sig_else", ["warning"], "is not the live next key"),
        ("sig_two", "sig_else", ["error"], "refused until the next rotation"),
        ("sig_old", "sig_older", ["error"], "every delivery is refused"),
        ("sig_one", "sig_one", ["error"], "hold the same key"),
        (" sig_one", "sig_four", ["error"], "neither is"),
        ("sig_old", "sig_two", ["error"], "neither is"),
        ("sig_four", None, ["warning", "error"], "QSTASH_CURRENT_SIGNING_KEY is not the live"),
        ("sig_two", None, ["warning", "error"], "refused until the next rotation"),
    ],
)
def test_signing_keys(
    current: str | None, following: str | None, severities: list[str | None], words: str
) -> None:
    here = Keys(current=current, next=following)
    checks = list(account.signing_keys(here, LIVE, NAMES))
    assert verdicts(iter(checks)) == severities
    assert any(words in check.message for check in checks)
    assert "sig_" not in str(checks)


@pytest.mark.parametrize("extra", ["\n", "\r", "\r\n", " ", "\t", '"', "'", "\ufeff", "\xa0"])
@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_belong_to_a_key_is_named(name: str, extra: str) -> None:
    """A line break at the end of a key, as of `cat`, is not seen, and makes it another."""
    keys = {field: f"{key}{extra * (field == name)}" for field, key in zip(NAMES, ("sig_one", "sig_two"), strict=True)}  # fmt: skip
    (check,) = account.signing_keys(Keys(*keys.values()), LIVE, NAMES)
    assert check.severity is not None
    assert f"around {name} away" in check.hint
    quoted = Keys(current=f"{extra}sig_one{extra}", next=f"'sig_two'{extra}")
    (check,) = account.signing_keys(quoted, LIVE, NAMES)
    assert check.hint.endswith(f"around {NAMES[0]} and {NAMES[1]} away")


@pytest.mark.parametrize("key", ["\udcff", "sig_one\udcff", "sig_öne", "\0"])
def test_a_key_that_is_no_text_is_a_wrong_one(key: str) -> None:
    for here in (Keys(current=key, next=key + "."), Keys(current=key, next="sig_two")):
        (check,) = account.signing_keys(here, LIVE, NAMES)
        assert (check.severity, "every delivery is refused" in check.message) == ("error", True)
    (check,) = account.signing_keys(Keys(current=key, next=key), LIVE, NAMES)
    assert "hold the same key" in check.message


@pytest.mark.parametrize(
    ("live", "why"),
    [
        (Untold.FORBIDDEN, "this token may not read the live ones"),
        (Untold.UNANSWERED, "no answer tells the live ones"),
        (Untold.ABSENT, "the account does not tell the live ones"),
        (Keys(), "the account does not tell the live ones"),
        (Keys(current="sig_one"), "the account does not tell the live ones"),
    ],
)
def test_keys_that_cannot_be_read_are_no_verdict(live: Keys | Untold, why: str) -> None:
    here = Keys(current="sig_one", next="sig_two")
    (check,) = account.signing_keys(here, live, NAMES)
    assert (check.severity, check.message) == ("info", f"cannot be compared: {why}")


# ---------------------------------------------------------------- plan, clock, globs


@pytest.mark.parametrize(
    ("plan", "parallelism", "severity", "hint"),
    [
        ("payg", 100, None, ""), ("payg", 10, "warning", "is it free?"),
        ("free", 77, "warning", "limits of its own"), (None, 100, "info", "{plan: payg}"),
        *(("payg", untold, "info", "") for untold in Untold),
        *((None, untold, "info", "{plan: …}") for untold in Untold),
    ],
)  # fmt: skip
def test_the_plan_against_what_the_account_tells(
    plan: str | None, parallelism: int | Untold, severity: str | None, hint: str
) -> None:
    head = f"limits: {{plan: {plan}}}\n" if plan else ""
    desired = config(f"version: 1\nnamespace: shop\n{head}schedules: {{}}\n").desired
    (check,) = account.plan(desired, parallelism)
    assert (check.severity, hint in check.hint) == (severity, True)


@pytest.mark.parametrize(
    ("seconds", "severity"),
    [(0, None), (1, None), (-30, None), (31, "warning"), (-300, "warning"), (301, "error"), (-7200, "error")],
)  # fmt: skip
def test_the_clock(seconds: int, severity: str | None) -> None:
    (check,) = account.clock(timedelta(seconds=seconds), is_odd=False)
    assert check.severity == severity
    if abs(seconds) > 1:
        assert ("behind" if seconds > 0 else "ahead of") in check.message


def test_a_clock_that_tells_nothing_and_zone_data_of_long_ago() -> None:
    assert verdicts(account.clock(None, is_odd=False)) == ["warning"]
    assert verdicts(account.clock(timedelta(), is_odd=True)) == ["warning"]
    assert verdicts(account.zone_data(datetime(2026, 11, 26, tzinfo=UTC))) == [None]
    assert verdicts(account.zone_data(datetime(2038, 1, 1, tzinfo=UTC))) == ["warning"]


# ---------------------------------------------------------------- by the command line


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    monkeypatch.chdir(tmp_path)
    with FaultServer(switches=Switches()) as found, Served(found) as server:
        monkeypatch.setitem(ADDRESS, "QSTASH_URL", server.url)
        yield found


def doctor(served: FaultServer, text: str | None, *words: str, **environ: str) -> Ran:
    if text is not None:
        Path("qstash.yaml").write_text(text)
    return cli("doctor", *words, environ={**ADDRESS, "QSTASH_TOKEN": LOCAL_TOKEN, **environ})


def statuses(ran: Ran) -> dict[str, str]:
    """The heaviest status of each subject, of a document."""
    found: dict[str, str] = {}
    order = ("ok", "info", "warning", "error")
    for check in json.loads(ran.out)["checks"]:
        before = found.get(check["subject"], "ok")
        found[check["subject"]] = max(before, check["status"], key=order.index)
    return found


def test_a_healthy_set_up_and_nothing_is_written(served: FaultServer) -> None:
    keys = {
        NAMES[0]: "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
        NAMES[1]: "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs",
    }
    ran = doctor(served, FILE, "--format", "json", "--fail-on", "warning", **keys)
    assert ran.code == 0, ran.text
    assert set(statuses(ran).values()) == {"ok"}
    assert json.loads(ran.out)["requests"] == {"read": 6, "write": 0}
    assert served.writes == []
    assert "sig_" not in ran.text
    text = doctor(served, FILE, **keys)
    assert text.out.endswith("healthy; whether the token may write was not tried.\n")
    served.inject(Fault(kind="401", times=50, matches=lambda _, asked: asked in BESIDE))
    text = doctor(served, FILE, **keys)
    assert text.out.endswith("healthy, but for writes: this token is a read-only one.\n")


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("wrong", "refuses the token"),
        (OTHER_REGION_TOKEN, "set region: us-east-1"),
        ("", "no token"),
    ],
)
def test_a_token_that_is_none(token: str, words: str, served: FaultServer) -> None:
    ran = doctor(served, FILE, QSTASH_TOKEN=token)
    assert ran.code == 2
    assert words in " ".join(ran.out.split())
    assert doctor(served, FILE, "--fail-on", "none", QSTASH_TOKEN=token).code == 0
    found = statuses(doctor(served, FILE, "--format", "json", QSTASH_TOKEN=token))
    assert found == {"file": "ok", "token": "error", "zone_data": "ok"}


@pytest.mark.parametrize(("status", "expected"), [(200, "ok"), (403, "info"), (401, "info")])
def test_a_read_only_token(status: int, expected: str, served: FaultServer) -> None:
    served.switches = Switches().with_(read_only_keys=status)
    ran = doctor(served, FILE, "--format", "json", QSTASH_TOKEN=LOCAL_READ_ONLY_TOKEN)
    assert (ran.code, statuses(ran)["access"]) == (0, expected)


def test_a_server_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("qstash.yaml").write_text(FILE)
    ran = cli("doctor", environ={"QSTASH_URL": "http://127.0.0.1:9", "QSTASH_TOKEN": "any"})
    assert ran.code == 2
    assert "cannot be reached" in " ".join(ran.out.split())


@pytest.mark.parametrize("path", BESIDE)
def test_what_cannot_be_asked_beside_is_told_as_that(path: str, served: FaultServer) -> None:
    served.inject(Fault(kind="html", times=50, matches=lambda _, asked: asked == path))
    ran = doctor(served, FILE, "--format", "json")
    found = statuses(ran)
    assert (ran.code, found["token"], found["access"]) == (0, "ok", "warning")


def told_of(ran: Ran, subject: str) -> list[str]:
    return [one["message"] for one in json.loads(ran.out)["checks"] if one["subject"] == subject]


@pytest.mark.parametrize(
    ("kind", "why"), [("401", "this token may not read"), ("html", "no answer tells")]
)
def test_why_nothing_was_compared_is_told_as_it_is(
    kind: str, why: str, served: FaultServer
) -> None:
    """What the account refuses to tell is neither right nor a read-only token's fault."""
    served.inject(Fault(kind=kind, times=50, matches=lambda _, asked: asked in BESIDE))
    keys = {NAMES[0]: "sig_a", NAMES[1]: "sig_b"}
    ran = doctor(served, FILE, "--format", "json", **keys)
    assert told_of(ran, "signing_keys") == [f"cannot be compared: {why} the live ones"]
    (told,) = told_of(ran, "plan")
    assert told.endswith(f"not compared: {why} how much is delivered at once")
    assert statuses(ran)["plan"] == "info"
    assert ("it is a read-only one" in told_of(ran, "access")[0]) == (kind == "401")
    assert len(told_of(ran, "access")) == (1 if kind == "401" else 3)


def test_an_account_that_is_busy_is_left_soon(
    served: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A diagnosis tells that, in place of waiting two minutes for each answer."""
    assert PATIENCE <= 10
    monkeypatch.setattr("qstash_sync.cli.doctor.PATIENCE", 0.3)
    served.inject(Fault(kind="429", times=500, matches=lambda _, asked: asked in BESIDE))
    began = time.monotonic()
    ran = doctor(served, FILE, "--format", "json", **{NAMES[0]: "sig_a", NAMES[1]: "sig_b"})
    assert time.monotonic() - began < 5
    _, keys, parallelism = told_of(ran, "access")
    assert keys.startswith("signing keys: QStash answered 429")
    assert parallelism.startswith("parallelism: ")
    served.inject(Fault(kind="429", times=500))
    began = time.monotonic()
    ran = doctor(served, FILE, "--format", "json")
    assert time.monotonic() - began < 5
    assert (ran.code, statuses(ran)["token"]) == (2, "error")


def test_keys_that_are_empty_are_none(served: FaultServer) -> None:
    served.store.put("account", "keys", {"current": "", "next": None})
    ran = doctor(served, FILE, "--format", "json", **{NAMES[0]: "sig_a", NAMES[1]: "sig_b"})
    assert told_of(ran, "signing_keys") == [
        "cannot be compared: the account does not tell the live ones"
    ]
    assert "read-only" not in told_of(ran, "access")[0]


def test_without_a_file_the_account_alone_is_looked_at(served: FaultServer) -> None:
    ran = doctor(served, None, "--format", "json")
    found = statuses(ran)
    assert (ran.code, found["file"], found["token"]) == (0, "info", "ok")
    assert doctor(served, None, "-f", "nope.yaml").code == 64


def test_a_file_that_is_wrong_and_variables_that_are_not_set(served: FaultServer) -> None:
    ran = doctor(served, FILE.replace("0 9", "61 9"), "--format", "json")
    assert (ran.code, statuses(ran)["file"]) == (2, "error")
    secret = FILE.replace("https://a.example.com/x", "'https://a.example.com/${env.PLACE}'")
    ran = doctor(served, secret, "--format", "json")
    assert (ran.code, statuses(ran)["variables"]) == (0, "warning")
    assert "variables" not in statuses(doctor(served, secret, "--format", "json", PLACE="x"))


@pytest.mark.parametrize(
    ("change", "words", "hint"),
    [
        ("nope: 1", (), "qstash-sync validate shows all of it"),
        ("queus: {}", ("-f", "qstash.yaml"), "did you mean queues?; qstash-sync validate -f qstash.yaml shows all of it"),
        ("environments: {prod: {}, x: 1}", ("-e", "prod"), "qstash-sync validate -e prod shows all of it"),
    ],
    ids=["a key", "a key that is meant", "an environment"],
)  # fmt: skip
def test_what_is_wrong_with_the_files_says_the_way_out(
    served: FaultServer, change: str, words: tuple[str, ...], hint: str
) -> None:
    ran = doctor(served, FILE + change + "\n", *words, "--format", "json")
    (found,) = [one for one in json.loads(ran.out)["checks"] if one["subject"] == "file"]
    assert (ran.code, found["status"], found["hint"]) == (2, "error", hint)


def test_a_warning_is_neither_a_variable_that_is_not_set_nor_one_more_error(
    served: FaultServer,
) -> None:
    text = FILE.partition("schedules:")[0] + (
        "schedules:\n"
        "  a: {cron: '0 9 * * *', destination: 'https://a.example.com/x?token=3f9a8b7c6d5e4f3a2b1c'}\n"
        "  b: {cron: '0 9 * * *', destination: 'https://a.example.com/${env.PLACE}'}\n"
    )
    checks = json.loads(doctor(served, text, "--format", "json").out)["checks"]
    told = [check["message"] for check in checks if check["subject"] == "variables"]
    assert len(told) == 1
    assert told[0].endswith("the environment variable PLACE is not set")
    wrong = text.replace("0 9", "61 9", 1)
    checks = json.loads(doctor(served, wrong, "--format", "json", PLACE="x").out)["checks"]
    assert (checks[0]["subject"], checks[0]["status"]) == ("file", "error")
    assert "more" not in checks[0]["message"]
    both = text.replace("0 9", "61 9")
    checks = json.loads(doctor(served, both, "--format", "json", PLACE="x").out)["checks"]
    assert checks[0]["message"].endswith(", and 1 more")


def test_quotas_and_idle_globs(served: FaultServer) -> None:
    for number in range(9):
        served.store.put("queue", f"q{number}", {"name": f"q{number}", "parallelism": 1})
    text = (
        FILE.replace("payg", "free") + "owns: {queues: ['q*', 'z-*']}\nprotect: {queues: [x-1]}\n"
    )
    ran = doctor(served, text, "--format", "json")
    checks = json.loads(ran.out)["checks"]
    assert [
        c["message"] for c in checks if c["subject"] == "quota" and c["status"] == "warning"
    ] == ["9 of 10 queues, 1 left"]
    globs = [(c["status"], c["message"]) for c in checks if c["subject"] == "globs"]
    assert globs == [
        ("info", "owns.queues: z-* matches nothing, declared or live"),
        ("warning", "protect.queues: x-1 matches nothing, declared or live"),
    ]


def test_the_keys_of_an_environment_stand_beside_its_token(served: FaultServer) -> None:
    text = FILE + "environments: {prod: {token: '${env.PROD_QSTASH_TOKEN}'}}\n"
    environ = {"PROD_QSTASH_TOKEN": LOCAL_TOKEN, NAMES[0]: "sig_others", NAMES[1]: "sig_others2"}
    ran = doctor(served, text, "-e", "prod", "--format", "json", **environ)
    assert statuses(ran)["signing_keys"] == "info"  # those are another account's
    environ |= {"PROD_QSTASH_CURRENT_SIGNING_KEY": "sig_a", "PROD_QSTASH_NEXT_SIGNING_KEY": "sig_b"}
    ran = doctor(served, text, "-e", "prod", "--format", "json", **environ)
    assert (ran.code, statuses(ran)["signing_keys"]) == (2, "error")


def test_variables_that_are_no_text(served: FaultServer) -> None:
    """Bytes that are not UTF-8 stand in the environment as halves of characters."""
    keys = {NAMES[0]: "\udcff", NAMES[1]: "\udcfe"}
    ran = doctor(served, FILE, "--format", "json", **keys)
    assert (ran.code, statuses(ran)["signing_keys"]) == (2, "error")
    secret = FILE.replace("https://a.example.com/x", "'https://a.example.com/${env.PLACE}'")
    for name, subject in {
        "QSTASH_TOKEN": "token",
        "QSTASH_URL": "token",
        "QSTASH_REGION": "token",
        "PLACE": "file",
    }.items():
        unset = dict.fromkeys(("QSTASH_URL",), "") if name == "QSTASH_REGION" else {}
        ran = doctor(served, secret, "--format", "json", **{"PLACE": "x", **unset, name: "\udcff"})
        assert (ran.code, statuses(ran)[subject]) == (2, "error"), name
    assert "internal" not in ran.text


def test_where_a_refused_token_comes_from_is_told(served: FaultServer) -> None:
    ran = doctor(served, FILE, "--format", "json", QSTASH_TOKEN="wrong")
    (check,) = (one for one in json.loads(ran.out)["checks"] if one["subject"] == "token")
    assert check["hint"] == "address by QSTASH_URL, token by QSTASH_TOKEN"


def test_an_account_that_is_another_than_the_file_says(served: FaultServer) -> None:
    text = FILE + "environments: {prod: {token: '${env.T_QSTASH_TOKEN}', account: someone}}\n"
    ran = doctor(served, text, "-e", "prod", T_QSTASH_TOKEN=LOCAL_TOKEN)
    assert ran.code == 2
    assert "not to someone" in " ".join(ran.out.split())


def test_one_variable_that_is_not_set_is_one_check_however_many_want_it(
    served: FaultServer,
) -> None:
    entry = "{{cron: '0 9 * * *', destination: 'https://a.example.com/{}/${{env.PLACE}}'}}"
    text = FILE.partition("schedules:")[0] + "schedules:\n"
    text += "".join(f"  s{n}: {entry.format(n)}\n" for n in range(9))
    checks = json.loads(doctor(served, text, "--format", "json").out)["checks"]
    (told,) = [check["message"] for check in checks if check["subject"] == "variables"]
    assert told.startswith("in 9 places, first at ")
    assert told.endswith(": destination: the environment variable PLACE is not set")
