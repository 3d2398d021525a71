"""Drift: a status for every resource, who moved, and never a write."""

import itertools
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from qstash_sync.applying import proposal, watching
from qstash_sync.crons.compile import Compilation
from qstash_sync.local import LOCAL_READ_ONLY_TOKEN, LOCAL_TOKEN, Switches
from qstash_sync.local.serve import Served
from qstash_sync.planning.drift import Drift, Status, judge
from qstash_sync.reconcile import times
from qstash_sync.render import drift as render
from qstash_sync.render.drift import GRADES
from qstash_sync.render.text import Paint
from tests.fault_server import FaultServer
from tests.support import HEAD, NOW, Ran, World, cli, config, ids, world as make_world

ROOT = Path(__file__).parents[2]
URL = "https://app.example.com/x"
AT = f"{NOW:%Y-%m-%dT%H:%MZ}"
OTHERS = (
    "url_groups: {g: {endpoints: {a: 'https://a.example.com', b: 'https://b.example.com'}}}\n"
    "queues: {q: {parallelism: 2}}\n"
    "flow_controls: {f: {parallelism: 5}}\n"
    "owns: {queues: ['old-*'], url_groups: ['old-*']}\n"
)


def schedules(count: int = 1, **changes: str) -> str:
    """Schedules s1, s2, … in New York, where they take several parts."""
    settings = {
        "cron": "'0 9 * * *'",
        "destination": URL,
        "timezone": "America/New_York",
        **changes,
    }
    inner = ", ".join(f"{key}: {value}" for key, value in settings.items() if value)
    return "schedules:\n" + "".join(f"  s{n}: {{{inner}}}\n" for n in range(1, count + 1))


def watch(world: World, text: str, **more: Any) -> Drift:
    """What a drift finds."""
    with world.client(read_only=True, token=LOCAL_READ_ONLY_TOKEN) as client:
        desired = config(text, world.environ, **more).desired
        return watching.watch(client, desired, now=world.now)


def statuses(drift: Drift) -> dict[str, str]:
    """Each resource's status by its name."""
    return {standing.name: standing.status for standing in drift.resources}


def facts(drift: Drift) -> list[tuple[str, str]]:
    """Grade and code of every fact."""
    return [(GRADES[d.severity], d.code) for one in drift.resources for d in one.diagnostics]


# ---------------------------------------------------------------- statuses, formats, exit codes


@dataclass
class Account:
    """An account in a file, and a file of one or several schedules."""

    folder: Path
    count: int

    @property
    def local(self) -> str:
        return f"--local={self.folder / 'account.db'}"

    def write(self, text: str) -> None:
        (self.folder / "q.yaml").write_text(text)

    def run(self, command: str, *words: str, now: str = AT, **more: Any) -> Ran:
        given = ("-f", str(self.folder / "q.yaml"), self.local, "--now", now)
        return cli(command, *given, *words, **more)

    def edit(self, change: Callable[[FaultServer, str], object]) -> None:
        """The same change made by hand to every schedule."""
        with FaultServer(self.folder / "account.db") as server:
            for number in range(1, self.count + 1):
                change(server, f"billing.s{number}")


@pytest.fixture(params=[1, 3], ids=["one", "three"])
def account(request: pytest.FixtureRequest, tmp_path: Path) -> Account:
    """Everything applied."""
    made = Account(tmp_path, request.param)
    made.write(HEAD + OTHERS + schedules(made.count))
    assert made.run("apply", "--yes").code == 0
    return made


def nothing(_server: FaultServer, _id: str) -> None:
    """Leave the account alone."""


def deleted(server: FaultServer, base: str) -> None:
    """Delete every part."""
    for part in (base, f"{base}.2", f"{base}.3", f"{base}.4"):
        server.console.delete("schedule", part)


def unlabelled(server: FaultServer, base: str) -> None:
    """Overwritten by somebody who has our ids, but not our labels."""
    for part in (base, f"{base}.2", f"{base}.3"):
        server.console.edit("schedule", part, labels=["theirs"])


def edit(part: str = "", **changes: Any) -> Callable[[FaultServer, str], object]:
    """An edit of one part in the console."""
    return lambda server, base: server.console.edit("schedule", base + part, **changes)


def removed_part(server: FaultServer, base: str) -> None:
    """One part of several."""
    server.console.delete("schedule", f"{base}.2")


CASES: list[tuple[str, Callable[[FaultServer, str], object], dict[str, str], int, str]] = [
    ("in_sync", nothing, {}, 0, "in sync      schedule s1"),
    ("pending", nothing, {"retries": "7"}, 2, "pending      schedule s1 | the file changed"),
    ("pending", nothing, {"cron": "'0 10 * * *'"}, 2, "pending      schedule s1 | the file changed"),
    ("pending", nothing, {"paused": "true"}, 2, "pending      schedule s1 | the file changed"),
    ("drifted", edit(method="PUT"), {}, 2, "drifted      schedule s1 | changed outside"),
    ("drifted", edit(cron="0 1 * * *"), {}, 2, "drifted      schedule s1 | changed outside"),
    ("drifted", removed_part, {}, 2, "drifted      schedule s1 | changed outside"),
    ("drifted", edit(".2", isPaused=True), {}, 2, "drifted      schedule s1 | changed outside"),
    ("both", edit(method="PUT"), {"retries": "7"}, 2, "both         schedule s1 | changed outside and in the file"),
    ("both", edit(".2", isPaused=True), {"retries": "7"}, 2, "both         schedule s1 | changed outside and in the file"),
    ("missing", deleted, {}, 2, "missing      schedule s1 | not in the account"),
    ("unmarked", unlabelled, {}, 2, "unmarked     schedule s1 | without a mark of ours"),
    ("unmarked", edit(".2", labels=["theirs"]), {}, 2, "unmarked     schedule s1 | without a mark of ours"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "change", "file", "code", "line"),
    CASES,
    ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)],
)
def test_each_status_has_its_exit_code_in_every_format(
    account: Account,
    status: str,
    change: Callable[[FaultServer, str], object],
    file: dict[str, str],
    code: int,
    line: str,
) -> None:
    account.edit(change)
    account.write(HEAD + OTHERS + schedules(account.count, **file))
    names = {f"s{n}" for n in range(1, account.count + 1)}

    text = account.run("drift")
    assert text.code == code, text
    word, _, who = line.partition(" | ")
    lines = [found for found in text.out.splitlines() if found.startswith(word)]
    assert len(lines) == 1
    assert lines[0].endswith(who)
    assert text.out.endswith("requests: 4 read, 0 write\n")
    assert all(len(row) <= 80 for row in text.out.splitlines() if "`qstash-sync " not in row)

    ran = account.run("drift", "--format", "json")
    data = json.loads(ran.out)
    assert ran.code == code
    found = {item["name"]: item for item in data["status"]}
    assert {name for name, item in found.items() if item["status"] == status} >= names
    assert {found[name]["status"] for name in "gqf"} == {"in_sync"}
    assert data["differences"] == (account.count if code else 0)
    assert data["requests"] == {"read": 4, "write": 0}

    ran = account.run("drift", "--format", "markdown")
    assert ran.code == code
    assert ran.out.startswith("<!-- qstash-sync drift -->\n")
    total = account.count + (3 if status == "in_sync" else 0)
    assert f"{total} {status.replace('_', ' ')}" in ran.out
    assert "requests: 4 read, 0 write\n" in ran.out


def gone(*names: str) -> Callable[[FaultServer], None]:
    def change(server: FaultServer) -> None:
        for kind, name in zip(names[::2], names[1::2], strict=True):
            server.console.delete(kind, name)

    return change


def left_over(server: FaultServer) -> None:
    for kind, name in (("queue", "q"), ("topic", "g")):
        stored = server.store.get(kind, name)
        server.store.put(kind, f"old-{name}", {**(stored or {}), "name": f"old-{name}"})


KINDS: list[tuple[str, Callable[[FaultServer], object], dict[str, str]]] = [
    ("queue missing", gone("queue", "q"), {"q": "missing"}),
    ("all missing", gone("queue", "q", "topic", "g", "flow", "f"), dict.fromkeys("qgf", "missing")),
    ("queue differs", lambda s: s.console.edit("queue", "q", parallelism=9), {"q": "differs"}),
    ("group differs", lambda s: s.console.edit("topic", "g", endpoints=[{"url": "https://z.example.com"}]), {"g": "differs"}),
    ("flow differs", lambda s: s.console.edit("flow", "f", parallelismMax=9), {"f": "differs"}),
    ("surplus", left_over, {"old-q": "surplus", "old-g": "surplus"}),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "change", "expected"), KINDS, ids=ids(KINDS))
def test_kinds_without_a_mark_have_statuses_that_name_nobody(
    account: Account,
    _id: str,
    change: Callable[[FaultServer], object],
    expected: dict[str, str],
) -> None:
    with FaultServer(account.folder / "account.db") as server:
        change(server)
    ran = account.run("drift", "--format", "json")
    found = {item["name"]: item["status"] for item in json.loads(ran.out)["status"]}
    assert ran.code == 2
    assert {name: found[name] for name in expected} == expected
    assert {found[name] for name in found.keys() - expected.keys()} == {"in_sync"}
    assert "changed outside" not in account.run("drift").out


def test_what_is_surplus_comes_first_in_every_format(account: Account) -> None:
    with FaultServer(account.folder / "account.db") as server:
        left_over(server)
    account.write(HEAD + OTHERS + "schedules: {}\n")
    ran = account.run("drift")
    text = [line for line in ran.out.splitlines() if not line.startswith(" ")]
    count = account.count + 2
    assert all(line.startswith("surplus ") for line in text[:count])
    assert ran.out.count("      destination          https://app.example.com/…") == account.count
    data = json.loads(account.run("drift", "--format", "json").out)
    assert [item["status"] for item in data["status"][:count]] == ["surplus"] * count
    page = account.run("drift", "--format", "markdown").out
    assert page.index(f"### {count} surplus") < page.index("in sync</summary>")
    assert page.count("\n- ") == count


def test_guards_and_limits_are_no_errors_of_a_watcher(account: Account) -> None:
    """They stop an apply; a watch ends in differences."""
    guarded = OTHERS + "limits: {plan: free, max_deletes: 0}\nschedules: {}\n"
    account.write(HEAD + guarded)
    assert account.run("plan").code == 3
    ran = account.run("drift", "--format", "json")
    assert ran.code == 2
    data = json.loads(ran.out)
    assert data["errors"] == []
    assert "guard" in {warning["code"] for warning in data["warnings"]}


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
@pytest.mark.parametrize(
    ("text", "words", "code"),
    [
        (HEAD + "schedule: {}\n", (), 1),
        (HEAD + schedules(queue="nowhere"), (), 1),
        (HEAD + schedules(), ("--nonsense",), 64),
        (HEAD + schedules(), ("-e", "nowhere"), 64),
    ],
    ids=["file", "reference", "usage", "environment"],
)
def test_an_error_is_one_document_and_its_own_exit_code(
    tmp_path: Path, form: str, text: str, words: tuple[str, ...], code: int
) -> None:
    made = Account(tmp_path, 1)
    made.write(text)
    ran = made.run("drift", *words, "--format", form)
    assert ran.code == code, ran
    if form == "json":
        assert json.loads(ran.out)["errors"]
    if form == "markdown":
        assert ran.out.startswith("<!-- qstash-sync drift")
        assert "### 1 error\n" in ran.out
        assert "- " in ran.out


# ---------------------------------------------------------------- the graded renewal


@pytest.fixture(scope="module")
def live_until() -> datetime:
    """The end of what an apply on the day of these tests writes."""
    schedule = (config(HEAD + schedules()).desired.schedules or ())[0]
    made = times.compiled(schedule, NOW)
    assert isinstance(made, Compilation) and made.valid_until
    return made.valid_until


def test_a_renewal_grows_from_nothing_to_a_difference_day_by_day(
    world: World, live_until: datetime
) -> None:
    """In sync until 45 days before the end, then told, a warning from 21, a difference from 14."""
    text = HEAD + schedules()
    world.apply(text)
    grades: dict[int, tuple[str, str, int]] = {}
    for left in range(60, -3, -1):
        world.now = live_until - timedelta(days=left)
        drift = watch(world, text)
        (standing,) = drift.resources
        grades[left] = (standing.status, GRADES[standing.severity], drift.differences)
        assert bool(drift.plan.changes) == (standing.status != "in_sync")
    due = max(left for left, (status, *_) in grades.items() if status == "renewal_due")
    assert due in (44, 45)  # of the first wrong firing, later on the day of the end
    assert {grades[left] for left in range(60, due, -1)} == {("in_sync", "information", 0)}
    assert {grades[left] for left in range(due, 21, -1)} == {("renewal_due", "information", 0)}
    assert {grades[left] for left in range(21, 14, -1)} == {("renewal_due", "warning", 0)}
    assert {grades[left] for left in range(14, -3, -1)} == {("renewal_due", "difference", 1)}


@pytest.mark.parametrize(("left", "told"), [(10, "exact until"), (-3, "wrong at its next firing")])
def test_what_is_wrong_already_is_not_exact_until_tomorrow(
    world: World, live_until: datetime, left: int, told: str
) -> None:
    """And a plan of it says so: that nobody has renewed it is no everyday renewal."""
    text = HEAD + schedules()
    world.apply(text)
    world.now = live_until - timedelta(days=left)
    drift = watch(world, text)
    (standing,) = drift.resources
    (fact,) = [d.message for d in standing.diagnostics if d.code == "renewal"]
    assert fact.startswith(told)
    assert not [
        w for w in drift.plan.warnings if w.code == "renewal"
    ]  # it stands with its resource
    for paused in (False, True):
        late = [w.message for w in world.plan(text).warnings if w.code == "renewal"]
        assert [message[: len(told)] for message in late] == [told] * (left < 0 and not paused)
        for part in world.account.console.snapshot()["schedule"]:
            world.edit(part, isPaused=True)


def test_a_part_that_is_paused_is_not_wrong_at_its_next_firing(
    world: World, live_until: datetime
) -> None:
    """A renewal is due, and the pause alone is why nothing fires then."""
    text = HEAD + schedules()
    world.apply(text)
    world.now = live_until - timedelta(days=10)
    for part in world.account.console.snapshot()["schedule"]:
        for paused in (True, False):
            world.edit(part, isPaused=paused)
            codes = [w.code for w in world.plan(text).warnings]
            assert ("partly_paused" in codes, "renewal" in codes) == (paused, False)


@pytest.mark.parametrize(
    ("left", "code", "grade"),
    [(30, 0, "information"), (20, 0, "warning"), (10, 2, "difference")],
    ids=["told", "warning", "difference"],
)
def test_a_due_renewal_in_every_format(
    account: Account, live_until: datetime, left: int, code: int, grade: str
) -> None:
    now = f"{live_until - timedelta(days=left):%Y-%m-%dT%H:%MZ}"
    text = account.run("drift", now=now)
    assert text.code == code
    assert "renewal due  schedule s1" in text.out
    command = f"apply --only clock -f {account.folder / 'q.yaml'} {account.local}` renews it"
    assert "".join(command.split()) in "".join(text.out.split())  # a long path is broken
    assert ("warning: exact until" in text.out) == (grade == "warning")
    data = json.loads(account.run("drift", "--format", "json", now=now).out)
    found = [item for item in data["status"] if item["status"] == "renewal_due"]
    assert [item["grade"] for item in found] == [grade] * account.count
    told = [w["severity"] for w in data["warnings"] if w["code"] == "renewal"]
    severity = {"information": ["info"], "warning": ["warning"], "difference": []}[grade]
    assert told == severity * account.count
    page = account.run("drift", "--format", "markdown", now=now)
    assert page.code == code
    assert f"### {account.count} renewal due: to be renewed for the clock" in page.out


def test_a_renewal_that_was_cut_off_is_a_difference_whatever_the_day(
    world: World, live_until: datetime
) -> None:
    """Parts of two sets: nobody can say what they fire together."""
    text = HEAD + schedules()
    world.apply(text)
    world.now = live_until - timedelta(days=40)
    renewal = world.plan(text).changes[0]
    with world.client() as client:
        client.write(renewal.steps[0])
    drift = watch(world, text)
    assert [(s.status, GRADES[s.severity]) for s in drift.resources] == [
        ("renewal_due", "difference")
    ]


def test_what_follows_one_offset_is_a_difference_once_the_clock_has_changed(world: World) -> None:
    text = HEAD + schedules(dst="{strategy: follow}")
    world.apply(text)
    assert not watch(world, text).differences
    world.now = datetime(2027, 3, 14, 8, tzinfo=UTC)
    (standing,) = watch(world, text).resources
    assert (standing.status, GRADES[standing.severity]) == ("renewal_due", "difference")


# ---------------------------------------------------------------- what QStash says of runs


ODD = {
    ("labels_shown", "none"): "unmarked",
    ("schedule_id_kept", False): "missing",
}


@pytest.mark.parametrize(("name", "value"), list(Switches().alternatives()), ids=str)
def test_what_was_just_applied_is_in_sync_however_qstash_behaves(name: str, value: Any) -> None:
    """But for a server that shows no labels, or keeps no ids."""
    if name == "plan" and value == "free":
        return  # too small for this file
    with make_world(Switches().with_(**{name: value})) as world:
        text = HEAD + OTHERS + schedules(2, cron="'0 9 * * 1-5'")
        world.apply(text)
        world.account.forget()
        drift = watch(world, text)
        assert world.account.writes == []
        assert len(world.account.log) == 4 + (name == "flow_list")  # the key, by its name
    pins = "f" if name in ("pin_on_new_key", "idle_pins_vanish") else ""
    for standing in drift.resources:
        expected: str = "missing" if standing.name == pins else "in_sync"
        if standing.kind == "schedule":
            expected = ODD.get((name, value), expected)
        assert standing.status == expected, (standing, name, value)


def test_a_next_firing_that_the_cron_has_not_is_a_warning_with_its_fact() -> None:
    with make_world(Switches(next_time="wrong")) as world:
        text = HEAD + schedules()
        world.apply(text)
        drift = watch(world, text)
        assert statuses(drift) == {"s1": Status.IN_SYNC}
        assert set(facts(drift)) == {("warning", "next_time")}
        assert {one.code for one in drift.attention} == {"next_time"}
        (asks,) = render.attention(drift, minds=True)
        assert asks.startswith("To look at: 3 with an unexpected next firing; ")
        said = drift.resources[0].diagnostics[0].message
        assert "QStash says that billing.s1 fires next at" in said
        assert drift.plan.empty
        both = watch(world, HEAD + schedules(retries="7"))
        assert statuses(both) == {"s1": Status.PENDING}
        for part in world.account.store.all("schedule"):
            world.account.console.pause(part["scheduleId"])
        assert statuses(watch(world, text)) == {"s1": Status.IN_SYNC}


@pytest.mark.parametrize("cron", ["'* * * * *'", "'*/5 * * * *'", "'0 9 * * *'", "'0 9 29 2 *'"])
@pytest.mark.parametrize("strategy", ["split", "native"])
def test_a_right_next_firing_is_right_at_any_second(cron: str, strategy: str) -> None:
    """Just before, in, and just after a firing; while QStash takes up what was written, too."""
    seed = 11
    choose = random.Random(seed)
    for lag in (0, 60):
        with make_world(Switches(activation_lag=lag)) as world:
            text = HEAD + schedules(cron=cron, dst=f"{{strategy: {strategy}}}")
            world.now = datetime(2027, 11, 1, 12, 59, 30, tzinfo=UTC)
            world.apply(text)
            for _ in range(12):
                assert not facts(watch(world, text)), (seed, world.now)
                world.now += timedelta(seconds=choose.choice([1, 29, 59, 3601, 86_399]))


def test_an_answer_may_be_as_old_as_all_tries_of_a_read_take(world: World) -> None:
    """Its next firing may have gone by when the account is judged; a later one is none of ours."""
    text = HEAD + schedules(cron="'0 12 * * *'", timezone="UTC")
    world.now = NOW - timedelta(seconds=30)
    world.apply(text)
    desired = config(text).desired
    with world.client(read_only=True) as client:
        live = proposal.observe(client, desired)
        for seconds, found in ((0, []), (31, []), (120, []), (600, [("warning", "next_time")])):
            read_at = world.now + timedelta(seconds=seconds)
            plan = proposal.propose(client, desired, now=world.now)
            assert facts(judge(desired, live, plan, read_at=read_at)) == found, seconds


def test_parts_of_another_environment_are_not_judged(world: World) -> None:
    world.apply(HEAD + schedules())
    for part in world.account.store.all("schedule"):
        world.account.console.edit("schedule", part["scheduleId"], error="not ours to tell")
    other = HEAD + "environments: {e: {token: '${env.T}'}}\n" + schedules()
    drift = watch(world, other, environment="e")
    assert (statuses(drift), facts(drift)) == ({"s1": "unmarked"}, [])


def test_a_next_firing_beyond_any_calendar_is_no_traceback(world: World) -> None:
    text = HEAD + schedules()
    world.apply(text)
    world.account.switches = Switches(next_time="absent")
    for huge in (10**17, 10**30, -(10**30)):
        world.edit("billing.s1", nextScheduleTime=huge)
        drift = watch(world, text)
        assert statuses(drift) == {"s1": Status.IN_SYNC}


def hours(count: float) -> int:
    """A moment so many hours ago, in Unix milliseconds."""
    return int((NOW - timedelta(hours=count)).timestamp() * 1000) + 41


RUNS: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("never ran", {}, []),
    ("ran this hour", {"lastScheduleTime": hours(0.2)}, []),
    ("one firing ago", {"lastScheduleTime": hours(1)}, []),
    ("two firings ago", {"lastScheduleTime": hours(2.05)}, [("warning", "overdue")]),
    ("a month ago", {"lastScheduleTime": hours(24 * 30)}, [("warning", "overdue")]),
    ("failed", {"lastScheduleTime": hours(0.2), "error": "no"}, [("warning", "failed")]),
    ("failed before it ran", {"error": "no"}, [("warning", "failed")]),
    ("both", {"lastScheduleTime": hours(9), "error": "no"}, [("warning", "overdue"), ("warning", "failed")]),
    ("paused", {"lastScheduleTime": hours(99), "isPaused": True}, [("information", "paused")]),
    ("at no time", {"lastScheduleTime": 10**30}, []),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "stored", "expected"), RUNS, ids=ids(RUNS))
def test_a_dead_schedule_is_a_warning_that_changes_no_exit_code(
    world: World, _id: str, stored: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    text = HEAD + schedules(cron="'50 * * * *'", timezone="UTC")
    world.apply(text)
    world.account.switches = Switches(next_time="absent")
    world.edit("billing.s1", **stored)
    world.account.forget()
    drift = watch(world, text)
    assert facts(drift) == expected
    assert (statuses(drift), drift.differences) == ({"s1": "in_sync"}, 0)
    assert len(world.account.log) == 1  # no request of its own


@pytest.mark.parametrize(
    ("cron", "second"), [("50 * * * *", "11:50"), ("*/5 * * * *", "10:00"), ("* * * * *", "09:52")]
)
@pytest.mark.parametrize(("seconds", "is_late"), [(59, False), (60, True)])
def test_a_run_may_be_noted_a_minute_after_its_firing(
    world: World, cron: str, second: str, seconds: int, *, is_late: bool
) -> None:
    """It ran at 09:50, and two firings have gone by since."""
    text = HEAD + schedules(cron=f"'{cron}'", timezone="UTC")
    world.apply(text)
    world.account.switches = Switches(next_time="absent")
    world.edit("billing.s1", lastScheduleTime=hours(2 + 1 / 6))
    hour, minute = map(int, second.split(":"))
    world.now = NOW.replace(hour=hour, minute=minute, second=0) + timedelta(seconds=seconds)
    assert facts(watch(world, text)) == [("warning", "overdue")] * is_late


def test_runs_are_judged_over_all_parts(world: World) -> None:
    """A part that rests for the season is not overdue, and its old error is no news."""
    text = HEAD + schedules()
    world.apply(text)
    parts = sorted(part["scheduleId"] for part in world.account.store.all("schedule"))
    assert len(parts) == 3
    old = {"lastScheduleTime": hours(24 * 60), "error": "long ago"}
    for part in parts:
        world.edit(part, **old)
    assert facts(watch(world, text))[0] == ("warning", "overdue")
    winter = next(p for p in parts if world.schedule(p)["cron"].startswith("0 14"))
    world.edit(winter, lastScheduleTime=hours(22), error=None)
    assert facts(watch(world, text)) == []
    world.edit(winter, lastScheduleTime=hours(24 * 3))
    assert facts(watch(world, text)) == [("warning", "overdue")]


def test_a_renewed_part_that_lost_its_last_run_is_no_alarm(world: World) -> None:
    """The parts that were not rewritten rest; the one that fires has no last run any more."""
    text = HEAD + schedules()
    world.apply(text)
    for part in world.account.store.all("schedule"):
        if not part["cron"].startswith("0 14 * "):
            world.edit(part["scheduleId"], lastScheduleTime=hours(24 * 20))
    assert facts(watch(world, text)) == []


@pytest.mark.parametrize("queue_too", [False, True], ids=["schedule", "queue"])
def test_paused_by_hand_is_information(account: Account, queue_too: bool) -> None:
    def pause(server: FaultServer, base: str) -> None:
        for part in server.store.all("schedule"):
            if part["scheduleId"].startswith(base):
                server.console.pause(part["scheduleId"])
        if queue_too:
            server.console.edit("queue", "q", paused=True)

    account.edit(pause)
    ran = account.run("drift")
    assert ran.code == 0
    assert ran.out.count("paused by hand; the file leaves it so") == account.count
    assert ("paused in the account; the file leaves it so" in ran.out) == queue_too
    page = account.run("drift", "--format", "markdown").out
    assert f"{account.count + queue_too} in sync, with something to know" in page


def test_a_pause_of_ours_is_not_told_as_made_by_hand(world: World) -> None:
    world.apply(HEAD + schedules(paused="true"))
    assert facts(watch(world, HEAD + schedules(paused="true"))) == []
    left = watch(world, HEAD + schedules())
    assert [fact.message for fact in left.resources[0].diagnostics] == [
        "paused in the account; the file leaves it so"
    ]


def test_partly_paused_is_a_difference_that_names_the_parts(world: World) -> None:
    text = HEAD + schedules()
    world.apply(text)
    world.account.console.pause("billing.s1.2")
    drift = watch(world, text)
    assert facts(drift) == [("difference", "partly_paused")]
    assert "1 of 3 parts is paused: billing.s1.2" in drift.resources[0].diagnostics[0].message
    assert statuses(drift) == {"s1": "drifted"}
    active = watch(world, HEAD + schedules(paused="false"))  # the plan has it already
    assert (statuses(active), facts(active)) == ({"s1": "drifted"}, [])


def test_a_stray_part_is_told_and_the_unmanaged_are_counted(account: Account) -> None:
    """An unmarked id beside ours may be the application's own: no difference, but told."""

    def stray(server: FaultServer, base: str) -> None:
        part = {**(server.store.get("schedule", base) or {}), "labels": []}
        for part_id in (f"{base}.7", "scd_other", "billing.customer-1"):
            other = {**part, "scheduleId": part_id, "destination": "https://other.example.com"}
            server.store.put("schedule", part_id, other)

    account.edit(stray)
    ran = account.run("drift")
    assert ran.code == 0
    assert f"{account.count + 3} in sync, {account.count + 2} unmanaged." in ran.out
    assert ran.out.count("looks like a part of") == account.count
    assert "scd_other" not in ran.out
    assert "\n    schedule scd_other  " in account.run("drift", "-v").out
    failing = account.run("drift", "--fail-on", "unmanaged")
    assert failing.code == 2
    assert "\n    schedule scd_other  " in failing.out
    assert "\n  schedule scd_other  " in account.run("drift", "-v", "--format", "markdown").out


# ---------------------------------------------------------------- secrets


SECRETS = (
    HEAD
    + """schedules:
  s1:
    cron: '0 9 * * *'
    destination: https://hooks.example.com/${env.PATH_SECRET}
    headers: {Authorization: 'Bearer ${env.TOKEN}', X-Redacted: '${env.TOKEN}'}
    body: {key: '${env.BODY_SECRET}'}
    redact: {headers: [X-Redacted]}
    callback: 'https://c.example.com/${env.PATH_SECRET}'
"""
)
ENVIRON = {
    "PATH_SECRET": "p4th-s3cret",
    "TOKEN": "t0ken.abc/def+ghi==",
    "BODY_SECRET": "b0dy s3cret",
}


def test_without_any_variable_a_secret_is_unknown_and_equal_to_anything(tmp_path: Path) -> None:
    made = Account(tmp_path, 1)
    made.write(SECRETS)
    assert made.run("apply", "--yes", environ=ENVIRON).code == 0
    assert made.run("drift").code == 1
    ran = made.run("drift", "--unknown-env")
    assert (ran.code, ran.out.partition(" ")[0]) == (0, "in"), ran
    made.write(SECRETS + "    retries: 7\n")
    ran = made.run("drift", "--unknown-env", "--format", "json")
    assert ran.code == 2
    assert {item["status"] for item in json.loads(ran.out)["status"]} == {"pending"}


def test_an_environments_token_may_be_unknown_too(tmp_path: Path) -> None:
    words = ("-f", str(ROOT / "examples" / "environments"), f"--local={tmp_path / 'a.db'}")
    given = ("-e", "production", "--unknown-env", "--format", "markdown")
    ran = cli("drift", *words, *given)
    assert ran.code == 2, ran
    assert ran.out.startswith("<!-- qstash-sync drift production -->\n")


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_an_error_text_shows_no_secret(tmp_path: Path, known: bool) -> None:
    """Neither those of the file, nor those that only the account has: rotated or removed."""
    made = Account(tmp_path, 1)
    made.write(SECRETS)
    assert made.run("apply", "--yes", environ=ENVIRON).code == 0
    canaries = [
        *ENVIRON.values(),
        *("t0ken.abc", "def+ghi", "b0dy", "s3cret", "r0tated-away", "0ld-address"),
    ]
    seed = 5
    choose = random.Random(seed)
    for _ in range(20):
        words = [
            choose.choice(
                ["token {}", "({}) refused", '"{}"', "key={}&", "got {}.", "{}: no", "{}\n"]
            ).format(choose.choice(canaries))
            for _ in range(4)
        ]
        error = " ".join([*words, "https://x.example.com/0ld-address?t=1", "end"])
        with FaultServer(tmp_path / "account.db") as server:
            stored = server.store.get("schedule", "billing.s1") or {}
            header = {**stored["header"], "X-Old": ["r0tated-away 0ld-address"]}
            server.console.edit("schedule", "billing.s1", error=error, header=header)
        for form in ("text", "markdown", "json"):
            environ = ENVIRON if known else {}
            ran = made.run("drift", "--unknown-env", "--format", form, environ=environ)
            assert ran.code == 2
            assert "the last run of billing.s1 failed" in " ".join(ran.out.split())
            for canary in canaries:
                assert canary not in ran.text, (seed, canary, error, ran.text)


def test_a_known_word_of_an_error_stays_readable(world: World) -> None:
    text = HEAD + schedules(headers="{X-Kind: plainly-declared}")
    world.apply(text)
    world.edit("billing.s1", error="endpoint said plainly-declared is unknown")
    (fact,) = watch(world, text).resources[0].diagnostics
    assert fact.message.endswith("failed: endpoint said plainly-declared is unknown")


# ---------------------------------------------------------------- it cannot write


FLAGS: tuple[tuple[tuple[str, ...], ...], ...] = (
    ((), ("--unknown-env",)),
    ((), ("-v",)),
    ((), ("--format", "markdown"), ("--format", "json")),
    (("--parallelism", "1"), ("--now", "2027-03-20T12:00Z")),
    ((), ("--output", "json={}/drift.json", "--output", "markdown={}/drift.md")),
    ((), ("--var", "x=1", "--color", "always")),
)


@pytest.fixture(scope="module")
def drifted() -> Iterator[World]:
    """An account that differs in every way, so that a write would have something to do."""
    with make_world() as world:
        world.apply(HEAD + OTHERS + schedules(3))
        world.account.console.edit("schedule", "billing.s1", method="PUT")
        world.account.console.delete("schedule", "billing.s2")
        world.account.console.delete("queue", "q")
        left_over_queue = {"name": "old-q", "parallelism": 1, "paused": False, "lag": 0}
        world.account.store.put(
            "queue", "old-q", {**left_over_queue, "createdAt": 1, "updatedAt": 1}
        )
        yield world


def test_drift_never_writes_under_any_flags(drifted: World, tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text(f"{HEAD}vars: {{x: 0}}\n{OTHERS}{schedules(2, retries='7')}")
    before = drifted.account.console.snapshot()
    runs = 0
    with Served(drifted.account) as served:
        environ = {"QSTASH_URL": served.url, "QSTASH_TOKEN": LOCAL_TOKEN}
        for chosen in itertools.product(*FLAGS):
            words = [word.replace("{}", str(tmp_path)) for flags in chosen for word in flags]
            drifted.account.forget()
            ran = cli("drift", "-f", str(tmp_path / "q.yaml"), *words, environ=environ)
            assert ran.code == 2, ran
            assert drifted.account.requests == {"GET": 4}, drifted.account.log
            runs += 1
    assert runs == 96
    assert drifted.account.console.snapshot() == before


def test_drift_takes_no_flag_that_consents_to_a_change() -> None:
    for flag in ("--yes", "--adopt=x", "--allow-deletes=1", "--drop-backlog=x", "--only=clock"):
        assert cli("drift", flag).code == 64


@pytest.mark.parametrize("status", [401, 403])
def test_a_read_only_token_is_enough(tmp_path: Path, status: int) -> None:
    with make_world(Switches().with_(read_only_write=status)) as world:
        text = HEAD + OTHERS + schedules(2)
        world.apply(text)
        (tmp_path / "q.yaml").write_text(text)
        with Served(world.account) as served:
            environ = {"QSTASH_URL": served.url, "QSTASH_TOKEN": LOCAL_READ_ONLY_TOKEN}
            words = ("-f", str(tmp_path / "q.yaml"), "--now", AT)
            ran = cli("drift", *words, environ=environ)
            assert (ran.code, ran.out.splitlines()[-1]) == (0, "requests: 4 read, 0 write")
            refused = cli("drift", *words, environ={**environ, "QSTASH_TOKEN": "nonsense"})
            assert refused.code == 1


# ---------------------------------------------------------------- the page


def test_the_text_keeps_to_80_columns_whatever_the_values(world: World) -> None:
    body = f"{{{'k' * 90}: {'v' * 90}, b: [{', '.join('1234567890')}]}}"
    world.apply(HEAD + OTHERS + schedules(body=body))
    world.edit("billing.s1", method="DELETE", error="e" * 500)
    queue = {"parallelism": 1, "paused": False, "lag": 3}
    for name in (f"old-{'q' * 200}", "u" * 200):
        world.account.store.put("queue", name, {**queue, "name": name})
    drift = watch(world, HEAD + OTHERS + schedules(body="x"))
    for page in (
        render.text(drift, (4, 0), Paint(color=False), verbose=True),
        re.sub(r"\x1b\[[\d;]*m", "", render.text(drift, (4, 0), Paint(color=True), verbose=True)),
    ):
        assert all(len(row) <= 80 for row in page.splitlines() if "`qstash-sync " not in row)
        assert page.count("q") >= 200
    assert "\x1b[31;1mboth       \x1b[0m" in render.text(drift, (4, 0), Paint(color=True))


def test_every_status_and_grade_is_met_in_these_tests() -> None:
    met = {case[0] for case in CASES} | {s for _, _, found in KINDS for s in found.values()}
    assert met | {"renewal_due"} == set(Status)
    assert set(GRADES.values()) == {"information", "warning", "difference"}


HELD = (
    "version: 1\nnamespace: billing\n{declared}schedules:\n"
    "  a: {{cron: '0 9 * * *', timezone: UTC, destination: https://a.example.com/o, queue: mail,"
    " flow_control: {{key: openai, parallelism: 2}}}}\n"
)


@pytest.mark.parametrize(
    ("kind", "key", "said"),
    [("queue", "mail", "queue mail"), ("flow", "openai", "flow-control key openai")],
)
@pytest.mark.parametrize("declared", ["queues: {mail: {}}\n", "queues: {mail: {paused: true}}\n"])
def test_a_schedule_says_that_its_messages_wait_behind_a_pause(
    world: World, kind: str, key: str, said: str, declared: str
) -> None:
    """In sync, and nothing of it comes: whoever paused its queue or key, it is to be looked at."""
    text = HELD.format(declared=declared)
    world.apply(text)
    store = world.account.store
    stored = store.get(kind, key) or {"name": key, "flowControlKey": key}
    waits = {"paused": True, "lag": 7, "isPaused": True, "waitListSize": 7}
    store.put(kind, key, {**stored, **waits})
    drift = watch(world, text)
    (schedule,) = (one for one in drift.resources if one.name == "a")
    assert schedule.status is Status.IN_SYNC
    message = f"its messages wait: {said} is paused (7 messages now)"
    assert message in [one.message for one in drift.attention if one.code == "held"]
    world.edit("billing.a", isPaused=True)  # what does not fire sends nothing that could wait
    assert "held" not in [one.code for one in watch(world, text).attention]
