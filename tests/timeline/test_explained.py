"""Why a schedule fires: each verdict, from an account that brings it about."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qstash_sync.apply import watching
from qstash_sync.local import Switches
from qstash_sync.model import ladder
from qstash_sync.model.resources import Message
from qstash_sync.render import explained as view
from qstash_sync.render.text import Paint
from qstash_sync.timeline.explained import Explained, NoSubjectError, Verdict, explain, subject
from tests.support import World, cli, config, world as make_world

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
WRITTEN = datetime(2027, 3, 20, 10, tzinfo=UTC)


@pytest.fixture
def live() -> Iterator[World]:
    with make_world() as world:
        world.now = WRITTEN
        world.apply(FILE)
        yield world


def asked(
    world: World, name: str, at: str | None = None, *, text: str = FILE, now: str | None = None
) -> Explained:
    """An explanation; at: an instant, or a local time where it has no zone."""
    if now:
        world.now = datetime.fromisoformat(now)
    time = datetime.fromisoformat(at) if at else None
    desired = config(text, world.environ).desired
    with world.client(read_only=True) as client:
        drift = watching.watch(client, desired, now=world.now)
        found = subject(desired, drift, name)
        is_local = time is not None and time.tzinfo is None
        answer = explain(
            found,
            desired,
            drift,
            read_at=client.now(),
            at=None if is_local else time,
            local=time if is_local else None,
        )
    page = str(view.text(answer, Paint(color=False)))
    assert max(map(len, page.splitlines())) <= 80
    assert json.loads(view.document(answer, (1, 0)))["verdict"] == answer.verdict
    return answer


def why(answer: Explained) -> str:
    lines = str(view.text(answer, Paint(color=False))).split("\n\n")[0].splitlines()
    return " ".join(line.strip() for line in lines[1:])


NOW = "2027-03-29T12:00Z"
CASES: list[tuple[str, str, str | None, Verdict, str]] = [
    ("what is live is what the file says", "report", None, Verdict.AS_DECLARED, "fires as the file says"),
    ("a firing of the past", "report", "2027-03-27T01:30Z", Verdict.AS_DECLARED, "billing.report.2 fired then"),
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
    ("paused", "off", None, Verdict.PAUSED, "paused: true; `resume off` resumes it."),
    ("nothing of it", "report", "2027-03-27T15:00Z", Verdict.UNKNOWN, "no firing, no delay, no retry of one."),
    ("the id of a part", "billing.report.2", "2027-03-27T01:30Z", Verdict.AS_DECLARED, "billing.report.2 fired then"),
    ("a header of a delivery", "X-Qstash-Sync-Schedule: billing.report", None, Verdict.AS_DECLARED, ""),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "name", "at", "verdict", "fact"), CASES, ids=[c[0] for c in CASES])
def test_each_verdict_has_its_reason(
    live: World, _id: str, name: str, at: str | None, verdict: Verdict, fact: str
) -> None:
    answer = asked(live, name, at, now=NOW)
    assert answer.verdict is verdict, why(answer)
    assert fact in why(answer)


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
        (None, "The account has not what the file says: somebody has changed it outside."),
        ("2027-03-29T08:00Z", "billing.slow fires, and the file does not: somebody has changed"),
        ("2027-03-29T09:00Z", "nothing of it fires, and the file wants it: somebody has changed"),
    ):
        answer = asked(live, "slow", at, now=NOW)
        assert answer.verdict is Verdict.LIVE_DIFFERS
        assert fact in why(answer)
        assert [change.path for change in answer.differences] == ["cron"]


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
        assert "`apply --only clock` renews it" in why(answer)
    live.apply(FILE)
    assert asked(live, "report").verdict is Verdict.AS_DECLARED
    past = asked(live, "report", "2027-03-28T01:00Z")  # of parts that are no more
    assert past.verdict is Verdict.UNKNOWN
    assert "what was live then is not known" in why(past)


def test_a_time_ahead_beyond_the_horizon_is_told_before_it_is_over(live: World) -> None:
    answer = asked(live, "report", "2028-03-26T01:00Z", now=NOW)
    assert answer.verdict is Verdict.HORIZON_OVER


def test_a_server_that_names_another_time_disagrees(live: World) -> None:
    live.account.switches = Switches(next_time="wrong")
    answer = asked(live, "slow", now=NOW)
    assert answer.verdict is Verdict.SERVER_DISAGREES
    assert answer.server_next != answer.expected_next


def test_a_pause_by_hand_is_told_but_not_of_what_ran_before(live: World) -> None:
    live.edit("billing.slow", isPaused=True)
    assert "and the file leaves it so" in why(asked(live, "slow", now=NOW))


@pytest.mark.parametrize(
    ("labels", "fact"),
    [([], "No file declares it, and it carries no mark"), (None, "It is ours by its mark")],
)
def test_what_no_file_declares_is_unmanaged(
    live: World, labels: list[str] | None, fact: str
) -> None:
    stored = live.schedule("billing.slow")
    name = "scd_1" if labels is not None else "billing.gone"
    changes = {"labels": labels} if labels is not None else {}
    live.account.store.put("schedule", name, {**stored, "scheduleId": name, **changes})
    answer = asked(live, name, now=NOW)
    assert answer.verdict is Verdict.UNMANAGED
    assert fact in why(answer)
    assert "It fires by its own cron: 0 9 * * *" in why(answer)


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
        (("report", "--at", "noon"), "--at noon: write it like 2027-03-28T01:00Z"),
        (("report", "--at", "9999-01-01"), "the years 1970 to 2999"),
    ):
        ran = cli("explain", *words, *common)
        assert (ran.code, fact in ran.err) == (64, True), ran


def test_what_a_file_has_no_more_is_found_by_its_name(live: World) -> None:
    text = (
        FILE.replace("  slow:", "  x-slow:")
        .replace("schedules:\n", "schedules:\n")
        .replace("  x-slow:", "  other:")
    )
    answer = asked(live, "slow", "2027-03-29T09:00Z", text=text, now=NOW)
    assert answer.verdict is Verdict.UNMANAGED
    assert "It is ours by its mark, and no file declares it: an apply deletes it." in why(answer)
    assert "At Mon 2027-03-29 09:00Z it fires." in why(answer)
    assert "it does not fire." in why(asked(live, "slow", "2027-03-29T10:00Z", text=text))


def test_a_rename_that_nobody_has_applied_is_still_live(live: World) -> None:
    text = FILE.replace("  slow: {", "  fast: {was: slow, ")
    for name in ("fast", "slow", "billing.slow"):
        answer = asked(live, name, "2027-03-29T09:00Z", text=text, now=NOW)
        assert (answer.verdict, answer.subject.name) == (Verdict.AS_DECLARED, "fast")


def test_a_change_of_other_settings_is_no_reason_for_a_time(live: World) -> None:
    text = FILE.replace("  report: {", "  report: {retries: 1, ")
    answer = asked(live, "report", "2028-03-26T01:00Z", text=text, now=NOW)
    assert answer.verdict is Verdict.HORIZON_OVER


def test_one_paused_part_is_a_paused_schedule(live: World) -> None:
    live.edit("billing.report.2", isPaused=True)
    answer = asked(live, "report", now=NOW)
    assert answer.verdict is Verdict.PAUSED
    assert "1 of its 5 parts are paused; the next write pauses all" in why(answer)
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
    stored = live.schedule("billing.slow")
    live.account.store.put(
        "schedule", "scd_1", {**stored, "scheduleId": "scd_1", "labels": [], "cron": "2 9 * * *"}
    )
    answer = asked(live, "slow", "2027-03-29T09:02Z", now=NOW)
    assert answer.verdict is Verdict.UNMANAGED
    assert "Another schedule, scd_1, calls the same address then: 2 9 * * *." in why(answer)


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
