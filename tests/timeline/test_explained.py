"""Why a schedule fires: each verdict, from an account that brings it about."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from qstash_sync.applying import watching
from qstash_sync.local import LOCAL_TOKEN, Served, Switches
from qstash_sync.model import ladder
from qstash_sync.model.resources import Message
from qstash_sync.render import explained as view
from qstash_sync.render.text import Paint
from qstash_sync.timeline.explained import Explained, Verdict, explain
from qstash_sync.timeline.question import READS, ask
from qstash_sync.timeline.subject import NoSubjectError, subject
from tests.fault_server import FaultServer
from tests.support import HEAD, World, cli, config, ids, world as make_world

FILE = """
version: 1
namespace: billing
defaults: {destination: https://app.example.com/x, timezone: Europe/Berlin}
schedules:
  report: {cron: "30 2 * * *", owner: team-a, runbook: https://wiki.example.com/r}
  second: {cron: "30 2 * * *", dst: {gap: skip, fold: second}}
  sync: {cron: "0 */6 * * *", timezone: America/New_York, delay: 1h}
  slow: {cron: "0 9 * * *", timezone: UTC, retries: 2, retry_delay: "pow(2, retried) * 60000"}
  off: {cron: "15 * * * *", timezone: UTC, paused: true}
"""
OPTIONS = ("-e", "production")  # of the command line
WRITTEN = datetime(2027, 3, 20, 10, tzinfo=UTC)


@pytest.fixture
def live() -> Iterator[World]:
    with make_world() as world:
        world.now = WRITTEN
        world.apply(FILE)
        yield world


def asked(
    world: World,
    name: str,
    at: str | None = None,
    *,
    text: str = FILE,
    now: str | None = None,
    pretended: str | None = None,
) -> Explained:
    """An explanation; at: an instant, or a local time where it has no zone; 02:30 is today's."""
    if now:
        world.now = datetime.fromisoformat(now)
    present = datetime.fromisoformat(pretended) if pretended else world.now
    when = (time if at and at[2] == ":" else datetime).fromisoformat(at) if at else None
    desired = replace(config(text, world.environ).desired, options=OPTIONS)
    with world.client(read_only=True) as client:
        drift = watching.watch(client, desired, now=present, more=READS)
        found = subject(desired, drift, name)
        answer = explain(ask(found, desired, drift, read_at=client.now(), now=present, at=when))
    page = str(view.text(answer, Paint(color=False)))
    assert max(map(len, page.splitlines())) <= 80
    assert json.loads(view.document(answer, (1, 0)))["verdict"] == answer.verdict
    return answer


def copied(world: World, name: str, **changes: Any) -> None:
    """Somebody's schedule, made from `slow`."""
    stored = world.schedule("billing.slow")
    world.account.store.put("schedule", name, {**stored, "scheduleId": name, **changes})


def ms(at: str) -> int:
    return round(datetime.fromisoformat(at).timestamp() * 1000)


def why(answer: Explained) -> str:
    lines = str(view.text(answer, Paint(color=False))).split("\n\n")[0].splitlines()
    return " ".join(line.strip() for line in lines[1:])


NOW = "2027-03-29T12:00Z"
CASES: list[tuple[str, str, str | None, Verdict, str]] = [
    ("what is live is what the file says", "report", None, Verdict.AS_DECLARED, "fires as the file says"),
    ("a firing of the past", "report", "2027-03-27T01:30Z", Verdict.AS_DECLARED, "billing.report.2 was due then; QStash notes no run of it."),
    ("one to come, in local time", "report", "2027-04-02 02:30", Verdict.AS_DECLARED, "billing.report.4 fires then"),
    ("a time in a gap", "report", "2027-03-28T01:00Z", Verdict.GAP,
     "03:00 because 02:30 does not exist on 2027-03-28 in Europe/Berlin (dst.gap: next_valid)."),
    ("asked by the time that does not exist", "report", "2027-03-28 02:30", Verdict.GAP, "03:00 because 02:30 does not exist"),
    ("one that is skipped", "second", "2027-03-28 02:30", Verdict.GAP, "Nothing fires: 02:30 does not exist on 2027-03-28 in Europe/Berlin, and is left out (dst.gap: skip)."),
    ("the first of two", "report", "2027-10-31T00:30Z", Verdict.FOLD, "02:30 comes twice on 2027-10-31 in Europe/Berlin, and the first counts (dst.fold: first)."),
    ("the other of the two", "report", "2027-10-31T01:30Z", Verdict.FOLD, "Nothing fires at this one: 02:30 comes twice on 2027-10-31 in Europe/Berlin, and only the first counts"),
    ("a retry by the default backoff", "report", "2027-03-27T02:03Z", Verdict.RETRY, "03:03 is retry 3 of Sat 2027-03-27 02:30 (due 03:02:48)."),
    ("a retry that is late", "report", "2027-03-27T02:10Z", Verdict.RETRY, "03:10 may be retry 3 of Sat 2027-03-27 02:30 (due 03:02:48, if the tries before it took 7m11s)."),
    ("a retry by an expression", "slow", "2027-03-27T09:03:05Z", Verdict.RETRY, "09:03:05 is retry 2 of Sat 2027-03-27 09:00 (due 09:03)."),
    ("a delay", "sync", "2027-03-27T05:00Z", Verdict.DELAY, "Sat 2027-03-27 01:00 is 1h after the firing of Sat 2027-03-27 00:00: its delay."),
    ("paused", "off", None, Verdict.PAUSED, "The file says paused: true: change that first, or the next apply pauses it again."),
    ("nothing of it", "report", "2027-03-27T15:00Z", Verdict.UNKNOWN, "no firing, no delay, no retry of one."),
    ("the id of a part", "billing.report.2", "2027-03-27T01:30Z", Verdict.AS_DECLARED, "billing.report.2 was due then; QStash notes no run of it."),
    ("a header of a delivery", "X-Qstash-Sync-Schedule: billing.report", None, Verdict.AS_DECLARED, ""),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "name", "at", "verdict", "fact"), CASES, ids=[c[0] for c in CASES])
def test_each_verdict_has_its_reason(
    live: World, _id: str, name: str, at: str | None, verdict: Verdict, fact: str
) -> None:
    answer = asked(live, name, at, now=NOW)
    assert answer.verdict is verdict, why(answer)
    assert fact in why(answer)


@pytest.mark.parametrize(
    ("at", "title"),
    [
        ("2027-03-27T02:03Z", "report: a retry"),
        ("2027-03-27T02:10Z", "report: nothing is due then; perhaps a late retry"),
    ],
)
def test_a_heading_states_as_fact_what_is_one(live: World, at: str, title: str) -> None:
    """That a try before it took so long is not known."""
    page = str(view.text(asked(live, "report", at, now=NOW), Paint(color=False)))
    assert page.splitlines()[0] == title


@pytest.mark.parametrize("at", ["2027-10-31T01:30Z", "2027-10-31 02:30"])
def test_the_second_of_two_is_the_one_that_counts(live: World, at: str) -> None:
    live.now = datetime(2027, 10, 1, tzinfo=UTC)
    live.apply(FILE)
    answer = asked(live, "second", at)
    assert (answer.verdict, answer.at) == (Verdict.FOLD, datetime(2027, 10, 31, 1, 30, tzinfo=UTC))
    assert "the second counts (dst.fold: second)." in why(answer)


def test_an_edit_in_the_console_differs(live: World) -> None:
    live.edit("billing.slow", cron="0 8 * * *")
    for at, fact in (
        (None, "The account does not have what the file says: somebody has changed it outside."),
        ("2027-03-29T08:00Z", "billing.slow fires, and the file does not: somebody has changed"),
        ("2027-03-29T09:00Z", "nothing of it fires, and the file wants it: somebody has changed"),
    ):
        answer = asked(live, "slow", at, now=NOW)
        assert answer.verdict is Verdict.LIVE_DIFFERS
        assert fact in why(answer)
        assert [change.path for change in answer.differences] == ["cron"]


@pytest.mark.parametrize("path", ["/closing", "/closing-of-all-books-of-the-day"])
def test_two_lines_of_a_difference_stand_below_each_other(live: World, path: str) -> None:
    """As in a plan: what was, and below it what becomes of it."""
    text = FILE.replace("example.com/x", f"example.com/market{path}")
    live.apply(text.replace("closing", "opening"))
    page = str(view.text(asked(live, "slow", text=text, now=NOW), Paint(color=False)))
    lines = page.splitlines()
    (was,) = [line for line in lines if "/opening" in line]
    (becomes,) = [line for line in lines if "/closing" in line]
    assert lines.index(becomes) == lines.index(was) + 1
    assert was.index("- ") == becomes.index("+ ") > was.index("destination")


def test_a_change_of_the_file_that_nobody_has_applied_differs(live: World) -> None:
    answer = asked(live, "slow", text=FILE.replace("0 9 * * *", "0 10 * * *"), now=NOW)
    assert answer.verdict is Verdict.LIVE_DIFFERS
    assert "the file has changed, and no apply has come since" in why(answer)


def test_what_is_not_live_differs(live: World) -> None:
    live.account.store.delete("schedule", "billing.slow")
    answer = asked(live, "slow", now=NOW)
    assert answer.verdict is Verdict.LIVE_DIFFERS
    assert "Nothing of it is live" in why(answer)


def test_a_horizon_that_is_over_is_told_with_the_command_that_renews(live: World) -> None:
    for at in ("2028-03-26T01:00Z", None):
        answer = asked(live, "report", at, now="2028-03-27T00:10Z")
        assert answer.verdict is Verdict.HORIZON_OVER
        assert "`qstash-sync apply --only clock -e production` renews it" in why(answer)
    live.apply(FILE)
    assert asked(live, "report").verdict is Verdict.AS_DECLARED
    past = asked(live, "report", "2027-03-28T01:00Z")  # of parts that are no more
    assert past.verdict is Verdict.UNKNOWN
    assert "what was live then is not known" in why(past)


def test_a_time_beyond_the_horizon_is_the_files_since_it_is_renewed_before(live: World) -> None:
    """Nothing is to do today: neither the verdict nor its words say that anything is over."""
    for at, verdict in (
        ("2028-03-26T01:00Z", Verdict.GAP),
        ("2028-03-27T00:30Z", Verdict.AS_DECLARED),
        ("2028-03-27T01:30Z", Verdict.RETRY),  # what is live has it, and will be renewed
    ):
        answer = asked(live, "report", at, now=NOW)
        assert answer.verdict is verdict, why(answer)
    assert "An apply from" in why(asked(live, "report", "2028-03-27T00:30Z"))


def test_a_horizon_that_ends_before_and_whose_renewal_is_due_is_told(live: World) -> None:
    answer = asked(live, "report", "2028-03-26T01:00Z", now="2028-02-15T12:00Z")
    assert answer.verdict is Verdict.HORIZON_OVER
    assert "report: the horizon ends before" in str(view.text(answer, Paint(color=False)))


@pytest.mark.parametrize(
    ("pretended", "at", "verdict", "fact"),
    [
        ("2028-03-27T00:00Z", None, Verdict.HORIZON_OVER, "was exact until Sun 2028-03-26 03:00"),
        ("2028-03-20T00:00Z", "2028-03-26 03:00", Verdict.HORIZON_OVER, "is exact until Sun 2028-03-26 03:00, and no longer."),
        ("2027-06-01T00:00Z", None, Verdict.AS_DECLARED, "What is live fires as the file says."),
        ("2029-01-01T00:00Z", "2027-06-01 02:30", Verdict.AS_DECLARED, "billing.report.4 fires then"),
    ],
)  # fmt: skip
def test_a_pretended_time_is_the_present_of_all_but_the_account(
    live: World, pretended: str, at: str | None, verdict: Verdict, fact: str
) -> None:
    """What the server says of its next firing is as old as its answer."""
    answer = asked(live, "report", at, now=NOW, pretended=pretended)
    assert (answer.verdict, fact in why(answer)) == (verdict, True), why(answer)
    page = str(view.text(answer, Paint(color=False)))
    assert "server    next Tue 2027-03-30 00:30Z, as the file" in page
    assert at or f"wanted    {datetime.fromisoformat(pretended):%a %Y-%m-%d}" in page


def test_a_server_that_names_another_time_disagrees(live: World) -> None:
    live.account.switches = Switches(next_time="wrong")
    answer = asked(live, "slow", now=NOW)
    assert answer.verdict is Verdict.SERVER_DISAGREES
    assert answer.question.server_next != answer.question.expected_next


def test_a_pause_by_hand_is_told_but_not_of_what_ran_before(live: World) -> None:
    live.edit("billing.slow", isPaused=True, lastScheduleTime=ms("2027-03-28T09:00:03Z"))
    assert "The file leaves it so; `qstash-sync resume slow -e production`" in why(
        asked(live, "slow", now=NOW)
    )
    for at, verdict in (
        ("2027-03-27T09:00Z", Verdict.AS_DECLARED),  # it has run since
        ("2027-03-28T09:00Z", Verdict.AS_DECLARED),
        ("2027-03-28T09:01:05Z", Verdict.RETRY),  # of one that ran
        ("2027-03-29T09:00Z", Verdict.PAUSED),
        ("2027-03-29T09:01:05Z", Verdict.PAUSED),
    ):
        assert asked(live, "slow", at).verdict is verdict, at


@pytest.mark.parametrize(
    ("at", "part", "wanted"),
    [
        ("2027-10-31 02:30", "billing.report.4", "2027-10-31T00:30:00Z"),
        ("2027-03-28 02:30", "billing.report.5", "2027-03-28T01:00:00Z"),
        ("2029-03-25 02:30", None, "2029-03-25T01:00:00Z"),  # of parts that are to be written
        ("2027-04-02 15:00", None, None),
        (None, None, None),
    ],
)
def test_of_a_pause_the_part_and_the_firing_that_it_stops_are_marked(
    live: World, at: str | None, part: str | None, wanted: str | None
) -> None:
    for one in range(1, 6):
        live.edit("billing.report" + f".{one}" * (one > 1), isPaused=True)
    answer = asked(live, "report", at, now="2027-03-27T12:00Z")
    assert answer.verdict is Verdict.PAUSED
    page = str(view.text(answer, Paint(color=False)))
    marked = [line.removesuffix("  <--") for line in page.splitlines() if line.endswith("<--")]
    expected = [part and f"{part}  ", wanted and f"{wanted[11:16]}Z"]
    assert len(marked) == len(list(filter(None, expected)))
    assert all(any(word in line for line in marked) for word in expected if word)
    assert json.loads(view.document(answer, (1, 0)))["firing"] == wanted


def test_what_no_file_declares_is_unmanaged(live: World) -> None:
    copied(live, "scd_1", labels=[], cron="CRON_TZ=Asia/Tokyo 0 9 * * *")
    answer = asked(live, "scd_1", "2027-03-29 09:00", now=NOW)
    assert answer.verdict is Verdict.UNMANAGED
    assert "No file declares it, and it carries no mark" in why(answer)
    assert "It fires by its own cron: CRON_TZ=Asia/Tokyo 0 9 * * *" in why(answer)
    assert "At Mon 2027-03-29 00:00Z (09:00 Asia/Tokyo) it fires." in why(answer)


def test_what_has_left_the_file_is_ours_until_an_apply(live: World) -> None:
    """Ours by its mark is never unmanaged: all its parts, by the clock that it was written for."""
    text = "\n".join(line for line in FILE.splitlines() if "  report:" not in line)
    for name in ("report", "billing.report.2"):
        answer = asked(live, name, "2027-04-02 02:30", text=text, now=NOW)
        assert (answer.verdict, answer.subject.name) == (Verdict.LIVE_DIFFERS, "report")
        assert len(answer.subject.parts) == 5
        assert "ours by its mark, and no file declares it any more: the next apply" in why(answer)
        assert "It was written for daily 02:30 Berlin." in why(answer)
        assert "At Fri 2027-04-02 00:30Z (02:30 Europe/Berlin) it fires." in why(answer)


def test_a_name_that_nobody_has_is_an_error_with_the_nearest(live: World) -> None:
    with pytest.raises(NoSubjectError, match="did you mean report"):
        asked(live, "reprot")


BACKOFF = [
    12,
    148,
    1808,
    22026,
    86400,
]  # seconds, by the documentation: 12s, 2m28s, 30m8s, 6h7m6s, 24h


def test_the_default_backoff_is_that_of_the_documentation() -> None:
    waits = ladder.delays(Message(destination="https://a.example.com", retries=5))
    assert waits
    assert [int(wait.total_seconds()) for wait in waits] == BACKOFF


@pytest.mark.parametrize(
    ("expression", "milliseconds"),
    [
        ("1000", [1000, 1000, 1000]),
        ("pow(2, retried) * 1000", [1000, 2000, 4000]),
        ("round(retried + 0.5) * 1000", [1000, 2000, 3000]),
        ("round(0 - 2.5)", [0, 0, 0]),
        ("max(1, retried) * 1000 + 500 % 7", [1003, 1003, 2003]),
        ("round(exp(retried))", [1, 3, 7]),
        ("-5", [0, 0, 0]),
        ("min(sqrt(abs(-16)), floor(3.7), ceil(4.1)) / 2", [1.5, 1.5, 1.5]),
    ],
)
def test_an_expression_gives_milliseconds(expression: str, milliseconds: list[float]) -> None:
    message = Message(destination="https://a.example.com", retries=3, retry_delay=expression)
    waits = ladder.delays(message)
    assert waits
    assert [wait / timedelta(milliseconds=1) for wait in waits] == pytest.approx(milliseconds)


@pytest.mark.parametrize(
    "expression", ["1/0", "pow(10, 999) * pow(10, 999)", "retried.x", "f(1)", "sqrt(-1)", "1 +"]
)
def test_an_expression_that_cannot_be_computed_is_no_ladder(expression: str) -> None:
    message = Message(destination="https://a.example.com", retry_delay=expression)
    assert ladder.delays(message) is None


def test_the_command_says_what_is_wrong_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("qstash.yaml").write_text(FILE)
    common = ("--local=a.db", "--now", "2027-03-20T10:00Z")
    assert cli("apply", "--yes", *common).code == 0
    shown = cli("explain", "report", *common)
    assert (shown.code, shown.out.splitlines()[0]) == (0, "report: as declared")
    assert "owner: team-a" in shown.out
    found = json.loads(cli("explain", "report", "--format", "json", *common).out)
    assert set(found) >= {"verdict", "name", "id", "wanted", "live", "differences"}
    for words, fact in (
        (("nobody",), "explain nobody: no schedule of the files and none in the account"),
        (("report", "--at", "2027-03-21"), "a day has many times; write one"),
        (("report", "--at", "noon"), "--at noon: write it like 2027-03-28T01:00Z"),
        (("report", "--at", "9999-01-01 09:00"), "the years 1970 to 2999"),
    ):
        ran = cli("explain", *words, *common)
        assert (ran.code, fact in ran.err) == (64, True), ran
    for at, instant in (
        ("2027-03-21 3:30", "2027-03-21T02:30:00Z"),
        ("2027-03-21T3:30+02:00", "2027-03-21T01:30:00Z"),
        ("3:30", "2027-03-20T02:30:00Z"),
        ("03:30Z", "2027-03-20T03:30:00Z"),
    ):
        shown = cli("explain", "report", "--at", at, "--format", "json", *common)
        assert json.loads(shown.out)["at"] == instant


WRONG = [  # what is wrong in the file, and who can be explained all the same
    ("another entry", ("owner: team-a", "ownr: team-a"), "slow", True),
    ("its own entry", ("owner: team-a", "ownr: team-a"), "report", False),
    ("a default", ("timezone: Europe/Berlin}", "timezone: Europe/Berlin, retries: x}"), "slow", False),
    ("its own default", ("timezone: Europe/Berlin}", "timezone: Berlin}"), "report", False),
    ("its cron twice", ("report: {", "report: {cron: '0 1 * * *', "), "report", False),
    ("another cron twice", ("second: {", "second: {cron: '0 1 * * *', "), "report", False),  # it may be merged
    ("it twice", ("  second:", "  report: {cron: '0 1 * * *'}\n  second:"), "report", False),
    ("a default twice", ("timezone: Europe/Berlin}", "timezone: UTC, timezone: Europe/Berlin}"), "report", False),
    ("a section", ("schedules:", "queues: {q: {paralelism: 3}}\nschedules:"), "report", True),
    ("its former name", ("report: {", "report: {was: second, "), "report", False),
    ("an override of it", ("retries: 1", "overrides: {schedules: {reprt: {retries: 2}}}"), "report", False),
    ("another environment", ("url: 'https://q.example.com'", "token: abc"), "report", True),
    ("its own environment", ("retries: 1", "retries: 1, lints: {}"), "report", False),
    ("the namespace", ("namespace: billing", "namespace: Billing"), "slow", False),
    ("a block in the column of names", ("  second:", "  headers:\n    X-A: b\n  second:"), "report", False),
    ("a limit", ("schedules:", "limits: {max_deletes: many}\nschedules:"), "slow", True),
    ("a header name", ("owner: team-a", "headers: {X A: b}"), "slow", True),
    ("a word of nobody", ("owner: team-a", "colour: red"), "slow", False),
    ("what stands among the environments", ("f: {url:", "defaults: {retries: 2}, f: {url:"), "slow", False),
    ("a conflict", ("schedules:", "<<<<<<< HEAD\nschedules:"), "slow", False),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "edit", "name", "is_sure"), WRONG, ids=ids(WRONG))
def test_in_a_file_that_is_wrong_what_is_right_is_explained(
    tmp_path: Path, _id: str, edit: tuple[str, str], name: str, *, is_sure: bool
) -> None:
    file = tmp_path / "q.yaml"
    common = (
        "-f",
        str(file),
        f"--local={tmp_path / 'a.db'}",
        "--now",
        "2027-03-20T10:00Z",
        "-e",
        "e",
    )
    whole = (
        FILE + "environments: {e: {defaults: {retries: 1}}, f: {url: 'https://q.example.com'}}\n"
    )
    file.write_text(whole)
    assert cli("apply", "--yes", *common).code == 0
    assert edit[0] in whole
    file.write_text(whole.replace(*edit))
    piped = ("-f", "-", *common[2:])
    for ran in (
        cli("explain", name, *common),
        cli("explain", name, *piped, stdin=file.read_text()),
    ):
        assert ran.code == (0 if is_sure else 1), ran
        assert (f"{name}: as declared" in ran.out) == is_sure
        assert ("an error of the file is ignored here" in " ".join(ran.err.split())) == is_sure
    ran = cli("explain", name, *common, "--format", "json")
    told = [one["code"] for one in json.loads(ran.out).get("warnings", [])]
    assert ("ignored" in told) == is_sure


def test_what_calls_the_same_address_may_be_wrong_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "q.yaml"
    common = ("-f", str(file), f"--local={tmp_path / 'a.db'}", "--now", "2027-03-20T10:00Z")
    file.write_text(FILE + '  late: {cron: "2 11 * * *"}\n')
    assert cli("apply", "--yes", *common).code == 0
    for text, told in (
        (FILE + '  late: {cron: "2 11 * * *", retires: 2}\n', "It is wrong in the file."),
        (FILE, "No file here declares it."),
    ):
        file.write_text(text)
        ran = cli("explain", "slow", "--at", "2027-03-29T09:02Z", *common)
        assert (ran.code, told in ran.out) == (0, True), ran


def test_a_rename_that_nobody_has_applied_is_still_live(live: World) -> None:
    text = FILE.replace("  slow: {", "  fast: {was: slow, ")
    for name in ("fast", "slow", "billing.slow"):
        answer = asked(live, name, "2027-03-29T09:00Z", text=text, now=NOW)
        assert (answer.verdict, answer.subject.name) == (Verdict.AS_DECLARED, "fast")


def test_a_change_of_other_settings_is_no_reason_for_a_time(live: World) -> None:
    text = FILE.replace("  report: {", "  report: {retries: 1, ")
    answer = asked(live, "report", "2028-03-26T01:00Z", text=text, now=NOW)
    assert answer.verdict is Verdict.GAP


def test_one_paused_part_is_a_paused_schedule(live: World) -> None:
    live.edit("billing.report.2", isPaused=True)
    answer = asked(live, "report", now=NOW)
    assert answer.verdict is Verdict.PAUSED
    assert "1 of 5 parts is paused: billing.report.2." in why(answer)
    assert asked(live, "report", "2028-03-05T01:30Z").verdict is Verdict.PAUSED  # of that part
    assert asked(live, "report", "2027-04-02T00:30Z").verdict is Verdict.AS_DECLARED


def test_a_gap_that_the_live_parts_know_nothing_of_is_no_answer(live: World) -> None:
    """Nobody has renewed for a year: what fires on the day of the gap is not what the file wants."""
    answer = asked(live, "report", "2028-03-26 02:30", now="2028-03-26T02:00Z")
    assert answer.verdict is Verdict.HORIZON_OVER


def test_a_beat_leaves_out_a_time_that_no_clock_shows(live: World) -> None:
    text = FILE.replace("0 */6 * * *", "30 * * * *")
    live.apply(text)
    answer = asked(live, "sync", "2027-11-07T05:30Z", text=text, now=NOW)
    assert answer.verdict is Verdict.AS_DECLARED
    answer = asked(live, "sync", "2028-03-12 02:30", text=text)
    assert answer.verdict is Verdict.GAP
    assert "Nothing fires: 02:30 does not exist on 2028-03-12 in America/New_York" in why(answer)


@pytest.mark.parametrize("at", ["2027-03-29T09:01:30Z", "2027-03-29T09:01Z"])
def test_a_delay_may_be_of_any_seconds(live: World, at: str) -> None:
    text = FILE.replace("  slow: {", "  slow: {delay: 90s, ")
    live.apply(text)
    answer = asked(live, "slow", at, text=text, now=NOW)
    assert answer.verdict is Verdict.DELAY
    assert answer.firing == datetime(2027, 3, 29, 9, tzinfo=UTC)


def test_a_time_that_is_somebody_elses_has_no_horizon(live: World) -> None:
    text = FILE.replace("  slow: {", "  slow: {ignore: [cron], ")
    live.edit("billing.slow", cron="17 9 * * *")
    for at, verdict in (
        (None, Verdict.AS_DECLARED),
        ("2027-03-29T09:17Z", Verdict.AS_DECLARED),
        ("2027-03-29T09:00Z", Verdict.UNKNOWN),
    ):
        answer = asked(live, "slow", at, text=text, now=NOW)
        assert answer.verdict is verdict, why(answer)
    assert "Its time is somebody else's" in why(asked(live, "slow", text=text))


def test_another_schedule_of_the_same_address_is_named_before_a_retry(live: World) -> None:
    copied(live, "scd_1", labels=[], cron="2 9 * * *")
    answer = asked(live, "slow", "2027-03-29T09:02Z", now=NOW)
    assert answer.verdict is Verdict.OTHER
    assert "Another schedule, scd_1, calls the same address then: 2 9 * * *." in why(answer)
    text = FILE + '  late: {cron: "2 11 * * *"}\n'
    live.apply(text)
    for at in ("2027-03-30T09:02Z", "2029-03-29T09:02Z"):
        live.account.store.delete("schedule", "scd_1")
        answer = asked(live, "slow", at, text=text)
        assert answer.verdict is Verdict.OTHER
        assert "late (q.yaml:11) calls the same address then: daily 11:02 Berlin." in why(answer)
    before = asked(live, "slow", "2027-03-29T09:02Z", text=text)  # it was made
    assert before.verdict is Verdict.RETRY


def test_before_it_was_made_nobody_knows(live: World) -> None:
    answer = asked(live, "slow", "2027-03-01T09:00Z", now=NOW)
    assert answer.verdict is Verdict.UNKNOWN
    assert "Nothing of it is older than Sat 2027-03-20" in why(answer)


def test_a_part_that_is_gone_is_not_said_to_fire(live: World) -> None:
    live.account.store.delete("schedule", "billing.report.4")
    answer = asked(live, "billing.report.2", "2027-04-02T00:30Z", now=NOW)
    assert answer.verdict is Verdict.LIVE_DIFFERS
    assert "nothing of it fires, and the file wants it" in why(answer)


def test_no_retry_comes_before_its_firing(live: World) -> None:
    answer = asked(live, "slow", "2027-03-29T08:59:15Z", now=NOW)
    assert answer.verdict is Verdict.UNKNOWN


def test_a_native_cron_has_no_horizon(live: World) -> None:
    text = FILE.replace("  report: {", "  report: {dst: {strategy: native, accept: true}, ")
    live.apply(text)
    answer = asked(live, "report", "2027-03-28T01:00Z", text=text, now="2027-03-27T12:00Z")
    assert answer.verdict is Verdict.LIVE_DIFFERS
    assert "QStash reads a cron with a zone in its own way (dst.strategy: native)" in why(answer)


def test_what_fires_by_itself_is_not_moved_there_by_a_gap(live: World) -> None:
    text = FILE.replace('"30 2 * * *", owner', '["30 2 * * *", "0 3 * * *"], owner')
    live.apply(text)
    answer = asked(live, "report", "2027-03-28T01:00Z", text=text, now="2027-03-27T12:00Z")
    assert answer.verdict is Verdict.AS_DECLARED


def test_retries_and_delays_are_those_that_are_live(live: World) -> None:
    """What the file says of them, and nobody has applied, explains nothing that has happened."""
    more = FILE.replace("retries: 2, retry_delay", "retries: 9, delay: 2h, retry_delay")
    at = "2027-03-29T09:01:05Z"
    for text in (FILE, more):
        answer = asked(live, "slow", at, text=text, now=NOW)
        assert answer.verdict is Verdict.RETRY
        assert answer.retry
        assert (answer.retry.number, len(answer.retries or ())) == (1, 2)
    assert asked(live, "slow", "2027-03-29T11:00Z", text=more).verdict is not Verdict.DELAY
    live.edit("billing.slow", retries=0)
    assert asked(live, "slow", at).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("at", [None, "2027-03-29T08:00Z", "2027-03-30T09:00Z"])
def test_what_somebody_has_overwritten_is_no_horizon_that_is_over(
    live: World, at: str | None
) -> None:
    live.edit("billing.slow", cron="0 8 * * *", labels=[])
    answer = asked(live, "slow", at, now=NOW)
    assert answer.verdict is Verdict.LIVE_DIFFERS
    assert "somebody has overwritten billing.slow" in why(answer)
    look = "`qstash-sync plan --adopt slow --target schedule.slow -e production`"
    assert f"To take it over, {look} shows it, `apply` with the same does it." in why(answer)


HELD = """
version: 1
namespace: billing
defaults: {destination: https://app.example.com/x, timezone: UTC}
queues: {mail: {}}
schedules:
  mail: {cron: "0 9 * * *", queue: mail, flow_control: {key: openai, parallelism: 2}}
"""


@pytest.mark.parametrize(
    ("kind", "key", "what"),
    [("queue", "mail", "queue mail"), ("flow", "openai", "flow-control key openai")],
)
def test_what_waits_in_a_paused_queue_or_key_did_not_come(
    live: World, kind: str, key: str, what: str
) -> None:
    live.apply(HELD)
    store, count = live.account.store, {"queue": "lag", "flow": "waitListSize"}[kind]
    stored = store.get(kind, key) or {"name": key, "flowControlKey": key}
    paused = "paused" if kind == "queue" else "isPaused"
    for waiting, at, verdict in (
        (7, None, Verdict.PAUSED),
        (7, "2027-03-29T09:00Z", Verdict.PAUSED),
        (0, "2027-03-29T09:00Z", Verdict.AS_DECLARED),  # it was sent: nothing waits
        (0, "2027-03-30T09:00Z", Verdict.PAUSED),
    ):
        store.put(kind, key, {**stored, paused: True, count: waiting})
        answer = asked(live, "mail", at, text=HELD, now=NOW)
        assert answer.verdict is verdict, (at, waiting, why(answer))
        if answer.verdict is Verdict.PAUSED:
            assert f"its messages wait: {what} is paused" in why(answer)


def test_that_it_fired_is_said_of_what_ran(live: World) -> None:
    """Without a run that QStash notes it was due, and no more."""
    for last, verdict, fact in (
        (None, Verdict.AS_DECLARED, "was due then; QStash notes no run of it."),
        ("2027-03-29T09:00:02Z", Verdict.AS_DECLARED, "fired then: it is the last run"),
        ("2027-03-28T09:00:02Z", Verdict.UNKNOWN, "its last run is Sun 2027-03-28 09:00:02"),
        ("2027-04-01T09:00:02Z", Verdict.AS_DECLARED, "was due then; the last run that QStash"),
    ):
        live.edit("billing.slow", **({"lastScheduleTime": ms(last)} if last else {}))
        answer = asked(live, "slow", "2027-03-29T09:00Z", now="2027-04-01T12:00Z")
        assert (answer.verdict, fact in why(answer)) == (verdict, True), why(answer)
    part = asked(live, "report", "2027-03-29T00:30Z").part
    assert part
    live.edit(part.live.id, createdAt=ms("2027-03-31T09:00Z"))
    assert asked(live, "report", "2027-03-29T00:30Z").verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("says", "fact"),
    [
        ("paused: true", "change that first, or the next apply pauses it again."),
        (
            "paused: false",
            "The file says paused: false: `qstash-sync apply -e production` resumes it.",
        ),
        (
            "retries: 2",
            "The file leaves it so; `qstash-sync resume slow -e production` resumes it.",
        ),
        (
            "ignore: [paused]",
            "The file leaves it so; `qstash-sync resume slow -e production` resumes it.",
        ),
    ],
)
def test_a_pause_has_the_way_out_that_lasts(live: World, says: str, fact: str) -> None:
    live.edit("billing.slow", isPaused=True)
    text = FILE.replace("retries: 2", says)
    assert fact in why(asked(live, "slow", text=text, now=NOW))


def test_the_time_of_day_is_that_of_today_by_its_own_clock(live: World) -> None:
    text = FILE.replace(
        'cron: "0 9 * * *", timezone: UTC', 'cron: "0 9 * * *", timezone: Asia/Tokyo'
    )
    live.apply(text)
    answer = asked(live, "slow", "09:00", text=text, now="2027-03-29T20:00Z")
    assert answer.at == datetime(2027, 3, 30, 0, tzinfo=UTC)
    assert asked(live, "slow", "00:00Z", text=text).at == datetime(2027, 3, 29, 0, tzinfo=UTC)


def test_around_a_time_that_is_left_out_its_own_days_are_shown(live: World) -> None:
    answer = asked(live, "second", "2028-03-26 02:30", now=NOW)
    found = json.loads(view.document(answer, (1, 0)))
    assert (found["at"], found["local"]) == (None, "2028-03-26T02:30:00")
    assert [one["at"][:10] for one in found["wanted"]][2:4] == ["2028-03-25", "2028-03-27"]


def test_a_time_that_its_clock_has_not_is_said_of_any_job(live: World) -> None:
    for now in (NOW, "2027-03-20T12:00Z"):
        answer = asked(live, "sync", "2028-03-12 02:15", now=now)
        assert answer.verdict is Verdict.UNKNOWN
        assert "02:15 does not exist on 2028-03-12 in America/New_York." in why(answer)


def test_what_is_to_come_is_not_told_as_past(live: World) -> None:
    shown = why(asked(live, "slow", "2027-03-30T09:03:05Z", now=NOW))
    assert "09:03:05 would be retry 2" in shown
    assert "by hand" not in why(asked(live, "report", "2027-03-30T15:00Z"))


def test_retries_over_a_fold_are_in_utc(live: World) -> None:
    page = str(view.text(asked(live, "report", "2027-10-31T00:30Z", now=NOW), Paint(color=False)))
    assert "3, if each try fails at once: 00:30:12Z, 00:32:40Z, 01:02:48Z" in page


def test_of_a_paused_part_the_page_says_which_should_have_fired(live: World) -> None:
    live.edit("billing.report.2", isPaused=True)
    answer = asked(live, "report", "2028-03-05T01:30Z", now=NOW)
    page = str(view.text(answer, Paint(color=False)))
    assert page.startswith("report: partly paused")
    assert "billing.report.2 should fire, and is paused." in why(answer)
    assert "paused  <--" in page


# What the live parts did, and did not

DAILY = """
version: 1
namespace: b
schedules:
  j: {cron: "0 9 * * *", timezone: Europe/Berlin, destination: "https://a.example.com/o"}
"""
PARTS = ("b.j", "b.j.2")  # winter, summer
MADE = datetime(2026, 11, 26, 13, tzinfo=UTC)


def daily(world: World, says: str = "") -> str:
    """The file with some settings more, applied."""
    text = DAILY.replace("destination", f"{says}, destination") if says else DAILY
    world.now = MADE
    world.apply(text)
    return text


RENEWED_LATE = "nobody seems to have renewed it. By it, at Mon 2027-03-29"


@pytest.mark.parametrize(
    ("at", "now", "verdict", "fact"),
    [
        ("2027-03-29 10:00", "2027-04-02T00:00Z", Verdict.HORIZON_OVER, f"{RENEWED_LATE} 10:00 b.j fires, and the file does not. By now it fires as the file says again."),
        ("2027-03-29 09:00", "2027-04-02T00:00Z", Verdict.HORIZON_OVER, f"{RENEWED_LATE} 09:00 nothing of it fires, and the file wants it."),
        ("2027-03-29 10:02:40", "2027-04-02T00:00Z", Verdict.RETRY, "is retry 2 of Mon 2027-03-29 10:00 (due 10:02:40). The file does not have that firing."),
        ("2027-03-29 09:02:40", "2027-04-02T00:00Z", Verdict.UNKNOWN, "It would be retry 2 of Mon 2027-03-29 09:00, which the file has, and what is live has not."),
        ("2027-03-29 10:00", "2027-03-28T23:00Z", Verdict.HORIZON_OVER, "`qstash-sync apply --only clock -e production` renews it"),
        ("2027-03-29 09:00", "2026-11-28T00:00Z", Verdict.AS_DECLARED, "An apply from Thu 2027-02-11 on renews it before then."),
    ],
)  # fmt: skip
def test_what_nobody_renewed_in_time_was_over_and_not_renewed_since(
    live: World, at: str, now: str, verdict: Verdict, fact: str
) -> None:
    answer = asked(live, "j", at, text=daily(live), now=now)
    assert (answer.verdict, fact in why(answer)) == (verdict, True), why(answer)


@pytest.mark.parametrize(
    ("at", "fact"),
    [
        (None, f"{RENEWED_LATE.partition(' By it')[0]} `qstash-sync apply --only clock"),
        ("2027-03-31 09:00", f"{RENEWED_LATE[:-14]}Wed 2027-03-31 09:00 nothing of it fires, and the file wants it."),
        ("2027-03-29 10:00", f"{RENEWED_LATE} 10:00 b.j fires, and the file does not."),
    ],
)  # fmt: skip
def test_what_has_been_wrong_for_days_is_not_exact_until_its_next_wrong_firing(
    live: World, at: str | None, fact: str
) -> None:
    answer = asked(live, "j", at, text=daily(live), now="2027-03-30T12:00Z")
    assert (answer.verdict, fact in why(answer)) == (Verdict.HORIZON_OVER, True), why(answer)
    page = str(view.text(answer, Paint(color=False)))
    assert page.startswith("j: the horizon is over")
    assert "exact     until Sun 2027-03-28 07:00Z, next wrong Wed 2027-03-31 07:00Z" in page
    assert json.loads(view.document(answer, (1, 0)))["exact_until"] == "2027-03-28T07:00:00Z"


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ("retries: 3", "`qstash-sync apply --only clock -e production` renews it"),
        ("retries: 1", "`qstash-sync apply -e production` renews it, with all else that differs."),
        ("dst: {strategy: follow}", "right after that renews it, and no sooner"),
    ],
)
def test_the_command_that_renews_is_one_that_does(live: World, says: str, words: str) -> None:
    text = daily(live, says)
    if says == "retries: 1":
        for part in PARTS:
            live.edit(part, retries=2)
    now = "2026-12-01T00:00Z" if "follow" in says else "2027-03-27T00:00Z"
    answer = asked(live, "j", "2027-03-29 09:00", text=text, now=now)
    assert answer.verdict is Verdict.HORIZON_OVER
    assert words in why(answer)


def test_native_is_never_renewed(live: World) -> None:
    text = DAILY.replace("0 9", "30 2").replace(
        "destination", "dst: {strategy: native, accept: true}, destination"
    )
    live.now = MADE
    live.apply(text)
    answer = asked(live, "j", "2027-10-31T01:30Z", text=text, now="2027-11-02T10:00Z")
    assert answer.verdict is Verdict.LIVE_DIFFERS
    assert "QStash reads a cron with a zone in its own way" in why(answer)


@pytest.mark.parametrize(
    ("delay", "at", "verdict", "fact"),
    [
        (0, "09:02:40", Verdict.UNKNOWN, "It would be retry 2 of Sat 2026-11-28 09:00"),
        (0, "11:02:40", Verdict.RETRY, "is retry 2 of Sat 2026-11-28 11:00 (due 11:02:40). The file does not have that firing: somebody has changed it outside."),
        (600, "11:10", Verdict.DELAY, "is 10m after the firing of Sat 2026-11-28 11:00: its delay. The file does not have"),
        (600, "09:10", Verdict.UNKNOWN, "Nothing of it is due"),
    ],
)  # fmt: skip
def test_a_delay_and_a_retry_are_of_firings_that_are_live(
    live: World, delay: int, at: str, verdict: Verdict, fact: str
) -> None:
    text = daily(live, f"delay: {delay}")
    live.edit("b.j", cron="0 10 * * *")
    live.account.store.delete("schedule", "b.j.2")
    answer = asked(live, "j", f"2026-11-28 {at}", text=text, now="2026-11-30T15:00Z")
    assert (answer.verdict, fact in why(answer)) == (verdict, True), why(answer)


def test_each_part_has_its_own_retries_and_delay(live: World) -> None:
    text = daily(live)
    live.edit("b.j.2", retries=0, delay=600)
    for at, verdict in (
        ("2027-04-05 09:02:40", Verdict.UNKNOWN),
        ("2027-04-05 09:10", Verdict.DELAY),
        ("2026-12-05 09:02:40", Verdict.RETRY),
        ("2026-12-05 09:10", Verdict.RETRY),
    ):
        assert asked(live, "j", at, text=text, now="2027-04-06T00:00Z").verdict is verdict, at
    shown = asked(live, "j", "2027-04-05 09:00", text=text)
    assert (shown.retries, shown.delay) == ((), timedelta(minutes=10))


def test_retries_that_are_due_at_the_same_second_are_all_named(live: World) -> None:
    text = daily(live, "retries: 5")
    answer = asked(live, "j", "2026-12-04T14:40Z", text=text, now="2026-12-05T00:00Z")
    said = "is retry 4 of Fri 2026-12-04 09:00 or retry 5 of Thu 2026-12-03 09:00 (due 15:39:55)."
    assert said in why(answer)
    assert len(json.loads(view.document(answer, (1, 0)))["also"]) == 1


@pytest.mark.parametrize(
    ("expression", "at", "verdict", "fact"),
    [
        ("1000 / retried", "09:01", Verdict.UNKNOWN, "it may be a retry"),
        ("exp(1000)", "09:01", Verdict.UNKNOWN, "it may be a retry"),
        ("1000 / retried", "09:00:12", Verdict.AS_DECLARED, "09:00 is a time of the file."),
        (
            None,
            "09:00:31",
            Verdict.AS_DECLARED,
            "no run of it. It has not run, or what was live then has been overwritten since.",
        ),
        (None, "09:00:12", Verdict.AS_DECLARED, "09:00:12 is when its retry 1 is due, too"),
    ],
)
def test_what_may_be_a_retry_is_not_said_to_be_none(
    live: World, expression: str | None, at: str, verdict: Verdict, fact: str
) -> None:
    text = daily(live)
    live.edit("b.j", **({"retryDelayExpression": expression} if expression else {}))
    answer = asked(live, "j", f"2026-11-27 {at}", text=text, now="2026-12-01T00:00Z")
    assert (answer.verdict, fact in why(answer)) == (verdict, True), why(answer)
    assert (answer.retry is not None) is (fact.startswith("09:00:12"))


@pytest.mark.parametrize("at", ["2027-10-31 02:30", "2027-10-31T01:30Z"])
def test_a_time_that_comes_twice_is_right_where_both_are(live: World, at: str) -> None:
    text = DAILY.replace("0 9", "30 2").replace(
        "destination", "dst: {gap: skip, fold: both}, destination"
    )
    live.now = MADE
    live.apply(text)
    answer = asked(live, "j", at, text=text, now="2027-11-01T00:00Z")
    assert answer.verdict is Verdict.HORIZON_OVER
    assert "at Sun 2027-10-31 02:30 (01:30Z) nothing of it fires" in why(answer)
    live.now = datetime(2027, 10, 1, tzinfo=UTC)
    live.apply(text)
    assert asked(live, "j", at, text=text).verdict is Verdict.FOLD


def test_what_is_to_come_is_as_doubtful_as_the_next_firing_that_the_server_names(
    live: World,
) -> None:
    text = daily(live)
    live.account.switches = Switches(next_time="wrong")
    server = asked(live, "j", text=text).question.server_next
    assert server
    assert asked(live, "j", server.isoformat(), text=text).verdict is Verdict.SERVER_DISAGREES
    answer = asked(live, "j", "2026-11-27 09:00", text=text)
    assert answer.verdict is Verdict.SERVER_DISAGREES
    assert "By its cron, b.j fires at Fri 2026-11-27 09:00." in why(answer)


def test_a_cron_that_is_not_read_here_may_fire_at_any_time(live: World) -> None:
    text = daily(live, "ignore: [cron]")
    live.edit("b.j", cron="@every 90m")
    answer = asked(live, "j", "2026-11-28 09:00", text=text)
    assert "@every 90m is no cron that we read" in why(answer)
    live.account.store.delete("schedule", "b.j.2")
    assert "never" not in str(view.text(asked(live, "j", text=text), Paint(color=False)))
    answer = asked(live, "b.j.2", text=text)
    assert "b.j.2 is not live; what is: b.j." in why(answer)


@pytest.mark.parametrize(
    ("changes", "at", "fact"),
    [
        ({"isPaused": True}, "2027-03-30 09:00", "it is due, and paused."),
        ({}, "2026-03-30 09:00", "it was not there: it was made Sat 2027-03-20 10:00."),
        ({"cron": "@every 90m"}, "2027-03-30 09:00", "nobody can tell here: @every 90m"),
    ],
)
def test_of_what_no_file_declares_no_more_is_said_than_is_known(
    live: World, changes: dict[str, Any], at: str, fact: str
) -> None:
    copied(live, "scd_1", labels=[], **changes)
    assert fact in why(asked(live, "scd_1", at, now=NOW))


@pytest.mark.parametrize("override", ["true", "false", "null"])
@pytest.mark.parametrize("is_paused", [True, False])
def test_a_pause_agrees_with_what_differs(live: World, override: str, is_paused: bool) -> None:
    text = daily(live, f"paused: {override}")
    live.edit("b.j", isPaused=is_paused)
    live.edit("b.j.2", isPaused=is_paused)
    answer = asked(live, "j", text=text)
    page = str(view.text(answer, Paint(color=False)))
    differs = override != "null" and (override == "true") != is_paused
    assert ("differs   paused" in page) is differs
    assert (answer.verdict is Verdict.PAUSED) is is_paused
    if override == "false" and is_paused:
        assert "`qstash-sync apply -e production` resumes it." in why(answer)
    if override == "true" and not is_paused:
        later = asked(live, "j", "2026-11-30 09:00", text=text)
        assert later.verdict is Verdict.LIVE_DIFFERS  # it is paused by then


def test_a_page_fits_a_terminal_of_twenty_columns(live: World) -> None:
    for at in (None, "2027-03-28T01:00Z", "2027-03-27T15:00Z"):
        page = view.text(asked(live, "report", at, now=NOW), Paint(color=False, width=20))
        assert max(map(len, page.splitlines())) <= 20


def test_what_another_entry_adopts_is_not_this_ones(world: World) -> None:
    """Its `id:` has changed; what stands under its name is what another entry names by `id:`."""
    head = HEAD + "schedules:\n"
    common = "cron: '0 9 * * *', destination: 'https://e.com/x'"
    world.apply(f"{head}  a: {{{common}}}\n")
    text = f"{head}  a: {{id: scd_1, {common}}}\n  b: {{id: billing.a, {common}}}\n"
    desired = world.desired(text)
    with world.client(read_only=True) as client:
        drift = watching.watch(client, desired, now=world.now)
    assert [part.live.id for part in subject(desired, drift, "b").parts] == ["billing.a"]
    assert subject(desired, drift, "a").parts == ()
    assert subject(desired, drift, "billing.a").name == "b"


def test_the_command_pretends_over_the_network_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("qstash.yaml").write_text(DAILY)
    with FaultServer() as server, Served(server) as served:
        environ = {"QSTASH_URL": served.url, "QSTASH_TOKEN": LOCAL_TOKEN}
        assert cli("apply", "--yes", environ=environ).code == 0
        shown = cli("explain", "j", "--now", "2029-01-01T00:00Z", environ=environ)
    assert "wanted    Mon 2029-01-01 09:00" in shown.out
