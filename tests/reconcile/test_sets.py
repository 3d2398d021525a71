"""What the marks of a schedule's parts say of the set: the table of `SetState`, by hand."""

import pytest

from qstash_sync.model.resources import LiveSchedule, Message
from qstash_sync.reconcile.canonical import View
from qstash_sync.reconcile.live_parts import Part, SetState, Writing, state
from qstash_sync.reconcile.mark import Mark
from tests.support import HEAD, config

FILE = HEAD + "schedules: {x: {cron: 0 9 * * *, destination: 'https://e.com/x'}}\n"
(SCHEDULE,) = config(FILE).desired.schedules or ()


def part(name: str, of: str | None, *, definition: str = "d", edited: bool = False) -> Part:
    """A live part; of: `1of2` by its mark, None without one."""
    number, _, total = (of or "").partition("of")
    mark = Mark(
        scope="billing", part=int(number), parts=int(total), readable="a", definition=definition, secrets="s"
    ) if of else None  # fmt: skip
    message = Message(destination="https://e.com/x")
    live = LiveSchedule(id=name, cron="0 9 * * *", message=message)
    return Part(live=live, mark=mark, view=View({}, {}), cron_intact=not edited)


ONE, TWO = "billing.x", "billing.x.2"


@pytest.mark.parametrize(
    ("parts", "expected", "writing"),
    [
        ([], SetState(parts=0), Writing.WHOLE),
        ([part(ONE, None)], SetState(parts=1), Writing.WHOLE),
        ([part(ONE, "1of1")], SetState(parts=1), Writing.WHOLE),
        ([part(ONE, "1of2"), part(TWO, "2of2")], SetState(parts=2), Writing.WHOLE),
        ([part(ONE, "1of2"), part(TWO, "2of2", edited=True)], SetState(parts=2, edited=(2,)), Writing.EDITED),
        ([part(TWO, "2of3")], SetState(parts=1, missing=(1, 3)), Writing.BROKEN),
        ([part(ONE, "1of1"), part("billing.x.7", "1of1")], SetState(parts=2, surplus=("billing.x.7",)), Writing.BROKEN),
        ([part("theirs", "1of1")], SetState(parts=1, missing=(1,), surplus=("theirs",)), Writing.BROKEN),
        ([part(ONE, "1of2"), part(TWO, "2of3")], SetState(parts=2, cut_off=True), Writing.CUT_OFF),
        ([part(ONE, "1of2"), part(TWO, "2of2", definition="e")], SetState(parts=2, cut_off=True), Writing.CUT_OFF),
        ([part(ONE, "1of1"), part("billing.x.7", "1of2", definition="e")],
         SetState(parts=2, surplus=("billing.x.7",)), Writing.BROKEN),
    ],
    ids=[
        "nothing", "a mark on none", "one", "two", "one was edited", "some are missing", "a copy",
        "a copy alone", "a renewal cut off", "a change cut off", "a copy of another set",
    ],
)  # fmt: skip
def test_what_the_marks_say(parts: list[Part], expected: SetState, writing: Writing) -> None:
    found = state(SCHEDULE, parts)
    assert found == expected
    assert found.writing is writing
