"""Pause and resume by glob: the way out of an incident must work in the middle of one."""

import contextlib
import io
import json
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest

from qstash_sync.applying import incident
from qstash_sync.applying.executor import Control
from qstash_sync.applying.outcomes import Outcome, Status
from qstash_sync.cli.main import run
from qstash_sync.local import LOCAL_READ_ONLY_TOKEN, LOCAL_TOKEN, Served, Switches
from qstash_sync.model.resources import Live
from qstash_sync.planning.pause_by_name import Wish, pause_plan
from tests.fault_server import Fault, FaultServer
from tests.support import HEAD, Ran, World, cli, config, ids

NEW_YORK = "timezone: America/New_York, destination: 'https://e.example.com'"  # several parts each
FILE = (
    HEAD
    + f"""schedules:
  daily: {{cron: '0 9 * * *', {NEW_YORK}}}
  hourly: {{cron: '0 * * * *', destination: 'https://e.example.com'}}
  office: {{cron: '*/5 9-17 * * 1-5', {NEW_YORK}}}
"""
)
ALL = {"daily", "hourly", "office"}


@contextlib.contextmanager
def on(account: FaultServer, token: str = LOCAL_TOKEN) -> Iterator[dict[str, str]]:
    """The account on a socket, as the variables that lead to it, in the time of this machine."""
    with mock.patch.object(account, "clock", time.time), Served(account) as served:
        yield {"QSTASH_URL": served.url, "QSTASH_TOKEN": token}


def said(
    world: World, *words: str, text: str = FILE, token: str = LOCAL_TOKEN, **environ: str
) -> Ran:
    """A command line on the world's account, with one file on its standard input."""
    with on(world.account, token) as variables:
        return cli(*words, "-f", "-", environ={**variables, **environ}, stdin=text)


def done(
    world: World, *globs: str, paused: bool = True, text: str = FILE, parallelism: int = 8
) -> tuple[Outcome, ...]:
    """The use case itself, with a client that does not sleep between its tries."""
    wish = Wish(desired=config(text, world.environ).desired, globs=globs, paused=paused)
    with world.client() as client:
        found = incident.look(client, wish, now=world.now)
        control = Control(sleep=world.sleep, parallelism=parallelism)
        return incident.pause(client, wish, found, control).outcomes


def paused(world: World) -> set[str]:
    """The ids of the paused schedules."""
    stored = world.account.console.snapshot()["schedule"]
    return {key for key, value in stored.items() if value["isPaused"]}


def parts(world: World, *names: str) -> set[str]:
    """The ids of all parts of schedules."""
    stored = world.account.console.snapshot()["schedule"]
    return {key for key in stored if key.removeprefix("billing.").split(".")[0] in names}


@pytest.fixture
def live(world: World) -> World:
    """An account that holds the file, with nothing in its log."""
    world.apply(FILE)
    assert len(parts(world, "daily")) > 1
    world.account.forget()
    return world


# What is meant


GLOBS: list[tuple[str, set[str]]] = [
    ("daily", {"daily"}),
    ("*", ALL),
    ("*ly", {"daily", "hourly"}),
    ("[do]*", {"daily", "office"}),
    ("?????", {"daily"}),
]


@pytest.mark.parametrize(("glob", "names"), GLOBS, ids=ids(GLOBS))
def test_a_glob_pauses_all_parts_of_the_schedules_it_names_and_a_resume_brings_them_back(
    live: World, glob: str, names: set[str]
) -> None:
    before = live.account.console.snapshot()
    assert said(live, "pause", glob).code == 0
    assert paused(live) == parts(live, *names)
    assert len(live.account.writes) == len(parts(live, *names))
    assert live.account.requests["GET"] == 2  # one to look, one to read back
    live.account.forget()
    assert said(live, "resume", glob).code == 0
    assert live.account.console.snapshot() == before


def test_several_globs_mean_their_union(live: World) -> None:
    assert said(live, "pause", "daily", "d*", "off*").code == 0
    assert paused(live) == parts(live, "daily", "office")


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_the_second_run_writes_nothing_and_says_so(live: World, verb: str) -> None:
    said(live, verb, "*")
    live.account.forget()
    ran = said(live, verb, "*")
    state = "paused" if verb == "pause" else "active"
    assert (ran.code, ran.out) == (0, f"Nothing to do: all 3 schedules are {state} already.\n")
    assert ran.err == "requests: 1 read, 0 write\n"


def test_a_plan_without_changes_does_not_say_that_a_set_paused_in_part_is_as_the_file_says(
    live: World,
) -> None:
    live.edit("billing.daily.2", isPaused=True)
    ran = said(live, "plan", "--detailed-exitcode")
    assert ran.code == 0
    told = "No changes: of what is paused in part, the file says nothing; 3 unchanged"
    assert told in " ".join(ran.out.split())
    assert "daily: 1 of 3 parts is paused" in " ".join(ran.text.split())
    assert said(live, "drift").code == 2


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_partly_paused_schedule_is_healed_by_writing_only_the_parts_that_differ(
    live: World, verb: str
) -> None:
    live.account.console.pause("billing.office.2")
    ran = said(live, verb, "office")
    count = len(parts(live, "office"))
    written = count - 1 if verb == "pause" else 1
    assert f"{verb} schedule office ({written} of {count} parts)" in ran.out
    assert paused(live) == (parts(live, "office") if verb == "pause" else set())
    assert len(live.account.writes) == written


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_glob_that_names_nothing_ends_the_run_before_the_first_write(
    live: World, verb: str
) -> None:
    live.account.console.pause("billing.hourly")
    before = live.account.console.snapshot()
    ran = said(live, verb, "*", "dayly", "customer-*")
    assert ran.code == 64
    assert ran.err == (
        "error: no schedule of ours is named dayly\n    did you mean daily?\n"
        "error: no schedule of ours is named customer-*\n    ours are daily, hourly, office\n"
        "\n2 errors; nothing was written.\n"
    )
    assert live.account.console.snapshot() == before
    assert not live.account.writes


def test_in_an_empty_account_the_environment_is_doubted(world: World) -> None:
    ran = said(world, "pause", "*", text=HEAD)
    assert ran.code == 64
    assert "is it the right environment?" in ran.err


def test_no_more_than_five_names_are_suggested(world: World) -> None:
    names = [f"report-{letter}" for letter in "abcdefg"]
    each = ", ".join(f"{n}: {{cron: 0 9 * * *, destination: 'https://e.com'}}" for n in names)
    wish = Wish(
        desired=config(f"{HEAD}schedules: {{{each}}}").desired, globs=("report",), paused=True
    )
    (error,) = pause_plan(wish, Live(schedules=()), now=world.now, tzdata="").plan.errors
    assert error.message == "no schedule of ours is named report"
    assert error.hint.count(" or ") == 4
    assert error.hint.startswith("did you mean report-")


def test_of_many_names_ten_are_listed_and_the_others_counted(world: World) -> None:
    names = [f"n{number:02}" for number in range(13)]
    each = ", ".join(f"{n}: {{cron: 0 9 * * *, destination: 'https://e.com'}}" for n in names)
    wish = Wish(desired=config(f"{HEAD}schedules: {{{each}}}").desired, globs=("x*",), paused=True)
    (error,) = pause_plan(wish, Live(schedules=()), now=world.now, tzdata="").plan.errors
    assert error.hint == f"ours are {', '.join(names[:10])} and 3 more"


def test_schedules_stand_in_order_of_their_names_and_parts_of_their_numbers(live: World) -> None:
    wish = Wish(desired=config(FILE).desired, globs=("*",), paused=True)
    with live.client() as client:
        stored = list(client.read({"schedules"}).schedules or ())
    further = [replace(stored[0], id=f"billing.daily.{number}") for number in range(4, 12)]
    seed = 20261123
    for _ in range(5):
        shuffled = random.Random(seed).sample([*stored, *further], len(stored) + len(further))
        made = pause_plan(wish, Live(schedules=tuple(shuffled)), now=live.now, tzdata="").plan
        assert [change.name for change in made.changes] == sorted(ALL), seed
        numbers = [f"billing.daily.{number}" for number in range(2, 12)]
        steps = [getattr(step, "id", "") for step in made.changes[0].steps]
        assert steps == ["billing.daily", *numbers], seed
        seed += 1


def foreign(world: World, count: int) -> None:
    """Schedules of others whose ids, names and labels look much like ours."""
    rng = random.Random(20261123)
    mark = world.schedule("billing.daily")["labels"][0]
    shapes: list[tuple[str, list[str]]] = [
        ("billing2.daily-{}", [mark]),
        ("billing-x{}.daily", [mark]),
        ("BILLING.daily-{}", [mark]),
        ("billing{}", [mark]),
        ("billing.customer-{}", []),
        ("billing.customer-{}.2", ["billing.daily"]),
        ("billing.daily.x{}", ["daily"]),
        ("billing.other-{}", [mark.replace(mark.split("-")[1], "ffff")]),
        ("billing.old-{}", [mark.replace("qsync1", "qsync2")]),
        ("scd_{}", [mark]),
    ]
    sample = world.schedule("billing.hourly")
    for number in range(count):
        shape, labels = shapes[number % len(shapes)]
        key = shape.format(number)
        changes = {"scheduleId": key, "labels": labels, "isPaused": rng.random() < 0.5}
        world.account.store.put("schedule", key, {**sample, **changes})


def test_five_hundred_foreign_schedules_with_confusing_names_stay_as_they_are(live: World) -> None:
    ours = parts(live, *ALL)
    foreign(live, 500)
    before = live.account.console.snapshot()["schedule"]
    for words in (["pause", "*"], ["resume", "d*"], ["pause", "*ly"], ["resume", "*"]):
        ran = said(live, *words, "--format", "json")
        found = json.loads(ran.out)
        refused = {c["id"] for c in found["changes"] if c["outcome"] == "refused"}
        # Of another environment, in our namespace: what a pause means and leaves, it says.
        assert all(re.fullmatch(r"billing\.other-\d+", name) for name in refused)
        assert bool(refused) is (words == ["pause", "*"])
        assert ran.code == (4 if refused else 0), ran
        assert found["summary"]["unmanaged"] == 500
    assert live.account.console.snapshot()["schedule"] == before
    touched = {path.split("/")[3] for _, path, _ in live.account.writes}
    assert touched == ours


def test_a_declared_schedule_without_our_mark_is_left_alone_and_the_rest_goes_on(
    live: World,
) -> None:
    live.edit("billing.daily", labels=[])
    live.edit("billing.hourly", labels=[])
    ran = said(live, "pause", "*")
    assert ran.code == 4
    assert "refused    pause schedule hourly: billing.hourly has no mark of ours" in ran.out
    assert "plan --adopt hourly --target schedule.hourly" in ran.out
    assert ran.out.endswith("Paused: 1 done, 2 refused.\n")
    left = {"billing.daily", "billing.hourly"}
    assert paused(live) == parts(live, *ALL) - left  # its further parts still are ours
    for part_id in left:
        live.account.console.pause(part_id)
    assert said(live, "pause", "*").code == 0  # by hand, in the console


def test_a_schedule_that_the_file_adopts_by_its_id_is_paused_without_a_mark(live: World) -> None:
    live.account.store.put("schedule", "scd_1", {**live.schedule("billing.hourly"), "labels": []})
    live.edit("scd_1", scheduleId="scd_1")
    text = FILE + "  taken: {cron: '0 * * * *', destination: 'https://e.example.com', id: scd_1}\n"
    assert said(live, "pause", "taken", text=text).code == 0
    assert paused(live) == {"scd_1"}
    ran = said(live, "resume", "*", text=text.replace("retries", "x").replace("id: scd_1", "id: 1"))
    assert "a schedule that is adopted by `id:` is not found while its entry is broken" in ran.err
    assert paused(live) == {"scd_1"}


def test_a_renamed_schedule_is_found_by_its_new_name_before_the_apply(live: World) -> None:
    text = FILE.replace("  daily: {", "  morning: {was: daily, ")
    ran = said(live, "pause", "morning", text=text)
    assert (ran.code, paused(live)) == (0, parts(live, "daily"))
    assert "not in the account" not in ran.err


def test_a_schedule_that_is_in_the_file_only_is_told(live: World) -> None:
    text = FILE + "  new: {cron: '0 * * * *', destination: 'https://e.example.com'}\n"
    ran = said(live, "pause", "new", text=text)
    assert (ran.code, ran.out) == (0, "Nothing to do: no such schedule is in the account.\n")
    assert "warning: new: in the file, but not in the account\n    an apply creates it" in ran.err
    assert said(live, "pause", "*", text=text).code == 0
    assert paused(live) == parts(live, *ALL)


@pytest.mark.parametrize("command", ["pause", "resume"])
@pytest.mark.parametrize(
    ("section", "noun"), [("queues", "queue"), ("flow_controls", "flow control")]
)
def test_what_is_no_schedule_has_a_pause_in_the_file(
    live: World, command: str, section: str, noun: str
) -> None:
    text = FILE + f"{section}: {{mail: {{parallelism: 1}}}}\n"
    ran = said(live, command, "mail", text=text)
    state = str(command == "pause").lower()
    told = f"that is a {noun}: write paused: {state} in {section}, and `qstash-sync apply --target"
    assert (ran.code, told in " ".join(ran.err.split())) == (64, True), ran.err


# What an apply makes of it


def test_who_the_file_contradicts_is_told_that_the_next_apply_undoes_it(live: World) -> None:
    text = FILE.replace("'0 * * * *',", "'0 * * * *', paused: false,")
    ran = said(live, "pause", "*", text=text)
    fact = "warning: hourly: paused: false in the file: the next apply undoes this"
    assert f"{fact}\n    write paused: true\n" in ran.err
    live.apply(text)
    assert paused(live) == parts(live, "daily", "office")
    ran = said(live, "resume", "*", "hourly", text=text.replace("false", "true"))
    fact = "warning: hourly: paused: true in the file: the next apply undoes this"
    assert f"{fact}\n    write paused: false\n" in ran.err


def test_a_resume_of_many_leaves_paused_what_the_file_pauses(live: World) -> None:
    """So `resume '*'` is the way back from `pause '*'`; who wants it, names it."""
    text = FILE.replace("  hourly: {", "  hourly: {paused: true, ")
    live.apply(text)
    assert said(live, "pause", "*", text=text).code == 0
    ran = said(live, "resume", "*", text=text)
    assert ran.code == 0
    assert "hourly: paused: true in the file, so left paused" in ran.err
    assert "Resumed: 2 done, 1 left paused." in ran.out
    assert "No differences" in said(live, "drift", text=text).out
    assert said(live, "resume", "hourly", text=text).code == 0
    ran = said(live, "resume", "h*", text=text)  # it is active: nothing is left paused
    assert "left paused" not in ran.err
    assert "active already" in ran.out
    assert said(live, "pause", "hourly", text=text).code == 0
    ran = said(live, "resume", "h*", text=text)
    assert (ran.code, ran.out.strip()) == (0, "Nothing to do: 1 left paused.")
    for glob in (("hourly",), ("*", "hourly"), ("billing.hourly",)):
        assert said(live, "pause", "hourly", text=text).code == 0
        ran = said(live, "resume", *glob, text=text)
        assert "the next apply undoes this" in ran.err
        assert "resume schedule hourly" in ran.out


RESTING = FILE.replace("  hourly: {", "  hourly: {paused: true, ")
WRONG = [  # what is replaced in the file, by what, and which of the three are then left or refused
    ("a setting", "paused: true,", "paused: true, retries: many,", {"hourly"}, set()),
    ("an unknown key", "paused: true,", "paused: true, colour: red,", {"hourly"}, ALL - {"hourly"}),
    ("a name", "paused: true,", "paused: true, queue: 'a b',", {"hourly"}, set()),
    ("a variable", "paused: true,", "paused: true, body: '${var.gone}',", {"hourly"}, set()),
    ("an address", "'https://e.example.com'}", "/x}", {"hourly"}, set()),
    ("a cron", "'0 * * * *'", "'0 * *'", {"hourly"}, set()),
    ("another one", "'0 9 * * *',", "'0 9 * * *', retries: many,", {"hourly"}, set()),
    ("the defaults", "{timezone: UTC}", "{timezone: UTC, retries: x}", {"hourly"}, set()),
    ("the pause", "paused: true,", "paused: perhaps,", set(), {"hourly"}),
    ("its variable", "paused: true,", "paused: '${env.RESTS|plain}',", set(), {"hourly"}),
    ("its name", "paused: true,", "pausd: true,", set(), {"hourly"}),
    ("its name, over a default", "paused: true,", "pausd: true, paused: false,", set(), ALL),
    ("it, over a default", RESTING, RESTING.replace("UTC}", "UTC, paused: false}").replace("paused: true", "paused: perhaps"), set(), {"hourly"}),
    ("two of them", "paused: true,", "paused: false, paused: true,", set(), ALL),
    ("two that are merged", "  hourly: {paused: true,", "  x: &x {cron: '@daily', destination: 'https://e.com', paused: false, paused: true}\n  hourly: {<<: *x,", set(), ALL),
    ("below headers", "paused: true,", "headers: {X-A: b, paused: true},", set(), {"hourly"}),
    ("the entry", "\nschedules:", "\nschedules:\n  hourly: [1]", set(), ALL),
    ("its column", "\nschedules:", "\nschedules:\n  paused: true", {"hourly"}, ALL - {"hourly"}),
    ("a word in its column", "\nschedules:", "\nschedules:\n  pausd: true", {"hourly"}, ALL - {"hourly"}),
    ("a mapping of it", "'0 9 * * *',", "'0 9 * * *', dst: {paused: true},", {"hourly"}, ALL - {"hourly"}),
    ("one with a pause beside it", "'0 9 * * *',", "'0 9 * * *', paused: false, dst: {paused: true},", {"hourly"}, ALL - {"hourly"}),
    ("one of a list", "'0 9 * * *',", "'0 9 * * *', callback: {url: 'https://e.example.com', paused: true},", {"hourly"}, ALL - {"hourly"}),
    ("a word of another tool", "'0 9 * * *',", "'0 9 * * *', on: false,", {"hourly"}, {"daily"}),
    ("that of defaults", "{timezone: UTC}", "{timezone: UTC, on: false}", {"hourly"}, ALL - {"hourly"}),
    ("a mapping of defaults", "{timezone: UTC}", "{timezone: UTC, dst: {paused: true}}", {"hourly"}, ALL - {"hourly"}),
    ("the word of a former name", "  hourly: {paused: true,", "  hours: {paused: true, wsa: hourly,", set(), {"hourly"}),
    ("another's word", "  hourly: {paused: true,", "  hours: {paused: true, renamed_from: hourly,", set(), ALL),
    ("the name as a setting", "  hourly: {paused: true,", "  hours: {paused: true, name: hourly,", set(), ALL),
    ("a word of the id", "  hourly: {paused: true,", "  hours: {paused: true, idd: billing.hourly,", set(), {"hourly"}),
    ("what cannot hold", "'0 9 * * *',", "'0 9 * * *', not_before: 3,", {"hourly"}, set()),
    ("its selection", "paused: true,", "paused: true, only: [none],", {"hourly"}, set()),
    ("its former name", "  hourly: {paused: true,", "  hours: {paused: true, retries: x, was: hourly,", {"hourly"}, set()),
    ("all pauses", "{timezone: UTC}", "{timezone: UTC, paused: perhaps}", {"hourly"}, ALL - {"hourly"}),
    ("two defaults", "{timezone: UTC}", "{timezone: UTC}\ndefaults: {paused: true}", {"hourly"}, ALL - {"hourly"}),
    ("a word at the top", "defaults: {timezone: UTC}", "defaults: {timezone: UTC}\ndefault: {paused: true}", {"hourly"}, ALL - {"hourly"}),
    ("the word of the section", "\nschedules:", "\nschedule:", set(), ALL),
    ("another key", "'0 9 * * *',", "'0 9 * * *', retrys: 2,", {"hourly"}, {"daily"}),
    ("a key of Kubernetes", "'0 9 * * *',", "'0 9 * * *', suspend: true,", {"hourly"}, {"daily"}),
    ("an opposite", "'0 9 * * *',", "'0 9 * * *', enabled: false,", {"hourly"}, ALL - {"hourly"}),
    ("a default", "{timezone: UTC}", "{timezone: UTC, retrys: 2}", {"hourly"}, ALL - {"hourly"}),
    ("a name", "  hourly: {paused: true,", "  Hourly: {paused: true,", set(), {"hourly"}),
    ("a former name", "  hourly: {paused: true,", "  hours: {paused: true, was: [hourly],", set(), {"hourly"}),
    ("its variable", "  hourly: {paused: true,", "  hours: {paused: true, was: '${var.gone}',", set(), {"hourly"}),
    ("a merge", "  hourly: {paused: true,", "  hourly: {<<: 3,", set(), ALL),
    ("a merge beside it", "  hourly: {paused: true,", "  hourly: {paused: true, <<: 3,", {"hourly"}, ALL - {"hourly"}),
    ("an anchor's home", "  hourly: {paused: true,", "  x-h: &h {<<: 3}\n  hourly: {<<: *h,", set(), ALL),
    ("one with the word twice", "  hourly: {paused: true,", "  x-h: &h {paused: false, paused: true}\n  hourly: {<<: *h,", set(), ALL),
    ("one at the top", "defaults: {timezone: UTC}\n", "defaults: {timezone: UTC}\nx-h: &h {<<: 3}\n", {"hourly"}, ALL - {"hourly"}),
    ("a merge of defaults", "{timezone: UTC}", "{timezone: UTC, <<: 3}", {"hourly"}, ALL - {"hourly"}),
    ("the section", "\nschedules:", "\nschedules: [1]\nx-were:", set(), ALL),
    ("its former name once more", "  hourly: {paused: true,", "  a: {cron: '@daily', destination: 'https://e.com', was: hourly}\n  z: {was: hourly, paused: true,", {"hourly"}, ALL - {"hourly"}),
    ("a pause in a list", "'0 9 * * *',", "'0 9 * * *', labels: [a, {paused: true}],", {"hourly"}, ALL - {"hourly"}),
    ("a text that goes on", "'0 9 * * *',", "'0 9 * * * paused: true',", {"hourly"}, ALL - {"hourly"}),
    ("below headers of defaults", "{timezone: UTC}", "{timezone: UTC, headers: {X-A: b, paused: true}}", {"hourly"}, ALL - {"hourly"}),
    ("a name that goes on", "'0 9 * * *',", "'0 9 * * *', queue: 'q paused: true',", {"hourly"}, ALL - {"hourly"}),
    ("a merge in a text", "'0 9 * * *',", '"0 9 * * *\\n<<: *rest",', {"hourly"}, ALL - {"hourly"}),
    ("a setting in a text", "'0 9 * * *',", '"0 9 * * *\\nretries: 3",', {"hourly"}, ALL - {"hourly"}),
    ("a header name", "'0 9 * * *',", "'0 9 * * *', headers: {X A: b},", {"hourly"}, set()),
    ("a secret in a home", "defaults: {timezone: UTC}\n", "defaults: {timezone: UTC}\nx-h: {a: sk_live_0123456789abcdef}\n", {"hourly"}, set()),
    ("a limit", "defaults: {timezone: UTC}\n", "defaults: {timezone: UTC}\nlimits: {max_deletes: many}\n", {"hourly"}, set()),
    ("a misspelt setting", "'0 9 * * *',", "'0 9 * * *', retires: 2,", {"hourly"}, {"daily"}),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "old", "new", "left", "refused"), WRONG, ids=ids(WRONG))
def test_no_error_of_a_file_wakes_what_it_pauses(
    live: World, _id: str, old: str, new: str, left: set[str], refused: set[str]
) -> None:
    live.apply(RESTING)
    assert said(live, "pause", "*", text=RESTING).code == 0
    text = RESTING.replace(old, new, 1)
    assert text != RESTING
    ran = said(live, "resume", "*", text=text)
    assert ran.code == (4 if refused else 0), ran
    assert paused(live) == parts(live, *left, *refused)
    assert ("left paused" in ran.err) == bool(left)
    assert (f"`qstash-sync resume {' '.join(sorted(refused))} -f -` resumes" in ran.err) == bool(
        refused
    )
    for name in refused:
        assert f"refused    resume schedule {name}: whether the file pauses it" in ran.out
    for name in (*left, *refused):
        assert said(live, "resume", name, text=text).code == 0
    assert paused(live) == set()


def test_nor_does_an_entry_that_claims_the_id_of_another_one(live: World) -> None:
    live.apply(RESTING)
    assert said(live, "pause", "*", text=RESTING).code == 0
    claim = "{id: billing.hourly, cron: '@daily', destination: 'https://e.com'}"
    ran = said(live, "resume", "*", text=f"{RESTING}  z: {claim}\n")
    assert (ran.code, paused(live)) == (4, parts(live, *ALL))
    assert "has the same id as hourly" in ran.err


@pytest.mark.parametrize(
    "left", ["version: 1\nschedules: {hourly: {paused: true, [}\n", "", "# saved half\n"]
)
def test_of_files_of_which_one_cannot_be_read_nothing_is_resumed_by_a_glob(
    live: World, tmp_path: Path, left: str
) -> None:
    (tmp_path / "a.yaml").write_text(HEAD)
    (tmp_path / "b.yaml").write_text(left)
    assert said(live, "pause", "*").code == 0
    with on(live.account) as variables:
        ran = cli("resume", "*", "-f", str(tmp_path), environ=variables)
        assert (ran.code, paused(live)) == (4, parts(live, *ALL))
        ran = cli("resume", "daily", "-f", str(tmp_path), environ=variables)
        assert (ran.code, paused(live)) == (0, parts(live, "hourly", "office"))


def test_a_merge_conflict_is_told_and_what_is_certain_is_done(live: World, tmp_path: Path) -> None:
    """What the other file lacks may stand in the one that cannot be read."""
    (tmp_path / "a.yaml").write_text(HEAD)
    (tmp_path / "b.yaml").write_text(
        "version: 1\nschedules:\n<<<<<<< HEAD\n  a: {}\n=======\n  b: {}\n>>>>>>> x\n"
    )
    fact = "b.yaml:3:1: warning: an error of the file is ignored here: a merge conflict is not"
    with on(live.account) as variables:
        ran = cli("pause", "daily", "-f", str(tmp_path), environ=variables)
        assert (ran.code, paused(live)) == (0, parts(live, "daily"))
        assert fact in ran.err
        assert "keep one side, and remove the three marks" in ran.err
        (tmp_path / "c.yaml").write_text("version: 1\nenvironments: {p: {}\n<<<<<<< HEAD\n")
        (tmp_path / "a.yaml").write_text("version: 1\ndefaults: {timezone: '${var.zone}'}\n")
        ran = cli("pause", "daily", "-f", str(tmp_path), "-e", "p", environ=variables)
    assert ran.code == 1
    assert ran.err.count("error: a merge conflict is not resolved") == 2
    assert "2 errors; nothing was written." in ran.err


def test_of_two_files_one_may_pause_it(live: World, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(FILE)
    (tmp_path / "b.yaml").write_text("version: 1\n" + RESTING[RESTING.index("schedules:") :])
    assert said(live, "pause", "*").code == 0
    with on(live.account) as variables:
        ran = cli("resume", "*", "-f", str(tmp_path), environ=variables)
    assert (ran.code, paused(live)) == (4, parts(live, *ALL))


@pytest.mark.parametrize(
    ("defaults", "overrides", "left", "refused"),
    [
        ("{paused: true, retries: x}", "{}", ALL, set()),
        ("{paused: true}", "{schedules: {hourly: {retries: x}}}", ALL - {"hourly"}, {"hourly"}),
        ("{paused: perhaps}", "{}", set(), ALL),
        ("[1]", "{}", set(), ALL),
        ("{}", "[1]", set(), ALL),
        ("{}", "{schedules: {hourly: {paused: perhaps}}}", set(), {"hourly"}),
        ("{}", "{schedule: {hourly: {paused: true}}}", set(), ALL),
        ("{}", "{schedules: {hours: {paused: true}}}", set(), ALL),
        ("{}", "{queue: {q: {}}, queues: {q: {paused: true}}}", set(), ALL),
        ("{}", "{queues: {q: 3}}", set(), ALL),
        ("{on: false}", "{}", set(), ALL),
        ("{dst: {paused: true}}", "{}", set(), ALL),
        ("{}", "{schedules: {paused: true}}", set(), ALL),
        ("{}", "{schedules: {hourly: [1]}}", set(), ALL),
        ("{}", "{schedules: {hourly: {<<: 3}}}", set(), ALL),
        ("{}", "{schedules: {hourly: {dst: {paused: true}}}}", set(), ALL),
        ("{}", "{schedules: {hourly: {paused: false}, hourly: {paused: true}}}", set(), ALL),
        ("{}", "{schedules: {hourly: {paused: false, paused: true}}}", set(), ALL),
        ("{paused: false, paused: true}", "{}", set(), ALL),
        ("{}", "{schedules: {hourly: {headers: {paused: true}}}}", set(), {"hourly"}),
    ],
)
def test_nor_does_one_of_an_environment(
    world: World, defaults: str, overrides: str, left: set[str], refused: set[str]
) -> None:
    whole = "environments: {stg: {token: '${env.QSTASH_TOKEN}'}}\n"
    right = FILE + whole
    world.environment, world.environ = "stg", {"QSTASH_TOKEN": "t"}
    world.apply(right)
    wrong = FILE + whole.replace("}'}", f"}}', defaults: {defaults}, overrides: {overrides}}}")
    assert said(world, "pause", "*", "-e", "stg", text=right).code == 0
    ran = said(world, "resume", "*", "-e", "stg", text=wrong)
    assert ran.code == (4 if refused else 0), ran
    assert paused(world) == parts(world, *left, *refused)


def test_a_resume_of_what_was_written_paused_is_not_undone(world: World) -> None:
    """A pause is the operator's: what the mark remembers of one decides nothing."""
    world.apply(FILE)
    said(world, "pause", "hourly")
    later = FILE.replace("'0 * * * *',", "'0 * * * *', retries: 2,")
    world.apply(later)
    assert "warning" not in said(world, "resume", "*").err
    plan = world.plan(later)
    assert plan.empty
    assert [w.path[1] for w in plan.warnings if w.code == "resumed"] == ["hourly"]


def test_that_something_was_resumed_is_one_line_until_it_is_written_again(world: World) -> None:
    """An operator has done what the pages say; but it may be an apply that was cut off, too."""
    world.apply(FILE)
    said(world, "pause", "hourly")
    later = FILE.replace("'0 * * * *',", "'0 * * * *', retries: 2,")
    world.apply(later)
    said(world, "resume", "*")
    line, whole = (
        "1 schedule is active again after a pause: ",
        "hourly: active again after a pause",
    )
    for command in ("plan", "drift"):
        for form, way in (("text", "-v\n"), ("markdown", f"`qstash-sync {command} -v -f ")):
            brief = said(world, command, "--format", form, text=later).out
            assert (f"{line}{way}" in brief, whole in brief) == (True, False)
            full = said(world, command, "--format", form, "-v", text=later).out
            assert (line in full, whole in full) == (False, True)
    changed = said(world, "plan", text=later.replace("retries: 2", "retries: 4")).out
    assert (line in changed, whole in changed) == (False, True)


def test_a_pause_survives_every_apply_that_leaves_it_open(live: World) -> None:
    said(live, "pause", "*")
    assert live.plan(FILE).empty
    live.apply(FILE.replace("e.example.com", "f.example.com"))
    assert paused(live) == parts(live, *ALL)


# Environments


def environments(url: str, **more: str) -> str:
    """A file with environments of similar names, all in the account behind a URL."""
    names = {"production": "shop", "production-eu": "shop-eu", "prod": "shop2", **more}
    lines = "".join(
        f"  {name}: {{namespace: {space}, url: '{url}', token: '${{env.T_{number}}}'}}\n"
        for number, (name, space) in enumerate(names.items())
    )
    return (
        f"version: 1\nenvironments:\n{lines}defaults: {{timezone: UTC}}\nschedules:\n"
        "  a: {cron: '0 9 * * *', destination: 'https://e.example.com'}\n"
        "  b: {cron: '0 9 * * *', destination: 'https://e.example.com', except: [prod]}\n"
    )


TOKENS = {f"T_{number}": LOCAL_TOKEN for number in range(5)}


@pytest.fixture
def shops(world: World) -> Iterator[tuple[World, str]]:
    """Three environments in one account, and their file."""
    with on(world.account) as variables:
        text = environments(variables["QSTASH_URL"])
        for name in ("production", "production-eu", "prod"):
            ran = cli("apply", "-f", "-", "-e", name, environ=TOKENS, stdin=text)
            assert ran.code == 0, ran
        world.account.forget()
        yield world, text


def test_environments_of_one_account_do_not_touch_each_other(shops: tuple[World, str]) -> None:
    world, text = shops
    seen = set()
    for name, space in (("production", "shop"), ("production-eu", "shop-eu"), ("prod", "shop2")):
        ran = cli("pause", "*", "-f", "-", "-e", name, environ=TOKENS, stdin=text)
        assert ran.code == 0, ran
        seen |= {
            i for i in world.account.console.snapshot()["schedule"] if i.startswith(f"{space}.")
        }
        assert paused(world) == seen
    assert len(seen) == 5


def test_one_run_reaches_any_number_of_environments_in_the_order_given(
    shops: tuple[World, str],
) -> None:
    world, text = shops
    words = ("-e", "prod", "-e", "production", "-e", "prod", "--color", "never")
    ran = cli("pause", "a", "-f", "-", *words, environ=TOKENS, stdin=text)
    assert ran.out == (
        "done       prod: pause schedule a\ndone       production: pause schedule a\n"
        "Paused: 2 done.\n"
    )
    assert ran.err == "requests: 4 read, 2 write\n"
    assert paused(world) == {"shop2.a", "shop.a"}


def test_every_glob_must_name_something_in_every_environment(shops: tuple[World, str]) -> None:
    world, text = shops
    words = ("-e", "production", "-e", "prod")
    ran = cli("pause", "b", "-f", "-", *words, environ=TOKENS, stdin=text)
    assert (ran.code, paused(world)) == (64, set())
    assert "error: prod: no schedule of ours is named b\n    ours are a\n" in ran.err
    assert "production:" not in ran.err


def test_a_file_with_environments_wants_to_know_which(shops: tuple[World, str]) -> None:
    world, text = shops
    ran = cli("pause", "*", "-f", "-", environ=TOKENS, stdin=text)
    assert ran.code == 64
    assert "say which\n    -e production or -e production-eu or -e prod" in ran.err
    ran = cli("pause", "*", "-f", "-", "-e", "prodution", environ=TOKENS, stdin=text)
    assert ran.code == 64
    assert "did you mean production?" in ran.err
    assert not world.account.log


def test_the_same_namespace_under_another_environment_is_not_ours(world: World) -> None:
    """Two files may disagree about who owns an id; the mark knows who wrote it."""
    with on(world.account) as variables:
        text = environments(variables["QSTASH_URL"])
        cli("apply", "-f", "-", "-e", "production", environ=TOKENS, stdin=text)
        other = text.replace("production:", "live:")
        ran = cli("pause", "*", "-f", "-", "-e", "live", environ=TOKENS, stdin=other)
    assert ran.code == 4
    assert "Paused: 2 refused." in ran.out
    assert paused(world) == set()


def test_an_environment_needs_its_own_token_for_real(shops: tuple[World, str]) -> None:
    world, text = shops
    environ = {"T_0": LOCAL_TOKEN, "QSTASH_TOKEN": LOCAL_TOKEN}
    words = ("-e", "production", "-e", "prod")
    ran = cli("pause", "a", "-f", "-", *words, environ=environ, stdin=text)
    assert ran.code == 1
    assert "environments.prod: no token" in ran.err
    assert paused(world) == set()


# Secrets and mistakes of the file


SECRETS = FILE.replace(
    "'0 * * * *',",
    "'0 * * * *', headers: {Authorization: 'Bearer ${env.API}'}, body: '${env.BODY}',"
    " callback: 'https://hook.example/${env.HOOK}', redact: {body: true},",
)


def test_no_secret_of_the_file_is_needed_and_none_is_printed(world: World) -> None:
    old = {
        "API": "old-api-canary",
        "BODY": "old-body-canary",
        "HOOK": "old-hook-canary",
    }
    new = {key: value.replace("old", "new") for key, value in old.items()}
    world.environ = old
    world.apply(SECRETS)
    canaries = [*old.values(), *new.values(), LOCAL_TOKEN]
    for environ in ({}, new):
        for words in (["pause", "*"], ["resume", "h*"], ["pause", "x"], ["pause", "hourly"]):
            for more in ([], ["--format", "json"]):
                ran = said(world, *words, *more, text=SECRETS, **environ)
                assert ran.code == (64 if words == ["pause", "x"] else 0), ran
                assert "warning" not in ran.text.replace("warnings", "")
                assert not [canary for canary in canaries if canary in ran.text]


HOURLY = "cron: '0 * * * *'"
IGNORED: list[tuple[str, Callable[[str], str], str]] = [
    ("unknown key", lambda t: t.replace(HOURLY, "corn: '0 * * * *'"), "schedules.hourly.corn"),
    ("bad cron", lambda t: t.replace(HOURLY, "cron: '99 * * * *'"), "schedules.hourly.cron"),
    ("no destination", lambda t: t.replace("destination: 'https://e.example.com'}\n  off", "retries: 1}\n  off"), "schedules.hourly"),
    ("missing plain variable", lambda t: t.replace(HOURLY, HOURLY + ", queue: '${env.Q|plain}'"), "Q is not set"),
    ("missing body file", lambda t: t.replace(HOURLY, HOURLY + ", body_file: nowhere.json"), "nowhere.json"),
    ("literal secret", lambda t: t.replace(HOURLY, HOURLY + f", body: {LOCAL_TOKEN}"), "in clear"),
    ("unknown section", lambda t: t + "shedules: {}\n", "shedules: unknown key"),
    ("null section", lambda t: t + "queues:\n", "queues: this section is empty"),
    ("bad defaults", lambda t: t.replace("timezone: UTC", "timezone: UTC, retries: x"), "defaults.retries"),
    ("duplicate schedule", lambda t: t + "  daily: {}\n", "daily: this key stands here twice"),
    ("no version", lambda t: t.replace("version: 1\n", ""), "version: this key is missing"),
    ("undefined variable", lambda t: t.replace(HOURLY, HOURLY + ", body: '${var.x}'"), "variable x"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "broken", "what"), IGNORED, ids=ids(IGNORED))
def test_an_error_elsewhere_in_the_file_is_told_and_does_not_stop_a_pause(
    live: World, _id: str, broken: Callable[[str], str], what: str
) -> None:
    text = broken(FILE)
    assert text != FILE
    ran = said(live, "pause", "*", text=text)
    assert ran.code == 0, ran
    assert paused(live) == parts(live, *ALL)
    assert "ignored here" in ran.err
    assert what in ran.err
    assert LOCAL_TOKEN not in ran.err
    warnings = json.loads(said(live, "pause", "*", "--format", "json", text=text).out)["warnings"]
    assert [w["severity"] for w in warnings] == ["warning"] * len(warnings)
    assert any(what in warning["message"] for warning in warnings)


def test_many_errors_are_one_warning_in_text_and_one_each_in_json(live: World) -> None:
    text = FILE.replace("destination:", "destinaton:")
    ran = said(live, "pause", "*", text=text, token=LOCAL_TOKEN)
    assert ran.code == 0
    assert ran.err.count("warning:") == 1
    ran = said(live, "pause", "*", "--format", "json", text=text)
    listed = [w["message"] for w in json.loads(ran.out)["warnings"]]
    assert (
        f"{len(listed)} errors of the files are ignored here"
        in said(live, "pause", "*", text=text).err
    )
    assert len(listed) >= 3


DECISIVE: list[tuple[str, Callable[[str], str], str]] = [
    ("no namespace", lambda t: t.replace("namespace: shop,", ""), "namespace: this key is missing"),
    ("bad namespace", lambda t: t.replace("namespace: shop,", "namespace: Shop,"), "'Shop' is not allowed"),
    ("namespace twice", lambda t: t.replace("namespace: shop,", "namespace: shop, namespace: shop2,"), "namespace: this key stands here twice"),
    ("environment twice", lambda t: t.replace("production-eu:", "production:"), "production: this key stands here twice"),
    ("token twice", lambda t: t.replace("token: '${env.T_0}'", "token: '${env.T_0}', token: '${env.T_1}'"), "token: this key stands here twice"),
    ("literal token", lambda t: t.replace("'${env.T_0}'", "abc"), "a literal token"),
    ("misspelt key", lambda t: t.replace("namespace: shop,", "namspace: shop,"), "namspace: unknown key"),
    ("unknown region", lambda t: t.replace("namespace: shop,", "namespace: shop, region: us,"), "region"),
    ("no environment", lambda t: t.replace("environments:", "enviroments:"), "enviroments: unknown key"),
    ("null environments", lambda t: t.partition("environments:")[0] + "namespace: shop\nenvironments:\n", "environments: this key has no value"),
    ("another version", lambda t: t.replace("version: 1", "version: 2"), "version: must be 1"),
    ("not YAML", lambda t: t + "  c:\n    cron: */5 * * * *\n", "a YAML alias"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "broken", "what"), DECISIVE, ids=ids(DECISIVE))
@pytest.mark.parametrize("more", [(), ("--format", "json")], ids=["text", "json"])
def test_an_error_that_leaves_open_who_is_meant_stops_it(
    shops: tuple[World, str],
    _id: str,
    broken: Callable[[str], str],
    what: str,
    more: tuple[str, ...],
) -> None:
    world, text = shops
    assert broken(text) != text
    words = ("-f", "-", "-e", "production")
    ran = cli("pause", "*", *words, *more, environ=TOKENS, stdin=broken(text))
    assert ran.code == 1, ran
    assert what in ran.text
    assert not world.account.writes


NOBODY: list[tuple[str, str, str]] = [
    ("not YAML", FILE.replace("'0 * * * *'", "["), "not valid YAML"),
    ("nothing", "", "namespace: this key is missing"),
    ("null environments", FILE + "environments:\n", "environments: this key has no value"),
    ("list of environments", FILE + "environments: [a]\n", "environments: must be a mapping"),
]


@pytest.mark.parametrize(("_id", "text", "what"), NOBODY, ids=ids(NOBODY))
def test_a_file_that_does_not_say_who_is_meant_sends_no_request(
    live: World, _id: str, text: str, what: str
) -> None:
    ran = said(live, "pause", "*", text=text)
    assert (ran.code, live.account.log) == (1, [])
    assert what in ran.err


def test_two_environments_that_claim_the_same_ids_do_not_stop_a_pause(world: World) -> None:
    """Each schedule carries the mark of the one that wrote it."""
    with on(world.account) as variables:
        text = environments(variables["QSTASH_URL"])
        cli("apply", "-f", "-", "-e", "prod", environ=TOKENS, stdin=text)
        same = text.replace("shop,", "shop2,").replace("T_0", "T_2")
        ran = cli("pause", "*", "-f", "-", "-e", "prod", environ=TOKENS, stdin=same)
    assert ran.code == 0, ran
    assert "environments.prod: has the same account and namespace as production" in ran.err
    assert paused(world) == {"shop2.a"}


def test_a_broken_environment_does_not_stop_the_pause_of_another(
    shops: tuple[World, str],
) -> None:
    world, text = shops
    text = text.replace("prod: {namespace: shop2,", "prod: {namespce: shop2, region: 5,")
    ran = cli("pause", "*", "-f", "-", "-e", "production", environ=TOKENS, stdin=text)
    assert ran.code == 0, ran
    assert paused(world) == {"shop.a", "shop.b"}


def test_a_file_that_is_no_yaml_is_ignored_where_another_says_who_is_meant(
    live: World, tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text(HEAD)
    (tmp_path / "b.yaml").write_text(FILE.replace("'0 9 * * *'", "*/5 * * * *"))
    with on(live.account) as environ:
        ran = cli("pause", "*", "-f", str(tmp_path), environ=environ)
    assert ran.code == 0, ran
    assert "b.yaml:5:17: warning: an error of the file is ignored here: " in ran.err
    assert paused(live) == parts(live, *ALL)


# Trouble on the way


@pytest.mark.parametrize("status", [401, 403])
def test_a_read_only_token_fails_each_change(live: World, status: Any) -> None:
    live.account.switches = Switches(read_only_write=status)
    ran = said(live, "pause", "*", "--format", "json", token=LOCAL_READ_ONLY_TOKEN)
    assert ran.code == 4
    changes = json.loads(ran.out)["changes"]
    assert {change["outcome"] for change in changes} == {"failed"}
    assert all("read-only token" in change["message"] for change in changes)
    assert paused(live) == set()


def at_pause_of(part_id: str) -> Callable[[str, str], bool]:
    return lambda method, path: method != "GET" and path.endswith(f"/{part_id}/pause")


@pytest.mark.parametrize(
    "kind", ["429", "429_headers", "500", "503", "reset_before", "reset_after", "hang_after"]
)
def test_a_fault_at_one_call_is_overcome(live: World, kind: str) -> None:
    live.account.inject(Fault(kind=kind, matches=at_pause_of("billing.daily.2")))
    assert {outcome.status for outcome in done(live, "*")} == {Status.DONE}
    assert paused(live) == parts(live, *ALL)


@pytest.mark.parametrize("kind", ["500", "reset_before", "hang_before", "401"])
def test_a_lasting_fault_fails_its_schedule_and_no_other(live: World, kind: str) -> None:
    live.account.inject(Fault(kind=kind, times=1000, matches=at_pause_of("billing.daily.2")))
    outcomes = {outcome.change.name: outcome for outcome in done(live, "*")}
    assert {name for name, o in outcomes.items() if o.status is not Status.DONE} == {"daily"}
    assert outcomes["daily"].status is Status.FAILED
    assert outcomes["daily"].message.startswith("billing.daily.2: ")
    assert [*outcomes] == sorted(ALL)
    assert paused(live) == parts(live, *ALL) - {"billing.daily.2"}
    live.account.forget()
    assert [o.status for o in done(live, "*")] == [Status.DONE]  # run again, it converges
    assert paused(live) == parts(live, *ALL)


@pytest.mark.parametrize("kind", ["reset_after", "hang_after"])
def test_a_write_whose_answers_are_all_lost_is_settled_by_reading(live: World, kind: str) -> None:
    live.account.inject(Fault(kind=kind, times=1000, matches=at_pause_of("billing.daily.2")))
    assert {outcome.status for outcome in done(live, "*")} == {Status.DONE}


def test_what_cannot_be_read_back_is_unverified(live: World) -> None:
    live.account.inject(
        Fault(kind="500", at=2, times=1000, matches=lambda method, _: method == "GET")
    )
    outcomes = done(live, "*")
    assert {outcome.status for outcome in outcomes} == {Status.UNVERIFIED}
    assert all(o.message.startswith("cannot be read again: ") for o in outcomes)
    assert paused(live) == parts(live, *ALL)


def test_what_failed_and_cannot_be_read_back_has_failed(live: World) -> None:
    unread = Fault(kind="500", at=2, times=1000, matches=lambda method, _: method == "GET")
    unpaused = Fault(kind="500", times=1000, matches=at_pause_of("billing.hourly"))
    live.account.inject(unread, unpaused)
    status = {outcome.change.name: str(outcome.status) for outcome in done(live, "*")}
    assert status == {"daily": "unverified", "hourly": "failed", "office": "unverified"}


def test_what_is_refused_stays_refused_where_nothing_can_be_read_back(live: World) -> None:
    live.edit("billing.daily", labels=[])
    live.account.inject(
        Fault(kind="500", at=2, times=1000, matches=lambda method, _: method == "GET")
    )
    outcomes = {outcome.change.name: outcome for outcome in done(live, "*")}
    status = {name: str(outcome.status) for name, outcome in outcomes.items()}
    assert status == {"daily": "refused", "hourly": "unverified", "office": "unverified"}
    assert "take it over" in outcomes["daily"].message


@pytest.mark.parametrize("kind", ["429", "500", "reset_before"])
def test_an_incident_tries_every_part_however_many_writes_are_lost(world: World, kind: str) -> None:
    names = [f"s{n:02}" for n in range(12)]
    line = "  {}: {{cron: 0 9 * * *, destination: 'https://e.example.com'}}\n"
    text = HEAD + "schedules:\n" + "".join(line.format(name) for name in names)
    world.apply(text)
    lost = tuple(f"/billing.{name}/pause" for name in names[:6])
    world.account.inject(
        Fault(kind=kind, times=10_000, matches=lambda _, path: path.endswith(lost))
    )
    # One at a time: a 429 makes all wait, and threads that pass this world's time at once could
    # use up the time that the others have.
    outcomes = done(world, "*", text=text, parallelism=1)
    assert [str(o.status) for o in outcomes] == ["failed"] * 6 + ["done"] * 6
    assert paused(world) == {f"billing.{name}" for name in names[6:]}


def test_an_answer_that_did_nothing_is_never_done(live: World) -> None:
    """Something between us and QStash may answer 200."""
    live.account.inject(Fault(kind="html", times=1000, matches=at_pause_of("billing.hourly")))
    (outcome,) = done(live, "hourly")
    assert outcome.status in (Status.UNVERIFIED, Status.FAILED)


@contextlib.contextmanager
def meanwhile(world: World, act: Callable[[], object], at: str = "POST") -> Iterator[None]:
    """Somebody else acts once, right before our first request with this method."""
    waiting = [act]

    def before(request: httpx.Request) -> None:
        if request.method == at and waiting:
            waiting.pop()()

    world.account.before = before
    yield
    world.account.before = None
    assert not waiting


@pytest.mark.parametrize(("status", "outcome"), [(404, "failed"), (200, "unverified")])
def test_a_part_deleted_between_read_and_write_is_told(
    live: World, status: Any, outcome: str
) -> None:
    live.account.switches = Switches(missing_schedule_pause=status)
    with meanwhile(live, lambda: live.account.console.delete("schedule", "billing.daily.2")):
        ran = said(live, "pause", "*", "--parallelism", "1")
    assert ran.code == 4
    assert f"{outcome:10} pause schedule daily" in ran.out
    assert "billing.daily.2" in ran.out
    assert paused(live) == parts(live, *ALL)


def test_a_part_that_somebody_resumes_or_adds_meanwhile_is_unverified(live: World) -> None:
    live.account.console.pause("billing.hourly")
    office = live.schedule("billing.office")

    def act() -> None:
        live.account.console.pause("billing.hourly", paused=False)
        live.account.store.put(
            "schedule", "billing.office.9", {**office, "scheduleId": "billing.office.9"}
        )
        live.account.store.put("schedule", "billing.new", {**office, "scheduleId": "billing.new"})

    with meanwhile(live, act):
        outcomes = {o.change.name: o for o in done(live, "*")}
    unverified = {name: o.message for name, o in outcomes.items() if o.status is Status.UNVERIFIED}
    assert unverified == {
        "hourly": "billing.hourly is active",
        "new": "appeared meanwhile; run this again",
        "office": "billing.office.9 is active",
    }
    assert outcomes["daily"].status is Status.DONE


def test_what_is_not_ours_and_resumed_meanwhile_is_refused_with_its_reason(live: World) -> None:
    """It was as wanted when the account was read, so nothing was to be done or refused."""
    live.edit("billing.hourly", labels=[], isPaused=True)
    with meanwhile(live, lambda: live.account.console.pause("billing.hourly", paused=False)):
        outcomes = {o.change.name: o for o in done(live, "*")}
    assert outcomes["hourly"].status is Status.REFUSED
    assert "stop it in the console" in outcomes["hourly"].message
    assert {outcomes[name].status for name in ("daily", "office")} == {Status.DONE}


@pytest.mark.parametrize(
    ("name", "value"),
    [case for case in Switches().alternatives() if case != ("labels_shown", "none")],
    ids=str,
)
def test_it_works_whatever_the_documentation_leaves_open(
    live: World, name: str, value: Any
) -> None:
    live.account.switches = Switches().with_(**{name: value})
    for wanted in (True, False):
        outcomes = done(live, "*", paused=wanted)
        assert [(o.change.name, o.status) for o in outcomes] == [
            (n, Status.DONE) for n in sorted(ALL)
        ]
        assert paused(live) == (parts(live, *ALL) if wanted else set())


def test_without_labels_nothing_can_be_known_to_be_ours(live: World) -> None:
    live.account.switches = Switches(labels_shown="none")
    assert {o.status for o in done(live, "*")} == {Status.REFUSED}
    assert not live.account.writes


def test_the_requests_in_flight_are_what_was_asked_for(live: World) -> None:
    live.account.latency = 0.02
    assert said(live, "pause", "*", "--parallelism", "3").code == 0
    assert live.account.most_in_flight == 3


def test_after_a_stop_nothing_more_starts(live: World) -> None:
    """One request at a time; the stop comes with the second schedule's first."""
    control = Control(parallelism=1, sleep=live.sleep)
    written: list[str] = []

    def before(request: httpx.Request) -> None:
        if request.method == "POST":
            written.append(request.url.path)
            if "hourly" in request.url.path:
                control.stop.set()

    live.account.before = before
    wish = Wish(desired=config(FILE).desired, globs=("*",), paused=True)
    with live.client() as client:
        found = incident.look(client, wish, now=live.now)
        outcomes = incident.pause(client, wish, found, control).outcomes
    assert [o.status for o in outcomes] == [Status.DONE, Status.DONE, Status.BLOCKED]
    assert not any("office" in path for path in written)


def test_a_stop_amid_the_parts_of_a_schedule_begins_no_further_one(live: World) -> None:
    control = Control(parallelism=1, sleep=live.sleep)

    def before(request: httpx.Request) -> None:
        if request.method == "POST":
            control.stop.set()

    live.account.before = before
    wish = Wish(desired=config(FILE).desired, globs=("daily",), paused=True)
    with live.client() as client:
        found = incident.look(client, wish, now=live.now)
        (outcome,) = incident.pause(client, wish, found, control).outcomes
    assert outcome.status is Status.BLOCKED
    assert outcome.message == "billing.daily.2: stopped before it began; run it again (and 1 more)"
    assert paused(live) == {"billing.daily"}


# The page


class Terminal(io.StringIO):
    """A standard input with a person at it."""

    def isatty(self) -> bool:
        return True


def typed(answer: str, *words: str, environ: dict[str, str]) -> Ran:
    """A command line on a terminal."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict("os.environ", environ),
        mock.patch.object(sys, "stdin", Terminal(answer)),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = run(list(words))
    return Ran(code, out.getvalue(), err.getvalue())


def test_on_a_terminal_it_shows_who_is_meant_and_asks(live: World, tmp_path: Path) -> None:
    path = tmp_path / "q.yaml"
    path.write_text(FILE)
    live.account.console.pause("billing.hourly")
    words = ("-f", str(path), "--color", "never")
    with on(live.account) as environ:
        ran = typed("n\n", "pause", "*", *words, environ=environ)
        assert (ran.code, paused(live)) == (1, {"billing.hourly"})
        assert ran.out == (
            f"namespace billing at {environ['QSTASH_URL']}\n"
            "  pause schedule daily (3 parts)\n"
            "  pause schedule office (3 parts)\n"
            "  1 more paused already\n"
            "Pause these schedules? [y/N]: "
        )
        assert not live.account.writes
        ran = typed("y\n", "pause", "*", *words, environ=environ)
        assert (ran.code, paused(live)) == (0, parts(live, *ALL))
        ran = typed("", "resume", "*", "--yes", *words, environ=environ)
    assert ran == Ran(
        0,
        "done       resume schedule daily (3 parts)\n"
        "done       resume schedule hourly\n"
        "done       resume schedule office (3 parts)\n"
        "Resumed: 3 done.\n",
        "requests: 2 read, 7 write\n",
    )


def test_the_question_asks_for_no_more_than_is_done(live: World, tmp_path: Path) -> None:
    path = tmp_path / "q.yaml"
    path.write_text(FILE)
    words = ("-f", str(path), "--color", "never")
    live.edit("billing.hourly", labels=[])
    live.hand_over("billing.daily.2")
    with on(live.account) as environ:
        ran = typed("n\n", "pause", "*", *words, environ=environ)
        shown = " ".join(ran.out.split())
        assert "pause schedule hourly" not in shown
        assert "not schedule hourly: billing.hourly has no mark of ours" in shown
        assert "pause schedule daily (2 parts) not schedule daily: billing.daily.2 carries" in shown
        ran = typed("", "pause", "hourly", *words, environ=environ)  # nothing to ask for
    assert (ran.code, "[y/N]" in ran.out) == (4, False)
    assert "refused pause schedule hourly" in " ".join(ran.out.split())


def test_json_is_one_document_in_every_outcome(live: World) -> None:
    live.edit("billing.hourly", labels=[])
    keys = {"format_version", "summary", "changes", "warnings", "errors", "requests"}
    counts = {"create", "update", "delete", "unchanged", "unmanaged"}
    for words, code, text in (
        (["pause", "*"], 4, FILE),
        (["pause", "daily"], 0, FILE),
        (["resume", "daily"], 0, FILE),
        (["resume", "none"], 64, FILE),
        (["resume", "*"], 1, "a: ["),
        (["resume"], 64, FILE),
    ):
        ran = said(live, *words, "--format", "json", text=text)
        assert ran.code == code, ran
        data = json.loads(ran.out)
        assert set(data) >= keys
        assert set(data["summary"]) >= counts
        assert data["summary"]["update"] + data["summary"]["refused"] == len(data["changes"])
        assert bool(data["errors"]) == (code in (1, 64))
        assert not ran.err
    data = json.loads(said(live, "pause", "office", "--format", "json").out)
    assert data["changes"] == []
    data = json.loads(said(live, "resume", "office", "--format", "json").out)
    assert data["changes"] == [
        {
            "kind": "schedule",
            "name": "office",
            "id": "billing.office",
            "action": "resume",
            "reason": "file",
            "fields": [],
            "environment": None,
            "parts": 3,
            "outcome": "done",
            "message": "",
        }
    ]
    assert data["requests"] == {"read": 2, "write": 3}
    assert data["summary"]["done"] == data["summary"]["update"] == 1


def test_the_embedded_server_serves_it_too(tmp_path: Path) -> None:
    words = ("-f", str(Path(__file__).parents[2] / "examples" / "environments"))
    local = f"--local={tmp_path / 'a.db'}"
    tokens = {"PROD_QSTASH_TOKEN": "t", "STG_QSTASH_TOKEN": "t"}
    for name in ("production", "staging"):
        assert cli("apply", *words, "-e", name, local, environ=tokens).code == 0
    ran = cli("pause", "*", *words, "-e", "production", "-e", "staging", local)
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Paused: 4 done, 1 paused already.")
