"""What somebody should look at though account and file agree: told, and an exit code if asked for."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from qstash_sync.model.resources import (
    FlowUse,
    Live,
    LiveFlowControl,
    LiveQueue,
    LiveSchedule,
    Message,
)
from qstash_sync.planning import liveness
from tests.fault_server import FaultServer
from tests.support import HEAD, NOW, Ran, cli, config

FILE = """
version: 1
namespace: billing
schedules:
  a: {cron: "0 9 * * *", timezone: UTC, destination: https://app.example.com/x, owner: team-a, runbook: https://wiki.example.com/a}
"""
MINUTE = 60_000


class Account:
    def __init__(self, folder: Path) -> None:
        self.file, self.database = folder / "q.yaml", folder / "a.db"
        self.file.write_text(FILE)
        assert self.run("apply", "--yes").code == 0

    def run(self, *words: str, now: str = "2026-11-23T12:00Z") -> Ran:
        return cli(*words, "-f", str(self.file), f"--local={self.database}", "--now", now)

    def edit(self, **changes: object) -> None:
        with FaultServer(self.database) as server:
            server.console.edit("schedule", "billing.a", **changes)


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(tmp_path)


SAID = {"failed": "whose last run failed"}
AT = int(NOW.timestamp() * 1000)
FOUND = [
    ("paused", {"isPaused": True, "lastScheduleTime": AT - 60 * MINUTE}, "paused by hand; the file leaves it so; last run Mon 2026-11-23"),
    ("failed", {"error": "status 500", "lastScheduleTime": AT - 60 * MINUTE}, "the last run of billing.a failed"),
    ("failed", {"lastScheduleStates": {"msg_1": "FAIL"}, "lastScheduleTime": AT - 60 * MINUTE}, "the last run of billing.a failed; the logs of QStash tell why"),
    ("failed", {"lastScheduleStates": {"msg_1": "FAIL", "msg_2": "SUCCESS", "msg_3": "FAIL"}, "lastScheduleTime": AT - 60 * MINUTE}, "the last run of billing.a failed for 2 of 3 messages; the logs"),
    ("failed", {"lastScheduleStates": {"msg_1": "FAIL"}, "error": "status 500", "lastScheduleTime": AT - 60 * MINUTE}, "the last run of billing.a failed: status"),
    ("failed", {"lastScheduleStates": {"msg_1": "FAIL"}}, "the last run of billing.a failed"),
    ("overdue", {"lastScheduleTime": AT - 3 * 24 * 60 * MINUTE}, "two firings or more have gone by"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "changes", "fact"), FOUND, ids=[fact for _, _, fact in FOUND])
def test_it_changes_the_exit_code_only_where_asked_for(
    account: Account, code: str, changes: dict[str, object], fact: str
) -> None:
    account.edit(**changes)
    quiet = account.run("drift")
    assert quiet.code == 0
    assert fact in " ".join(quiet.out.split())
    assert "owner: team-a" in quiet.out
    assert "runbook: https://wiki.example.com/a" in quiet.out
    assert (
        f"To look at: 1 {SAID.get(code, code)}; --fail-on attention exits 2 for it.\n" in quiet.out
    )
    asked = account.run("drift", "--fail-on", "attention")
    assert asked.code == 2
    assert "so this run exits with 2.\n" in asked.out
    assert "--fail-on" not in asked.out
    assert account.run("drift", "--fail-on", "unmanaged").code == 0
    found = json.loads(account.run("drift", "--format", "json").out)
    assert [one["code"] for one in found["attention"]] == [code]
    assert found["status"][0]["owner"] == "team-a"
    assert "owner: team-a" in account.run("drift", "--format", "markdown").out


@pytest.mark.parametrize(
    "states",
    [{}, {"msg_1": "SUCCESS"}, {"msg_1": "IN_PROGRESS"}, {"msg_1": None}, ["FAIL"], "FAIL", 1],
    ids=str,
)
def test_a_run_that_has_not_failed_or_that_nobody_can_read_is_no_failure(
    account: Account, states: object
) -> None:
    """How a run went is no setting: a shape that we do not know hides nothing else."""
    account.edit(lastScheduleStates=states, lastScheduleTime=AT - 60 * MINUTE)
    ran = account.run("drift", "--fail-on", "attention")
    assert (ran.code, "failed" in ran.text) == (0, False)


def test_what_is_well_has_neither_attention_nor_an_owner_beside_it(account: Account) -> None:
    ran = account.run("drift", "--fail-on", "attention", "--fail-on", "unmanaged")
    assert ran.code == 0
    assert "team-a" not in ran.out


@pytest.mark.parametrize(
    ("version", "is_old"), [("2026f", False), ("2025a", False), ("2024b", True), ("x", False)]
)
def test_zone_data_older_than_a_year_is_told(version: str, is_old: bool) -> None:
    found = list(liveness.old_zone_data(version, NOW))
    assert [one.code for one in found] == ["zone_data"] * is_old


def part(next_at: datetime | int | None, *, cron: str = "0 * * * *", paused: bool = False) -> LiveSchedule:  # fmt: skip
    if isinstance(next_at, datetime):
        next_at = int(next_at.timestamp() * 1000)
    message = Message(destination="https://e.com")
    return LiveSchedule(id="x", cron=cron, message=message, next_at=next_at, paused=paused)


@pytest.mark.parametrize(
    ("live", "told"),
    [
        (part(NOW + timedelta(hours=1)), None),
        (part(NOW + timedelta(hours=2)), "at Mon 2026-11-23 14:00Z"),
        (part(NOW + timedelta(minutes=30)), "at Mon 2026-11-23 12:30Z"),
        (part(NOW - timedelta(hours=1)), "at Mon 2026-11-23 11:00Z"),
        (part(10**18), "at a time that no calendar has"),
        (part(None), None),
        (part(NOW + timedelta(minutes=30), paused=True), None),
        (part(NOW + timedelta(minutes=30), cron="@every 1h"), None),
    ],
    ids=[
        "the next", "the one after", "between two", "gone by", "beyond the calendar", "not told",
        "paused", "a cron that nobody understands",
    ],
)  # fmt: skip
def test_a_next_firing_that_its_cron_has_not_is_told(live: LiveSchedule, told: str | None) -> None:
    found = list(liveness.wrong_time(live, NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)))
    text = f"QStash says that x fires next {told}; its cron 0 * * * * does not"
    assert found == ([text] if told else [])


@pytest.mark.parametrize(
    ("waiting", "many"), [(None, "how many is not known"), (0, "0 messages now"), (1, "1 message now"), (2, "2 messages now")]
)  # fmt: skip
def test_what_is_paused_holds_back_the_messages_that_go_through_it(
    waiting: int | None, many: str
) -> None:
    live = Live(
        queues=(
            LiveQueue(name="q", parallelism=1, paused=True, lag=waiting),
            LiveQueue(name="other", parallelism=1, paused=True, lag=9),
            LiveQueue(name="runs", parallelism=1, paused=False, lag=9),
        ),
        flow_controls=(
            LiveFlowControl(name="k", paused=True, waiting=waiting or 0),
            LiveFlowControl(name="other", paused=True, waiting=9),
            LiveFlowControl(name="runs", paused=False, waiting=9),
        ),
    )
    messages = [
        Message(destination="d", queue="q"),
        Message(destination="d", queue="runs", flow_control=FlowUse(key="runs")),
        Message(destination="d", flow_control=FlowUse(key="k")),
        Message(destination="d"),
    ]
    assert [holder.waits for holder in liveness.holders(messages, live)] == [
        f"its messages wait: queue q is paused ({many})",
        f"its messages wait: flow-control key k is paused ({'0 messages now' if waiting is None else many})",
    ]
    assert list(liveness.holders(messages, Live())) == []


DECLARED = HEAD + "schedules: {s: {cron: 0 9 * * *, destination: 'https://e.com/x', headers: {X: 'worker-7 tenant_9'}}}\n"  # fmt: skip


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("status 500 from the host", "status 500 from the host"),
        ("timed out at https://e.com/x?key=v now", "timed out at (URL) now"),
        ("refused by worker-7, it says", "refused by worker-7, it says"),
        ("token abcd1234 is wrong", "token (not shown) is wrong"),
        ("user sesame is unknown", "user (not shown) is unknown"),
        ("tenant_9 of another", "tenant_9 of another"),
    ],
    ids=["prose", "an address", "plain in the file", "no prose", "prose of the account's own header", "plain, with a digit"],
)  # fmt: skip
def test_of_an_error_only_what_can_be_no_secret_is_shown(error: str, shown: str) -> None:
    """A word that looks like prose may be the value of a header that somebody has added."""
    (schedule,) = config(DECLARED).desired.schedules or ()
    message = replace(schedule.message, headers=(*schedule.message.headers, ("Y", "open sesame")))
    live = LiveSchedule(id="billing.s", cron="0 9 * * *", message=message, error=error)
    facts = liveness.facts(schedule, [live], Live(), NOW, pause_changes=False)
    assert [one.message for one in facts] == [f"the last run of billing.s failed: {shown}"]


RENAMED = FILE.replace("a: {", "b: {was: a, ")
BY_HAND = "paused by hand; the file leaves it so"
ALL, SOME = ("billing.a", "billing.a.2"), ("billing.a",)


@pytest.mark.parametrize(
    ("parts", "says", "plan", "drift"),
    [
        (ALL, "", "schedules.b: paused in the account; the file leaves it so", BY_HAND),
        (SOME, "", "schedules.b: 1 of 2 parts is paused", "1 of 2 parts is paused: billing.a;"),
        (ALL, "paused: true, ", None, None),
        (ALL, "paused: false, ", "paused true -> false", "paused true -> false"),
        (ALL, "ignore: [paused], ", None, None),
        ((), "", None, None),
    ],
)  # fmt: skip
def test_a_pause_of_what_is_to_be_renamed_is_told_as_any_other(
    account: Account, parts: tuple[str, ...], says: str, plan: str | None, drift: str | None
) -> None:
    berlin = (FILE.replace("UTC", "Europe/Berlin"), RENAMED.replace("UTC", "Europe/Berlin"))
    account.file.write_text(berlin[0])
    assert account.run("apply", "--yes").code == 0
    with FaultServer(account.database) as server:
        for part in parts:
            server.console.edit("schedule", part, isPaused=True)
    account.file.write_text(berlin[1].replace("{was", f"{{{says}was"))
    for command, fact in (("plan", plan), ("drift", drift)):
        shown = " ".join(account.run(command).text.split())
        assert (fact or "paused") in shown if fact else "by hand" not in shown, shown
    shown = account.run("plan").out
    assert ("WILL BE PAUSED" in shown, "every part will be paused" in shown) == (parts == SOME,) * 2
    found = json.loads(account.run("drift", "--format", "json").out)
    assert [one["code"] for one in found["attention"]] == ["paused"] * (drift == BY_HAND)
    assert account.run("drift", "--fail-on", "attention").code == 2
