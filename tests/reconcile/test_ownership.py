"""Whose a resource is, who moved it, and what may become of it: the mark, `owns`, the guards."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from qstash_sync.applying import proposal
from qstash_sync.applying.outcomes import Status
from qstash_sync.config.missing import Missing
from qstash_sync.local import Switches
from qstash_sync.model.change import Action, Reason
from qstash_sync.model.resources import Desired
from qstash_sync.model.steps import DeleteSchedule, PauseSchedule
from qstash_sync.planning.decide import Plan
from qstash_sync.planning.policy import Policy
from qstash_sync.reconcile import mark
from tests.fault_server import Fault, FaultServer
from tests.support import HEAD, UNLINTED, World, cli, config, ids, messages, world as make_world

URL = "https://app.example.com/x"
SECRET_HEADER = "headers: {X-S: '${env.S}', X-P: plain}"
REDACTED = f"{SECRET_HEADER}, redact: {{headers: [X-S]}}"
CALLBACK = "callback: {url: 'https://c.example.com', headers: {X-C: '${env.C}'}}"


def file(settings: str = "retries: 3", *, name: str = "s", head: str = HEAD) -> str:
    """A file with one schedule in a zone whose clock changes."""
    common = f"cron: '0 9 * * 1-5', timezone: America/New_York, destination: {URL}"
    return head + f"schedules:\n  {name}: {{{common}, {settings}}}\n"


def in_utc(names: list[str], head: str = HEAD) -> str:
    """A file with schedules of one part each."""
    each = "".join(f"  {n}: {{cron: '0 9 * * *', destination: {URL}}}\n" for n in names)
    return head + (f"schedules:\n{each}" if names else "schedules: {}\n")


def marks(world: World) -> list[mark.Mark]:
    found = [mark.parse(s["labels"]) for s in world.account.store.all("schedule")]
    assert all(found)
    return [m for m in found if m]


def live_ids(world: World) -> list[str]:
    return sorted(s["scheduleId"] for s in world.account.store.all("schedule"))


def only_change(plan: Plan) -> Any:
    assert len(plan.changes) == 1, plan.changes
    return plan.changes[0]


def fields_of(plan: Plan) -> list[str]:
    return [field.path for change in plan.changes for field in change.fields]


# The mark


def test_every_part_carries_the_mark_first_then_the_name_and_the_local_time(world: World) -> None:
    world.apply(file("labels: [mine]"))
    parts = world.account.store.all("schedule")
    assert [p["scheduleId"] for p in parts] == ["billing.s", "billing.s.2", "billing.s.3"]
    shape = r"qsync1-[0-9a-f]{4}-[123]of3-[0-9a-f]{12}-[0-9a-f]{12}-0{12}"
    for number, part in enumerate(parts, 1):
        first, *rest = part["labels"]
        assert re.fullmatch(shape, first)
        assert f"-{number}of3-" in first
        assert rest == ["billing.s", "0_9_x_x_1-5@America.New_York", "mine"]
    assert len({str(m._replace(part=0, readable="")) for m in marks(world)}) == 1


def test_a_mark_stays_as_it_is(world: World) -> None:
    """A new field of ours changes no mark: when this one changes, every account is written again."""
    world.environ = {"S": "secret", "C": "other"}
    settings = f"{REDACTED}, {CALLBACK}, body: {{a: '${{env.S}}', l: [1, null]}}, retries: 5"
    more = "timeout: 30s, delay: 5s, flow_control: {key: k, rate: 3}, paused: true, protect: true"
    text = file(f"{settings}, {more}").replace("America/New_York", "UTC")
    world.apply(text)
    assert [str(m) for m in marks(world)] == [
        "qsync1-4dcc-1of1-f1c3951e5ac9-827387a023ed-3613e93aa7ca-p-s-z"
    ]


ENVIRON = {"S": "secret", "C": "other"}
ROTATED = {"S": "rotated", "C": "turned"}
ALL = f"{REDACTED}, {CALLBACK}"
# What differs in the mark after a change of the file: settings before and after, the environment
# after, and the parts of the mark that change.
DIGESTS: list[tuple[str, str, str, dict[str, str], set[str]]] = [
    ("a setting that reads back", "retries: 3", "retries: 4", ENVIRON, {"readable", "definition"}),
    ("a label", "labels: [a]", "labels: [b]", ENVIRON, {"readable"}),
    ("the pause", "paused: false", "paused: true", ENVIRON, {"paused"}),
    ("the protection", "protect: false", "protect: true", ENVIRON, {"protected"}),
    ("a readable secret", SECRET_HEADER, SECRET_HEADER, ROTATED, {"readable"}),
    ("a redacted secret", REDACTED, REDACTED, ROTATED, {"secrets"}),
    ("a callback's secret", CALLBACK, CALLBACK, ROTATED, {"secrets"}),
    ("a callback's method", CALLBACK, CALLBACK.replace("headers", "method: PUT, headers"), ENVIRON, {"definition"}),
    ("a redacted plain value", ALL.replace("[X-S]", "[X-P]"), ALL.replace("[X-S]", "[X-P]").replace("plain", "other"), ENVIRON, {"definition"}),
    ("more is redacted", ALL, ALL.replace("[X-S]", "true"), ENVIRON, {"readable", "definition"}),
    ("the policy of a gap", "dst: {gap: skip}", "dst: {gap: shift}", ENVIRON, {"definition"}),
    ("the spelling of the cron", "retries: 3", "retries: 3, cron: '0 9 * * MON-FRI'", ENVIRON, set()),
    ("what is never sent", "owner: a", "owner: b, description: x, runbook: y", ENVIRON, set()),
    ("how it is renewed", "retries: 3", "dst: {renew_before: 30d, max_parts: 9, accept: true}", ENVIRON, set()),
    ("a default that is spelled out", "retries: 3", "method: POST, delay: 0, redact: {body: false}", ENVIRON, set()),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "before", "after", "environ", "moved"), DIGESTS, ids=ids(DIGESTS))
def test_each_digest_tells_of_its_own_settings(
    _id: str, before: str, after: str, environ: dict[str, str], moved: set[str]
) -> None:
    found: list[mark.Mark] = []
    for settings, variables in ((before, ENVIRON), (after, environ)):
        text = file(settings)
        if "cron" in settings:
            text = file(settings.partition(", cron")[0]).replace("1-5", "MON-FRI")
        with make_world() as world:
            world.environ = variables
            world.apply(text)
            found.append(marks(world)[0])
    one, two = found
    names = ("scope", "part", "parts", "readable", "definition", "secrets", "protected", "paused")
    assert {name for name in names if getattr(one, name) != getattr(two, name)} == moved


def test_the_digest_of_secrets_is_salted_with_the_namespace(world: World) -> None:
    """Equal secrets do not show in two namespaces; and no quick digest of a secret is a label."""
    world.environ = ENVIRON
    world.apply(file(REDACTED))
    other = HEAD.replace("billing", "other")
    with world.client() as client:
        desired = config(file(REDACTED, head=other), ENVIRON).desired
        world.carry_out(client, desired, proposal.propose(client, desired, now=world.now))
    assert len({m.secrets for m in marks(world)}) == 2
    assert len({m.scope for m in marks(world)}) == 2


# Who moved: file x account x clock

REASONS: list[tuple[bool, bool, bool, Reason | None]] = [
    # file, account, clock
    (False, False, False, None),
    (True, False, False, Reason.FILE),
    (False, True, False, Reason.DRIFT),
    (True, True, False, Reason.BOTH),
    (False, False, True, Reason.CLOCK),
    (True, False, True, Reason.FILE),
    (False, True, True, Reason.DRIFT),
    (True, True, True, Reason.BOTH),
]
HANDS: dict[str, Callable[[World], None]] = {
    "a setting": lambda world: world.edit("billing.s", retries=9),
    "a cron": lambda world: world.edit("billing.s", cron="7 3 * * *"),
    "a missing part": lambda world: remove(world, "billing.s.2"),
}
FILES = {
    "a setting": file("timeout: 40s"),
    "a write-only setting": file(CALLBACK),
    "a redacted secret": file(REDACTED),
    "its time": file().replace("0 9", "0 10"),
}
BEFORE = {
    "a write-only setting": file(CALLBACK.replace("headers", "method: PUT, headers")),
    "a redacted secret": file(REDACTED),
}


def remove(world: World, schedule_id: str) -> None:
    assert world.account.store.delete("schedule", schedule_id)


@pytest.mark.parametrize("hand", HANDS)
@pytest.mark.parametrize("edit", FILES)
@pytest.mark.parametrize(("moved", "edited", "due", "reason"), REASONS)
def test_who_moved_is_told(
    world: World, moved: bool, edited: bool, due: bool, reason: Reason | None, edit: str, hand: str
) -> None:
    world.environ = ENVIRON
    text = BEFORE.get(edit, file())
    world.apply(text)
    if edited:
        HANDS[hand](world)
    if due:
        while not edited and world.plan(text).empty:
            world.now += timedelta(days=7)
        world.now = max(world.now, world.now.replace(year=2027, month=9))
    if moved:
        world.environ = ROTATED if edit == "a redacted secret" else ENVIRON
        text = FILES[edit]
    plan = world.plan(text)
    assert [change.reason for change in plan.changes] == ([reason] if reason else [])
    world.apply(text)
    assert world.plan(text).empty


def test_what_the_file_and_the_account_agree_on_is_in_sync_whatever_the_mark_says(
    world: World,
) -> None:
    """Comparison comes first: a value that QStash spells otherwise is no drift by its digest."""
    text = file("retries: 3, timeout: 30s")
    world.apply(text)
    for part in live_ids(world):
        stored = world.schedule(part)
        found = mark.parse(stored["labels"])
        assert found
        stale = str(found._replace(readable="f" * 12))
        spelt = re.sub(" 1-5$", " MON-FRI", stored["cron"])
        world.edit(part, labels=[stale, *stored["labels"][1:]], cron=spelt)
    assert world.plan(text).empty


# Settings that QStash does not show

SILENT: list[tuple[str, str, str, dict[str, str]]] = [
    ("a callback's timeout", CALLBACK.replace("headers", "timeout: 5, headers"), CALLBACK.replace("headers", "timeout: 6, headers"), ENVIRON),
    ("a callback's header", CALLBACK, CALLBACK.replace("X-C", "X-D"), ENVIRON),
    ("a callback's secret", CALLBACK, CALLBACK, ROTATED),
    ("a redacted secret", REDACTED, REDACTED, ROTATED),
    ("a redacted plain value", "headers: {X: a}, redact: {headers: true}", "headers: {X: b}, redact: {headers: true}", ENVIRON),
    ("a redacted body", "body: a, redact: {body: true}", "body: b, redact: {body: true}", ENVIRON),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "before", "after", "environ"), SILENT, ids=ids(SILENT))
def test_a_change_that_nothing_shows_is_found_by_the_mark_and_told_as_that(
    world: World, _id: str, before: str, after: str, environ: dict[str, str]
) -> None:
    world.environ = ENVIRON
    world.apply(file(before))
    world.environ = environ
    change = only_change(world.plan(file(after)))
    assert (change.action, change.reason) == (Action.UPDATE, Reason.FILE)
    assert [field.path for field in change.fields] == ["write_only"]
    assert change.fields[0].before == "(not shown)"
    world.apply(file(after))
    assert world.plan(file(after)).empty


BESIDE: list[tuple[str, str, str, dict[str, str], list[str]]] = [
    ("a rotated secret", f"{REDACTED}, retries: 3", f"{REDACTED}, retries: 4", ROTATED, ["retries", "write_only"]),
    ("the protection", "protect: true, retries: 3", "protect: false, retries: 4", ENVIRON, ["retries", "protect"]),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "before", "after", "environ", "told"), BESIDE, ids=ids(BESIDE))
def test_what_only_the_mark_reveals_is_told_beside_other_changes_too(
    world: World, _id: str, before: str, after: str, environ: dict[str, str], told: list[str]
) -> None:
    """A reviewer sees that the protection goes, whatever else the change does."""
    world.environ = ENVIRON
    world.apply(file(before))
    world.environ = environ
    assert fields_of(world.plan(file(after))) == told


def test_a_renewal_that_would_lift_the_protection_is_no_change_of_the_clock_alone(
    world: World,
) -> None:
    """`apply --only clock` needs no review."""
    world.apply(file("protect: true"))
    while world.plan(file("protect: true")).empty:
        world.now += timedelta(days=7)
    plan = world.plan(file("protect: false"))
    assert only_change(plan).reason is Reason.FILE
    world.apply(file("protect: false"), only=Reason.CLOCK)
    assert {m.protected for m in marks(world)} == {True}


@pytest.mark.parametrize("switches", [{}, {"redact_digest": "hmac"}], ids=["sha256", "hmac"])
@pytest.mark.parametrize("other", ["", ", retries: 7"], ids=["alone", "beside other changes"])
def test_a_redacted_secret_that_is_not_known_here_is_equal_to_anything(
    switches: dict[str, Any], other: str
) -> None:
    with make_world(Switches().with_(**switches)) as world:
        world.environ = ENVIRON
        world.apply(file(ALL))
        with world.client(read_only=True) as client:
            desired = config(file(ALL + other), {}, missing=Missing.UNKNOWN).desired
            plan = proposal.propose(client, desired, now=world.now)
        assert fields_of(plan) == (["retries"] if other else [])


def test_an_unknown_secret_is_shown_as_such(world: World) -> None:
    with world.client(read_only=True) as client:
        desired = config(file(ALL), {}, missing=Missing.UNKNOWN).desired
        plan = proposal.propose(client, desired, now=world.now)
    shown = {field.path: field.after for field in only_change(plan).fields}
    assert shown["headers.X-P"] == "plain"
    assert shown["headers.X-S"] == "(redacted)"
    with world.client(read_only=True) as client:
        desired = config(file(SECRET_HEADER), {}, missing=Missing.UNKNOWN).desired
        plan = proposal.propose(client, desired, now=world.now)
    shown = {field.path: field.after for field in only_change(plan).fields}
    assert shown["headers.X-S"] == "(unknown secret)"


DIGEST = "REDACTED:" + "a" * 64
WRITTEN_BACK = [
    f"headers: {{X: '{DIGEST}'}}", f"body: '{DIGEST}'", "headers: {X: '${env.S}'}", "body: '${env.S}'",
    f"callback: {{url: 'https://c.example.com', headers: {{X: '{DIGEST}'}}}}",
]  # fmt: skip


@pytest.mark.parametrize("setting", WRITTEN_BACK)
def test_a_digest_that_was_read_back_is_no_value_and_is_refused(setting: str) -> None:
    found = messages(file(setting), {"S": DIGEST})
    assert len(found) == 1
    assert "is a digest, not its value" in found[0]
    assert "write the value itself" in found[0]


@pytest.mark.parametrize("settings", ["headers: {X-S: new}", "body: new"])
def test_what_reads_back_as_a_digest_is_written_with_the_value_of_the_file(
    world: World, settings: str
) -> None:
    world.environ = ENVIRON
    world.apply(file("headers: {X-S: old}, body: old, redact: {body: true, headers: true}"))
    world.apply(file(settings))
    stored = json.dumps(world.account.store.all("schedule"))
    assert "REDACTED" not in stored
    assert world.plan(file(settings)).empty


# Ours: an id in the namespace and our mark


def unmark(world: World, schedule_id: str) -> dict[str, Any]:
    world.edit(schedule_id, labels=["theirs"])
    return world.schedule(schedule_id)


def test_an_unmarked_id_is_refused_for_that_schedule_only_and_the_run_ends_with_4(
    tmp_path: Path,
) -> None:
    account, path = tmp_path / "account.db", tmp_path / "q.yaml"
    words = ("-f", str(path), f"--local={account}", "--now", "2026-11-23T12:00Z")
    path.write_text(in_utc(["a", "b"]))
    assert cli("apply", "--yes", *words).code == 0
    with FaultServer(account) as server:
        theirs = server.console.edit("schedule", "billing.a", labels=["theirs"], retries=9)
    path.write_text(in_utc(["a", "b", "c"]))
    for more in ((), ("--detailed-exitcode",), ("--format", "json")):
        assert cli("plan", *words, *more).code == 3  # what the apply will refuse is no success
    ran = cli("apply", "--yes", *words)
    assert ran.code == 4
    assert "refused    update schedule a" in ran.out
    assert "billing.a has no mark of ours" in ran.out
    assert "--adopt a" in ran.out
    with FaultServer(account) as server:
        found = server.console.snapshot()["schedule"]
        assert found["billing.a"] == theirs
        assert sorted(found) == ["billing.a", "billing.b", "billing.c"]
    idle = cli("apply", "--yes", *words, "--adopt", "x*")
    assert (idle.code, "--adopt x*: no schedule of the files" in idle.out + idle.err) == (64, True)
    assert cli("apply", "--yes", *words, "--adopt", "b*").code == 4
    ran = cli("apply", "--yes", *words, "--adopt", "[a-b]")
    assert ran.code == 0, ran
    ran = cli("plan", *words, "--detailed-exitcode")
    assert ran.code == 0, ran
    with FaultServer(account) as server:
        assert server.console.snapshot()["schedule"]["billing.a"]["retries"] == 3


def test_adopting_what_is_equal_writes_for_the_sake_of_the_mark(world: World) -> None:
    world.apply(in_utc(["a"]))
    unmark(world, "billing.a")
    world.edit("billing.a", labels=[])
    plan = world.plan(in_utc(["a"]), adopt=("*",))
    assert (only_change(plan).reason, fields_of(plan)) == (Reason.ADOPT, ["mark"])
    world.apply(in_utc(["a"]), adopt=("*",))
    assert world.plan(in_utc(["a"])).empty
    assert marks(world)


def test_adopting_does_not_reach_what_the_file_does_not_have(world: World) -> None:
    world.apply(in_utc(["a", "b"]))
    theirs = unmark(world, "billing.b")
    world.apply(in_utc(["a"]), adopt=("*",))
    assert world.schedule("billing.b") == theirs
    assert world.plan(in_utc(["a"]), adopt=("*",)).summary["unmanaged"] == 1


ADOPTED = "schedules:\n  a: {cron: '0 9 * * *', destination: '%s', id: scd_9%s}\n"


def adopted(more: str = "") -> str:
    return HEAD + ADOPTED % (URL, more)


def test_an_id_in_the_file_is_consent_and_the_mark_is_a_change(world: World) -> None:
    world.apply(in_utc(["x"]))
    foreign = {**world.schedule("billing.x"), "scheduleId": "scd_9", "labels": []}
    world.account.store.put("schedule", "scd_9", foreign)
    remove(world, "billing.x")
    marked = only_change(world.plan(adopted()))
    assert (marked.action, marked.id, marked.reason) == (Action.UPDATE, "scd_9", Reason.ADOPT)
    assert [(field.path, field.after) for field in marked.fields] == [("mark", "ours")]
    plan = world.plan(adopted(", retries: 5"))
    change = only_change(plan)
    assert (change.action, change.id, change.reason) == (Action.UPDATE, "scd_9", Reason.ADOPT)
    assert fields_of(plan) == ["retries"]
    world.apply(adopted(", retries: 5"))
    assert world.schedule("scd_9")["labels"][1:] == ["billing.a", "0_9_x_x_x@UTC"]
    assert marks(world)[0].part == 1
    assert world.plan(adopted(", retries: 5")).empty


def test_an_adopted_schedule_is_deleted_with_its_entry(world: World) -> None:
    """Its mark is bound to its id; who copies that to another schedule copies no ownership."""
    world.apply(adopted())
    copy = {**world.schedule("scd_9"), "scheduleId": "scd_10"}
    world.account.store.put("schedule", "scd_10", copy)
    plan = world.plan(HEAD + "schedules: {}\n")
    assert [(c.action, c.name, c.id) for c in plan.changes] == [(Action.DELETE, "a", "scd_9")]
    assert plan.summary["unmanaged"] == 1
    world.apply(HEAD + "schedules: {}\n")
    assert world.account.store.all("schedule") == [copy]


def test_an_adopted_schedule_with_an_old_mark_is_ours_as_long_as_the_file_says_so(
    world: World,
) -> None:
    """The first releases bound no mark to an id: without its entry it may be a copy."""
    world.apply(adopted())
    first, *rest = world.schedule("scd_9")["labels"]
    world.edit("scd_9", labels=[first.partition("-i")[0], *rest])
    assert world.plan(adopted()).empty
    plan = world.plan(HEAD + "schedules: {}\n")
    assert (plan.empty, plan.summary["unmanaged"]) == (True, 1)


def test_what_a_first_release_adopted_is_not_called_a_copy_for_certain(world: World) -> None:
    """Its entry has lost its `id:`, and the mark is bound to nothing: it may be the original."""
    world.apply(adopted())
    first, *rest = world.schedule("scd_9")["labels"]
    world.edit("scd_9", labels=[first.partition("-i")[0], *rest])
    (told,) = world.plan(UNLINTED + adopted().replace(", id: scd_9", "")).warnings
    assert "a copy, or what was adopted once" in told.message
    assert told.hint.startswith("id: scd_9 keeps it")


@pytest.mark.parametrize("settings", ["retries: 3", "retries: 4"])
def test_an_entry_that_loses_its_id_is_renamed(world: World, settings: str) -> None:
    """To our id, by one update: created, then deleted, for sets of several parts, too."""
    world.apply(file("id: scd_9"))
    for part in live_ids(world):
        world.account.console.pause(part)
    plan = world.plan(file(settings))
    change = only_change(plan)
    assert (change.action, change.reason, change.id) == (
        Action.UPDATE, Reason.RENAME, "billing.s",
    )  # fmt: skip
    expected = ["id"] if settings == "retries: 3" else ["id", "retries"]
    assert fields_of(plan) == expected
    world.apply(file(settings))
    assert live_ids(world) == ["billing.s", "billing.s.2", "billing.s.3"]
    assert all(s["isPaused"] for s in world.account.store.all("schedule"))
    assert world.plan(file(settings)).empty


def test_an_id_of_another_namespace_is_not_taken(world: World) -> None:
    acme = in_utc(["kpi"]).replace("billing", "acme")
    world.apply(acme)
    before = world.account.store.all("schedule")
    plan = world.plan(in_utc(["a"]).replace("{cron", "{id: acme.kpi, cron"))
    assert "carries the mark of another environment or namespace" in only_change(plan).refused
    assert world.account.store.all("schedule") == before


def test_an_id_that_another_namespace_has_adopted_is_not_taken(world: World) -> None:
    """Its mark is bound to that very id: it is no copy."""
    acme = adopted().replace("billing", "acme")
    world.apply(adopted())
    world.edit("scd_9", labels=[])
    world.apply(acme)
    before = world.account.store.all("schedule")
    plan = world.plan(adopted())
    assert "carries the mark of another environment or namespace" in only_change(plan).refused
    world.apply(adopted())
    assert world.account.store.all("schedule") == before


def test_an_id_that_looks_like_a_part_of_another_schedule_is_refused() -> None:
    for number in ("2", "40", "4000000000"):
        text = in_utc(["s", "t"]).replace("t: {", f"t: {{id: billing.s.{number}, ")
        assert [m for m in messages(text) if "has the same id as s" in m], number


def test_a_namespace_that_changes_takes_its_schedules_along(world: World) -> None:
    """`namespace_was:` renames what stays and deletes what is gone; without it, twins are told."""
    world.apply(
        file().replace("billing", "old")
        + "  gone: {cron: 1 1 * * *, destination: 'https://g.example.com'}\n"
    )
    plan = world.plan(file())
    assert [w.code for w in plan.warnings if w.code == "twin"] == ["twin"]
    (hint,) = [w.hint for w in plan.warnings if w.code == "twin"]
    assert "namespace_was: old" in hint
    text = file().replace("namespace: billing", "namespace: billing\nnamespace_was: old")
    plan = world.plan(text)
    assert [(c.action, c.reason, c.id) for c in plan.changes] == [
        (Action.UPDATE, Reason.RENAME, "billing.s"),
        (Action.DELETE, Reason.FILE, "old.gone"),
    ]
    assert not [w for w in plan.warnings if w.code == "twin"]
    world.apply(text)
    assert live_ids(world) == ["billing.s", "billing.s.2", "billing.s.3"]
    assert world.plan(text).empty
    assert world.plan(file()).empty


ALONG: list[tuple[str, str, str, list[str]]] = [
    ("its id stays", ADOPTED % (URL, ""), "adopt", ["scd_9"]),
    ("its id goes, too", ADOPTED.replace(", id: scd_9", "") % (URL, ""), "rename", ["billing.a"]),
    ("its entry goes", "schedules: {}\n", "file", []),
]


@pytest.mark.parametrize(("_id", "schedules", "reason", "left"), ALONG, ids=ids(ALONG))
def test_what_a_former_namespace_has_adopted_goes_along(
    world: World, _id: str, schedules: str, reason: str, left: list[str]
) -> None:
    world.apply(adopted().replace("billing", "old"))
    before = {c: s for s in world.account.store.all("schedule") if (c := s["scheduleId"])}
    text = HEAD.replace("namespace: billing", "namespace: billing\nnamespace_was: old") + schedules
    change = only_change(world.plan(text))
    assert change.reason == reason
    assert [f.path for f in change.fields] == {"adopt": ["mark"], "rename": ["id"], "file": []}[
        reason
    ]
    world.apply(text)
    assert live_ids(world) == left
    for one in world.account.store.all("schedule"):
        assert one["labels"][1] == "billing.a"
        assert one["labels"][3:] == before["scd_9"]["labels"][3:]
    assert world.plan(text).empty


def test_a_name_of_digits_goes_along_with_its_namespace(world: World) -> None:
    """It is no part of a schedule that is called as the namespace was."""
    names = ["9", "ten"]
    world.apply(in_utc(names).replace("billing", "old"))
    for part in live_ids(world):
        world.account.console.pause(part)
    text = in_utc(names).replace("namespace: billing", "namespace: billing\nnamespace_was: old")
    assert {(c.id, c.reason) for c in world.plan(text).changes} == {
        ("billing.9", Reason.RENAME), ("billing.ten", Reason.RENAME),
    }  # fmt: skip
    world.apply(text)
    assert live_ids(world) == ["billing.9", "billing.ten"]
    assert all(s["isPaused"] for s in world.account.store.all("schedule"))


TWINS: list[tuple[str, dict[str, Any], bool]] = [
    ("made by hand", {"labels": []}, True),
    ("of others", {"labels": ["qsync1-0000-1of1-" + "-".join(["0" * 12] * 3), "acme.s"]}, True),
    ("a copy, mark and all", {}, True),
    ("another time", {"labels": [], "cron": "1 9 * * *"}, False),
    ("another spelling of the time", {"labels": [], "cron": "CRON_TZ=Etc/UTC 00 9 * * 0-6"}, True),
    ("another method", {"labels": [], "method": "GET"}, False),
    ("another body", {"labels": [], "bodyBase64": "YQ=="}, False),
    ("another destination", {"labels": [], "destination": "https://e.example.com"}, False),
    ("paused", {"labels": [], "isPaused": True}, False),
    ("a cron that nobody understands", {"labels": [], "cron": "@every 1h"}, False),
]


@pytest.mark.parametrize("declared_is_live", [True, False])
@pytest.mark.parametrize(("_id", "changes", "told"), TWINS, ids=ids(TWINS))
def test_what_fires_beside_a_schedule_is_told(
    world: World, _id: str, changes: dict[str, Any], told: bool, declared_is_live: bool
) -> None:
    world.apply(in_utc(["s"]))
    twin = {**world.schedule("billing.s"), "scheduleId": "scd_7", **changes}
    world.account.store.put("schedule", "scd_7", twin)
    if not declared_is_live:
        remove(world, "billing.s")
    plan = world.plan(in_utc(["s"]))
    assert [w.code for w in plan.warnings if w.code == "twin"] == ["twin"] * told


def test_was_may_name_a_live_id(world: World) -> None:
    world.apply(in_utc(["x"]))
    foreign = {**world.schedule("billing.x"), "scheduleId": "scd_9", "labels": []}
    remove(world, "billing.x")
    world.account.store.put("schedule", "scd_9", foreign)
    text = in_utc(["a"]).replace("{cron", "{was: scd_9, cron")
    assert (only_change(world.plan(text)).reason, fields_of(world.plan(text))) == (
        Reason.RENAME, ["id"],
    )  # fmt: skip
    world.apply(text)
    assert live_ids(world) == ["billing.a"]
    assert world.plan(text).empty


def test_a_former_name_of_another_definition_is_a_delete_to_the_guards(world: World) -> None:
    """`was:` beside a schedule that is live already: nothing says that it was that one."""
    ab = (
        in_utc(["a", "b"])
        .replace("a: {", "a: {protect: true, ")
        .replace("b: {cron: '0 9", "b: {cron: '0 8")
    )
    world.apply(ab)
    text = in_utc(["b"]).replace("b: {cron: '0 9", "b: {was: a, cron: '0 8")
    plan = world.plan(text)
    assert [e.code for e in plan.errors] == ["guard"]
    assert "b was before is not deleted: protected" in plan.errors[0].message
    assert not world.plan(text, allow_protected=("b",)).errors
    unprotected = ab.replace("protect: true, ", "")
    world.apply(unprotected)
    limited = text.replace("defaults:", "limits: {max_deletes: 0}\ndefaults:")
    assert [e.message for e in world.plan(limited).errors] == ["1 delete, limits.max_deletes is 0"]


def test_what_a_rename_has_left_is_no_delete_to_the_guards(world: World) -> None:
    world.apply(in_utc(["a"]))
    old = world.schedule("billing.a")
    text = in_utc(["b"]).replace("b: {", "b: {was: a, ")
    text = text.replace("defaults:", "limits: {max_deletes: 0}\ndefaults:")
    world.apply(text)
    world.account.store.put("schedule", "billing.a", old)  # the apply was cut off before its delete
    change = only_change(world.plan(text))
    assert (change.drops, change.protected) == (0, False)
    assert [field.note for field in change.fields] == [
        "cut off: billing.a still fires beside it, and goes with the next apply"
    ]
    assert change.steps == (DeleteSchedule(id="billing.a"),)
    world.apply(text, allow_deletes=None)
    assert live_ids(world) == ["billing.b"]


def test_a_rename_that_was_cut_off_before_its_pause_keeps_the_pause(world: World) -> None:
    world.apply(in_utc(["a"]))
    world.edit("billing.a", isPaused=True)
    old = world.schedule("billing.a")
    text = in_utc(["b"]).replace("b: {", "b: {was: a, ")
    world.apply(text)
    assert world.schedule("billing.b")["isPaused"]
    world.edit("billing.b", isPaused=False)
    world.account.store.put("schedule", "billing.a", old)
    change = only_change(world.plan(text))
    assert PauseSchedule(id="billing.b", paused=True) in change.steps
    running = text.replace("{was", "{paused: false, was")
    assert not any(isinstance(s, PauseSchedule) and s.paused for s in only_change(world.plan(running)).steps)  # fmt: skip


@pytest.mark.parametrize("writes", [1, 2, 3, 4, 5])
def test_what_is_paused_after_a_rename_was_cut_off_does_not_pause_what_that_has_written(
    world: World, writes: int
) -> None:
    """Both fire, and somebody stops the old one: with its delete the job would run nowhere."""
    world.apply(file(name="old"))
    renamed = file("was: old", name="new")
    world.cut_off(renamed, after=writes)
    for part in live_ids(world):
        if part.startswith("billing.old"):
            world.edit(part, isPaused=True)
    plan = world.plan(renamed)
    assert "paused" not in fields_of(plan)
    (told,) = [w for w in plan.warnings if w.code == "former_paused"]
    assert "billing.old is paused and goes; new stays active" in told.message
    asked = world.plan(file("was: old, paused: true", name="new"))
    assert not [w for w in asked.warnings if w.code == "former_paused"]
    world.apply(renamed)
    assert [world.schedule(part)["isPaused"] for part in live_ids(world)] == [False] * 3
    assert live_ids(world) == ["billing.new", "billing.new.2", "billing.new.3"]
    assert world.plan(renamed).empty
    assert not [w for w in world.plan(renamed).warnings if w.code == "former_paused"]


def test_a_pause_of_its_own_that_was_lifted_is_none_that_a_rename_takes_along(world: World) -> None:
    """What `was:` names is paused and goes; that it had been paused itself is another matter."""
    world.apply(in_utc(["a", "b"]).replace("b: {", "b: {paused: true, "))
    world.edit("billing.b", isPaused=False)
    world.edit("billing.a", isPaused=True, labels=[])
    text = in_utc(["b"]).replace("b: {", "b: {was: billing.a, ")
    assert [w.code for w in world.plan(text).warnings] == ["resumed", "former_paused"]
    world.apply(text)
    assert live_ids(world) == ["billing.b"]
    assert not world.schedule("billing.b")["isPaused"]


def test_a_pause_that_a_cut_off_rename_has_not_set_is_told_by_the_next_rename(world: World) -> None:
    world.apply(in_utc(["a"]))
    world.edit("billing.a", isPaused=True)
    world.cut_off(in_utc(["b"]).replace("b: {", "b: {was: a, "), after=1)
    text = in_utc(["c"]).replace("c: {", "c: {was: b, ")
    assert "resumed" in [w.code for w in world.plan(text).warnings]
    for asked in ("paused: true", "paused: false", "ignore: [paused]"):
        plan = world.plan(text.replace("was: b", f"was: b, {asked}"))
        assert "resumed" not in [w.code for w in plan.warnings]


@pytest.mark.parametrize("writes", range(10))
def test_a_rename_of_what_is_paused_that_is_cut_off_keeps_the_pause_of_every_part(
    world: World, writes: int
) -> None:
    world.apply(file(name="old"))
    for part in live_ids(world):
        world.edit(part, isPaused=True)
    renamed = file("was: old", name="new")
    world.cut_off(renamed, after=writes)
    assert not [w for w in world.plan(renamed).warnings if w.code == "former_paused"]
    world.apply(renamed)
    assert [world.schedule(part)["isPaused"] for part in live_ids(world)] == [True] * 3
    assert world.plan(renamed).empty


def test_what_is_renamed_to_another_time_tells_the_stored_one_where_nothing_else_is_known(
    world: World,
) -> None:
    world.apply(in_utc(["x"]))
    foreign = {**world.schedule("billing.x"), "scheduleId": "scd_9", "labels": []}
    remove(world, "billing.x")
    world.account.store.put("schedule", "scd_9", foreign)
    text = in_utc(["a"]).replace("{cron: '0 9", "{was: scd_9, cron: '0 8")
    fields = {field.path: (field.before, field.after) for field in only_change(world.plan(text)).fields}  # fmt: skip
    assert fields == {"id": ("scd_9", "billing.a"), "cron": ("0 9 * * *", "0 8 * * *")}


def test_what_is_impossible_is_told_once(world: World) -> None:
    """The error says why: the refused change need not."""
    text = file("cron: '30 2 * * *', dst: {strategy: native}").replace("cron: '0 9 * * 1-5', ", "")
    plan = world.plan(text)
    (error,) = plan.errors
    change = only_change(plan)
    assert change.diagnosed
    assert change.refused == error.text


def test_what_is_not_ours_needs_consent_even_where_its_time_is_an_error(world: World) -> None:
    """An error would stop the whole apply for a schedule that is not ours."""
    world.apply(in_utc(["s"]))
    unmark(world, "billing.s")
    text = file("cron: '30 2 * * *', dst: {strategy: native}").replace("cron: '0 9 * * 1-5', ", "")
    plan = world.plan(text)
    assert not plan.errors
    assert only_change(plan).is_refused_alone
    assert [e.code for e in world.plan(text, adopt=("s",)).errors] == ["cron"]


def test_a_rename_keeps_the_protection_or_is_refused(world: World) -> None:
    world.apply(file("protect: true", name="old"))
    assert not world.plan(file("protect: true, was: old", name="new")).errors
    plan = world.plan(file("was: old", name="new"))
    assert [e.code for e in plan.errors] == ["guard"]


def test_further_parts_of_an_adopted_schedule_follow_its_id(world: World) -> None:
    text = file("id: scd_9")
    world.apply(text)
    assert live_ids(world) == ["scd_9", "scd_9.2", "scd_9.3"]
    assert world.plan(text).empty
    world.edit("scd_9.2", retries=8)
    assert only_change(world.plan(text)).reason is Reason.DRIFT


def test_the_mark_of_another_environment_is_not_ours(world: World) -> None:
    """Two environments with one namespace in one account: the first one keeps what it has."""
    section = "environments: {one: {token: '${env.S}'}, two: {token: '${env.T}'}}\n"

    def desired(environment: str, text: str) -> Desired:
        return config(text + section, {"S": "s", "T": "t"}, environment=environment).desired

    with world.client() as client:
        first, second = desired("one", in_utc(["a", "b"])), desired("two", in_utc(["a"]))
        world.carry_out(client, first, proposal.propose(client, first, now=world.now))
        before = world.account.store.all("schedule")
        plan = proposal.propose(client, second, now=world.now)
        told = "billing.a carries the mark of the environment one; rename yours"
        assert only_change(plan).refused == told
        forced = proposal.propose(client, second, now=world.now, policy=Policy(adopt=("*",)))
        assert only_change(forced).refused == told
        assert plan.summary["unmanaged"] == 1
        assert world.carry_out(client, second, plan).outcomes[0].status is Status.REFUSED
        assert world.account.store.all("schedule") == before


STRANGERS = [
    "billing2.s", "billing-s", "billing-s.s", "BILLING.s", "bill.ing.s", "scd_1", "xbilling.s", "billing",
]  # fmt: skip


@pytest.mark.parametrize("name", STRANGERS)
def test_our_mark_under_an_id_outside_the_namespace_is_a_copy(world: World, name: str) -> None:
    world.apply(in_utc(["s"]))
    copy = {**world.schedule("billing.s"), "scheduleId": name}
    world.account.store.put("schedule", name, copy)
    plan = world.plan(HEAD + "schedules: {}\n")
    assert [c.id for c in plan.changes] == ["billing.s"]
    assert plan.summary["unmanaged"] == 1
    world.apply(HEAD + "schedules: {}\n")
    assert world.account.store.all("schedule") == [copy]


MARKS = ["qsync1-xyz", "qsync2-0000-1of1-{a}-{a}-{a}", "QSYNC1-0000-1of1-{a}-{a}-{a}", "{mark}x", " {mark}", ""]  # fmt: skip


@pytest.mark.parametrize("label", MARKS)
def test_what_only_resembles_a_mark_is_none(world: World, label: str) -> None:
    world.apply(in_utc(["s"]))
    ours = world.schedule("billing.s")["labels"][0]
    world.edit("billing.s", labels=[label.format(a="0" * 12, mark=ours), "billing.s"])
    before = world.account.store.all("schedule")
    assert world.plan(HEAD + "schedules: {}\n").summary["unmanaged"] == 1
    assert "has no mark of ours" in str(only_change(world.plan(in_utc(["s"]))).refused)
    assert world.apply(HEAD + "schedules: {}\n") == ()
    assert world.account.store.all("schedule") == before


# The pause in the mark

PAUSES: list[tuple[str, str, bool, bool, list[tuple[Action, bool]]]] = [
    # the file, written while paused, paused now: what a plan does and what is so afterwards
    ("absent", "retries: 3", False, False, []),
    ("absent", "retries: 3", False, True, []),
    ("absent", "retries: 3", True, True, []),
    ("absent, lifted by hand", "retries: 3", True, False, []),
    ("true", "paused: true", False, False, [(Action.PAUSE, True)]),
    ("true", "paused: true", True, False, [(Action.PAUSE, True)]),
    ("true", "paused: true", False, True, []),
    ("true", "paused: true", True, True, []),
    ("false", "paused: false", False, False, []),
    ("false", "paused: false", False, True, [(Action.RESUME, False)]),
    ("false, mark cleared", "paused: false", True, False, [(Action.UPDATE, False)]),
    ("false, mark cleared", "paused: false", True, True, [(Action.UPDATE, False)]),
]


@pytest.mark.parametrize("kept", [True, False], ids=["kept by an upsert", "reset by an upsert"])
@pytest.mark.parametrize(("_id", "settings", "written", "now", "does"), PAUSES)
def test_the_pause_is_what_the_file_says_or_else_what_it_was(
    _id: str, settings: str, written: bool, now: bool, does: list[tuple[Action, bool]], kept: bool
) -> None:
    with make_world(Switches().with_(overwrite_keeps_pause=kept)) as world:
        world.apply(file("paused: true" if written else "retries: 3"))
        for part in live_ids(world):
            world.account.console.pause(part, paused=now)
        assert {m.paused for m in marks(world)} == {written}
        plan = world.plan(file(settings))
        assert [change.action for change in plan.changes] == [action for action, _ in does]
        world.apply(file(settings))
        paused = {world.schedule(part)["isPaused"] for part in live_ids(world)}
        assert paused == {does[0][1] if does else now}
        assert world.plan(file(settings)).empty


@pytest.mark.parametrize("count", range(1, 7))
def test_a_pause_that_an_apply_had_no_time_to_set_again_is_told(count: int) -> None:
    """Where QStash forgets it with an upsert; by then it may be somebody's will."""
    with make_world(Switches().with_(overwrite_keeps_pause=False)) as world:
        world.apply(file())
        for part in live_ids(world):
            world.account.console.pause(part)
        world.cut_off(file("retries: 7"), after=count - 1)
        world.apply(file("retries: 7"))
        plan = world.plan(file("retries: 7"))
        assert plan.empty
        told = {w.code for w in plan.warnings} & {"partly_paused", "resumed"}
        paused = all(world.schedule(part)["isPaused"] for part in live_ids(world))
        assert paused is not bool(told)


# Renames


@pytest.mark.parametrize("paused", [True, False])
def test_a_rename_is_one_update_that_keeps_the_pause(world: World, paused: bool) -> None:
    world.apply(file(name="old"))
    for part in live_ids(world):
        world.account.console.pause(part, paused=paused)
    plan = world.plan(file("was: old", name="new"))
    change = only_change(plan)
    assert (change.action, change.reason) == (Action.UPDATE, Reason.RENAME)
    assert plan.summary == {
        "create": 0, "update": 1, "delete": 0, "refused": 0, "unchanged": 0, "unmanaged": 0,
    }  # fmt: skip
    world.apply(file("was: old", name="new"))
    assert live_ids(world) == ["billing.new", "billing.new.2", "billing.new.3"]
    assert {world.schedule(part)["isPaused"] for part in live_ids(world)} == {paused}
    assert world.plan(file("was: old", name="new")).empty


def test_a_rename_of_what_is_not_ours_needs_consent(world: World) -> None:
    """Else both would fire; and what says `was:` of a schedule that has been renamed stays."""
    world.apply(in_utc(["old"]))
    theirs = unmark(world, "billing.old")
    text = in_utc(["new"]).replace("new: {", "new: {was: old, ")
    assert "has no mark of ours" in str(only_change(world.plan(text)).refused)
    world.apply(text)
    assert live_ids(world) == ["billing.old"]
    world.apply(text, adopt=("new",))
    assert live_ids(world) == ["billing.new"]
    world.account.store.put("schedule", "billing.old", theirs)
    assert world.plan(text).empty
    world.apply(text)
    assert world.schedule("billing.old") == theirs


@pytest.mark.parametrize("protect", ["false", "true"])
@pytest.mark.parametrize("writes", range(7))
def test_a_rename_that_is_cut_off_converges(world: World, protect: str, writes: int) -> None:
    """Both names may be live then: what is left of the old one goes with the same update."""
    settings = f"protect: {protect}"
    world.apply(file(settings, name="old"))
    renamed = file(f"{settings}, was: old", name="new")
    lost = Fault(kind="reset_before", at=writes + 1, times=999, matches=lambda m, _p: m != "GET")
    world.account.inject(lost)
    outcomes = world.apply(renamed)
    complete = live_ids(world) == ["billing.new", "billing.new.2", "billing.new.3"]
    assert [o.status for o in outcomes] == [Status.DONE if complete else Status.FAILED]
    world.account.forget()
    plan = world.plan(renamed)
    assert not plan.errors
    assert plan.summary["delete"] == 0
    world.apply(renamed)
    assert live_ids(world) == ["billing.new", "billing.new.2", "billing.new.3"]
    assert world.plan(renamed).empty


@pytest.mark.parametrize("again", [None, 1, 2], ids=["once", "twice", "twice, later"])
@pytest.mark.parametrize("protect", ["false", "true"])
@pytest.mark.parametrize("writes", range(7))
def test_a_rename_with_a_change_that_is_cut_off_needs_no_more_options_than_a_whole_one(
    world: World, protect: str, writes: int, again: int | None
) -> None:
    """Its marks tell what it was: the old definition need not be the new one."""
    world.apply(file(f"protect: {protect}", name="old"))
    head = HEAD + "limits: {max_deletes: 0}\n"
    renamed = file(f"protect: {protect}, was: old", name="new", head=head).replace("0 9", "0 10")
    assert not world.plan(renamed).errors
    for cut in (writes, *([again] if again else [])):
        world.cut_off(renamed, after=cut, allow_deletes=None)
    plan = world.plan(renamed)
    assert not plan.errors
    assert plan.summary["delete"] == 0
    world.apply(renamed, allow_deletes=None)
    assert live_ids(world) == ["billing.new", "billing.new.2", "billing.new.3"]
    assert world.plan(renamed).empty


@pytest.mark.parametrize("writes", range(7))
def test_a_file_may_change_again_after_a_rename_that_was_cut_off(world: World, writes: int) -> None:
    world.apply(file(name="old"))
    at_ten, renamed = (file("was: old", name="new").replace("0 9", f"0 {h}") for h in (10, 11))
    for text in (at_ten, renamed):
        world.cut_off(text, after=writes)
    world.apply(renamed)
    assert live_ids(world) == ["billing.new", "billing.new.2", "billing.new.3"]
    assert world.plan(renamed).empty


def test_a_rename_of_half_a_change_that_is_cut_off_is_no_delete(world: World) -> None:
    """The old set is of two definitions, neither of which need be the new one."""
    world.apply(file("protect: true", name="old"))
    half = file("protect: true, retries: 4", name="old")
    for text, writes in (
        (half, 1),
        (file("protect: true, was: old, retries: 5", name="new"), 4),
    ):
        world.cut_off(text, after=writes)
    change = only_change(world.plan(text))
    assert (change.drops, change.protected) == (0, False)


TAKEN_OVER = {
    "renamed": file("was: s", name="new"),
    "as it is": file(),
    "fewer parts": file("dst: {strategy: native, accept: true}"),
    "renamed to fewer": file("was: s, dst: {strategy: native, accept: true}", name="new"),
}


@pytest.mark.parametrize("writes", range(8))
@pytest.mark.parametrize("case", TAKEN_OVER)
def test_a_set_of_another_environment_is_taken_over_by_runs_that_are_cut_off(
    world: World, case: str, writes: int
) -> None:
    """What is left of it is refused until the consent is given again, and never said to be right."""
    text = TAKEN_OVER[case]
    world.apply(file())
    world.hand_over()
    assert "carries the mark of another environment" in only_change(world.plan(text)).refused
    name = "new" if "was" in text else "s"
    world.cut_off(text, after=writes, adopt=(name,))
    foreign = [one for one in marks(world) if one.scope == "0000"]
    plan = world.plan(text)
    assert plan.empty == (not foreign), (plan.changes, live_ids(world))
    assert all(change.refused for change in plan.changes)
    world.apply(text, adopt=(name,))
    assert not [one for one in marks(world) if one.scope == "0000"]
    assert len(live_ids(world)) == (1 if "native" in text else 3)
    assert world.plan(text).empty


def test_a_rename_of_what_is_still_in_the_file_is_refused() -> None:
    """It would delete the schedule of that name, which the same file wants."""
    text = in_utc(["old", "new"]).replace("new: {", "new: {was: old, ")
    found = messages(text)
    assert len(found) == 1
    assert "schedules.new.was: old is in the file, too" in found[0]
    assert "remove was:" in found[0]


@pytest.mark.parametrize("old", ["", ", paused: true", ", protect: true"])
@pytest.mark.parametrize("more", ["", ", retries: 1"])
def test_a_name_that_another_schedule_still_has_is_not_taken_from_it(
    world: World, old: str, more: str
) -> None:
    """It would go uncounted, protected or not; and a pause of it would stop the one that is left."""
    first = in_utc(["old", "new"]).replace("old: {", "old: {retries: 5, ").replace("}}", "}}")
    first = first.replace("retries: 5", f"retries: 5{old}")
    world.apply(first)
    before = world.account.store.all("schedule")
    taking = in_utc(["old"]).replace("old: {", f"old: {{was: new{more}, ")
    plan = world.plan(taking)
    assert [(e.code, e.path) for e in plan.errors] == [("was", ("schedules", "old", "was"))]
    assert "old is live and another schedule than new" in plan.errors[0].message
    assert plan.summary["delete"] == 0
    with pytest.raises(AssertionError):
        world.apply(taking)
    assert world.account.store.all("schedule") == before
    if "protect" in old:
        return
    # The way out: in two steps.
    world.apply(in_utc(["new"]))
    world.apply(taking)
    assert live_ids(world) == ["billing.old"]
    assert not world.schedule("billing.old").get("isPaused")


# Kinds without a mark


KINDS = {
    "url_groups": "{endpoints: {a: 'https://a.example.com'}}",
    "queues": "{parallelism: 1}",
    "flow_controls": "{parallelism: 1}",
}


def section(kind: str, names: list[str], head: str = HEAD) -> str:
    each = "".join(f"  {name}: {KINDS[kind]}\n" for name in names)
    return head + (f"{kind}:\n{each}" if names else f"{kind}: {{}}\n")


def names_of(world: World, kind: str) -> list[str]:
    """The live names; of keys, those that are pinned."""
    if kind == "flow_controls":
        keys = world.account.store.all("flow")
        return sorted(k["flowControlKey"] for k in keys if k["isPinnedParallelism"])
    stored = world.account.store.all("topic" if kind == "url_groups" else "queue")
    return sorted(item["name"] for item in stored)


OWNED: list[tuple[str, str, list[str]]] = [
    ("nothing by default", "", []),
    ("a glob", "['mine-*']", ["mine-1", "mine-2"]),
    ("two globs", "['mine-1', 'x*']", ["mine-1", "x"]),
    ("case counts", "['MINE-*']", []),
    ("no part of a name", "[mine]", []),
    ("all", "['*']", ["kept", "mine-1", "mine-2", "x"]),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("_id", "globs", "gone"), OWNED, ids=ids(OWNED))
def test_what_owns_matches_may_go_and_the_rest_is_unmanaged(
    world: World, kind: str, _id: str, globs: str, gone: list[str]
) -> None:
    names = ["kept", "mine-1", "mine-2", "x"]
    world.apply(section(kind, names))
    owns = f"owns: {{{kind}: {globs}}}\n" if globs else ""
    text = section(kind, [], head=HEAD + owns)
    plan = world.plan(text)
    assert sorted(c.name for c in plan.changes) == gone
    listed = 0 if kind == "flow_controls" else len(names) - len(gone)  # keys are not listed
    assert plan.summary["unmanaged"] == listed
    world.apply(text)
    assert names_of(world, kind) == [name for name in names if name not in gone]
    assert world.plan(text).empty


def test_an_unpinned_key_stays_paused_and_is_not_resumed(world: World) -> None:
    """Flow-control keys can be neither created nor deleted: leaving the file unpins."""
    world.apply(HEAD + "flow_controls: {k: {parallelism: 2, rate: 3, paused: true}}\n")
    world.apply(HEAD + "owns: {flow_controls: [k]}\nflow_controls: {}\n")
    (stored,) = world.account.store.all("flow")
    assert (stored["isPaused"], stored["isPinnedRate"], stored["isPinnedParallelism"]) == (
        True,
        False,
        False,
    )


def test_unmanaged_resources_are_counted_and_listed_with_v(tmp_path: Path) -> None:
    account, path = tmp_path / "account.db", tmp_path / "q.yaml"
    words = ("-f", str(path), f"--local={account}")
    theirs = HEAD.replace("billing", "other")
    path.write_text(
        in_utc(["a"], head=theirs) + "queues: {q: {}}\n" + section("url_groups", ["g"], head="")
    )
    assert cli("apply", "--yes", *words).code == 0
    path.write_text(HEAD + "schedules: {}\nqueues: {}\nurl_groups: {}\n")
    quiet, full = cli("plan", *words), cli("plan", *words, "-v")
    assert "0 unchanged, 3 unmanaged." in quiet.out
    assert "other.a" not in quiet.out
    for line in (
        "    queue q  0 waiting",
        "    URL group g  1 endpoint",
    ):
        assert line in full.out.splitlines()
    assert re.search(
        r" schedule other\.a \S+( \S+){4} to http.* managed elsewhere",
        " ".join(full.out.split()),
    )
    data = json.loads(cli("plan", *words, "--format", "json").out)
    assert data["summary"]["unmanaged"] == 3


# Guards: each refusal with its own override, at 1, 3 and 9 resources


@dataclass(frozen=True)
class Guard:
    """A state of the account, a file that would delete too much, and the words that allow it."""

    before: str
    after: str
    fact: str
    override: tuple[str, ...]
    wrong: tuple[str, ...]
    hand: Callable[[FaultServer], None] = lambda _server: None
    then: int = 0  # the exit code of the next plan: 1 if the file names what is gone


def many(count: int) -> list[str]:
    return [f"n{number}" for number in range(count)]


def users(count: int) -> str:
    each = "".join(
        f"  u{n}: {{cron: '0 9 * * *', destination: {URL}, queue: n{n}}}\n" for n in range(count)
    )
    return f"schedules:\n{each}"


def callers(count: int) -> str:
    each = "".join(f"  u{n}: {{cron: '0 9 * * *', url_group: n{n}}}\n" for n in range(count))
    return f"schedules:\n{each}"


NO_LIMITS = "limits: {max_deletes: none, max_delete_percent: none}\n"


def lag(count: int) -> Callable[[FaultServer], None]:
    def hand(server: FaultServer) -> None:
        for number in range(count):
            server.console.set_lag(f"n{number}", 5)

    return hand


def guard_cases(count: int) -> Iterator[tuple[str, Guard]]:
    names, deletes = many(count), "1 delete" if count == 1 else f"{count} deletes"
    limits = HEAD + "limits: {max_deletes: 0, max_delete_percent: none}\n"
    lifted = HEAD + NO_LIMITS
    wrong = ("--allow-protected", "other", "--allow-in-use", "*", "--drop-backlog", "*")
    yield "schedules, limits", Guard(
        in_utc(names), in_utc([], head=limits), f"{deletes}, limits.max_deletes is 0",
        ("--allow-deletes", str(count)), ("--allow-deletes", str(count - 1)),
    )  # fmt: skip
    yield "schedules, protected by their mark", Guard(
        in_utc(names).replace("{cron", "{protect: true, cron"), in_utc([], head=lifted),
        "protected: apply it once with protect: false", ("--allow-protected", "n*"), wrong,
    )  # fmt: skip
    for kind in KINDS:
        owns = HEAD + f"owns: {{{kind}: ['*']}}\n"
        no_limits = owns + NO_LIMITS
        yield f"{kind}, limits", Guard(
            section(kind, names), section(kind, [], head=owns + limits.removeprefix(HEAD)),
            f"{deletes}, limits.max_deletes is 0",
            ("--allow-deletes", str(count)), ("--allow-deletes", str(count - 1)),
        )  # fmt: skip
        yield f"{kind}, protected by the file", Guard(
            section(kind, names), section(kind, [], head=no_limits + f"protect: {{{kind}: ['n*']}}\n"),
            "the file's protect section names it", ("--allow-protected", "n*"), wrong,
        )  # fmt: skip
    owns = lifted + "owns: {queues: ['*']}\n"
    yield "queues with a backlog", Guard(
        section("queues", names), section("queues", [], head=owns), "5 messages wait in it",
        ("--drop-backlog", "n*"), ("--drop-backlog", "m*", "--allow-in-use", "*", "--allow-protected", "*"), lag(count),
    )  # fmt: skip
    in_use = ("--allow-in-use", "m*", "--drop-backlog", "*", "--allow-protected", "*")
    yield "queues in use", Guard(
        section("queues", names) + users(count), section("queues", [], head=owns),
        "uses it; change that first", ("--allow-in-use", "n*"), in_use,
    )  # fmt: skip
    yield "queues that new schedules use", Guard(
        section("queues", names), section("queues", [], head=owns) + users(count),
        "uses it; change that first", ("--allow-in-use", "n*"), in_use, then=1,
    )  # fmt: skip
    yield "URL groups in use", Guard(
        section("url_groups", names) + callers(count),
        section("url_groups", [], head=owns.replace("queues", "url_groups")),
        "uses it; change that first", ("--allow-in-use", "n*"), in_use,
    )  # fmt: skip
    ends = "".join(f"e{n}: 'https://e{n}.example.com', " for n in range(count))
    yield "endpoints, limits", Guard(
        HEAD + f"url_groups: {{g: {{endpoints: {{{ends}last: 'https://l.example.com', more: 'https://m.example.com'}}}}}}\n",
        limits + "url_groups: {g: {endpoints: {last: 'https://l.example.com'}}}\n",
        f"{count + 1} deletes, limits.max_deletes is 0",
        ("--allow-deletes", str(count + 1)), ("--allow-deletes", str(count)),
    )  # fmt: skip


GUARDS = [(f"{name}, {count}", guard) for count in (1, 3, 9) for name, guard in guard_cases(count)]


@pytest.mark.parametrize(("_id", "guard"), GUARDS, ids=ids(GUARDS))
def test_a_guard_refuses_before_anything_is_written_and_its_own_override_lets_it_pass(
    tmp_path: Path, _id: str, guard: Guard
) -> None:
    account, path = tmp_path / "account.db", tmp_path / "q.yaml"
    words = ("-f", str(path), f"--local={account}", "--now", "2026-11-23T12:00Z")
    path.write_text(guard.before)
    assert cli("apply", "--yes", *words).code == 0
    with FaultServer(account) as server:
        guard.hand(server)
        before = server.console.snapshot()
    path.write_text(guard.after)
    for command in (("plan",), ("apply", "--yes"), ("apply", "--yes", *guard.wrong)):
        ran = cli(*command, *words, "--format", "json")
        data = json.loads(ran.out)
        assert ran.code == 3, ran
        assert data["requests"]["write"] == 0
        assert guard.fact in " ".join(error["message"] for error in data["errors"])
        assert {error["code"] for error in data["errors"]} == {"guard"}
        assert "outcome" not in ran.out
        with FaultServer(account) as server:
            assert server.console.snapshot() == before
    text = cli("apply", "--yes", *words)
    assert (text.code, text.err.splitlines()[-1]) == (3, "Nothing was written.")
    assert guard.override[0] in text.out  # the way out is told
    ran = cli("apply", "--yes", *words, *guard.override)
    assert ran.code == 0, ran
    assert cli("plan", *words, *guard.override, "--detailed-exitcode").code == guard.then
    with FaultServer(account) as server:
        assert server.console.snapshot() != before


@pytest.mark.parametrize("count", [1, 3, 9])
def test_nothing_is_deleted_after_a_failure_unless_that_is_asked_for(count: int) -> None:
    for asked in (False, True):
        with make_world() as world:
            world.apply(in_utc(many(count)))
            new = in_utc([], head=HEAD + "queues: {q: {}}\n")
            broken = Fault(
                kind="500", times=999, matches=lambda m, p: (m, p) == ("POST", "/v2/queues")
            )
            world.account.inject(broken)
            outcomes = world.apply(new, delete_after_failure=asked)
            deletes = [o for o in outcomes if o.change.action is Action.DELETE]
            assert len(deletes) == count
            assert {o.status for o in deletes} == {Status.DONE if asked else Status.BLOCKED}
            assert world.account.store.count("schedule") == (0 if asked else count)
            if not asked:
                assert "nothing is deleted after a failure" in deletes[0].message
                assert "--delete-after-failure" in deletes[0].message


def test_a_delete_of_another_run_is_no_reason_to_refuse(world: World) -> None:
    """A schedule that this plan takes off a queue, or deletes, does not use it any more."""
    world.apply(section("queues", ["n0", "n1"]) + users(2))
    owns = HEAD + NO_LIMITS + "owns: {queues: ['*']}\n"
    moved = section("queues", [], head=owns) + users(2).replace(", queue: n0", "").replace(
        ", queue: n1", ""
    )
    assert not world.plan(moved).errors
    assert not world.plan(section("queues", [], head=owns) + "schedules: {}\n").errors
    world.apply(moved)
    assert world.plan(moved).empty


def test_a_cron_that_never_fires_refuses_only_the_schedule_that_is_not_ours(world: World) -> None:
    """Its error would stop the apply of all the others."""
    world.apply(in_utc(["x"]))
    foreign = {**world.schedule("billing.x"), "scheduleId": "billing.c", "labels": []}
    world.account.store.put("schedule", "billing.c", foreign)
    text = in_utc(["x", "b"]) + (
        "  c: {cron: 0 12 29 2 *, timezone: Pacific/Chatham, destination: 'https://e.example.com'}\n"
    )
    plan = world.plan(text)
    assert not plan.errors
    assert {c.name: bool(c.refused) for c in plan.changes} == {"b": False, "c": True}


def test_what_is_said_of_a_schedule_stays_where_a_further_part_is_not_ours(world: World) -> None:
    cron = "schedules: {a: {cron: '0 9 1,15 * 1', timezone: America/New_York, "
    text = f"version: 1\nnamespace: billing\n{cron}destination: 'https://e.example.com'}}}}\n"
    world.apply(text)
    last = max(world.account.console.snapshot()["schedule"])
    world.edit(last, labels=[])
    plan = world.plan(text)
    assert any("both day fields are restricted" in w.message for w in plan.warnings)


FORMER = [
    ("a name that is there", {"a": "", "x": "was: a"}, "a is in the file, too"),
    ("an id that is there", {"a": "", "x": "was: billing.a"}, "it is schedules.a"),
    ("a part that is there", {"a": "", "x": "was: billing.a.2"}, "it is schedules.a"),
    ("an adopted id", {"y": "id: scd_1", "x": "was: scd_1"}, "it is schedules.y"),
    ("an id of ours that another has", {"y": "id: billing.a", "x": "was: a"}, "it is schedules.y"),
    ("its own id", {"x": "was: scd_1, id: scd_1"}, "it is schedules.x"),
    ("twice", {"x": "was: a", "y": "was: a"}, "a cannot become x and this, too"),
    ("twice, spelt otherwise", {"x": "was: a", "y": "was: billing.a"}, "cannot become x and this"),
]


@pytest.mark.parametrize(("_id", "entries", "told"), FORMER, ids=ids(FORMER))
def test_what_was_names_is_nobody_elses(_id: str, entries: dict[str, str], told: str) -> None:
    """Else one apply deletes what the next one creates, for ever."""
    text = HEAD + "schedules:\n"
    for name, more in entries.items():
        text += f"  {name}: {{cron: '0 9 * * *', destination: {URL}{', ' * bool(more)}{more}}}\n"
    (error,) = messages(text)
    assert told in error


@pytest.mark.parametrize(("more", "severity"), [("id: scd_typo", "warning"), ("was: gone", "info")])
def test_what_the_file_says_is_live_and_is_not_is_told(
    world: World, more: str, severity: str
) -> None:
    """Else the one that is meant fires beside a new one."""
    text = in_utc(["a"]).replace("{cron", f"{{{more}, cron")
    (told,) = [w for w in world.plan(text).warnings if w.code == "not_live"]
    assert (told.severity, more.partition(" ")[2] in told.message) == (severity, True)
    world.apply(text)
    assert not world.plan(text).warnings


# A default that is written, or left out


DAILY, OFTEN = "0 9 * * 1-5", "*/15 9-17 * * *"


@pytest.mark.parametrize(
    ("cron", "dst", "is_alike"),
    [
        (DAILY, "gap: next_valid", True), (DAILY, "fold: first", True), (DAILY, "gap: skip", False),
        (DAILY, "fold: both", False), (DAILY, "strategy: split", True),
        (DAILY, "gap: next_valid, fold: first", True), (OFTEN, "gap: next_valid", True),
        (OFTEN, "gap: skip", True), (OFTEN, "fold: both", True), (OFTEN, "fold: first", False),
    ],
)  # fmt: skip
def test_a_policy_that_means_what_the_default_means_is_no_change(
    world: World, cron: str, dst: str, is_alike: bool
) -> None:
    plain = file().replace("0 9 * * 1-5", cron)
    written = plain.replace("retries", f"dst: {{{dst}}}, retries")
    for before, after in ((plain, written), (written, plain)):
        world.apply(before)
        plan = world.plan(after)
        assert plan.empty is is_alike, plan.changes
        assert fields_of(plan) == ([] if is_alike else [f"dst.{dst.partition(':')[0]}"])
        world.apply(after.replace("retries: 3", "retries: 4"))  # a write carries the new mark
        assert world.plan(after.replace("retries: 3", "retries: 4")).empty
