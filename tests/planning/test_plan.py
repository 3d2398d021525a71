"""Plan and apply for all kinds: what is found, why, and that the second look finds nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qstash_sync.applying import proposal
from qstash_sync.applying.outcomes import Status
from qstash_sync.crons.bitmaps import Span, instants
from qstash_sync.crons.firings import wanted
from qstash_sync.local import Switches
from qstash_sync.model.change import Action, Reason
from qstash_sync.render import json as document, text as render, words
from tests.fault_server import Fault
from tests.support import HEAD, NOW, World, config, ids, world as make_world

URL = "https://app.example.com/x"
GROUPS = "url_groups: {g: {endpoints: {a: 'https://a.example.com', b: 'https://b.example.com'}}}\n"
QUEUES = "queues: {q: {parallelism: 2}, q2: {}}\n"
FLOWS = "flow_controls: {f: {parallelism: 5, rate: 10, period: 1m}, f2: {parallelism: 1}}\n"
BASE = {
    "cron": '"0 9 * * 1-5"', "destination": URL, "method": "PUT", "headers": "{X-A: '1', X-B: '2'}",
    "body": "{type: daily, deep: {n: 1}}", "retries": "5", "retry_delay": '"1000 * (1 + retried)"',
    "timeout": "30s", "delay": "10s", "queue": "q", "labels": "[l1, l2]",
    "callback": "{url: 'https://c.example.com', method: PUT, headers: {X-C: '1'}, retries: 2, timeout: 5s, retry_delay: '1'}",
    "failure_callback": "{url: 'https://d.example.com', method: PUT, headers: {X-D: '1'}, retries: 2, timeout: 5s, retry_delay: '1'}",
    "flow_control": "{key: f, parallelism: 5, rate: 10, period: 1m}",
    "redact": "{headers: [X-B]}", "paused": "false", "protect": "false", "identify": "false",
    "timezone": "Africa/Lagos",  # an hour ahead all year: one part
}  # fmt: skip


def file(**changes: str) -> str:
    """A file with all kinds and one schedule that sets everything."""
    settings = {**BASE, **changes}
    lines = "".join(f"    {key}: {value}\n" for key, value in settings.items() if value)
    return HEAD + GROUPS + QUEUES + FLOWS + "schedules:\n  s:\n" + lines


CALLBACK = BASE["callback"]
FAILURE = BASE["failure_callback"]
SETTINGS: list[tuple[str, dict[str, str], str]] = [
    ("cron", {"cron": '"0 10 * * 1-5"'}, "cron"),
    ("timezone", {"timezone": "America/New_York"}, "timezone"),
    ("destination", {"destination": URL + "?q=1"}, "destination"),
    ("url group", {"destination": "", "url_group": "g"}, "destination"),
    ("method", {"method": "DELETE"}, "method"),
    ("header changed", {"headers": "{X-A: '9', X-B: '2'}"}, "headers.X-A"),
    ("header added", {"headers": "{X-A: '1', X-B: '2', X-N: '3'}"}, "headers.X-N"),
    ("header removed", {"headers": "{X-B: '2'}"}, "headers.X-A"),
    ("redacted header changed", {"headers": "{X-A: '1', X-B: '9'}"}, "write_only"),
    ("content type", {"content_type": "application/vnd.x+json"}, "headers.Content-Type"),
    ("body field", {"body": "{type: weekly, deep: {n: 1}}"}, "body.type"),
    ("body deep field", {"body": "{type: daily, deep: {n: 2}}"}, "body.deep.n"),
    ("body text", {"body": "plain"}, "body"),
    ("body bytes", {"body": "", "body_base64": "/wA="}, "body_base64"),
    ("no body", {"body": ""}, "body"),
    ("retries", {"retries": "6"}, "retries"),
    ("retries zero", {"retries": "0"}, "retries"),
    ("retry delay", {"retry_delay": '"2000"'}, "retry_delay"),
    ("no retry delay", {"retry_delay": ""}, "retry_delay"),
    ("timeout", {"timeout": "31s"}, "timeout"),
    ("no timeout", {"timeout": ""}, "timeout"),
    ("delay", {"delay": "1m"}, "delay"),
    ("no delay", {"delay": ""}, "delay"),
    ("queue", {"queue": "q2"}, "queue"),
    ("no queue", {"queue": ""}, "queue"),
    ("labels", {"labels": "[l1, l3]"}, "labels[1]"),
    ("flow key", {"flow_control": "{key: f2, parallelism: 5, rate: 10, period: 1m}"}, "flow_control.key"),
    ("flow parallelism", {"flow_control": "{key: f, parallelism: 6, rate: 10, period: 1m}"}, "flow_control.parallelism"),
    ("flow rate", {"flow_control": "{key: f, parallelism: 5, rate: 11, period: 1m}"}, "flow_control.rate"),
    ("flow period", {"flow_control": "{key: f, parallelism: 5, rate: 10, period: 2m}"}, "flow_control.period"),
    ("no flow control", {"flow_control": ""}, "flow_control.key"),
    ("callback url", {"callback": CALLBACK.replace("c.example", "cc.example")}, "callback"),
    ("callback method", {"callback": CALLBACK.replace("PUT", "GET")}, "callback.method"),
    ("callback header", {"callback": CALLBACK.replace("X-C: '1'", "X-C: '2'")}, "write_only"),
    ("callback retries", {"callback": CALLBACK.replace("retries: 2", "retries: 3")}, "callback.retries"),
    ("callback timeout", {"callback": CALLBACK.replace("5s", "6s")}, "write_only"),
    ("callback retry delay", {"callback": CALLBACK.replace("retry_delay: '1'", "retry_delay: '2'")}, "write_only"),
    ("no callback", {"callback": ""}, "callback"),
    ("failure callback url", {"failure_callback": FAILURE.replace("d.example", "dd.example")}, "failure_callback"),
    ("failure callback method", {"failure_callback": FAILURE.replace("PUT", "GET")}, "failure_callback.method"),
    ("failure callback header", {"failure_callback": FAILURE.replace("X-D: '1'", "X-D: '2'")}, "write_only"),
    ("failure callback retries", {"failure_callback": FAILURE.replace("retries: 2", "retries: 3")}, "failure_callback.retries"),
    ("failure callback timeout", {"failure_callback": FAILURE.replace("5s", "6s")}, "write_only"),
    ("no failure callback", {"failure_callback": ""}, "failure_callback"),
    ("redact body", {"redact": "{headers: [X-B], body: true}"}, "body"),
    ("redact nothing", {"redact": ""}, "headers.X-B"),
    ("paused", {"paused": "true"}, "paused"),
    ("protect", {"protect": "true"}, "protect"),
    ("identify", {"identify": "true"}, "headers.X-Qstash-Sync-Schedule"),
    ("strategy", {"dst": "{strategy: native}"}, "dst.strategy"),
    ("strategy follow", {"dst": "{strategy: follow}"}, "dst.strategy"),
    ("gap", {"dst": "{gap: skip}"}, "dst.gap"),
    ("fold", {"dst": "{fold: both}"}, "dst.fold"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "changes", "path"), SETTINGS, ids=ids(SETTINGS))
def test_changing_one_setting_gives_one_update_that_names_it(
    world: World,
    _id: str,
    changes: dict[str, str],
    path: str,
) -> None:
    world.apply(file())
    assert world.plan(file()).empty
    plan = world.plan(file(**changes))
    assert [(c.kind, c.name, c.reason) for c in plan.changes] == [("schedule", "s", "file")]
    assert plan.summary["update"] == 1
    assert path in [f.path for f in plan.changes[0].fields], plan.changes[0].fields
    world.apply(file(**changes))
    assert world.plan(file(**changes)).empty


OTHERS: list[tuple[str, str, str, str]] = [
    ("endpoint url", "b: 'https://b.example.com'", "b: 'https://bb.example.com'", "endpoints.b"),
    ("endpoint name", "b: 'https://b.example.com'", "c: 'https://b.example.com'", "endpoints.c"),
    ("endpoint added", "b: 'https://b.example.com'", "b: 'https://b.example.com', c: 'https://c.example.com'", "endpoints.c"),
    ("endpoint removed", ", b: 'https://b.example.com'", "", "endpoints.b"),
    ("queue parallelism", "q: {parallelism: 2}", "q: {parallelism: 3}", "parallelism"),
    ("queue pause", "q: {parallelism: 2}", "q: {parallelism: 2, paused: true}", "paused"),
    ("flow parallelism", "f: {parallelism: 5,", "f: {parallelism: 6,", "parallelism"),
    ("flow parallelism unpinned", "f: {parallelism: 5, rate", "f: {rate", "parallelism"),
    ("flow rate", "rate: 10, period: 1m}, f2", "rate: 11, period: 1m}, f2", "rate"),
    ("flow rate unpinned", ", rate: 10, period: 1m}, f2", "}, f2", "rate"),
    ("flow period", "rate: 10, period: 1m}, f2", "rate: 10, period: 2m}, f2", "period"),
    ("flow pause", "f2: {parallelism: 1}", "f2: {parallelism: 1, paused: true}", "paused"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "before", "after", "path"), OTHERS, ids=ids(OTHERS))
@pytest.mark.parametrize("match", ["name", "url"])
def test_changing_one_setting_of_another_kind_gives_one_update(
    _id: str,
    before: str,
    after: str,
    path: str,
    match: str,
) -> None:
    with make_world(Switches().with_(endpoint_match=match)) as world:
        world.apply(file())
        changed = file().replace(before, after)
        assert changed != file()
        plan = world.plan(changed)
        assert len(plan.changes) == 1
        assert plan.summary["update"] == 1
        assert path in [f.path for f in plan.changes[0].fields]
        world.apply(changed)
        assert world.plan(changed).empty


def test_the_second_apply_writes_nothing_and_reads_at_most_four_times(world: World) -> None:
    world.apply(file())
    world.account.log.clear()
    assert world.apply(file()) == ()
    assert world.account.writes == []
    assert len(world.account.log) <= 4


@pytest.mark.parametrize("more", ["", ", redact: {body: true}"])
@pytest.mark.parametrize("body", ['""', "'${env.BRACES}'", "{}", "'{}'", "[]"])
def test_a_body_that_is_as_good_as_none_comes_to_rest(world: World, body: str, more: str) -> None:
    """An empty body reads back as none, in which nothing differs; an empty mapping as itself."""
    world.environ = {"BRACES": "{}"}
    text = HEAD + f"schedules: {{s: {{cron: 0 9 * * *, destination: {URL}, body: {body}{more}}}}}\n"
    assert [outcome.status for outcome in world.apply(text)] == [Status.DONE]
    assert not world.plan(text).changes


def test_a_section_that_is_absent_is_not_managed_and_an_empty_one_means_none_of_ours(
    world: World,
) -> None:
    world.apply(file())
    assert world.plan(HEAD + "queues: {q: {parallelism: 2}}\n").empty
    plan = world.plan(HEAD + "schedules: {}\n")
    assert [(c.action, c.id) for c in plan.changes] == [("delete", "billing.s")]
    world.apply(HEAD + "schedules: {}\n")
    assert world.account.store.count("schedule") == 0


def test_only_what_owns_matches_is_deleted_of_the_kinds_without_a_mark(world: World) -> None:
    world.apply(file())
    bare = HEAD + "schedules: {}\nqueues: {}\nurl_groups: {}\nflow_controls: {}\n"
    world.apply(bare)
    assert world.account.store.count("queue") == 2
    owned = bare + "owns: {queues: ['q*'], url_groups: [g], flow_controls: ['f']}\n"
    world.apply(owned)
    assert world.account.store.count("queue") == 0
    assert world.account.store.count("topic") == 0
    pinned = {
        f["flowControlKey"]: f["isPinnedParallelism"] for f in world.account.store.all("flow")
    }
    assert pinned == {"f": False, "f2": True}
    assert world.plan(owned).empty


def test_nothing_unmarked_is_ever_changed_or_deleted(world: World) -> None:
    world.apply(file())
    foreign = {**world.schedule("billing.s"), "labels": ["mine"]}
    for name in ("billing.other", "billing2.s", "billing-s", "BILLING.s", "scd_1"):
        world.account.store.put("schedule", name, {**foreign, "scheduleId": name})
    before = world.account.store.all("schedule")[1:]
    plan = world.plan(HEAD + "schedules: {}\n")
    assert [c.id for c in plan.changes] == ["billing.s"]
    assert plan.summary["unmanaged"] == 5
    world.apply(HEAD + "schedules: {}\n")
    assert world.account.store.all("schedule") == before


@pytest.mark.parametrize("there", [False, True], ids=["on create", "on update"])
def test_an_unmarked_schedule_under_the_id_of_a_further_part_is_not_overwritten(
    world: World, there: bool
) -> None:
    """`billing.s.2` may be the application's own."""
    if there:
        world.apply(file())
    foreign = {"scheduleId": "billing.s.2", "labels": ["theirs"]}
    world.apply(HEAD + f"schedules: {{x: {{cron: '0 9 * * *', destination: {URL}}}}}\n")
    foreign = {**world.schedule("billing.x"), **foreign}
    world.account.store.put("schedule", "billing.s.2", foreign)
    text = file(timezone="America/New_York")
    refused = [c.refused for c in world.plan(text).changes if c.name == "s"]
    assert refused[0] is not None
    assert "billing.s.2 has no mark of ours" in refused[0]
    world.apply(text)
    assert world.schedule("billing.s.2") == foreign


def test_a_copy_of_ours_under_a_foreign_id_is_never_deleted(world: World) -> None:
    """Ours is an id in the namespace and our mark: labels alone can be copied in the console."""
    world.apply(file())
    copy = {**world.schedule("billing.s"), "scheduleId": "scd_copy"}
    world.account.store.put("schedule", "scd_copy", copy)
    world.apply(HEAD + "schedules: {}\n")
    assert world.account.store.all("schedule") == [copy]


def test_an_unmarked_schedule_under_our_name_is_refused_and_the_rest_goes_on(world: World) -> None:
    world.apply(file())
    world.edit("billing.s", labels=["mine"])
    stored = world.schedule("billing.s")
    text = file(retries="7").replace("q2: {}", "q2: {}, q3: {}")
    outcomes = world.apply(text)
    assert [(o.change.name, o.status) for o in outcomes] == [
        ("q3", Status.DONE),
        ("s", Status.REFUSED),
    ]
    assert "has no mark of ours" in outcomes[1].message
    assert world.schedule("billing.s") == stored
    outcomes = world.apply(text, adopt=("s",))
    assert [(o.change.reason, o.status) for o in outcomes] == [(Reason.ADOPT, Status.DONE)]
    assert world.plan(text).empty


def test_another_environments_schedule_is_refused(world: World) -> None:
    world.apply(file())
    other = file(retries="7").replace(
        "schedules:", "environments: {e: {token: '${env.T}'}}\nschedules:"
    )
    with world.client() as client:
        desired = config(other, environment="e").desired
        plan = proposal.propose(client, desired, now=world.now)
    assert plan.changes[-1].refused is not None
    assert "another environment" in plan.changes[-1].refused


def test_an_id_in_the_file_adopts_a_foreign_schedule(world: World) -> None:
    world.apply(file())
    world.account.store.put(
        "schedule", "scd_9", {**world.schedule("billing.s"), "scheduleId": "scd_9", "labels": []}
    )
    text = file() + f"  t: {{cron: '0 9 * * *', destination: {URL}, id: scd_9}}\n"
    world.apply(text)
    assert world.schedule("scd_9")["destination"] == URL
    assert world.schedule("scd_9")["labels"][1] == "billing.t"
    assert world.plan(text).empty


def test_a_pause_made_in_the_console_survives_an_apply(world: World) -> None:
    """`paused` absent from the file means: leave it as it is."""
    text = file(paused="")
    for switches in (Switches(), Switches(overwrite_keeps_pause=False)):
        world.account.switches = switches
        world.apply(text)
        world.edit("billing.s", isPaused=True)
        assert world.plan(text).empty
        world.apply(file(paused="", body="{type: weekly}"))
        assert world.schedule("billing.s")["isPaused"] is True


def test_who_moved_is_told(world: World) -> None:
    world.apply(file())
    world.edit("billing.s", retries=9)
    assert world.plan(file()).changes[0].reason is Reason.DRIFT
    assert world.plan(file(timeout="40s")).changes[0].reason is Reason.BOTH
    world.apply(file())
    assert world.plan(file(timeout="40s")).changes[0].reason is Reason.FILE


def test_a_cron_edited_by_hand_is_found_by_its_firings(world: World) -> None:
    world.apply(file())
    world.edit("billing.s", cron="0 8 * * MON-FRI")
    plan = world.plan(file())
    assert plan.empty or plan.changes[0].fields[0].path != "cron"
    world.edit("billing.s", cron="0 6 * * 1-5")
    change = world.plan(file()).changes[0]
    assert (change.reason, change.fields[0].path) == (Reason.DRIFT, "cron")
    assert words.notes(change) == [
        "261 firings a year move 2h later, first Tue 2026-11-24 07:00 Lagos",
        "first before  Tue 2026-11-24 07:00 Lagos (Tue 06:00Z)",
        "first after   Tue 2026-11-24 09:00 Lagos (Tue 08:00Z)",
    ]


def test_parts_missing_or_surplus_are_told_at_once(world: World) -> None:
    text = file(timezone="America/New_York")
    world.apply(text)
    parts = [s["scheduleId"] for s in world.account.store.all("schedule")]
    assert parts == ["billing.s", "billing.s.2", "billing.s.3"]
    world.account.store.delete("schedule", "billing.s.2")
    change = world.plan(text).changes[0]
    assert (change.action, change.reason) == (Action.UPDATE, Reason.DRIFT)
    world.apply(text)
    assert world.plan(text).empty
    assert world.account.store.count("schedule") == 3
    world.apply(file())  # Lagos needs one part: the others go, the id stays
    assert [s["scheduleId"] for s in world.account.store.all("schedule")] == ["billing.s"]


def test_a_renewal_comes_before_the_end_with_reason_clock(world: World) -> None:
    text = file(timezone="America/New_York")
    world.apply(text)
    days = 0
    while world.plan(text).empty:
        world.now += timedelta(days=1)
        days += 1
        assert days < 366
    change = world.plan(text).changes[0]
    assert change.reason is Reason.CLOCK
    assert [f.path for f in change.fields] == ["cron"]
    world.apply(text)
    assert world.plan(text).empty


def test_a_rename_keeps_the_pause_and_leaves_no_old_part(world: World) -> None:
    world.apply(file(paused=""))
    world.edit("billing.s", isPaused=True)
    text = file(paused="", was="s").replace("\n  s:\n", "\n  new-name:\n")
    plan = world.plan(text)
    assert [(c.action, c.reason) for c in plan.changes] == [(Action.UPDATE, Reason.RENAME)]
    world.apply(text)
    assert [s["scheduleId"] for s in world.account.store.all("schedule")] == ["billing.new-name"]
    assert world.schedule("billing.new-name")["isPaused"] is True
    assert world.plan(text).empty


def test_a_protected_schedule_is_deleted_only_after_protect_false(world: World) -> None:
    world.apply(file(protect="true"))
    plan = world.plan(HEAD + "schedules: {}\n")
    assert [f.code for f in plan.errors] == ["guard"]
    world.apply(file(protect="false"))
    assert not world.plan(HEAD + "schedules: {}\n").errors


def test_a_queue_that_protect_names_is_not_deleted(world: World) -> None:
    world.apply(file())
    text = HEAD + "owns: {queues: [q2]}\nprotect: {queues: ['q*']}\nqueues: {}\n"
    plan = world.plan(text)
    assert [f.code for f in plan.errors] == ["guard"]
    assert "protect section names it" in plan.errors[0].message


DELETES = [
    ("within the number", "max_deletes: 3", 3, False),
    ("above the number", "max_deletes: 2", 3, True),
    ("above none", "max_deletes: 0", 1, True),
    ("within the percentage", "max_delete_percent: 40", 4, False),
    ("above the percentage", "max_delete_percent: 39", 4, True),
    ("two are no share of anything", "max_delete_percent: 0", 2, False),
    ("not given, within", "", 3, False),
    ("not given, above the percentage", "", 4, True),
    ("not given, above the number", "", 11, True),
    ("not given, all", "", 40, True),
    ("the percentage lifted", "max_delete_percent: none", 10, False),
    ("the number lifted", "max_deletes: none, max_delete_percent: 30", 12, False),
    ("all of them, the number lifted", "max_deletes: none", 40, True),
    ("both lifted", "max_deletes: none, max_delete_percent: none", 40, False),
]


@pytest.mark.parametrize(("_id", "limit", "count", "refused"), DELETES, ids=ids(DELETES))
def test_limits_bound_what_one_apply_deletes(
    world: World, _id: str, limit: str, count: int, refused: bool
) -> None:
    def text(names: range) -> str:
        head = HEAD + f"limits: {{plan: payg{limit and ', '}{limit}}}\n"
        if not names:
            return head + "schedules: {}\n"
        each = (f"  s{n}: {{cron: '0 9 * * *', destination: {URL}}}\n" for n in names)
        return head + "schedules:\n" + "".join(each)

    total = 10 if count < 10 else 40
    world.apply(text(range(total)))
    plan = world.plan(text(range(count, total)))
    assert {f.code for f in plan.errors} == ({"guard"} if refused else set())


@pytest.mark.parametrize("kept", [0, 1])
def test_a_namespace_of_another_file_is_told_from_a_change_of_this_one(
    world: World, kept: int
) -> None:
    """None of the declared is live, but others of ours are: one delete is enough to refuse it."""
    world.apply(file())
    other = f"  other: {{cron: '0 9 * * *', destination: {URL}}}\n"
    plan = world.plan((file() if kept else HEAD + "schedules:\n") + other)
    assert [f.code for f in plan.errors] == ["guard"] * (1 - kept)
    if not kept:
        assert "none of the declared schedules is live" in plan.errors[0].message


GUARDS: list[tuple[str, dict[str, Any]]] = [
    ("a queue with a backlog", {"lag": 3}),
    ("a queue that a schedule uses", {}),
]


@pytest.mark.parametrize(("_id", "changes"), GUARDS, ids=ids(GUARDS))
def test_a_queue_in_use_is_not_deleted(world: World, _id: str, changes: dict[str, Any]) -> None:
    world.apply(file())
    name = "q2" if changes else "q"
    stored = world.account.store.get("queue", name) or {}
    world.account.store.put("queue", name, {**stored, **changes})
    text = HEAD + f"owns: {{queues: [{name}]}}\nqueues: {{}}\n"
    plan = world.plan(text)
    assert [f.code for f in plan.errors] == ["guard"]


def test_limits_of_the_plan_are_found_before_the_first_write(world: World) -> None:
    text = HEAD + "limits: {plan: free}\nschedules:\n"
    text += "".join(f"  s{n}: {{cron: '0 9 * * *', destination: {URL}}}\n" for n in range(11))
    plan = world.plan(text)
    assert [f.code for f in plan.errors] == ["limit"]
    warned = world.plan(text.replace("limits: {plan: free}\n", ""))
    assert not warned.errors
    assert "more than the free plan's 10" in warned.warnings[0].message


def test_a_failure_blocks_what_depends_on_it_and_all_deletes(world: World) -> None:
    world.apply(HEAD + f"schedules: {{old: {{cron: '0 9 * * *', destination: {URL}}}}}\n")
    world.account.inject(
        Fault(kind="500", times=99, matches=lambda m, p: p == "/v2/queues" and m == "POST")
    )
    with world.client() as client:
        desired = config(file().replace("queue: q\n", "queue: q\n")).desired
        plan = proposal.propose(client, desired, now=world.now)
        outcomes = {
            (o.change.action, o.change.name): o
            for o in world.carry_out(client, desired, plan).outcomes
        }
    assert outcomes[Action.CREATE, "q"].status is Status.FAILED
    assert outcomes[Action.CREATE, "s"].status is Status.BLOCKED
    assert outcomes[Action.CREATE, "g"].status is Status.DONE
    assert outcomes[Action.DELETE, "old"].status is Status.BLOCKED


SWITCHES = list(Switches().alternatives())


@pytest.mark.parametrize(("name", "value"), SWITCHES, ids=[f"{n}={v}" for n, v in SWITCHES])
def test_apply_leaves_an_empty_plan_under_every_switch(name: str, value: Any) -> None:
    with make_world(replace(Switches(), **{name: value})) as world:
        text = file(paused="true")
        if (name, value) == ("pin_on_new_key", 404):
            with world.client() as client:
                desired = config(text).desired
                plan = proposal.propose(client, desired, now=world.now)
                outcomes = world.carry_out(client, desired, plan).outcomes
            assert {o.change.name for o in outcomes if o.status is Status.FAILED} == {"f", "f2"}
            return
        world.apply(text)
        if value == "none" or name in ("schedule_id_kept", "idle_pins_vanish"):
            return  # named results of their own: nothing can be compared there
        assert world.plan(text).empty
        changed = file(paused="true", retries="7", headers="{X-B: '3'}")
        world.apply(changed)
        assert world.plan(changed).empty


KEYS_WITH_SECRETS = [
    ("unnamed endpoint", "url_groups: {g: {endpoints: ['https://e.example.com/?k=${env.K}']}}\n"),
    ("key of a body", "schedules: {a: {cron: '0 9 * * *', destination: 'https://e.example.com', body: '{\"${env.K}\": {\"x\": 1}}'}}\n"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "text"), KEYS_WITH_SECRETS, ids=ids(KEYS_WITH_SECRETS))
def test_a_secret_is_masked_in_the_path_of_a_field_too(world: World, _id: str, text: str) -> None:
    """Created, and rotated: neither the new nor the old one is shown."""
    seen = []
    for value in ("first-canary", "second-canary"):
        world.environ = {"K": value}
        plan = world.plan(HEAD + text)
        page = render.plan(plan, render.Paint(color=False)) + document.plan(plan, (0, 0))
        assert "canary" not in page
        assert page.count("(secret)") >= 2
        seen.append([field.path for field in plan.changes[0].fields])
        world.apply(HEAD + text)
        assert world.plan(HEAD + text).empty
    assert seen[1], "that it changed is told"


FAR = [
    ("fewer months", "UTC", "0 9 * * *", "0 9 * 1-6,8-12 *"),
    ("in summer only", "America/New_York", "0 9 * * *", "0 9 * 1-6,8-12 *"),
    ("one more firing", "UTC", "0 9 * * 1-5", "0 9 * * 1-5', '0 10 4 7 *"),
]


@pytest.mark.parametrize(("_id", "zone", "before", "after"), FAR, ids=ids(FAR))
def test_a_change_of_times_that_are_far_away_is_written_now(
    world: World, _id: str, zone: str, before: str, after: str
) -> None:
    """That live parts are exact for weeks spares a renewal, not what the file asks for."""
    text = (
        HEAD + f"schedules: {{s: {{cron: ['{before}'], timezone: {zone}, destination: {URL}}}}}\n"
    )
    world.apply(text)
    text = text.replace(before, after)
    assert [f.path for f in world.plan(text).changes[0].fields] == ["cron"]
    world.apply(text)
    assert world.plan(text).empty
    july = range(int(NOW.timestamp()) // 86400 + 220, int(NOW.timestamp()) // 86400 + 251)
    fired = {
        minute // 1440 for minute, _ in world.account.firings(july[0] * 86400, july[-1] * 86400)
    }
    declared = config(text).desired.schedules
    assert declared
    span = Span.around(*(datetime.fromtimestamp(day * 86400, UTC) for day in (july[0], july[-1])))
    wanted_days = {
        int(at.timestamp()) // 86400 for at in instants(wanted(declared[0].timing.job, span), span)
    }
    assert fired == wanted_days


@pytest.mark.parametrize("reverse", [False, True])
def test_parts_of_two_definitions_are_no_set_however_exact_they_are_for_now(
    world: World, reverse: bool
) -> None:
    """An apply was cut off: what it had not come to fires in summer as it did."""
    texts = [
        HEAD
        + f"schedules: {{s: {{cron: '{minute} 9 * * *', timezone: America/New_York, destination: {URL}}}}}\n"
        for minute in (0, 30)
    ]
    world.apply(texts[0])
    old = {part["scheduleId"]: part for part in world.account.store.all("schedule")}
    world.apply(texts[1])
    whole = sorted(part["cron"] for part in world.account.store.all("schedule"))
    left = sorted(old, reverse=reverse)[:2]
    for part in left:
        world.account.store.put("schedule", part, old[part])
    change = world.plan(texts[1]).changes[0]
    assert change.reason is Reason.FILE
    assert "an apply was cut off" in change.fields[0].note
    world.apply(texts[1])
    assert sorted(part["cron"] for part in world.account.store.all("schedule")) == whole


def test_more_parts_than_max_parts_are_refused_when_asked_for_and_told_when_renewed(
    world: World,
) -> None:
    """A renewal must go on: nobody reads a weekly job, and a schedule that ends is worse."""
    most = file(timezone="America/New_York", dst="{max_parts: 1}")
    assert [f.code for f in world.plan(most).errors] == ["max_parts"]
    enough = file(timezone="America/New_York", dst="{max_parts: 4}")
    world.apply(enough)
    while world.plan(enough).empty:
        world.now += timedelta(days=1)
    plan = world.plan(most)
    assert [c.reason for c in plan.changes] == [Reason.CLOCK]
    assert not plan.errors
    assert "max_parts" in [f.code for f in plan.warnings]
    world.apply(most)
    assert world.plan(most).empty
    edited = file(timezone="America/New_York", dst="{max_parts: 1}", retries="7")
    assert [f.code for f in world.plan(edited).errors] == ["max_parts"]


def test_an_edited_cron_beside_an_auto_that_is_native_in_utc_is_a_change(world: World) -> None:
    """`CRON_TZ=UTC …` is plain for QStash, and no cron for the proof's second reader."""
    crons = "['7 */6 * * *', '*/15 * * * *']"
    more = "dst: {strategy: auto}, destination: 'https://e.example.com'"
    text = f"{HEAD}schedules: {{a: {{cron: {crons}, {more}}}}}\n"
    world.apply(text)
    world.edit("billing.a", cron="0 6 * * *")
    (change,) = world.plan(text).changes
    assert change.reason is Reason.DRIFT
