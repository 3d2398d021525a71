"""What becomes of a pause: the table at the head of `pauses.py`, by hand."""

from dataclasses import replace

import pytest

from qstash_sync.model.change import Reason
from qstash_sync.model.resources import LiveSchedule, Message
from qstash_sync.reconcile import pauses
from qstash_sync.reconcile.canonical import View
from qstash_sync.reconcile.live_parts import Part
from qstash_sync.reconcile.mark import Mark
from qstash_sync.reconcile.pauses import Pause
from tests.support import HEAD, config

FILE = HEAD + "schedules: {x: {cron: 0 9 * * *, destination: 'https://e.com/x'}}\n"
(SCHEDULE,) = config(FILE).desired.schedules or ()
MARK = Mark(scope="abcd", part=1, parts=1, readable="a", definition="b", secrets="c")


def parts(texts: str) -> list[Part]:
    """`p`: paused by hand, `z`: paused, and so its mark, `r`: resumed by hand; `-`: active."""
    found = []
    for number, letter in enumerate(texts, 1):
        live = LiveSchedule(
            id=f"x.{number}", cron="0 9 * * *", message=Message(destination="d"), paused=letter in "pz"
        )  # fmt: skip
        mark = MARK._replace(paused=letter in "zr")
        found.append(Part(live=live, mark=mark, view=View({}, {})))
    return found


FILED, DRIFT = Reason.FILE, Reason.DRIFT
ROWS: list[tuple[str, bool, str, str, Reason]] = [
    # live, asked for: the parts that are wrong, what a plan shows, whose doing it is
    ("--", False, "", "", FILED),
    ("--", True, "1 2", "paused: False -> True", FILED),
    ("pp", True, "", "", FILED),
    ("zz", True, "", "", FILED),
    ("pp", False, "1 2", "paused: True -> False", DRIFT),
    ("zz", False, "1 2", "paused: True -> False", FILED),
    ("p-", False, "1", "paused: partly -> False", DRIFT),
    ("p-", True, "2", "paused: partly -> True", FILED),
    ("zr", True, "2", "paused: partly -> True", DRIFT),
    ("rr", True, "1 2", "paused: False -> True", DRIFT),
    ("rr", False, "", "mark: paused -> active", FILED),
]


@pytest.mark.parametrize(("live", "asked", "wrong", "shown", "reason"), ROWS)
def test_what_the_file_asks_for(
    live: str, asked: bool, wrong: str, shown: str, reason: Reason
) -> None:
    found, said = pauses.judge(replace(SCHEDULE, paused=asked), parts(live))
    assert found.paused is asked
    assert found.wrong == {f"x.{number}" for number in wrong.split()}
    assert [f"{f.path}: {f.before} -> {f.after}" for f in found.fields] == (
        [shown] if shown else []
    )
    assert found.reason is reason
    assert found.stale == (not asked and ("z" in live or "r" in live))
    assert said == []


@pytest.mark.parametrize(
    ("live", "code", "is_paused"),
    [
        ("--", None, False),
        ("-", None, False),
        ("pp", "paused", True),
        ("p", "paused", True),
        ("zz", "paused", True),
        ("p-", "partly_paused", True),
        ("zr", "partly_paused", True),
        ("rr", "resumed", False),
        ("-r", "resumed", False),
    ],
)
def test_what_the_file_does_not_ask_for_stays_and_is_told(
    live: str, code: str | None, *, is_paused: bool
) -> None:
    found, said = pauses.judge(SCHEDULE, parts(live))
    assert found == Pause(paused=is_paused, is_partial=code == "partly_paused")
    assert [one.code for one in said] == ([code] if code else [])
    assert all(one.path == ("schedules", "x") and one.location for one in said)
    theirs, said = pauses.judge(replace(SCHEDULE, ignore=("paused",)), parts(live))
    assert (theirs, said) == (found, [])


@pytest.mark.parametrize(
    ("paused", "told"), [(1, "1 of 3 parts is paused"), (2, "2 of 3 parts are paused")]
)
def test_some_parts_are_told_by_their_number(paused: int, told: str) -> None:
    assert pauses.partly(paused, 3) == told
