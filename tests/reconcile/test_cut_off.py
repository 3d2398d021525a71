"""What an apply that was cut off has left: told as that, by plan, drift and explain."""

from datetime import datetime, timedelta
from typing import NamedTuple

import pytest

from qstash_sync.applying import watching
from qstash_sync.model.change import Change, Reason
from qstash_sync.planning.drift import Drift
from qstash_sync.render import drift as drifts, explained as explanations, text as texts
from qstash_sync.render.text import Paint
from qstash_sync.timeline.explained import Explained, Verdict, explain
from qstash_sync.timeline.question import READS, ask
from qstash_sync.timeline.subject import subject
from tests.support import UNLINTED, World

HEAD = UNLINTED + "version: 1\nnamespace: m\ndefaults: {timezone: America/New_York}\nschedules:\n"
JOB = '  {name}: {{{was}cron: "{cron}", destination: "https://a.example.com/{to}"}}\n'
PLAIN = Paint(color=False)


def job(name: str, cron: str = "0 9 * * *", *, was: str = "", to: str = "x") -> str:
    """An entry of the file: three parts in UTC."""
    return JOB.format(name=name, cron=cron, was=f"was: {was}, " if was else "", to=to)


class Told(NamedTuple):
    """What the commands say of one state."""

    change: Change
    plan: str
    drift: str
    found: Drift
    world: World
    text: str

    def explained(self, name: str, at: str | None = None) -> tuple[Explained, str]:
        """The verdict, and its page."""
        with self.world.client(read_only=True) as client:
            asked = ask(
                subject(self.world.desired(self.text), self.found, name),
                self.world.desired(self.text),
                self.found,
                read_at=client.now(),
                now=self.world.now,
                at=datetime.fromisoformat(at) if at else None,
            )
            answer = explain(asked)
        return answer, " ".join(str(explanations.text(answer, PLAIN)).split())


def told(world: World, text: str) -> Told:
    plan = world.plan(text)
    (change,) = plan.changes
    with world.client(read_only=True) as client:
        found = watching.watch(client, world.desired(text), now=world.now, more=READS)
    shown, watched = (
        " ".join(str(page).split())
        for page in (texts.plan(plan, PLAIN), drifts.text(found, (1, 0), PLAIN))
    )
    return Told(change, shown, watched, found, world, text)


def pause(world: World, base: str) -> None:
    for part in world.account.console.snapshot()["schedule"]:
        if part in (base, f"{base}.2", f"{base}.3"):
            world.edit(part, isPaused=True)


# Renames


@pytest.mark.parametrize("writes", [3, 4, 5])
def test_a_pause_that_was_to_come_is_no_edit(world: World, writes: int) -> None:
    """A rename with a pause pauses its parts one by one, before the old ones go."""
    world.apply(HEAD + job("a"))
    text = HEAD + job("b", was="a").replace("cron:", "paused: true, cron:")
    world.cut_off(text, after=writes)
    found = told(world, text)
    assert (found.change.reason, found.drift.count("outside")) == (Reason.RENAME, 0)
    world.apply(text)
    assert world.plan(text).empty


BESIDE = "cut off: m.a still fires beside it, and goes with the next apply"
RENAMES = [  # the cron that it has as b, writes until the end, what the plan says of its time
    ("0 9 * * *", 1, "(renamed) daily 09:00 New York"),
    ("0 9 * * *", 2, "(renamed) daily 09:00 New York"),
    ("0 9 * * *", 3, "(renamed)"),
    ("0 9 * * *", 4, "(renamed)"),
    ("30 9 * * *", 1, "(renamed) daily 09:00 -> 09:30 New York: 30 firings in 128 days move, 98 fall away"),
    ("30 9 * * *", 3, "(renamed)"),
]  # fmt: skip


@pytest.mark.parametrize(("cron", "writes", "time"), RENAMES)
def test_a_rename_is_nobodys_edit_and_tells_what_fires_beside(
    world: World, cron: str, writes: int, time: str
) -> None:
    other = job("z", to="z")
    world.apply(HEAD + job("a") + other)
    text = HEAD + job("b", cron, was="a") + other
    world.cut_off(text, after=writes)
    found = told(world, text)
    assert found.change.reason is Reason.RENAME
    assert found.change.cut_off
    assert time.replace("(renamed)", "(renamed; an apply was cut off)") in found.plan
    assert BESIDE in found.plan
    assert "nothing else changes" not in found.plan
    assert BESIDE in found.drift
    assert "changed outside" not in found.plan + found.drift
    assert "pending schedule b an apply was cut off" in found.drift
    for name in ("b", "a", "m.a", "m.a.2"):
        answer, page = found.explained(name)
        assert (answer.verdict, answer.subject.name) == (Verdict.LIVE_DIFFERS, "b"), page
        assert "an apply was cut off, and the next one finishes it." in page
        assert "changed it outside" not in page
    world.apply(text)
    assert not world.plan(text).changes


def test_what_a_rename_has_left_fires_and_is_no_strangers(world: World) -> None:
    world.apply(HEAD + job("a") + job("z", "30 11 * * *"))
    text = HEAD + job("b", "30 9 * * *", was="a") + job("z", "30 11 * * *")
    world.cut_off(text, after=1)
    found = told(world, text)
    for name in ("b", "m.a"):
        answer, page = found.explained(name, "2026-11-27 09:00")
        assert answer.verdict is Verdict.LIVE_DIFFERS
        assert "m.a fires, and the file does not: an apply was cut off" in page
        assert "m.a 0 14 * 1,2,11,12 * <--" in page
    answer, page = found.explained("z", "2026-11-27 09:00")  # it calls the same address
    assert answer.verdict is Verdict.OTHER
    assert "b (q.yaml:" in page
    pause(world, "m.a")
    found = told(world, text)
    assert "cut off: m.a is still there, paused, and goes with the next apply" in found.plan
    assert found.explained("m.a.2")[0].subject.name == "b"
    assert found.explained("b")[0].verdict is Verdict.LIVE_DIFFERS


def test_of_a_time_that_is_somebody_elses_it_is_no_edit_either(world: World) -> None:
    world.apply(HEAD + job("a"))
    text = HEAD + job("b", was="a").replace("{was", "{ignore: [cron], was")
    world.cut_off(text, after=1)
    found = told(world, text)
    assert (found.change.reason, found.change.cut_off) == (Reason.RENAME, True)
    assert BESIDE in found.plan
    assert "parts 1 -> 3 (an apply was cut off)" in found.plan


def test_an_edit_of_what_a_rename_has_begun_is_an_edit(world: World) -> None:
    world.apply(HEAD + job("a"))
    text = HEAD + job("b", was="a")
    world.cut_off(text, after=1)
    world.edit("m.b", retries=0)
    found = told(world, text)
    assert found.change.reason is Reason.DRIFT
    assert BESIDE in found.plan


# Sets


@pytest.mark.parametrize(
    ("writes", "time"),
    [
        (1, "22 firings in 128 days move 5m later, first Mon 2027-03-01 09:30"),
        (2, "12 firings in 128 days move 5m later, first Mon 2027-03-15 09:30"),
    ],
)
def test_of_a_set_the_rest_of_its_firings_is_told(world: World, writes: int, time: str) -> None:
    """What the first parts fire by now has moved already."""
    world.apply(HEAD + job("a", "30 9 * * 1-5"))
    text = HEAD + job("a", "35 9 * * 1-5")
    world.cut_off(text, after=writes)
    found = told(world, text)
    assert (found.change.reason, found.change.cut_off) == (Reason.FILE, True)
    assert f"(an apply was cut off) Mon-Fri 09:30 -> 09:35 New York: {time}" in found.plan
    assert "3 parts of two sets: an apply was cut off" in found.plan
    assert "pending schedule a an apply was cut off" in found.drift
    answer, page = found.explained("a")
    assert answer.verdict is Verdict.LIVE_DIFFERS
    assert "the file says: an apply was cut off, and the next one finishes it." in page


def test_a_renewal_that_was_cut_off_stands_beside_those_that_are_due(world: World) -> None:
    names = "abcd"
    text = HEAD + "".join(job(name, to=name) for name in names)
    world.apply(text)
    world.now += timedelta(days=110)
    world.cut_off(text, after=1)
    page = " ".join(str(texts.plan(world.plan(text), PLAIN)).split())
    assert "~ schedule a (renewed for the clock; an apply was cut off)" in page
    assert "~ 3 schedules (renewed for the clock) b, c, d" in page
