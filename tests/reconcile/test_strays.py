"""What fires beside a declared schedule: which of it is a stray that may go, and which stays."""

from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest

from qstash_sync.applying import proposal
from qstash_sync.applying.outcomes import Status
from qstash_sync.model.change import Action, Reason, TwinOf
from qstash_sync.planning.policy import Policy
from tests.support import HEAD, World, config, ids

URL = "https://app.example.com/x"
FILE = HEAD + f"schedules: {{s: {{cron: '0 9 * * *', destination: {URL}, body: {{a: 1}}}}}}\n"
LOCAL = FILE.replace("{cron", "{timezone: Europe/Berlin, cron")
OTHERS = {"labels": ["qsync1-0000-1of1-" + "-".join(["0" * 12] * 3), "acme.s"]}


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


STRAYS: list[tuple[str, dict[str, Any], bool]] = [
    ("made by hand", {"labels": []}, True),
    ("a copy, mark and all", {}, True),
    ("another spelling of the time", {"labels": [], "cron": "CRON_TZ=UTC 00 9 * * 0-6"}, True),
    ("another spelling of the body", {"labels": [], "bodyBase64": encoded('{"a": 1}')}, True),
    (
        "another token",
        {
            "labels": [],
            "header": {"Content-Type": ["application/json"], "Authorization": ["Bearer t"]},
        },
        True,
    ),
    ("another header", {"labels": [], "header": {"X-Tenant": ["beta"]}}, False),
    ("another callback", {"labels": [], "callback": "https://c.example.com"}, False),
    ("a delay", {"labels": [], "delay": 60}, False),
    ("a queue", {"labels": [], "queueName": "q"}, False),
    ("other retries", {"labels": [], "retries": 5}, True),
    ("of others", OTHERS, False),
    ("another body", {"labels": [], "bodyBase64": encoded('{"a":2}')}, False),
    ("no body", {"labels": [], "bodyBase64": ""}, False),
    ("another time", {"labels": [], "cron": "1 9 * * *"}, False),
    ("another method", {"labels": [], "method": "GET"}, False),
    ("another destination", {"labels": [], "destination": "https://e.example.com"}, False),
    ("paused, and its twin fires", {"labels": [], "isPaused": True}, False),
    ("a cron that nobody understands", {"labels": [], "cron": "@every 1h"}, False),
]


def beside(world: World, origin: str = "billing.s", **changes: Any) -> None:
    """A second schedule that is as one of ours, but for some changes."""
    twin = {**world.schedule(origin), "scheduleId": "scd_7", **changes}
    world.account.store.put("schedule", "scd_7", twin)


def live(world: World) -> list[str]:
    return sorted(stored["scheduleId"] for stored in world.account.store.all("schedule"))


@pytest.mark.parametrize(("_id", "changes", "goes"), STRAYS, ids=ids(STRAYS))
def test_what_does_just_what_a_declared_one_does_goes(
    world: World, _id: str, changes: dict[str, Any], goes: bool
) -> None:
    world.apply(FILE)
    before = world.schedule("billing.s")
    beside(world, **changes)
    plan = world.plan(FILE, strays=True)
    assert [(c.action, c.reason, c.id) for c in plan.changes] == (
        [(Action.DELETE, Reason.TWIN, "scd_7")] if goes else []
    )
    assert [name for _, name in plan.unmanaged] == ([] if goes else ["scd_7"])
    world.apply(FILE, strays=True)
    assert live(world) == ["billing.s"] + ["scd_7"] * (not goes)
    assert world.schedule("billing.s") == before


@pytest.mark.parametrize(("labels", "goes"), [([], True), (["important"], False)])
def test_its_warning_names_the_command_that_plans_its_delete_where_it_may_go(
    world: World, labels: list[str], *, goes: bool
) -> None:
    world.apply(FILE)
    beside(world, labels=labels)
    (told,) = (w for w in world.plan(FILE).warnings if w.code == "twin")
    assert ("import --strays` plans its delete" in told.hint) is goes
    assert ("delete it if nobody needs it" in told.hint) is not goes


@pytest.mark.parametrize("adopted", [True, False])
def test_what_is_adopted_already_is_not_told_to_adopt_its_twin(
    world: World, *, adopted: bool
) -> None:
    text = FILE.replace("{cron", "{id: scd_1, cron") if adopted else FILE
    world.apply(text)
    beside(world, "scd_1" if adopted else "billing.s", labels=[])
    (told,) = (w for w in world.plan(text).warnings if w.code == "twin")
    assert ("id: scd_7 adopts it" in told.hint) is not adopted
    assert "plans its delete" in told.hint


@pytest.mark.parametrize("declared_too", [True, False])
def test_a_twin_is_named_by_an_id_that_is_live(world: World, *, declared_too: bool) -> None:
    """A user's own id may end as a part's does; who follows the advice gets what it says."""
    world.apply(FILE)
    twin = {**world.schedule("billing.s"), "scheduleId": "report.2", "labels": []}
    world.account.store.put("schedule", "report.2", twin)
    if not declared_too:
        world.account.store.delete("schedule", "billing.s")
    (told,) = (w for w in world.plan(FILE).warnings if w.code == "twin")
    assert told.message.startswith("report.2 has the same")
    assert "id: report.2 adopts it" in told.hint
    advised = FILE.replace("{cron", "{id: report.2, cron")
    world.apply(advised, allow_deletes=1)
    assert live(world) == ["report.2"]
    assert not world.plan(advised).warnings


def test_a_part_of_a_twin_goes_though_another_stays(world: World) -> None:
    """All that it does, the declared one does as well."""
    world.apply(FILE)
    stored = world.schedule("billing.s")
    for name, cron, more in (
        ("scd_7", "0 9 1-15 * *", {"header": {"X-Tenant": ["beta"]}}), ("scd_7.2", "0 9 16-31 * *", {}),
    ):  # fmt: skip
        twin = {**stored, "scheduleId": name, "labels": [], "cron": cron, **more}
        world.account.store.put("schedule", name, twin)
    assert [change.id for change in world.plan(FILE, strays=True).changes] == ["scd_7.2"]


def test_in_what_a_stray_differs_is_told_without_its_values(world: World) -> None:
    world.apply(FILE)
    beside(
        world,
        labels=[],
        header={"Content-Type": ["application/json"], "Authorization": ["Bearer s3cret"]},
        retries=5,
    )
    (change,) = world.plan(FILE, strays=True).changes
    (twin,) = [note for note in change.notes if isinstance(note, TwinOf)]
    assert twin.name == "s"
    assert "retries" in twin.differs
    assert "headers.Authorization" in twin.differs
    assert "s3cret" not in str(change)


KEPT: list[tuple[str, dict[str, Any]]] = [
    ("of another tenant", {"header": {"X-Tenant-Key": ["beta"]}}),
    ("of another route", {"header": {"X-Routing-Key": ["beta"]}}),
    ("with another cookie", {"header": {"Cookie": ["tenant=beta"]}}),
    ("with a label of its own", {"labels": ["important"]}),
]


@pytest.mark.parametrize(("_id", "changes"), KEPT, ids=ids(KEPT))
def test_what_may_be_somebody_elses_stays(world: World, _id: str, changes: dict[str, Any]) -> None:
    world.apply(FILE)
    header = {"Content-Type": ["application/json"], **changes.pop("header", {})}
    beside(world, **{"labels": [], "header": header, **changes})
    assert not world.plan(FILE, strays=True).changes


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0 0 28 2 *", "0 0 28,29 2 *"),
        ("0 0 1-28 2 *", "0 0 * 2 *"),
    ],
)
def test_what_fires_alike_for_a_year_only_is_no_stray(world: World, one: str, other: str) -> None:
    """29 February, of which the coming year has none."""
    text = FILE.replace("0 9 * * *", one)
    world.apply(text)
    beside(world, labels=[], cron=other)
    assert not world.plan(text, strays=True).changes
    beside(world, labels=[], cron=one)
    assert world.plan(text, strays=True).changes


def test_the_newest_stays_where_it_may_hold_the_only_good_credential(world: World) -> None:
    """Five deploys, of which the last two rotated a token: the declared one has the old one."""
    text = FILE.replace("body", "headers: {Authorization: '${env.T}'}, body")
    world.environ["T"] = "Bearer old"
    world.apply(text)
    origin = world.schedule("billing.s")
    for number, token in enumerate(["old", "older", "new", "new"]):
        header = {**origin["header"], "Authorization": [f"Bearer {token}"]}
        made = origin["createdAt"] + 1000 * (number + 1)
        twin = {
            **origin,
            "scheduleId": f"scd_{number}",
            "labels": [],
            "header": header,
            "createdAt": made,
        }
        world.account.store.put("schedule", f"scd_{number}", twin)
    plan = world.plan(text, strays=True)
    assert [change.id for change in plan.changes] == ["scd_0", "scd_1", "scd_2"]
    (warning,) = [found for found in plan.warnings if found.code == "twin"]
    assert "scd_3" in warning.message
    assert "other credentials, which may be newer" in warning.message
    assert "set them here and apply" in warning.hint
    world.apply(text, strays=True)
    world.environ["T"] = "Bearer new"  # as the warning says
    world.apply(text)
    world.apply(text, strays=True)
    assert live(world) == ["billing.s"]


REDACTED = [
    ("another body", {"bodyBase64": encoded("REDACTED:" + "b" * 64)}, False),
    ("another header", {"header": {"Content-Type": ["application/json"], "X-Tenant": ["REDACTED:" + "b" * 64]}}, False),
    ("another token", {"header": {"Content-Type": ["application/json"], "X-Tenant": ["REDACTED:" + "a" * 64], "Authorization": ["REDACTED:" + "b" * 64]}}, True),
    ("nothing else", {}, True),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "changes", "goes"), REDACTED, ids=ids(REDACTED))
def test_two_redacted_values_are_the_same_only_by_their_digests(
    world: World, _id: str, changes: dict[str, Any], goes: bool
) -> None:
    """What neither side shows may differ: another tenant's job is no twin of this one's."""
    text = FILE.replace(
        ", body: {a: 1}",
        ", body: {a: 1}, headers: {X-Tenant: alpha}, redact: {body: true, headers: [X-Tenant]}",
    )
    world.apply(text)
    same = {"Content-Type": ["application/json"], "X-Tenant": ["REDACTED:" + "a" * 64]}
    hidden = {"bodyBase64": encoded("REDACTED:" + "a" * 64), "header": same, "redact": []}
    world.edit("billing.s", **hidden)
    beside(world, labels=[], **changes)
    assert bool([c for c in world.plan(text, strays=True).changes if c.id == "scd_7"]) is goes


def test_a_copy_of_one_part_of_a_local_time_is_a_stray(world: World) -> None:
    world.apply(LOCAL)
    beside(world, "billing.s.2")
    assert [w.code for w in world.plan(LOCAL).warnings] == ["twin"]
    (change,) = world.plan(LOCAL, strays=True).changes
    assert (change.id, change.reason) == ("scd_7", Reason.TWIN)


def test_nothing_goes_where_its_twin_is_not_live_or_paused(world: World) -> None:
    """Then the stray is the one that fires."""
    world.apply(FILE)
    beside(world, labels=[])
    world.edit("billing.s", isPaused=True)
    assert not world.plan(FILE, strays=True).changes
    world.account.store.delete("schedule", "billing.s")
    assert not world.plan(FILE, strays=True).changes
    assert world.plan(FILE, strays=True).left == 1  # the create


def test_what_the_file_names_is_adopted_and_all_else_is_left(world: World) -> None:
    world.apply(FILE)
    for name in ("scd_7", "scd_8"):
        stored = {**world.schedule("billing.s"), "scheduleId": name, "labels": []}
        world.account.store.put("schedule", name, stored)
    world.account.store.delete("schedule", "billing.s")
    text = FILE.replace("{cron", "{id: scd_7, cron") + (
        "  # beside\nqueues: {q: {parallelism: 2}}\n"
    )
    plan = world.plan(text, strays=True)
    assert [(c.action, c.reason, c.id) for c in plan.changes] == [
        (Action.UPDATE, Reason.ADOPT, "scd_7"),
        (Action.DELETE, Reason.TWIN, "scd_8"),
    ]
    assert plan.left == 1
    assert [one.status for one in world.apply(text, strays=True)] == [Status.DONE] * 2
    assert live(world) == ["scd_7"]
    assert not world.plan(text, strays=True).changes


@pytest.mark.parametrize("edit", [
    {"cron": "*/10 * * * *"}, {"callback": "https://c.example.com/x"}, {"retries": 7},
    {"cron": "*/10 * * * *", "labels": ["theirs"]},
], ids=str)  # fmt: skip
def test_nothing_goes_while_its_twin_is_not_as_the_file_says(
    world: World, edit: dict[str, Any]
) -> None:
    """The stray may be the only one by now that does what is declared."""
    world.apply(FILE)
    of_twin = {key: value for key, value in edit.items() if key != "cron"}
    beside(world, **{**of_twin, "labels": []})
    world.edit("billing.s", **edit)
    (told,) = [w for w in world.plan(FILE).warnings if w.code == "twin"]
    assert "--strays" not in told.hint
    assert all(change.refused for change in world.plan(FILE, strays=True).changes)
    world.apply(FILE, adopt=("s",))
    same = {"isPaused": False, "callback": "", "retries": 3}
    world.edit("scd_7", **same)
    assert [change.id for change in world.plan(FILE, strays=True).changes] == ["scd_7"]


@pytest.mark.parametrize("policy", [{}, {"exclude": ("schedules.s",)}], ids=str)
def test_nothing_goes_while_its_twin_is_still_to_be_adopted_and_to_be_changed(
    world: World, policy: dict[str, Any]
) -> None:
    """The adoption may be left out of the run, and scd_2 alone fires as the file says."""
    world.apply(FILE)
    beside(world, labels=[])
    text = FILE.replace("{cron", "{id: scd_1, cron")
    one = {**world.schedule("billing.s"), "labels": []}
    for part_id, cron in (("scd_1", "*/7 * * * *"), ("scd_2", one["cron"])):
        world.account.store.put("schedule", part_id, {**one, "scheduleId": part_id, "cron": cron})
    for part_id in ("billing.s", "scd_7"):
        world.account.store.delete("schedule", part_id)
    plan = world.plan(text, strays=True, **policy)
    assert not [change for change in plan.changes if change.reason is Reason.TWIN]


LIVE = "CRON_TZ=Europe/Berlin 0 9 * * *"


def test_nothing_goes_while_its_twin_is_due_for_renewal(world: World) -> None:
    """Soon it fires an hour off; the other never does."""
    world.apply(LOCAL)
    beside(world, labels=[], cron=LIVE)
    world.now += timedelta(days=120)
    assert [change.reason for change in world.plan(LOCAL).changes] == [Reason.CLOCK]
    assert not world.plan(LOCAL, strays=True).changes
    world.apply(LOCAL)
    found = world.plan(LOCAL, strays=True)
    assert [(change.id, change.reason) for change in found.changes] == [("scd_7", Reason.TWIN)]


def test_nothing_goes_while_a_part_of_its_twin_is_paused(world: World) -> None:
    world.apply(LOCAL)
    beside(world, labels=[], cron=LIVE)
    assert world.plan(LOCAL, strays=True).changes
    world.edit("billing.s.2", isPaused=True)
    assert not world.plan(LOCAL, strays=True).changes


def test_nothing_goes_that_fires_as_the_file_says_where_what_is_live_does_not(world: World) -> None:
    """The time is somebody else's: they fire at another one, and so it is no twin."""
    text = FILE.replace("{cron", "{ignore: [cron], cron")
    world.apply(text)
    beside(world, labels=[])
    assert world.plan(text, strays=True).changes
    world.edit("billing.s", cron="0 3 1 1 *")
    plan = world.plan(text, strays=True)
    assert not plan.changes
    assert not [warning for warning in world.plan(text).warnings if warning.code == "twin"]
    world.edit("scd_7", cron="0 3 1 1 *")
    assert [change.id for change in world.plan(text, strays=True).changes] == ["scd_7"]


def test_nothing_goes_while_its_twin_waits_for_a_consent(world: World) -> None:
    """A part of it carries another environment's mark."""
    world.apply(LOCAL)
    beside(world, labels=[], cron=LIVE)
    world.hand_over("billing.s.2")
    assert not [c for c in world.plan(LOCAL, strays=True).changes if c.reason is Reason.TWIN]


def test_a_rename_makes_no_credential_newer(world: World) -> None:
    """It has created ours anew, with the one that it had."""
    world.environ = {"X": "made-up-credential"}
    old = FILE.replace("{cron", "{headers: {Authorization: 'Bearer ${env.X}'}, cron")
    world.apply(old)
    header = {**world.schedule("billing.s")["header"], "Authorization": ["Bearer bbbbbbbbbbbb"]}
    world.now += timedelta(hours=1)
    beside(world, labels=[], header=header, createdAt=int(world.now.timestamp() * 1000))
    assert not world.plan(old, strays=True).changes
    world.now += timedelta(hours=1)
    renamed = old.replace("{s: {", "{t: {was: s, ")
    world.apply(renamed)
    assert live(world) == ["billing.t", "scd_7"]
    plan = world.plan(renamed, strays=True)
    assert not plan.changes
    assert "which may be newer" in next(w.message for w in plan.warnings if w.code == "twin")


def test_limits_hold_for_strays(world: World) -> None:
    world.apply(FILE)
    for number in range(5):
        stored = {**world.schedule("billing.s"), "scheduleId": f"scd_{number}", "labels": []}
        world.account.store.put("schedule", f"scd_{number}", stored)
    assert world.plan(FILE, strays=True).is_refused
    assert not world.plan(FILE, strays=True, allow_deletes=5).errors


def test_a_year_in_which_nothing_fires_makes_no_twins(world: World) -> None:
    """Nor do 45 days: two jobs of other months, and two of 29 February."""
    for ours, other in (("0 9 1 6 *", "0 9 1 7 *"), ("0 9 29 2 *", "0 8 29 2 *")):
        text = FILE.replace("0 9 * * *", ours)
        world.apply(text)
        beside(world, labels=[], cron=other)
        assert not world.plan(text).warnings
        assert not world.plan(text, strays=True).changes


def test_a_stray_whose_twin_goes_meanwhile_stays(world: World) -> None:
    """What was approved is a duplicate; it would be the last one."""
    world.apply(FILE)
    beside(world, labels=[])
    with world.client() as client:
        policy = Policy(strays=True)
        desired = config(FILE).desired
        plan = proposal.propose(client, desired, now=world.now, policy=policy)
        assert plan.changes
        world.account.store.delete("schedule", "billing.s")
        (outcome,) = world.carry_out(client, desired, plan, policy).outcomes
    assert outcome.status is Status.REFUSED
    assert live(world) == ["scd_7"]


def test_a_running_twin_of_what_is_to_be_paused_stays(world: World) -> None:
    world.apply(FILE)
    beside(world, labels=[])
    paused = FILE.replace("{cron", "{paused: true, cron", 1)
    assert paused != FILE
    assert not world.plan(paused, strays=True).changes


@pytest.mark.parametrize(("more", "goes"), [("", True), (", retries: 5", False)])
def test_a_twin_of_what_is_only_to_be_marked_goes(world: World, more: str, *, goes: bool) -> None:
    """Adopted by its `id:` and just as the file says: nothing but the mark is new."""
    world.apply(FILE)
    first = world.schedule("billing.s")
    for part_id in ("scd_7", "scd_8"):
        unmarked = {**first, "scheduleId": part_id, "labels": [], "label": ""}
        world.account.store.put("schedule", part_id, unmarked)
    world.account.console.delete("schedule", "billing.s")
    plan = world.plan(FILE.replace("{cron", f"{{id: scd_7{more}, cron"), strays=True)
    assert [(c.action, c.id) for c in plan.changes] == (
        [(Action.UPDATE, "scd_7")] + [(Action.DELETE, "scd_8")] * goes
    )


MOVED = [
    ("the time", "'0 9 * * *'", "'30 9 * * *'", True),
    ("the destination", URL, "https://app.example.com/y", True),
    ("the body", "body: {a: 1}", "body: {a: 2}", True),
    ("the retries", "body: {a: 1}", "body: {a: 1}, retries: 1", False),
]


@pytest.mark.parametrize("text", [FILE, LOCAL], ids=["UTC", "Berlin"])
@pytest.mark.parametrize(("_id", "old", "new", "left"), MOVED, ids=ids(MOVED))
def test_a_change_says_what_does_not_change_with_it(
    world: World, text: str, _id: str, old: str, new: str, *, left: bool
) -> None:
    """After it nothing would tell that its twin fires on as both did."""
    world.apply(text)
    for part in live(world):
        copy = {**world.schedule(part), "scheduleId": part.replace("billing.s", "scd_7")}
        world.account.store.put("schedule", copy["scheduleId"], {**copy, "labels": []})
    told = [w.message for w in world.plan(text).warnings if w.code == "twin"]
    assert ["fires as this one did" in one for one in told] == [False] * len(told)
    told = [w.message for w in world.plan(text.replace(old, new)).warnings if w.code == "twin"]
    if text == FILE:
        beside_it = "has the same destination, method, body and firings: it fires beside this one"
        does = "fires as this one did until now, and goes on so" if left else beside_it
        assert told == [f"scd_7 {does}"]
    if left:
        world.apply(text.replace(old, new))
        assert not [w for w in world.plan(text.replace(old, new)).warnings if w.code == "twin"]


@pytest.mark.parametrize(
    ("environment", "hint"),
    [
        ("production", "namespace_was: billing takes all of it over"),
        (
            "staging",
            "delete one of the two; if an environment of this file had it, put that back, and destroy it",
        ),
    ],
)
def test_a_former_namespace_is_taken_over_by_the_environment_that_had_it(
    world: World, environment: str, hint: str
) -> None:
    world.environment = "production"
    text = FILE + "environments: {production: {}}\n"
    world.apply(text)
    world.environment = environment
    moved = text.replace("namespace: billing", "namespace: corp").replace("production", environment)
    told = [warning for warning in world.plan(moved).warnings if warning.code == "twin"]
    assert [one.hint for one in told] == [hint]
    if environment == "production":
        renamed = moved.replace("namespace: corp", "namespace: corp\nnamespace_was: billing")
        assert [change.refused for change in world.plan(renamed).changes] == [None]


def test_a_change_says_nothing_of_what_another_environment_keeps(world: World) -> None:
    """The same change of the file reaches it by another apply."""
    text = FILE + "environments: {prod: {namespace: np}, stg: {namespace: ns}}\n"
    for name in ("prod", "stg"):
        world.environment = name
        world.apply(text)
    told = [w for w in world.plan(text.replace("0 9", "30 9")).warnings if w.code == "twin"]
    assert told == []


def test_a_change_says_nothing_of_what_does_not_fire(world: World) -> None:
    world.apply(FILE)
    beside(world, labels=[], isPaused=True)
    moved = FILE.replace("0 9", "30 9")
    assert not [w for w in world.plan(moved).warnings if w.code == "twin"]
    beside(world, labels=[])
    assert [w for w in world.plan(moved).warnings if w.code == "twin"]
