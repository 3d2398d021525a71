"""A job that some year goes without: the same answer on every day, and a true way out."""

from datetime import UTC, datetime

import pytest

from qstash_sync.crons.compile import Strategy, compile_job
from qstash_sync.crons.error import CronError
from qstash_sync.crons.exactness import holds
from qstash_sync.crons.gap_and_fold import job
from qstash_sync.crons.some_years import fires_every_year

DAYS = ("2027-02-28", "2027-06-01", "2028-02-29", "2028-03-10", "2028-05-01", "2029-02-01")


@pytest.mark.parametrize(
    ("crons", "is_yearly"),
    [
        (["0 0 29 2 *"], False), (["0 0 29-31 2 *"], False), (["0 0 29 2 */7"], False),
        (["0 0 */31 1 1"], False), (["0 0 28 2 *"], True), (["0 0 30 2,4 *"], True),
        (["0 0 29 2 1"], True), (["0 0 29 2 *", "0 0 28 2 *"], True),
        (["0 0 1-7 1 */7"], True), (["0 0 31 12 *"], True), (["* * * * *"], True),
    ],
)  # fmt: skip
def test_which_jobs_some_year_goes_without(crons: list[str], is_yearly: bool) -> None:
    assert fires_every_year(job(crons, "UTC")) is is_yearly


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("strategy", [Strategy.SPLIT, Strategy.FOLLOW, Strategy.AUTO])
@pytest.mark.parametrize(
    ("cron", "timezone", "stored"),
    [
        ("0 9 29 2 *", "Europe/Berlin", "0 8 29 2 *"), ("0 0 29 2 *", "UTC", "0 0 29 2 *"),
        ("*/30 9 29 2 *", "America/New_York", "*/30 14 29 2 *"),
    ],
)  # fmt: skip
def test_a_leap_day_that_is_one_in_utc_is_stored_for_ever(
    cron: str, timezone: str, stored: str, strategy: Strategy, day: str
) -> None:
    now = datetime.fromisoformat(day).replace(tzinfo=UTC)
    made = compile_job(job(cron, timezone), now=now, strategy=strategy)
    assert made.crons in {(stored,), (stored.replace("*/30", "0,30"),)}
    assert (made.valid_until, made.renew_at) == (None, None)
    assert made.proof.firings


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("strategy", [Strategy.SPLIT, Strategy.FOLLOW])
@pytest.mark.parametrize(
    ("cron", "timezone"),
    [
        ("0 0 29 2 *", "Europe/Berlin"), ("0 20 29 2 *", "America/New_York"),
        ("0 0 29 2 */7", "UTC"), ("0 0 */31 1 1", "UTC"),
    ],
)  # fmt: skip
def test_what_no_stored_cron_says_is_refused_on_every_day(
    cron: str, timezone: str, strategy: Strategy, day: str
) -> None:
    """At midnight in Berlin it is still the 28th in UTC, and of that each year has one."""
    now = datetime.fromisoformat(day).replace(tzinfo=UTC)
    with pytest.raises(CronError, match="does not fire within every year") as refused:
        compile_job(job(cron, timezone), now=now, strategy=strategy)
    assert "weekday" not in str(refused.value)
    if "use strategy native" in str(refused.value):
        made = compile_job(job(cron, timezone), now=now, strategy=Strategy.NATIVE)
        assert made.crons == (f"CRON_TZ={timezone} {cron}",)
        assert compile_job(job(cron, timezone), now=now, strategy=Strategy.AUTO).crons == made.crons
    else:
        with pytest.raises(CronError):
            compile_job(job(cron, timezone), now=now, strategy=Strategy.NATIVE)


@pytest.mark.parametrize("year", range(2027, 2040))
def test_a_cron_of_some_years_among_others_is_never_forgotten_for_ever(year: int) -> None:
    """1 February that is a Monday: it may be eleven years until the next."""
    wanted = job(["0 14 */31 2 1", "59 23 5 1 *"], "Pacific/Apia")
    made = compile_job(wanted, now=datetime(year, 3, 1, tzinfo=UTC))
    assert made.valid_until is not None
    assert holds(wanted, made.crons, datetime(year, 3, 1, tzinfo=UTC), made.valid_until)
