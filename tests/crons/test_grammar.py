"""The grammar: what is understood, and what is refused with which reason."""

import random
from datetime import UTC, datetime

import pytest
from cronsim import CronSim

from qstash_sync.crons import robfig
from qstash_sync.crons.error import CronError
from qstash_sync.crons.grammar import parse, render
from tests.crons.crons import a_cron

SEED = 20261122

REFUSED = {
    "seconds": ("0 0 9 * * *", "6 fields: QStash has no seconds"),
    "seconds alone": ("0 30 9 * * 1", "leave out the first field"),
    "years alone": ("30 9 * * 1 2027", "leave out the last field"),
    "both of them": ("0 30 9 * * 1 2027", "leave out the first and the last"),
    "seconds and years": ("0 0 9 * * * 2027", "7 fields"),
    "too few fields": ("* * * *", "4 fields instead of 5"),
    "nothing": ("", "0 fields instead of 5"),
    "last day": ("0 9 L * *", "L (last)"),
    "third last day": ("0 9 L-3 * *", "L (last)"),
    "last Friday": ("0 9 * * 5L", "L (last)"),
    "last weekday": ("0 9 LW * *", "L (last)"),
    "nearest weekday": ("0 9 15W * *", "W (nearest weekday)"),
    "second Monday": ("0 9 * * 1#2", "# (the n-th weekday"),
    "random": ("R 9 * * *", "random times"),
    "hashed": ("H 9 * * *", "random times"),
    "hashed in a range": ("H(0-5) 9 * * *", "random times"),
    "cronie's random range": ("0~30 9 * * *", "random times"),
    "@reboot": ("@reboot", "has no fixed time in a day"),
    "@every": ("@every 1h", "has no fixed time in a day"),
    "a macro mistyped": ("@dayly", "'@dayly' is not known; did you mean @daily?"),
    "a macro mistyped in capitals": ("@HOURLLY", "did you mean @hourly?"),
    "a macro cut short": ("@month", "did you mean @monthly?"),
    "another macro": ("@noon", "has no fixed time in a day"),
    "a zone inside": ("CRON_TZ=UTC 0 9 * * *", "the zone has a key of its own"),
    "minute 60": ("60 * * * *", "minute: 60 is out of range 0-59; the full hour is 0"),
    "hour 24": ("0 24 * * *", "hour: 24 is out of range 0-23; midnight is 0"),
    "until hour 24": ("0 8-24 * * *", "hour: 24 is out of range 0-23; midnight is 0"),
    "hour 25": ("0 25 * * *", "hour: 25 is out of range 0-23"),
    "day 0": ("0 0 0 * *", "day of month: 0 is out of range 1-31"),
    "month 13": ("0 0 1 13 *", "month: 13 is out of range 1-12"),
    "weekday 8": ("0 0 * * 8", "weekday: 8 is out of range 0-7"),
    "hours past midnight": ("0 22-2 * * *", "write 22-23,0-2"),
    "months past December": ("0 8 1 NOV-FEB *", "write 11-12,1-2"),
    "step 0": ("*/0 * * * *", "*/0 has no valid step"),
    "a step that is none": ("*/x * * * *", "*/x has no valid step"),
    "two steps": ("1/2/3 * * * *", "1/2/3 has no valid step"),
    "a step over the hour": ("*/90 * * * *", "steps over all 60 values"),
    "two ranges in one": ("1-2-3 * * * *", "'2-3' is not understood"),
    "a range of stars": ("*-5 * * * *", "'*' is not understood"),
    "a negative value": ("-1 * * * *", "an item is empty"),
    "an empty item": ("1,,2 * * * *", "an item is empty"),
    "a long name": ("0 9 * * MONDAY", "'MONDAY' is not understood; write 0-6 or SUN-SAT"),
    "a word": ("noon 9 * * *", "'noon' is not understood"),
    "digits of another script": ("\u0663 9 * * *", "is not understood"),
    "30 February": ("0 9 30 2 *", "never fires"),
    "31 in short months": ("0 9 31 4,6,9,11 *", "never fires"),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_a_plain_cron_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(CronError) as refusal:
        parse(text)
    assert reason in str(refusal.value)


SAME = {
    "names": ("0 9 * JAN-MAR MON-FRI", "0 9 * 1-3 1-5"),
    "lower case": ("0 9 * jan mon", "0 9 * 1 1"),
    "Sunday as 7": ("0 9 * * 7", "0 9 * * 0"),
    "a week from Sunday to Sunday": ("0 9 * * 0-7", "0 9 * * *"),
    "Friday to Sunday": ("0 9 * * FRI-SUN", "0 9 * * 0,5,6"),
    "question marks": ("0 9 ? * ?", "0 9 * * *"),
    "a step from a value": ("5/20 9 * * *", "5,25,45 9 * * *"),
    "a step in a range": ("10-40/10 9 * * *", "10,20,30,40 9 * * *"),
    "leading zeros": ("00 09 01 * *", "0 9 1 * *"),
    "space around": ("  0\t9  * * * ", "0 9 * * *"),
    "@daily": ("@daily", "0 0 * * *"),
    "@midnight": ("@midnight", "0 0 * * *"),
    "@hourly": ("@HOURLY", "0 * * * *"),
    "@weekly": ("@weekly", "0 0 * * 0"),
    "@monthly": ("@monthly", "0 0 1 * *"),
    "@yearly": ("@yearly", "0 0 1 1 *"),
    "@annually": ("@annually", "0 0 1 1 *"),
    "every day named beside a weekday": ("0 9 1-31 * 1", "0 9 * * *"),
    "a star late in a list is no star": ("0 0 15,* * 1", "0 0 * * *"),
    "all hours as a range": ("0 0-23 * * *", "0 * * * *"),
}


@pytest.mark.parametrize(("text", "canonical"), SAME.values(), ids=SAME)
def test_two_ways_to_write_a_cron_have_one_normal_form(text: str, canonical: str) -> None:
    assert parse(text).canonical == canonical
    assert parse(text).key == parse(canonical).key
    assert parse(text).text == text


def test_the_normal_form_means_the_same_and_is_its_own() -> None:
    rng = random.Random(SEED)
    for _ in range(500):
        cron = parse(a_cron(rng))
        again = parse(cron.canonical)
        assert (again.key, again.canonical) == (cron.key, cron.canonical), cron.text


def test_field_sets_are_those_of_cronsim() -> None:
    rng = random.Random(SEED)
    for _ in range(500):
        cron = parse(a_cron(rng))
        sim = CronSim(cron.text, datetime(2027, 1, 1, tzinfo=UTC))
        weekdays = {int(day) % 7 for day in sim.weekdays if isinstance(day, int)}
        assert set(cron.fields.minutes) == sim.minutes, cron.text
        assert set(cron.fields.hours) == sim.hours, cron.text
        assert set(cron.fields.months) == sim.months, cron.text
        for month, day, weekday in ((1, day, day % 7) for day in range(1, 32)):
            inside = month in sim.months
            both = day in sim.days and weekday in weekdays
            either = day in sim.days or weekday in weekdays
            expected = inside and (both if sim.day_and else either)
            assert (
                month in cron.fields.months and cron.fields.fits_day(day, weekday)
            ) == expected, cron.text


INTERVAL = {
    "*/15 2 * * *": True,
    "0 */2 * * *": True,
    "0 * * * *": True,
    "? 9 * * *": True,
    "0 0-23 * * *": True,
    "0 9-17 * * *": False,
    "0-59 9 * * *": False,
    "5/20 9 * * *": False,
    "0 2,14 * * *": False,
}


@pytest.mark.parametrize(("text", "interval"), INTERVAL.items(), ids=INTERVAL)
def test_a_job_is_interval_by_the_first_letter_of_minute_or_hour(
    text: str, *, interval: bool
) -> None:
    """Debian's rule; all 24 hours written out count as well."""
    assert parse(text).interval is interval


def test_both_day_fields_restricted_mean_either_unless_one_starts_with_a_star() -> None:
    either, both = parse("0 9 1,15 * 1"), parse("0 9 */2 * 1")
    assert (either.both_days_restricted, either.fields.either) == (True, True)
    assert (both.both_days_restricted, both.fields.either) == (True, False)
    assert not parse("0 9 * * 1").both_days_restricted


@pytest.mark.parametrize(
    ("text", "restricted"),
    [
        ("0 0 1-31 * 1", True), ("0 0 1 * 1-7", True), ("0 0 31 * 0-6", True),
        ("0 0 1-31 * 0-6", False), ("0 0 1-31 * *", False), ("0 0 * * 0-6", False),
        ("0 0 1-31 * */2", False),
    ],
)  # fmt: skip
def test_a_day_field_that_names_every_day_without_a_star_undoes_the_other(
    text: str, *, restricted: bool
) -> None:
    assert parse(text).both_days_restricted is restricted
    if restricted:
        assert parse(text).fields.every_day


def test_fields_are_written_without_a_star_that_would_mean_something_else() -> None:
    assert render(parse("0,30 9 * * *").fields) == "0,30 9 * * *"
    assert render(parse("0 */6 1-3,5 * *").fields) == "0 */6 1-3,5 * *"
    assert render(parse("*/7 9 */2 * *").fields).split()[0] == "0,7,14,21,28,35,42,49,56"


@pytest.mark.parametrize(
    ("cron", "every_day"),
    [
        ("0 9 * * *", True),
        ("0 9 1-31 1-12 0-6", True),
        ("0 9 1-30 * *", False),
        ("0 9 2-31 * *", False),
        ("0 9 * 1-11 *", False),
        ("0 9 * * 1-6", False),
    ],
)
def test_every_day_is_every_date(cron: str, *, every_day: bool) -> None:
    assert robfig.read(cron).fields.every_day is every_day


@pytest.mark.parametrize(
    ("cron", "same"),
    [
        ("5 9 1-31 * 1-5", "5 9 * * *"),
        ("5 9 1-5 * 0-6", "5 9 * * *"),
        ("5 9 1-31 3,4 1-5", "5 9 * 3,4 *"),
        ("5 9 1-31 * *", "5 9 * * *"),
        ("5 9 * * 1-5", "5 9 * * 1-5"),
        ("5 9 1-5 * *", "5 9 1-5 * *"),
    ],
    ids=[
        "every date, or some weekdays", "some dates, or every weekday", "in some months",
        "every date", "weekdays alone", "dates alone",
    ],
)  # fmt: skip
def test_either_of_two_days_of_which_one_is_any_day_is_every_day(cron: str, same: str) -> None:
    """To robfig a field without a star restricts, though it has all values."""
    found, expected = (robfig.read(text).fields.normal for text in (cron, same))
    assert (found.sets, found.day_rule) == (expected.sets, expected.day_rule)


def test_either_of_two_days_that_both_restrict_stays() -> None:
    fields = robfig.read("5 9 1-5 * 1-5").fields
    assert fields.normal == fields
    assert fields.normal.day_rule != robfig.read("5 9 1-5 * *").fields.normal.day_rule


@pytest.mark.parametrize("text", ["*/000000015 * * * *", "000000015 * * * *"])
def test_a_number_has_nine_digits_at_most(text: str) -> None:
    assert parse(text).fields.minutes[-1] in (15, 45)
    with pytest.raises(CronError, match="10 digits"):
        parse(text.replace("000000015", "0000000015"))
