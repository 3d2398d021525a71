"""Two years day by day: exact firings, writes only when they are due, and ends as foretold.

The whole (every job in every zone, `auto` too) is `benchmarks/two_years.py`.
"""

import pytest

from tests.support import world as make_world
from tests.years import Job, Years, show

SEED = 20270101
COMMON = {
    "daily": "0 9 * * *",
    "office": "*/15 9-17 * * 1-5",
    "weekly": "30 8 * * 1",
    "monthly": "0 6 1 * *",
    "interval": "*/20 * * * *",
}
AT_THE_CHANGE = {  # in the hours that are skipped, and those that are repeated
    "America/New_York": ("30 2 * * *", "15 1 * * 0"),
    "Europe/Berlin": ("30 2 * * *", "0 2 * * 1-5"),
    "Australia/Lord_Howe": ("15 2 * * *", "45 1 * * *"),
    "Africa/Cairo": ("0 0 * * *", "30 23 * * *"),
    "Africa/Casablanca": ("30 2 * * *", "0 2 * * *"),
    "America/Sao_Paulo": ("0 0 * * *", "30 23 * * *"),
    "Asia/Kolkata": ("30 2 * * *", "0 0 * * *"),
}
SOME = {  # what a suite has time for; where clocks stand still the same parts do for ever
    "America/New_York": ("daily", "office", "change", "doubled"),
    "Europe/Berlin": ("daily", "weekly", "shifted"),
    "Australia/Lord_Howe": ("daily", "interval", "change"),
    "Africa/Cairo": ("daily", "weekly", "change", "doubled"),
    "Africa/Casablanca": ("weekly", "change"),
    "America/Sao_Paulo": ("daily", "interval"),
    "Asia/Kolkata": ("office", "monthly"),
}
AUTO = (
    Job(name="new-york", cron="*/15 9-17 * * 1-5", timezone="America/New_York", strategy="auto"),
    Job(name="lord-howe", cron="30 9 * * *", timezone="Australia/Lord_Howe", strategy="auto"),
)


def jobs(timezone: str, strategy: str = "split") -> tuple[Job, ...]:
    """All jobs of a zone; at its clock change by default and under two other policies."""
    skipped, repeated = AT_THE_CHANGE[timezone]
    change = [("change", skipped, None, None), ("shifted", skipped, "shift", "second")]
    change.append(("doubled", repeated, "skip", "both"))
    common = [(name, cron, None, None) for name, cron in COMMON.items()]
    return tuple(
        Job(name=name, cron=cron, timezone=timezone, strategy=strategy, gap=gap, fold=fold)
        for name, cron, gap, fold in (*common, *change)
    )


@pytest.mark.parametrize("timezone", SOME)
def test_two_years_of_daily_plans_fire_exactly_as_wanted(timezone: str) -> None:
    """None missing, none extra, none doubled; only renewals, each on the day on which it is due."""
    with make_world() as world:
        years = Years(world, [job for job in jobs(timezone) if job.name in SOME[timezone]], SEED)
        years.run()
        show(f"seed {SEED}", *map(years.judge, years.jobs))


def test_auto_needs_no_apply_in_two_years_where_the_parser_is_right() -> None:
    """So not at nine on Lord Howe, where QStash's parser loses the day of a clock change."""
    with make_world() as world:
        years = Years(world, AUTO, SEED)
        years.run()
        show(f"seed {SEED}", *map(years.judge, years.jobs))
        assert [lived.applied for lived in years.lived.values()] == [[], []]
        assert [dict(lived.parts) for lived in years.lived.values()] == [{1: 731}] * 2
