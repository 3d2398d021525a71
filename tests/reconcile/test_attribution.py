"""Whose doing a change is: the file's, the account's, both, the clock's; or it is not ours yet."""

from dataclasses import replace

import pytest

from qstash_sync.config.missing import Missing
from qstash_sync.model.change import FieldChange, Reason
from qstash_sync.model.resources import LiveSchedule
from qstash_sync.reconcile import attribution, hidden, mark as marks
from qstash_sync.reconcile.live_parts import Part, Writing
from qstash_sync.reconcile.live_times import When
from qstash_sync.reconcile.mark import Declared, Mark
from qstash_sync.reconcile.pauses import Pause
from tests.support import HEAD, config

FILE = HEAD + "schedules: {x: {cron: 0 9 * * *, destination: 'https://e.com/x', headers: {X: '${env.S}'}, redact: {headers: true}}}\n"  # fmt: skip
(SCHEDULE,) = config(FILE, {"S": "secret"}).desired.schedules or ()
DECLARED = Declared(SCHEDULE, "billing", None)
CRON = "0 9 * * *"
MARK = DECLARED.mark("billing.x", CRON, part=1, parts=1, paused=False)
OTHER_FILE = MARK._replace(definition="0" * 12)
OTHER_SECRET = MARK._replace(secrets="1" * 12)

FIELDS = (FieldChange(path="paused", before=False, after=True),)
ASKED = Pause(paused=True, fields=FIELDS)
LIFTED = Pause(paused=True, fields=FIELDS, reason=Reason.DRIFT)
NONE = Pause(paused=False)
DUE = (FieldChange(path="parts", before=3, after=2),)


def part(mark: Mark | None = MARK, *, intact: bool = True) -> Part:
    live = LiveSchedule(id="billing.x", cron=CRON, message=SCHEDULE.message)
    return Part(live=live, mark=mark, view=DECLARED.view, intact=intact)


OURS, EDITED = part(), part(intact=False)
WHOLE, HANDS, BROKEN, CUT = Writing.WHOLE, Writing.EDITED, Writing.BROKEN, Writing.CUT_OFF
Row = tuple[str, list[Part], Writing, Pause, bool, bool, Reason]
ROWS: list[Row] = [
    # what it is, the parts, the set, the pause; do crons differ, other settings; whose doing
    ("a setting", [OURS], WHOLE, NONE, False, True, Reason.FILE),
    ("the clock", [OURS], WHOLE, NONE, True, False, Reason.CLOCK),
    ("the clock and a setting", [OURS], WHOLE, NONE, True, True, Reason.FILE),
    ("the clock and a pause", [OURS], WHOLE, ASKED, True, False, Reason.FILE),
    ("a pause", [OURS], WHOLE, ASKED, False, False, Reason.FILE),
    ("the clock for another time", [part(OTHER_FILE)], WHOLE, NONE, True, False, Reason.FILE),
    ("another secret", [part(OTHER_SECRET)], WHOLE, NONE, False, True, Reason.FILE),
    ("the clock and another secret", [part(OTHER_SECRET)], WHOLE, NONE, True, False, Reason.FILE),
    ("one part for another time", [OURS, part(OTHER_FILE)], WHOLE, NONE, True, False, Reason.FILE),
    ("an edit", [EDITED], WHOLE, NONE, False, True, Reason.DRIFT),
    ("an edit of one part", [OURS, EDITED], WHOLE, NONE, False, True, Reason.DRIFT),
    ("a cron edited", [OURS], HANDS, NONE, True, False, Reason.DRIFT),
    ("a part deleted", [OURS], BROKEN, NONE, True, False, Reason.DRIFT),
    ("an apply cut off", [OURS], CUT, NONE, True, False, Reason.CLOCK),
    ("a pause lifted", [OURS], WHOLE, LIFTED, True, False, Reason.DRIFT),
    ("a pause lifted by what was cut off", [OURS], CUT, LIFTED, True, False, Reason.CLOCK),
    ("an edit, and the file", [part(OTHER_FILE, intact=False)], WHOLE, NONE, False, True, Reason.BOTH),
    ("an edit that the file has followed", [part(OTHER_FILE, intact=False)], WHOLE, NONE, True, False, Reason.FILE),
    ("an edit that the file has followed, and a pause", [part(OTHER_FILE, intact=False)], WHOLE, ASKED, True, False, Reason.BOTH),
    ("an edit, and a secret", [EDITED, part(OTHER_SECRET)], WHOLE, NONE, False, True, Reason.BOTH),
    ("a cron edited, and the file", [part(OTHER_FILE)], HANDS, NONE, True, False, Reason.BOTH),
    ("a pause lifted, and the file", [part(OTHER_FILE)], WHOLE, LIFTED, False, True, Reason.BOTH),
    ("no mark", [OURS, part(None)], WHOLE, NONE, False, True, Reason.ADOPT),
    ("no mark, and an edit", [part(None, intact=False)], HANDS, NONE, True, True, Reason.ADOPT),
]  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "writing", "pause", "due", "others", "expected"),
    [row[1:] for row in ROWS],
    ids=[row[0] for row in ROWS],
)
def test_whose_doing_it_is(
    parts: list[Part], writing: Writing, pause: Pause, due: bool, others: bool, expected: Reason
) -> None:
    when = When(crons=(CRON,), writing=writing, fields=DUE if due else ())
    assert attribution.reason(DECLARED, parts, when, pause, others=others) is expected


def test_a_secret_that_is_not_known_here_accuses_nobody() -> None:
    unknown = config(FILE, {}, missing=Missing.UNKNOWN).desired.schedules or ()
    declared = Declared(unknown[0], "billing", None)
    when = When(crons=(CRON,), fields=DUE)
    parts = [part(OTHER_SECRET._replace(definition=declared.definition))]
    assert attribution.reason(declared, parts, when, NONE, others=False) is Reason.CLOCK


# What only the mark reveals


def revealed(declared: Declared, *parts: Part, when: When | None = None, shown: bool = False) -> list[tuple[str, object, object]]:  # fmt: skip
    settings = (FieldChange(path="retries", before=1, after=2),) if shown else ()
    found = hidden.moved(declared, parts, settings, times=bool(when and when.fields))
    return [(one.path, one.before, one.after) for one in found]


SETTINGS = MARK._replace(definition=DECLARED.times + "f" * 6)
HEADERS = "redacted headers"


@pytest.mark.parametrize("protect", [True, False])
def test_a_protection_that_the_mark_has_otherwise_is_a_change(protect: bool) -> None:
    declared = Declared(replace(SCHEDULE, protect=protect), "billing", None)
    known = declared.mark("billing.x", CRON, part=1, parts=1, paused=False)
    assert known.protected is protect
    assert revealed(declared, part(known)) == []
    other = part(known._replace(protected=not protect))
    assert revealed(declared, part(known), other) == [("protect", not protect, protect)]
    assert revealed(declared, other, shown=True) == [("protect", not protect, protect)]


def labelled(mark: Mark | None) -> Part:
    """A part that tells its local time, as all do but those of the first releases."""
    found = part(mark)
    message = replace(found.live.message, labels=(str(mark), *DECLARED.labels))
    return replace(found, live=replace(found.live, message=message))


def test_settings_that_do_not_read_back_are_told_by_name() -> None:
    hidden = [("write_only", "(not shown)", HEADERS)]
    assert revealed(DECLARED, labelled(SETTINGS)) == hidden
    assert revealed(DECLARED, labelled(MARK), labelled(SETTINGS)) == hidden
    assert revealed(DECLARED, labelled(SETTINGS), shown=True) == hidden  # perhaps
    due = When(crons=(CRON,), fields=DUE)
    assert revealed(DECLARED, labelled(SETTINGS), when=due) == hidden
    exposed = labelled(SETTINGS._replace(exposed=True))
    assert revealed(DECLARED, exposed, labelled(SETTINGS)) == [
        ("write_only", "(not shown)", f"{HEADERS}, which values are secrets")
    ]


def test_a_mark_of_the_first_releases_does_not_tell_times_from_settings() -> None:
    everything = [("write_only", "(not shown)", f"timezone, dst, {HEADERS}")]
    old = MARK._replace(definition="f" * 12)
    assert revealed(DECLARED, part(old)) == everything
    due = When(crons=(CRON,), fields=DUE)  # it may be the time alone, that is shown
    assert revealed(DECLARED, part(old), when=due) == [("write_only", "(not shown)", HEADERS)]


def test_a_secret_that_changed_is_told_as_one_and_one_that_began_is_not() -> None:
    assert revealed(DECLARED, part(OTHER_SECRET)) == [("write_only", "(not shown)", "(secret)")]
    assert revealed(DECLARED, part(), part(OTHER_SECRET), shown=True) == [
        ("write_only", "(not shown)", "(secret)")
    ]
    began = part(MARK._replace(secrets=marks.NO_SECRETS))
    assert revealed(DECLARED, began) == []


def test_what_is_adopted_is_a_change_of_the_mark_where_nothing_else_is() -> None:
    assert revealed(DECLARED, part(), part(None)) == [("mark", None, "ours")]
    assert revealed(DECLARED, part(None), shown=True) == []
    assert revealed(DECLARED, part(None), when=When(crons=(CRON,), fields=DUE)) == []
