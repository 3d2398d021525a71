"""`ignore`: a field that somebody else owns is neither compared nor written, once it is there."""

import base64
import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings, strategies as st

from qstash_sync.applying import outcomes, proposal, watching
from qstash_sync.applying.outcomes import Status
from qstash_sync.config.missing import Missing
from qstash_sync.errors import UsageError
from qstash_sync.local import LocalQStash, Switches
from qstash_sync.model import ignorable
from qstash_sync.model.change import Reason
from qstash_sync.model.diagnostics import Severity
from qstash_sync.model.resources import Desired, Kind
from qstash_sync.model.settings_table import CALLBACKS, MESSAGE
from qstash_sync.model.steps import PutSchedule
from qstash_sync.planning.drift import Drift
from qstash_sync.reconcile import ignored, mark as marks
from tests.planning.test_property import Draw, apply, dump, files
from tests.support import HEAD, World, cli, config, world as make_world

THEIRS = "https://theirs.example.com/y?key=sk_theirs_4711"
SECRET = "sk_theirs_4711"
# Somebody's hand, by the field that it touches: what the account holds afterwards.
EDITS: dict[str, list[dict[str, Any]]] = {
    "paused": [{"isPaused": True}],
    "method": [{"method": "PUT"}],
    "retries": [{"retries": 9}, {"retries": 0}],
    "retry_delay": [{"retryDelayExpression": "5000"}, {"retryDelayExpression": ""}],
    "timeout": [{"timeout": 77}, {"timeout": 0}],
    "delay": [{"delay": 99}, {"delay": 0}],
    "queue": [{"queueName": "theirs"}, {"queueName": ""}],
    "cron": [{"cron": "7 3 * * *"}],
    "destination": [{"destination": THEIRS}],
    "headers": [{"header": {"X-Theirs": [SECRET]}}, {"header": {}}],
    "headers.X-A": [{"header": {"X-A": [SECRET], "Content-Type": ["application/json"]}}],
    "body": [
        {"bodyBase64": "c2tfdGhlaXJzXzQ3MTE="}, {"bodyBase64": "/wA="}, {"bodyBase64": ""},
        {"bodyBase64": "", "body": '{"token": "sk_theirs_4711"}'},
    ],
    "callback": [{"callback": THEIRS}, {"callback": ""}],
    "failure_callback": [{"failureCallback": THEIRS}],
    "flow_control": [
        {"flowControlKey": "theirs", "parallelism": 7, "rate": 0},
        {"flowControlKey": "k", "parallelism": 4, "rate": 0, "period": 60},
        {"flowControlKey": "k", "parallelism": 0, "rate": 0, "period": 60},
        {"flowControlKey": "", "parallelism": 0, "rate": 0, "period": 0},
    ],
    "labels": [{"labels": ["theirs", "l1"]}, {"labels": []}],
}  # fmt: skip
CASES = [(field, edit) for field, edits in EDITS.items() for edit in edits]
ENTRY: dict[str, Any] = {
    "cron": "0 9 * * *", "timezone": "America/New_York",
    "destination": "https://e.example.com/x", "body": {"a": 1}, "headers": {"X-A": "1"},
    "timeout": "30s", "delay": "10s", "retry_delay": "1000", "queue": "q",
    "callback": "https://c.example.com/x",
    "failure_callback": {"url": "https://c.example.com/y", "retries": 1},
    "flow_control": {"key": "k", "parallelism": 3}, "labels": ["l1"],
}  # fmt: skip
PLAIN = "{cron: 0 9 * * *, destination: 'https://e.example.com/x'%s}"


def text(ignore: list[str] | None = None, **changes: Any) -> str:
    """A file of one schedule that has every setting; None leaves one out."""
    entry = {**ENTRY, **changes} | ({"ignore": ignore} if ignore else {})
    entry = {key: value for key, value in entry.items() if value is not None}
    return f"{HEAD}queues: {{q: {{}}}}\n" + dump({"schedules": {"a": entry}})


def edit(world: World, **changes: Any) -> None:
    """The same edit of every part; labels of ours stay."""
    for stored in world.account.store.all("schedule"):
        new = {**stored, **changes}
        if "labels" in changes:
            new["labels"] = stored["labels"][:3] + changes["labels"]
        world.account.store.put("schedule", stored["scheduleId"], new)


def look(world: World, text: str, desired: Desired | None = None) -> Drift:
    with world.client(read_only=True) as client:
        desired = desired or config(text, world.environ).desired
        return watching.watch(client, desired, now=world.now)


def statuses(found: Drift) -> dict[str, str]:
    return {one.name: one.status for one in found.resources if one.kind is Kind.SCHEDULE}


def stored(world: World, keys: Any) -> list[dict[str, Any]]:
    """What all parts hold of some keys; of labels, the user's."""
    return [
        {key: s[key][3:] if key == "labels" else s.get(key) or None for key in keys}
        for s in map(with_body_in_base64, world.account.store.all("schedule"))
    ]


def with_body_in_base64(stored: dict[str, Any]) -> dict[str, Any]:
    """An answer may have it in either way."""
    found = dict(stored)
    if body := found.pop("body", None):
        found["bodyBase64"] = base64.b64encode(body.encode()).decode()
    return found


def done(found: Any) -> bool:
    return all(outcome.status is Status.DONE for outcome in found)


# ---------------------------------------------------------------- which fields


def test_every_setting_of_the_table_that_reads_back_can_be_ignored() -> None:
    readable = {row.key for row in MESSAGE if row.json is not None}
    assert readable <= set(ignorable.KNOWN[Kind.SCHEDULE])
    assert set(EDITS) - {"headers.X-A"} == set(ignorable.KNOWN[Kind.SCHEDULE])


@pytest.mark.parametrize(
    ("kind", "written", "field"),
    [
        (Kind.SCHEDULE, "retries", "retries"),
        (Kind.SCHEDULE, "headers.x-name", "headers.X-Name"),
        (Kind.SCHEDULE, "url_group", "destination"),
        (Kind.SCHEDULE, "body_file", "body"),
        (Kind.SCHEDULE, "content_type", "headers.Content-Type"),
        (Kind.SCHEDULE, "callback.url", "callback"),
        (Kind.URL_GROUP, "endpoints", "endpoints"),
        (Kind.URL_GROUP, "endpoints.in.EU", "endpoints.in.EU"),
        (Kind.QUEUE, "parallelism", "parallelism"),
        (Kind.FLOW_CONTROL, "period", "period"),
    ],
)
def test_a_field_is_called_as_in_the_file(kind: Kind, written: str, field: str) -> None:
    assert ignorable.owned(kind, written) == field


@pytest.mark.parametrize(
    "field",
    ["redact", "redact.body"]
    + [
        f"{callback}.{key}"
        for callback in CALLBACKS
        for key in ("method", "headers", "headers.X-A", "retries", "timeout", "retry_delay")
    ],
)
def test_what_does_not_read_back_is_refused_by_name(field: str) -> None:
    with pytest.raises(ignorable.FieldError) as caught:
        ignorable.owned(Kind.SCHEDULE, field)
    assert caught.value.fact.startswith(f"{field} cannot be left to somebody else: QStash does not")


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (Kind.SCHEDULE, "retrys"), (Kind.SCHEDULE, "timezone"), (Kind.SCHEDULE, "id"),
        (Kind.SCHEDULE, "headers."), (Kind.SCHEDULE, "retries.x"), (Kind.SCHEDULE, ""),
        (Kind.QUEUE, "rate"), (Kind.URL_GROUP, "paused"), (Kind.FLOW_CONTROL, "endpoints"),
    ],
)  # fmt: skip
def test_an_unknown_field_is_told_with_the_known_ones(kind: Kind, field: str) -> None:
    with pytest.raises(ignorable.FieldError) as caught:
        ignorable.owned(kind, field)
    assert caught.value.fact == f"{field} is no field that can be ignored"
    assert caught.value.hint.startswith("known: ")
    assert ignorable.KNOWN[kind][0] in caught.value.hint


@pytest.mark.parametrize(
    ("option", "kind", "glob", "field"),
    [
        ("schedules.daily.retries", Kind.SCHEDULE, "daily", "retries"),
        ("schedule.*.headers.X-Request.Id", Kind.SCHEDULE, "*", "headers.X-Request.id"),
        ("queue.my.queue.parallelism", Kind.QUEUE, "my.queue", "parallelism"),
        ("url_groups.g.endpoints.a.b", Kind.URL_GROUP, "g", "endpoints.a.b"),
        ("flow-control.k@1:2/3.v2.rate", Kind.FLOW_CONTROL, "k@1:2/3.v2", "rate"),
    ],
)
def test_an_option_is_a_kind_a_glob_and_a_field(
    option: str, kind: Kind, glob: str, field: str
) -> None:
    pattern, found, name = ignored.option(option)
    assert (pattern.glob, found, name) == (glob, kind, field)


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ("retries", "write it like schedules.daily.retries; the kinds are url_groups, queues"),
        ("schedules.daily", "write it like schedules.daily.retries"),
        ("*.daily.paused", "write it like schedules.daily.retries"),
        ("schedules.daily.retrys", "retrys is no field that can be ignored; known: paused, method"),
        ("queues.a.b.rate", "rate is no field that can be ignored; known: parallelism, paused"),
        ("schedules.a.redact", "redact cannot be left to somebody else: QStash does not show it"),
    ],
)
def test_an_option_that_is_wrong_says_how_it_would_be_right(option: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)) as caught:
        ignored.option(option)
    assert str(caught.value).startswith(f"{option}: {why}")


def test_an_option_that_names_nothing_is_wrong_usage() -> None:
    desired = config(text()).desired
    with pytest.raises(UsageError) as caught:
        ignored.with_options(desired, ["schedules.zzz.retries"])
    fact = "no schedule of the files has such a name; they have a"
    assert str(caught.value) == f"--ignore schedules.zzz.retries: {fact}"


# ---------------------------------------------------------------- schedules


@pytest.mark.parametrize(("field", "change"), CASES)
def test_a_field_that_is_ignored_never_differs_and_is_never_written(
    world: World, field: str, change: dict[str, Any]
) -> None:
    """Applied before it was ignored: from then on it is what its owner makes of it."""
    assert done(world.apply(text()))
    edit(world, **change)
    ours = text([field])
    assert world.plan(ours).empty
    assert statuses(look(world, ours)) == {"a": "in_sync"}
    before = stored(world, change)

    # Another field changes: the write replaces all, and keeps this one.
    other = {"method": "PATCH"} if field != "method" else {"retries": 7}
    theirs = text([field], **other)
    plan = world.plan(theirs)
    (found,) = plan.changes
    assert found.reason is (Reason.FILE if field != "cron" else Reason.BOTH)
    told, *more = found.fields
    assert [told.path] == list(other)  # what was written of the field, no mark tells any more:
    assert all("may have changed" in one.note for one in more)
    assert len(more) == (ignorable.is_sent(field) or field == "cron")
    assert done(world.apply(theirs))
    assert stored(world, change) == before
    assert {s["method"] for s in world.account.store.all("schedule")} == {
        other.get("method", "PUT")
    }
    assert world.plan(theirs).empty
    assert statuses(look(world, theirs)) == {"a": "in_sync"}


@pytest.mark.parametrize(("field", "change"), CASES)
def test_without_the_ignore_the_difference_is_drift_and_is_undone(
    world: World, field: str, change: dict[str, Any]
) -> None:
    other = {"method": "PATCH"} if field != "method" else {"delay": 5}
    assert done(world.apply(text()))
    edit(world, **change)
    assert done(world.apply(text([field], **other)))
    found = look(world, text(**other))
    if field == "paused":  # the file says nothing of it
        assert statuses(found) == {"a": "in_sync"}
        return
    assert statuses(found) == {"a": "drifted"}
    assert done(world.apply(text(**other)))
    assert world.plan(text(**other)).empty
    assert statuses(look(world, text(**other))) == {"a": "in_sync"}


@pytest.mark.parametrize("field", EDITS)
def test_a_create_writes_what_the_file_has(world: World, field: str) -> None:
    assert done(world.apply(text([field])))
    ignoring = stored(world, ENTRY_KEYS)
    with make_world() as other:
        assert done(other.apply(text()))
        assert stored(other, ENTRY_KEYS) == ignoring
    assert world.plan(text([field])).empty
    assert world.plan(text()).empty
    for change in EDITS[field]:
        edit(world, **change)
        assert world.plan(text([field])).empty
        expected = "drifted" if field != "paused" else "in_sync"
        assert statuses(look(world, text())) == {"a": expected}


ENTRY_KEYS = (
    "method", "retries", "retryDelayExpression", "timeout", "delay", "queueName", "cron",
    "destination", "header", "bodyBase64", "callback", "failureCallback", "flowControlKey",
    "parallelism", "labels", "isPaused",
)  # fmt: skip


@pytest.mark.parametrize("field", EDITS)
def test_for_one_run_alone(world: World, field: str) -> None:
    """`--ignore`: the next plan without it is empty where nobody has touched the field."""
    assert done(world.apply(text()))
    changed = {"method": "PATCH"} if field != "method" else {"delay": 5}
    desired = ignored.with_options(config(text(**changed)).desired, [f"schedules.a.{field}"])
    assert done(carry_out(world, desired))
    assert world.plan(text(**changed)).empty
    assert statuses(look(world, text(**changed))) == {"a": "in_sync"}


def carry_out(world: World, desired: Desired) -> tuple[outcomes.Outcome, ...]:
    with world.client() as client:
        plan = proposal.propose(client, desired, now=world.now)
        assert not plan.errors, plan.errors
        return world.carry_out(client, desired, plan).outcomes


MEANWHILE: list[tuple[str, dict[str, Any]]] = [
    ("headers.x-[ac]", {"headers": {"X-A": "2", "X-C": "3"}}),
    ("retries", {"retries": 5}), ("headers.X-A", {"headers": {"X-A": "2"}}),
    ("body", {"body": "x"}), ("destination", {"destination": "https://e.example.com/z"}),
    ("callback", {"callback": "https://c.example.com/z"}), ("queue", {"queue": None}),
    ("flow_control", {"flow_control": None}), ("cron", {"cron": "0 8 * * *"}),
    ("cron", {"timezone": "Europe/Berlin"}), ("labels", {"labels": ["l2"]}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "change"), MEANWHILE)
def test_a_field_that_begins_to_be_ignored_is_quiet_whatever_the_file_says_of_it(
    world: World, field: str, change: dict[str, Any]
) -> None:
    """The account still has it as the mark was written: so nothing else can have moved."""
    assert done(world.apply(text(redact={"headers": ["X-B"]}, headers={"X-A": "1", "X-B": "2"})))
    edited = {"headers": {"X-A": "1", "X-B": "2"}, "redact": {"headers": ["X-B"]}, **change}
    edited["headers"] = {"X-B": "2", **edited["headers"]}
    assert world.plan(text([field], **edited)).empty
    assert statuses(look(world, text([field], **edited))) == {"a": "in_sync"}
    callback = {"url": "https://c.example.com/y", "retries": 2}
    (found,) = world.plan(text([field], **edited, failure_callback=callback)).changes
    assert [f.path for f in found.fields] == [
        "write_only" if ignorable.is_sent(field) else "failure_callback.retries"
    ]
    edit(world, delay=99)
    (found,) = world.plan(text([field], **edited, delay="20s")).changes
    assert found.reason == "both"
    (found,) = world.plan(text([field], **edited)).changes
    assert found.reason == "drift"


@pytest.mark.parametrize(("field", "change"), MEANWHILE)
def test_what_the_file_says_of_it_meanwhile_is_not_written(
    world: World, field: str, change: dict[str, Any]
) -> None:
    """Once it was written with the ignore, its value in the file is for the next create alone."""
    assert done(world.apply(text([field])))
    before = world.account.store.all("schedule")
    assert world.plan(text([field], **change)).empty
    assert done(world.apply(text([field], **change)))
    assert world.account.store.all("schedule") == before
    (found,) = world.plan(text([field], **change, method="PATCH")).changes
    assert [f.path for f in found.fields] == ["method"]


def test_a_key_can_leave_the_file_as_it_is_ignored(world: World) -> None:
    """Where the file has nothing that does not read back, nobody else's field is taken for it."""
    entry = PLAIN % ", retries: 5"
    world.apply(f"{HEAD}schedules: {{a: {entry}}}\n")
    without = PLAIN % ", ignore: [retries]"
    assert world.plan(f"{HEAD}schedules: {{a: {without}}}\n").empty


def test_settings_that_do_not_read_back_are_followed_all_the_same(world: World) -> None:
    assert done(world.apply(text(["retries"])))
    callback = {"url": "https://c.example.com/y", "retries": 2}
    edited = text(["retries"], failure_callback=callback)
    (found,) = world.plan(edited).changes
    assert [f.path for f in found.fields] == ["failure_callback.retries"]
    assert done(world.apply(edited))
    assert world.plan(edited).empty


def test_a_glob_of_headers_leaves_the_others_to_the_file(world: World) -> None:
    ours = text(["headers.x-their-*"], headers={"X-A": "1", "X-Their-1": "1"})
    assert done(world.apply(ours))
    theirs = {"X-Their-1": ["2"], "X-Their-2": ["2"], "Content-Type": ["application/json"]}
    edit(world, header={"X-A": ["1"], **theirs})
    assert world.plan(ours).empty
    edit(world, header={"X-A": ["2"], **theirs})
    assert [f.path for f in world.plan(ours).changes[0].fields] == ["headers.X-A"]
    assert done(world.apply(ours))
    assert stored(world, ["header"])[0] == {"header": {"X-A": ["1"], **theirs}}


def test_a_glob_that_takes_in_a_redacted_header_is_refused_by_name() -> None:
    desired = config(text(redact={"headers": ["X-A"]})).desired
    with pytest.raises(UsageError, match="the header X-A is redacted"):
        ignored.with_options(desired, ["schedules.a.headers.*"])


def test_a_callback_is_its_url(world: World) -> None:
    """The rest does not read back, so the file's is written beside the URL of somebody else."""
    assert done(world.apply(text()))
    edit(world, failureCallback=THEIRS)
    assert done(world.apply(text(["failure_callback"], method="PUT")))
    for part in world.account.store.all("schedule"):
        assert part["failureCallback"] == THEIRS
        assert part["failureCallbackSettings"]["Retries"] == ["1"]


def test_each_part_keeps_what_it_has(world: World) -> None:
    assert done(world.apply(text()))
    world.edit("billing.a.2", retries=8)
    assert world.plan(text(["retries"])).empty
    assert done(world.apply(text(["retries"], method="PUT")))
    assert [s["retries"] for s in world.account.store.all("schedule")] == [3, 8, 3]


def test_new_parts_are_as_the_first_one_has_it(world: World) -> None:
    assert done(world.apply(text(timezone="UTC")))
    edit(world, retries=8)
    assert done(world.apply(text(["retries"])))
    assert {s["retries"] for s in world.account.store.all("schedule")} == {8}
    assert len(world.account.store.all("schedule")) == 3


@pytest.mark.parametrize("field", ["retries", "cron", "headers", "paused", "labels"])
def test_a_rename_takes_it_along(world: World, field: str) -> None:
    assert done(world.apply(text()))
    change = EDITS[field][0]
    edit(world, **change)
    before = stored(world, change)
    entry = {**ENTRY, "was": "a", "ignore": [field]}
    renamed = f"{HEAD}queues: {{q: {{}}}}\n" + dump({"schedules": {"b": entry}})
    assert done(world.apply(renamed))
    assert {s["scheduleId"].split(".")[1] for s in world.account.store.all("schedule")} == {"b"}
    assert stored(world, change) == before
    assert world.plan(renamed).empty


def test_what_is_adopted_keeps_what_is_ignored(world: World) -> None:
    assert done(world.apply(text()))
    for part in world.account.store.all("schedule"):
        if part["scheduleId"] != "billing.a":
            world.account.store.delete("schedule", part["scheduleId"])
    world.edit("billing.a", labels=["theirs"], retries=8, cron="7 3 * * *")
    ours = text(["retries", "cron"])
    assert done(world.apply(ours, adopt=("a",)))
    (part,) = world.account.store.all("schedule")
    assert (part["retries"], part["cron"]) == (8, "7 3 * * *")
    assert world.plan(ours).empty


@pytest.mark.parametrize("labels", [["theirs"], []])
@pytest.mark.parametrize("shown", ["both", "first"])
def test_so_are_labels_though_there_are_none(shown: Any, labels: list[str]) -> None:
    """An account that shows the first label alone shows none of a schedule without any."""
    with make_world(Switches(labels_shown=shown)) as world:
        assert done(world.apply(text()))
        for part in world.account.store.all("schedule"):
            if part["scheduleId"] != "billing.a":
                world.account.store.delete("schedule", part["scheduleId"])
        world.edit("billing.a", labels=labels)
        is_cut = shown == "first" and bool(labels)
        errors = world.plan(text(["labels"]), adopt=("a",)).errors
        assert [error.code for error in errors] == ["ignore"] * is_cut
        assert is_cut or done(world.apply(text(["labels"]), adopt=("a",)))


# Time


def test_somebody_elses_time_is_not_renewed(world: World) -> None:
    assert done(world.apply(text(["cron"])))
    world.sleep(300 * 86_400)
    assert world.plan(text(["cron"])).empty
    assert statuses(look(world, text(["cron"]))) == {"a": "in_sync"}
    assert not world.plan(text()).empty


def test_parts_of_somebody_elses_time_are_left_as_they_are(world: World) -> None:
    """A part less, and another cron in each: no set that is broken, no part that comes back."""
    assert done(world.apply(text(["cron"])))
    world.account.store.delete("schedule", "billing.a.2")
    world.edit("billing.a", cron="7 3 * * *")
    world.edit("billing.a.3", cron="CRON_TZ=Europe/Berlin 7 4 * * *")
    assert world.plan(text(["cron"])).empty
    assert done(world.apply(text(["cron"], method="PUT")))
    crons = {s["scheduleId"]: s["cron"] for s in world.account.store.all("schedule")}
    assert crons == {"billing.a": "7 3 * * *", "billing.a.3": "CRON_TZ=Europe/Berlin 7 4 * * *"}
    assert world.plan(text(["cron"], method="PUT")).empty
    assert done(world.apply(text(method="PUT")))
    assert world.plan(text(method="PUT")).empty
    assert len(world.account.store.all("schedule")) == 3


def stored_crons(world: World) -> dict[str, str]:
    return {s["scheduleId"]: s["cron"] for s in world.account.store.all("schedule")}


def renamed(**changes: Any) -> str:
    entry = {**ENTRY, "was": "a", "ignore": ["cron"], **changes}
    return f"{HEAD}queues: {{q: {{}}}}\n" + dump({"schedules": {"b": entry}})


@pytest.mark.parametrize("days", [0, 1, 40, 150])
@pytest.mark.parametrize("writes", range(1, 4))
def test_a_create_that_was_cut_off_is_finished_though_the_time_is_ignored(
    world: World, writes: int, days: int
) -> None:
    """Nobody else has a time yet: what is missing comes as the file has it, also much later."""
    world.cut_off(text(["cron"]), after=writes + 1)  # the queue comes first
    assert len(stored_crons(world)) == writes
    world.sleep(days * 86_400)
    assert world.plan(text(["cron"])).empty is (writes == 3)
    assert done(world.apply(text(["cron"])))
    assert world.plan(text(["cron"])).empty
    if writes < 3 or not days:  # whole, and as without `ignore`
        assert world.plan(text()).empty


@pytest.mark.parametrize("edited", [False, True], ids=["the file's time", "somebody else's time"])
@pytest.mark.parametrize("writes", range(7))
def test_a_rename_that_was_cut_off_ends_with_all_parts_that_the_old_name_has(
    world: World, writes: int, *, edited: bool
) -> None:
    """The old set goes only when the new one is complete; whoever's time it is."""
    assert done(world.apply(text()))
    if edited:
        for number, part in enumerate(stored_crons(world)):
            world.edit(part, cron=f"7 {number} * * *")
    before = {part.replace("billing.a", "billing.b"): c for part, c in stored_crons(world).items()}
    world.cut_off(renamed(), after=writes)
    assert done(world.apply(renamed()))
    assert stored_crons(world) == before
    assert world.plan(renamed()).empty


def test_half_a_create_is_not_renamed_as_a_whole(world: World) -> None:
    world.cut_off(text(["cron"]), after=2)
    assert len(stored_crons(world)) == 1
    assert done(world.apply(renamed()))
    assert sorted(stored_crons(world)) == ["billing.b", "billing.b.2", "billing.b.3"]
    assert world.plan(renamed()).empty


@pytest.mark.parametrize("writes", range(5))
def test_a_renewal_that_was_cut_off_is_finished_though_the_time_is_ignored_since(
    world: World, writes: int
) -> None:
    """Parts of two sets are nobody's time."""
    assert done(world.apply(text(cron="0 9 * * 1-5", timezone="UTC")))
    wanted = text(cron="0 9 * * 1-5")
    world.cut_off(wanted, after=writes)
    ignoring = text(["cron"], cron="0 9 * * 1-5")
    assert done(world.apply(ignoring))
    assert world.plan(ignoring).empty
    assert len(stored_crons(world)) == (1 if writes == 0 else 3)


def test_a_part_that_somebody_deletes_is_told_where_the_others_have_another_time(
    world: World,
) -> None:
    assert done(world.apply(text(["cron"])))
    world.account.store.delete("schedule", "billing.a.2")
    world.edit("billing.a", cron="7 3 * * *")
    plan = world.plan(text(["cron"]))
    assert plan.empty
    (told,) = [w for w in plan.warnings if w.code == "fewer_parts"]
    assert (told.severity, "2 of 3 parts" in told.message) == (Severity.INFO, True)
    world.account.store.delete("schedule", "billing.a")
    world.account.store.delete("schedule", "billing.a.3")
    assert done(world.apply(text(["cron"])))
    assert len(stored_crons(world)) == 3


def test_a_set_with_a_hole_that_is_taken_over_is_made_whole_though_the_time_is_ignored(
    world: World,
) -> None:
    assert done(world.apply(text()))
    whole = stored_crons(world)
    for part in world.account.store.all("schedule"):
        first, *rest = part["labels"]
        world.edit(part["scheduleId"], labels=[f"{first[:7]}0000{first[11:]}", *rest])
    world.account.store.delete("schedule", "billing.a.2")
    assert done(world.apply(text(["cron"]), adopt=("a",)))
    assert sorted(stored_crons(world).values()) == sorted(whole.values())
    assert world.plan(text(["cron"])).empty


def test_a_time_that_was_ignored_and_differs_is_no_renewal(world: World) -> None:
    """`apply --only clock` needs no review: it must not undo what somebody did."""
    assert done(world.apply(text()))
    edit(world, cron="7 3 * * *")
    assert done(world.apply(text(["cron"], method="PUT")))
    (found,) = world.plan(text(method="PUT")).changes
    assert found.reason is Reason.DRIFT
    assert world.plan(text(method="PUT"), only=Reason.CLOCK).empty


# Pause


def test_a_pause_that_is_ignored_is_left_although_the_file_has_one(world: World) -> None:
    assert done(world.apply(text(["paused"], paused=True)))
    assert {s["isPaused"] for s in world.account.store.all("schedule")} == {True}
    world.edit("billing.a", isPaused=False)  # the parts disagree: that is theirs, too
    found = look(world, text(["paused"], paused=True))
    assert statuses(found) == {"a": "in_sync"}
    assert not [fact for one in found.resources for fact in one.diagnostics]
    assert world.plan(text(["paused"], paused=True)).empty
    assert not world.plan(text(["paused"], paused=True)).warnings
    assert not world.plan(text(paused=True)).empty


# What cannot be carried over


@pytest.mark.parametrize(
    ("field", "change", "why"),
    [
        ("headers", {"header": {"X-A": ["REDACTED:ab12"]}}, "the header X-A of billing.a is"),
        (
            "headers.X-A",
            {"header": {"X-A": ["REDACTED:ab12"], "Content-Type": ["application/json"]}},
            "the header X-A of billing.a is",
        ),
        ("body", {"bodyBase64": "", "body": "REDACTED:ab12"}, "the body of billing.a is redacted"),
        ("body", {"bodyBase64": "UkVEQUNURUQ6YWIxMg=="}, "the body of billing.a is redacted"),
        ("timeout", {"timeout": 30_000}, "nothing tells whether 30000 of billing.a are seconds"),
    ],
)
def test_a_value_that_is_none_is_refused_by_name_before_any_write(
    world: World, field: str, change: dict[str, Any], why: str
) -> None:
    """A digest that was written would be stored in place of the value."""
    assert done(world.apply(text()))
    edit(world, **change)
    assert world.plan(text([field])).empty  # as long as nothing else is to be written
    plan = world.plan(text([field], method="PUT"))
    (error,) = plan.errors
    assert (error.code, error.path) == ("ignore", ("schedules", "a"))
    assert error.message.startswith(f"{field} is ignored, and cannot be kept: {why}")
    assert not plan.changes[0].steps


def test_other_headers_may_be_redacted(world: World) -> None:
    redact = {"headers": ["X-B"]}
    headers = {"X-A": "1", "X-B": "2"}
    assert done(world.apply(text(headers=headers, redact=redact)))
    for part in world.account.store.all("schedule"):
        world.edit(part["scheduleId"], header={**part["header"], "X-A": ["3"]})
    ours = text(["headers.X-A"], headers=headers, redact=redact, method="PUT")
    assert done(world.apply(ours))
    assert {s["header"]["X-A"][0] for s in world.account.store.all("schedule")} == {"3"}
    assert world.plan(ours).empty


def test_what_the_file_redacts_cannot_be_ignored_for_one_run(world: World) -> None:
    desired = config(text(redact={"body": True, "headers": True})).desired
    for field, why in (("body", "the body is redacted"), ("headers.X-A", "the header X-A is")):
        with pytest.raises(UsageError, match=why):
            ignored.with_options(desired, [f"schedules.a.{field}"])


def test_labels_of_which_the_first_alone_reads_back_are_not_written_back() -> None:
    with make_world(Switches(labels_shown="first")) as world:
        assert done(world.apply(text()))
        assert world.plan(text(["labels"])).empty
        (error,) = world.plan(text(["labels"], method="PUT")).errors
        assert "QStash shows the first label of billing.a alone" in error.message


def test_a_timeout_in_milliseconds_is_written_back_in_seconds() -> None:
    with make_world(Switches(timeout_unit="ms")) as world:
        assert done(world.apply(text()))
        edit(world, timeout=60)
        assert world.plan(text(["timeout"])).empty
        assert done(world.apply(text(["timeout"], method="PUT")))
        assert {s["timeout"] for s in world.account.store.all("schedule")} == {60}
        assert world.plan(text(["timeout"], method="PUT")).empty


@pytest.mark.parametrize(("field", "hand"), CASES)
def test_what_is_carried_over_is_no_part_of_what_is_approved(
    world: World, field: str, hand: dict[str, Any]
) -> None:
    """Whatever its owner makes of it, the writes are the same to a saved plan; other ones are not."""
    assert done(world.apply(text([field])))
    other = "delay" if field != "delay" else "timeout"

    def writes(value: str) -> tuple[Any, ...]:
        after = text([field], **{other: value})
        (change,) = world.plan(after).changes
        (declared,) = config(after).desired.schedules or ()
        puts = [step for step in change.steps if isinstance(step, PutSchedule)]
        assert puts
        return tuple(ignored.unwritten(puts, declared))

    before = writes("20s")
    assert writes("21s") != before
    edit(world, **hand)
    assert writes("20s") == before


# Secrets


@pytest.mark.parametrize("field", ["headers", "headers.X-A", "body", "destination", "callback"])
def test_what_is_carried_over_is_shown_nowhere(world: World, field: str) -> None:
    """Neither in the plan that writes it, nor when it is compared again."""
    assert done(world.apply(text()))
    for change in EDITS[field]:
        edit(world, **change)
    ours = text([field], method="PUT")
    plan = world.plan(ours)
    assert SECRET not in repr(plan.changes)
    outcomes = world.apply(ours)
    assert SECRET not in repr(outcomes)
    again = world.plan(text(method="PUT"))
    assert again.changes
    assert SECRET not in repr([change.fields for change in again.changes])


@pytest.mark.parametrize("field", ["headers", "headers.X-A", "body", "destination", "callback"])
def test_a_secret_that_is_not_known_here_need_not_be(world: World, field: str) -> None:
    """`--unknown-env`: what is ignored is not compared, and so equal to anything all the more."""
    secrets: dict[str, Any] = {
        "headers": {"X-A": "${env.S}"}, "body": "${env.S}",
        "destination": "https://e.example.com/${env.S}",
        "callback": "https://c.example.com/${env.S}",
    }  # fmt: skip
    world.environ["S"] = "sk_ours"
    assert done(world.apply(text(**secrets)))
    for change in EDITS[field] if field != "headers.X-A" else [{"header": {"X-A": [SECRET]}}]:
        edit(world, **change)
    desired = config(text([field], **secrets), {}, missing=Missing.UNKNOWN).desired
    assert statuses(look(world, "", desired)) == {"a": "in_sync"}


def test_a_mark_that_tells_of_ignored_settings_is_read_back() -> None:
    label = "qsync1-4dcc-1of3-127479649e46-ced27d4d870f-000000000000-s-m-g0123ab-i4567"
    mark = marks.parse([label])
    assert mark is not None
    assert (mark.rest, mark.bound, mark.exposed) == ("0123ab", "4567", True)
    assert str(mark) == label


def test_a_mark_without_ignored_settings_is_as_it_was(world: World) -> None:
    assert done(world.apply(text()))
    assert not any("-g" in s["labels"][0] for s in world.account.store.all("schedule"))


# ---------------------------------------------------------------- the other kinds

KINDS = """
url_groups: {g: {endpoints: {a: 'https://a.example.com', b: 'https://b.example.com'}IGNORE_G}}
queues: {q: {parallelism: 2, paused: falseIGNORE_Q}}
flow_controls: {k: {parallelism: 2, rate: 5, period: 1m, paused: falseIGNORE_F}}
"""


def kinds(**ignore: str) -> str:
    found = HEAD + KINDS
    for letter in "GQF":
        given_ = ignore.get(letter.lower())
        found = found.replace(f"IGNORE_{letter}", f", ignore: [{given_}]" if given_ else "")
    return found


GROUP = [
    {"name": "a", "url": "https://x.example.com"},
    {"name": "b", "url": "https://b.example.com"},
]
KIND_CASES: list[tuple[str, str, str, str, dict[str, Any]]] = [
    ("g", "endpoints", "topic", "g", {"endpoints": GROUP}),
    ("g", "endpoints", "topic", "g", {"endpoints": [{"url": "https://z.example.com"}]}),
    ("g", "endpoints.a", "topic", "g", {"endpoints": GROUP}),
    ("g", "endpoints.a", "topic", "g", {"endpoints": GROUP[1:]}),
    ("g", "'endpoints.[ac]*'", "topic", "g", {"endpoints": GROUP}),
    (
        "g", "endpoints.extra", "topic", "g",
        {"endpoints": [*KIND_ENDPOINTS, {"name": "extra", "url": "https://x.example.com"}]}
        if (KIND_ENDPOINTS := [{"name": n, "url": f"https://{n}.example.com"} for n in "ab"])
        else {},
    ),
    ("q", "parallelism", "queue", "q", {"parallelism": 9}),
    ("q", "paused", "queue", "q", {"paused": True}),
    ("f", "parallelism", "flow", "k", {"parallelismMax": 9}),
    ("f", "parallelism", "flow", "k", {"parallelismMax": 0, "isPinnedParallelism": False}),
    ("f", "rate", "flow", "k", {"rateMax": 9}),
    ("f", "rate", "flow", "k", {"rateMax": 0, "isPinnedRate": False}),
    ("f", "period", "flow", "k", {"ratePeriod": 7}),
    ("f", "rate, period", "flow", "k", {"rateMax": 9, "ratePeriod": 7}),
    ("f", "paused", "flow", "k", {"isPaused": True}),
]  # fmt: skip


@pytest.mark.parametrize(("letter", "field", "kind", "name", "change"), KIND_CASES)
def test_other_kinds_leave_a_field_alone_as_well(
    world: World, letter: str, field: str, kind: str, name: str, change: dict[str, Any]
) -> None:
    ours = kinds(**{letter: field})
    assert done(world.apply(ours))
    before = world.account.store.get(kind, name)
    assert before is not None
    world.account.store.put(kind, name, {**before, **change})
    assert world.plan(ours).empty
    assert not look(world, ours).differences
    (found,) = world.plan(kinds()).changes
    assert found.name == name

    # Another field of it differs: what is ignored stays.
    other: dict[str, Any] = {"parallelism: 2": "parallelism: 3"}
    if letter == "g":
        other = {"b: 'https://b.example.com'": "b: 'https://b2.example.com'"}
    elif field == "parallelism":
        other = {"paused: false": "paused: true"} if letter == "q" else {"rate: 5": "rate: 6"}
    edited = ours
    for old, new in other.items():
        edited = edited.replace(old, new)
    assert done(world.apply(edited))
    assert world.plan(edited).empty
    after = world.account.store.get(kind, name)
    assert after is not None
    keys = [key for key in change if key != "endpoints"]
    assert {key: after[key] for key in keys} == {key: change[key] for key in keys}
    if letter == "g" and field != "endpoints":
        theirs = [end for end in change["endpoints"] if end["name"] == field.split(".")[1]]
        assert [e for e in after["endpoints"] if e["name"] == field.split(".")[1]] == theirs


def test_a_group_of_which_nothing_else_is_left_is_as_the_file_has_it(world: World) -> None:
    """It would be empty, and so be gone."""
    text = f"{HEAD}url_groups: {{g: {{endpoints: {{a: 'https://a.example.com'}}, ignore: [endpoints.a]}}}}\n"
    assert done(world.apply(text))
    stored = world.account.store.get("topic", "g")
    assert stored is not None
    theirs = [{"name": "b", "url": "https://b.example.com"}]
    world.account.store.put("topic", "g", {**stored, "endpoints": theirs})
    assert done(world.apply(text))
    stored = world.account.store.get("topic", "g")
    assert stored is not None
    assert [end["name"] for end in stored["endpoints"]] == ["a"]


# ---------------------------------------------------------------- what is said


def test_a_plan_tells_what_is_ignored_in_its_scope(world: World) -> None:
    both = f"{HEAD}queues: {{q: {{ignore: [paused]}}}}\nschedules:\n  a: {PLAIN % ', ignore: [retries, headers.x-a]'}\n"
    assert [(one.kind, one.name, one.fields) for one in world.plan(both).ignored] == [
        (Kind.QUEUE, "q", ("paused",)), (Kind.SCHEDULE, "a", ("retries", "headers.X-A")),
    ]  # fmt: skip
    assert [one.name for one in world.plan(both, target=("queues.q",)).ignored] == ["q"]


# ---------------------------------------------------------------- any file

HANDS = st.dictionaries(
    st.sampled_from([field for field in EDITS if field not in ("paused", "cron")]),
    st.integers(0, 9),
    max_size=4,
)


@st.composite
def owned(draw: Draw) -> tuple[dict[str, Any], dict[str, int]]:
    """A file whose schedules have nothing redacted, and what somebody does to whose fields."""
    data, hands = draw(files()), draw(HANDS)
    for entry in data["schedules"].values():
        entry.pop("redact", None)
        entry["ignore"] = [*hands, *draw(st.sampled_from([[], ["cron"], ["paused"]]))]
    return data, hands


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(found=owned(), seed=st.integers(0, 99))
def test_whatever_is_made_of_ignored_fields_the_plan_is_empty(
    found: tuple[dict[str, Any], dict[str, int]], seed: int
) -> None:
    """And a change of another field leaves them as they are."""
    data, hands = found
    random_ = random.Random(seed)
    changes = {k: v for f, n in hands.items() for k, v in EDITS[f][n % len(EDITS[f])].items()}
    with make_world() as world:
        if not apply(world, dump(data)) and data["schedules"]:
            return  # refused as a whole
        for part in world.account.store.all("schedule"):
            if random_.random() < 0.8:
                own = {k: v for k, v in changes.items() if k != "labels"}
                if "headers.X-A" in hands:
                    own["header"] = {**part.get("header", {}), "X-A": [SECRET]}
                if "labels" in changes:
                    ours = len(part["labels"]) - len(_labels(data, part["scheduleId"]))
                    own["labels"] = part["labels"][:ours] + changes["labels"]
                world.account.store.put("schedule", part["scheduleId"], {**part, **own})
        assert world.plan(dump(data)).changes == ()
        assert not look(world, dump(data)).differences
        keys = {*changes} - {"labels"}
        before = {s["scheduleId"]: s for s in world.account.store.all("schedule")}

        touched = yaml.safe_load(dump(data))
        for entry in touched["schedules"].values():
            entry["protect"] = True
        assert set(apply(world, dump(touched)).values()) <= {Status.DONE}
        after = {s["scheduleId"]: s for s in world.account.store.all("schedule")}
        for schedule_id, part in before.items():
            assert _shown(after[schedule_id], keys) == _shown(part, keys)
        assert world.plan(dump(touched)).changes == ()


def _labels(data: dict[str, Any], schedule_id: str) -> list[str]:
    return list(data["schedules"][schedule_id.split(".")[1]].get("labels", []))


def _shown(part: dict[str, Any], keys: set[str]) -> dict[str, Any]:
    found = with_body_in_base64(part)
    return {key: found.get(key) or None for key in keys - {"body"}}


@pytest.mark.parametrize("by_option", [False, True])
@pytest.mark.parametrize(
    ("written", "kept"),
    [("rate: 2", True), ("rate: 2, period: 5s", False), ("rate: 2, period: 1s", False)],
)
def test_a_rate_brings_its_period_where_the_file_says_none(
    tmp_path: Path, written: str, *, kept: bool, by_option: bool
) -> None:
    """7 a minute is not 7 a second."""
    ignore = "" if by_option else ", ignore: [rate]"
    option = ("--ignore", "flow_controls.k.rate") if by_option else ()
    (tmp_path / "q.yaml").write_text(
        f"{HEAD}flow_controls: {{k: {{{written}, parallelism: 3{ignore}}}}}\n"
    )
    path = tmp_path / "a.db"
    with LocalQStash(path) as account:
        account.store.put(
            "flow",
            "k",
            {"flowControlKey": "k", "rateMax": 7, "ratePeriod": 60, "isPinnedRate": True},
        )
    words = ("-f", str(tmp_path / "q.yaml"), f"--local={path}", *option)
    assert cli("apply", "--yes", *words).code == 0
    with LocalQStash(path) as account:
        stored = account.store.get("flow", "k") or {}
    assert (stored["rateMax"], stored["ratePeriod"] == 60, stored["parallelismMax"]) == (7, kept, 3)
    ran = cli("plan", "-v", *words)
    assert ran.code == 0, ran.text
    assert ("rate, period" in ran.out) == kept
