"""Crons of AWS and Quartz: named, and translated where five fields say the same."""

import pytest

from qstash_sync.crons.error import CronError
from qstash_sync.crons.grammar import parse

CASES = [
    ("0 12 ? * 2 *", "AWS's form", "0 12 * * 1"),
    ("cron(0 12 ? * 2 *)", "AWS's form", "0 12 * * 1"),
    ("cron(15 10 ? * MON-FRI *)", "AWS's form", "15 10 * * MON-FRI"),
    ("CRON(0/15 8 1 * ? *)", "AWS's form", "0/15 8 1 * *"),
    ("0 8 ? * 1,7 *", "AWS's form", "0 8 * * 0,6"),
    ("0 8 ? * 2-6 *", "AWS's form", "0 8 * * 1-5"),
    ("0 8 ? * 0 *", "AWS's form", None),
    ("0 8 ? * WED *", "AWS's form", "0 8 * * WED"),
    ("0 8 ? * 2 2026", "AWS's form", None),
    ("cron(15 10 ? * 6L 2022-2023)", "AWS's form", None),
    ("cron(0 9 L * ? *)", "AWS's form", None),
    ("cron(0 9 ? * 2#1 *)", "AWS's form", None),
    ("cron()", "AWS's form", None),
    ("rate(1 minute)", "AWS's form of a rate", "* * * * *"),
    ("rate(5 minutes)", "AWS's form of a rate", "*/5 * * * *"),
    ("rate(7 minutes)", "AWS's form of a rate", None),
    ("rate(1 hour)", "AWS's form of a rate", "0 * * * *"),
    ("rate(12 hours)", "AWS's form of a rate", "0 */12 * * *"),
    ("rate(60 minutes)", "AWS's form of a rate", "0 * * * *"),
    ("rate(24 hours)", "AWS's form of a rate", "0 0 * * *"),
    ("rate(1 day)", "AWS's form of a rate", "0 0 * * *"),
    ("rate(2 days)", "AWS's form of a rate", None),
    ("rate(0 minutes)", "AWS's form of a rate", None),
    ("rate(x)", "AWS's form of a rate", None),
    ("at(2026-01-01T00:00:00)", "a single time", None),
    ("0 0 12 * * ?", "Quartz's form", "0 12 * * *"),
    ("0 0 12 ? * 2", "Quartz's form", "0 12 * * 1"),
    ("0 0 12 ? * 2 *", "Quartz's form", "0 12 * * 1"),
    ("30 0 12 ? * 2", "Quartz's form", None),
    ("09:00", "a time of day", "0 9 * * *"),
    ("9:05", "a time of day", "5 9 * * *"),
    (" 17:30 ", "a time of day", "30 17 * * *"),
    ("23:59:00", "a time of day", "59 23 * * *"),
    ("00:00", "a time of day", "0 0 * * *"),
    ("24:00", "a time of day", "0 0 * * *"),
    ("9am", "a time of day", "0 9 * * *"),
    ("12:30 AM", "a time of day", "30 0 * * *"),
    ("12 pm", "a time of day", "0 12 * * *"),
    ("5:15pm", "a time of day", "15 17 * * *"),
    ("09:00:30", "a time of day", None),
    ("24:01", "a time of day", None),
    ("13pm", "a time of day", None),
    ("25:99", "a time of day", None),
]
LONG = ["cron(" * 50_000, "rate(" + "9" * 50_000 + " minutes)", "? " * 50_000]


@pytest.mark.parametrize(("text", "whose", "meant"), CASES, ids=[text for text, *_ in CASES])
def test_the_form_is_named_and_what_it_means_is_proposed(
    text: str, whose: str, meant: str | None
) -> None:
    """Both count weekdays from 1: leaving a field out would move a job by a day."""
    with pytest.raises(CronError) as caught:
        parse(text)
    said = str(caught.value)
    assert whose in said
    if meant is None:
        assert "write minute hour day-of-month month weekday" in said
    else:
        assert said.endswith(f"write {meant!r}")
        parse(meant)


@pytest.mark.parametrize("text", LONG, ids=["calls", "digits", "fields"])
def test_a_text_of_any_length_ends_fast(text: str) -> None:
    with pytest.raises(CronError) as caught:
        parse(text)
    assert len(str(caught.value)) < 300


def test_a_macro_without_its_sign_is_proposed() -> None:
    with pytest.raises(CronError, match="did you mean @daily"):
        parse("daily")


@pytest.mark.parametrize("text", ["0 12 ? * 2", "? 12 * * 1"])
def test_a_question_mark_in_five_fields_is_a_star(text: str) -> None:
    assert parse(text).fields == parse(text.replace("?", "*")).fields
