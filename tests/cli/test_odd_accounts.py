"""Accounts that runs which were cut off, other environments and hands have left: every command copes.

What a plan makes of each is in tests/reconcile; here nothing may be an internal error, and a plan in
text, Markdown and HTML must have a word for it.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fault_server import FaultServer
from tests.reconcile.test_taking_over import BERLIN, MOVED, PLAIN, REMOVED, file, unmarked
from tests.support import HEAD, NOW, World, cli, ids


def half_taken(world: World) -> str:
    world.apply(file(c=BERLIN))
    world.hand_over("billing.c.2")
    return file(c=BERLIN)


def half_taken_and_removed(world: World) -> str:
    half_taken(world)
    return REMOVED


def adopted_in_part(world: World) -> str:
    world.apply(file(c=f"id: scd_1, {BERLIN}"))
    world.hand_over("scd_1.2")
    return file(c=BERLIN)


def waiting(world: World) -> str:
    world.apply(file(HEAD.replace("billing", "team"), x="id: scd_5"))
    world.apply(file(c="id: scd_1"))
    return file(c="id: scd_5")


def first_gone(world: World) -> str:
    world.apply(file(c=BERLIN))
    world.hand_over()
    assert world.account.store.delete("schedule", "billing.c")
    return file(c=BERLIN)


def unmarked_first(world: World) -> str:
    world.apply(file(c=BERLIN))
    world.edit("billing.c", labels=["theirs"])
    return file(c=BERLIN)


def renamed_in_part(world: World) -> str:
    world.apply(file(a=BERLIN))
    text = file(c=f"was: a, {BERLIN}")
    world.cut_off(text, after=1)
    return text


def renamed_in_part_from_another_environment(world: World) -> str:
    world.apply(file(a=BERLIN))
    world.hand_over()
    text = file(c=f"was: a, {BERLIN}")
    world.cut_off(text, after=2, adopt=("c",))
    return text


def moved_in_part(world: World) -> str:
    world.apply(file(c=f"paused: true, {BERLIN}", d=PLAIN))
    world.cut_off(file(MOVED, c=f"{BERLIN}, ignore: [cron]", d=PLAIN), after=3)
    return file(MOVED, d="was: c, retries: 7")


def left_over(world: World) -> str:
    world.apply(file(c=PLAIN, b="retries: 7"))
    world.hand_over("billing.b")
    unmarked(world, "billing.c.2", cron="0 4 * * *")
    return file(c="was: b, retries: 2")


def fewer_parts(world: World) -> str:
    world.apply(file(c=BERLIN))
    assert world.account.store.delete("schedule", "billing.c.2")
    world.edit("billing.c", cron="0 7 * * *", isPaused=True)
    return file(c=f"{BERLIN}, ignore: [cron]")


STATES: list[tuple[str, Callable[[World], str]]] = [
    (found.__name__, found)
    for found in (
        half_taken, half_taken_and_removed, adopted_in_part, waiting, first_gone, unmarked_first,
        renamed_in_part, renamed_in_part_from_another_environment, moved_in_part, left_over,
        fewer_parts,
    )
]  # fmt: skip
READING = [
    "plan", "plan -v", "plan --format json", "plan --format markdown", "plan --format html",
    "plan --adopt *", "plan --target schedules.c", "plan --exclude schedules.c", "plan --only clock",
    "drift", "drift --format json", "drift --format markdown", "drift --format html",
    "explain c", "explain c --format json", "explain c --at 2026-11-25T09:30Z", "import",
    "import --strays",
]  # fmt: skip
WRITING = [
    "destroy",
    "pause c",
    "resume *",
    "apply --yes",
    "apply --yes --format json",
    "apply --yes --adopt *",
]


@pytest.mark.parametrize(("_id", "make"), STATES, ids=ids(STATES))
def test_no_command_is_at_a_loss(
    world: World, tmp_path: Path, _id: str, make: Callable[[World], str]
) -> None:
    text, database = make(world), tmp_path / "account.db"
    (tmp_path / "q.yaml").write_text(text)
    stored = world.account.store.all("schedule")
    where = ("-f", str(tmp_path / "q.yaml"), f"--local={database}")
    for command in [*READING, *(f"explain {one['scheduleId']}" for one in stored), *WRITING]:
        with FaultServer(database) as account:
            for one in account.store.all("schedule"):
                account.store.delete("schedule", one["scheduleId"])
            for one in stored:
                account.store.put("schedule", one["scheduleId"], one)
        name, *words = command.split()
        clock = ("--now", f"{NOW:%Y-%m-%dT%H:%MZ}") if name == "plan" else ()
        if command == "import":
            words += ["--out", str(tmp_path / "imported.yaml"), "--namespace", "new"]
        if command == "destroy":
            words += ["--yes", "corp" if "namespace: corp" in text else "billing"]
        files = where[2:] if command == "import" else where
        ran = cli(name, *words, *files, *clock)
        assert ran.code in (0, 2, 3, 4), (command, ran.text)
        assert not re.search("internal error|Traceback", ran.text), (command, ran.text)
        assert ran.text.strip(), command


def test_explain_says_what_can_be_done_about_what_no_consent_takes(
    world: World, tmp_path: Path
) -> None:
    text, database = waiting(world), tmp_path / "account.db"
    (tmp_path / "q.yaml").write_text(text)
    with FaultServer(database) as account:
        for one in world.account.store.all("schedule"):
            account.store.put("schedule", one["scheduleId"], one)
    ran = cli("explain", "c", "-f", str(tmp_path / "q.yaml"), f"--local={database}")
    assert "take out the id: that names it" in " ".join(ran.out.split())
    assert "--adopt" not in ran.text
