"""Each rule of lint: what it finds, and the nearest thing that it leaves alone."""

import time
from datetime import UTC, datetime
from itertools import product
from string import ascii_lowercase

import pytest

from qstash_sync.lint import judge, near_names
from qstash_sync.model.diagnostics import Severity
from qstash_sync.model.lint import BY_CODE, RULES, Code
from tests.support import config

NOW = datetime(2026, 11, 26, tzinfo=UTC)
QUIET = "retries: 3, timeout: 60s, failure_callback: https://app.example.com/failed"


def codes(text: str) -> list[str]:
    """The findings of a file, but for those that are only notes."""
    desired = config(text).desired
    return [str(found.code) for found in judge.findings(desired, NOW)]


def file(schedule: str, *, head: str = "", rest: str = QUIET, cron: str = "0 9 * * *") -> str:
    given = "" if "cron:" in schedule else f'cron: "{cron}", '
    url = (
        ""
        if "destination:" in schedule or "url_group:" in schedule
        else "destination: https://app.example.com/job, "
    )
    return (
        f"version: 1\nnamespace: shop\n{head}\ndefaults: {{timezone: UTC}}\n"
        f"schedules:\n  job: {{{given}{url}{schedule}{', ' if schedule else ''}{rest}}}\n"
    )


TUNNEL = "destination: 'https://abc.ngrok-free.app/job'"
QUEUE = "queues: {mails: {parallelism: 1}}"
CASES = [
    (Code.NO_FAILURE_CALLBACK, file("", rest="retries: 3, timeout: 60s"), file("")),
    (Code.DEFAULT_RETRIES, file("", rest="timeout: 60s, failure_callback: https://a.example.com/f"), file("")),
    (Code.NO_TIMEOUT, file("", rest="retries: 3, failure_callback: https://a.example.com/f"), file("")),
    (Code.TIMEOUT_ABOVE_FREE, file("", rest=QUIET.replace("60s", "16m")), file("", rest=QUIET.replace("60s", "15m"))),
    (Code.TIMEOUT_ABOVE_FREE, file("", rest=QUIET.replace("60s", "16m")), file("", head="limits: {plan: payg}", rest=QUIET.replace("60s", "16m"))),
    (Code.TIMEOUT_ABOVE_FREE, file("callback: {url: https://a.example.com/c, timeout: 16m}"), file("callback: {url: https://a.example.com/c, timeout: 15m}")),
    (Code.TIMEOUT_ABOVE_FREE, file("", rest="retries: 3, timeout: 60s, failure_callback: {url: https://a.example.com/f, timeout: 16m}"), file("")),
    (Code.LATE_RETRIES, file("", rest=QUIET.replace("retries: 3", "retries: 4")), file("")),
    (Code.LATE_RETRIES, file("retry_delay: '1300000'"), file("retry_delay: '1200000'")),
    (Code.LATE_RETRIES, file("delay: 45s, retry_delay: '1190000'"), file("delay: 30s, retry_delay: '1190000'")),
    (Code.OVERLAPPING_RETRIES, file("cron: '*/30 * * * *'"), file("cron: '0 * * * *'")),
    (Code.OVERLAPPING_RETRIES, file("cron: ['0 9 * * 5', '20 9 1 1 *']"), file("cron: ['0 9 * * 5', '50 9 1 1 *']")),
    (Code.OVERLAPPING_RETRIES, file("", rest=QUIET.replace("retries: 3", "retries: 5")), file("", rest=QUIET.replace("retries: 3", "retries: 4"))),
    (Code.LARGE_BODY, file(f"body: '{'x' * 100_001}'"), file(f"body: '{'x' * 100_000}'")),
    (Code.CALLBACK_LOOP, file("callback: https://app.example.com/job"), file("callback: https://app.example.com/done")),
    (Code.CALLBACK_LOOP, file("", rest=QUIET.replace("/failed", "/job")), file("")),
    (Code.PREVIEW_HOST, file(TUNNEL), file("destination: https://ngrok.example.com/job")),
    (Code.PREVIEW_HOST, file("destination: https://app-git-main-team.vercel.app/j"), file("destination: https://app.vercel.app/j")),
    (Code.PREVIEW_HOST, file("destination: https://app-h3x9a0k2b-team.vercel.app/j"), file("destination: https://app-team.vercel.app/j")),
    (Code.PREVIEW_HOST, file("destination: https://deploy-preview-12--site.netlify.app/j"), file("destination: https://site.netlify.app/j")),
    (Code.PREVIEW_HOST, file("callback: https://x.trycloudflare.com/c"), file("callback: https://x.example.com/c")),
    (
        Code.PREVIEW_HOST,
        file("url_group: all", head="url_groups: {all: {endpoints: [https://x.loca.lt/a]}}"),
        file("url_group: all", head="url_groups: {all: {endpoints: [https://x.example.com/a]}}"),
    ),
    (Code.DELAY_MOVES_TIME, file("delay: 1m"), file("delay: 59s")),
    (Code.FIXED_ZONE, file("timezone: EST"), file("timezone: America/New_York")),
    (Code.LATE_DAY, file("cron: '0 9 31 * *'"), file("cron: '0 9 28 * *'")),
    (Code.LATE_DAY, file("cron: '0 9 29 2 *'"), file("cron: '0 9 29 1 *'")),
    (Code.LATE_DAY, file("cron: '0 9 31 4,5 *'"), file("cron: '0 9 31 1,3 *'")),
    (Code.LATE_DAY, file("cron: '0 9 29-31 * *'"), file("cron: '0 9 28-31 * *'")),
    (Code.UNEVEN_STEP, file("cron: '*/7 * * * *'", rest=QUIET.replace("retries: 3", "retries: 0")), file("cron: '*/6 * * * *'", rest=QUIET.replace("retries: 3", "retries: 0"))),
    (Code.UNEVEN_STEP, file("cron: '0 */5 * * *'"), file("cron: '0 */6 * * *'")),
    (Code.UNEVEN_STEP, file("cron: '0 9 */2 * *'"), file("cron: '0 9 1-7 * *'")),
    (Code.UNEVEN_STEP, file("cron: '0 9 * * */2'"), file("cron: '0 9 * * 1,3,5'")),
    (Code.UNEVEN_STEP, file("cron: '0 9 1 */5 *'"), file("cron: '0 9 1 */6 *'")),
    (Code.NEAR_NAME, file("queue: mials", head=QUEUE), file("queue: mails", head=QUEUE)),
    (Code.NEAR_NAME, file("queue: mial", head=QUEUE.replace("mails", "mail")), file("queue: letters", head=QUEUE)),
    (Code.NEAR_NAME, file("queue: Mails", head=QUEUE), file("queue: mials")),
    (Code.NEAR_NAME, file("queue: mail", head=QUEUE), file("queue: mls", head=QUEUE)),
    (Code.NEAR_NAME, file("queue: mailss", head=QUEUE), file("queue: emails2", head=QUEUE)),
    (
        Code.NEAR_NAME,
        file("queue: job-1", head=QUEUE.replace("mails", "jobs-1")),
        file("queue: jobs-2", head=QUEUE.replace("mails", "jobs-1")),
    ),
    (
        Code.NEAR_NAME,
        file(f"queue: {'m' * 99}", head=QUEUE.replace("mails", "m" * 100)),
        file(f"queue: {'m' * 100}", head=QUEUE.replace("mails", "m" * 101)),
    ),
    (
        Code.NEAR_NAME,
        file("queue: frmo", head=QUEUE.replace("mails", "from")),
        file("queue: us", head=QUEUE.replace("mails", "eu")),
    ),
    (
        Code.NEAR_NAME,
        file("url_group: evreyone", head="url_groups: {everyone: {endpoints: [https://a.example.com/a]}}"),
        file("url_group: all", head="url_groups: {everyone: {endpoints: [https://a.example.com/a]}}"),
    ),
    (
        Code.NEAR_NAME,
        file("flow_control: {key: mials}", head="flow_controls: {mails: {parallelism: 1}}"),
        file("flow_control: {key: mials, parallelism: 1}", head="flow_controls: {mails: {parallelism: 1}}"),
    ),
    (Code.UNEXPANDED, file("headers: {X-Team: $TEAM}"), file("headers: {X-Team: 'US$EUR $5 a$b $$USD $t {{1}} {{}}'}")),
    (Code.UNEXPANDED, file("headers: {X-Team: 'a$(TEAM)'}"), file("headers: {X-Team: 'a$${TEAM}'}")),
    (Code.UNEXPANDED, file("headers: {X-Team: 'a {{ team }}'}"), file("headers: {X-Team: 'a {team}'}")),
    (Code.UNEXPANDED, file("headers: {X-Team: $var.team}"), file("headers: {X-Team: a.$variable}")),
    (Code.UNEXPANDED, file("destination: https://app.example.com/$TEAM"), file("body: {a: $TEAM, b: '{{ x }}'}")),
    (Code.UNEXPANDED, file("callback: https://a.example.com/c/$TEAM"), file("callback: https://a.example.com/c")),
    (Code.UNEXPANDED, file("callback: {url: https://a.example.com/c, headers: {A: $TEAM}}"), file("callback: {url: https://a.example.com/c, headers: {A: team}}")),
    (
        Code.UNEXPANDED,
        file("url_group: all", head="url_groups: {all: {endpoints: [https://a.example.com/$TEAM]}}"),
        file("url_group: all", head="url_groups: {all: {endpoints: [https://a.example.com/team]}}"),
    ),
    (Code.QUEUE_PARALLELISM, file("", head="queues: {q: {parallelism: 2}}"), file("", head="queues: {q: {parallelism: 1}}")),
]  # fmt: skip


@pytest.mark.parametrize(("code", "bad", "good"), CASES)
def test_a_rule_finds_its_case_and_not_the_nearest_other(code: Code, bad: str, good: str) -> None:
    assert codes(bad) == [code]
    assert code not in codes(good)


@pytest.mark.parametrize(
    ("cron", "what"),
    [
        ("0 8-20/5 * * *", None), ("10-30/7 * * * *", None), ("0 0 1-10/3 * *", None),  # chosen
        ("5/10 * * * *", None), ("0 3/6 * * *", None), ("1-59/2 * * * *", None),  # even all around
        ("30/15,0/15 * * * *", None), ("*/40,20 * * * *", None), ("0 0 1/2,2/2 * *", None),
        ("0 0 20/20 * *", None), ("45/30 * * * *", None),  # one value
        ("30/1 * * * *", None), ("0 9 * * 1/1", None),  # to the end of the field, and no gap
        ("30/15 * * * *", "/15 of the minute is uneven: after 45 comes 30 again"),
        ("0 0/7 * * *", "/7 of the hour is uneven: after 21 comes 0 again"),
        ("0 0-23/7 * * *", "/7 of the hour is uneven: after 21 comes 0 again"),
        ("0 0 1 JAN-DEC/5 *", "/5 of the month is uneven: after 11 comes 1 again"),
        ("0 0 * * MON-SUN/2", "/2 of the weekday is uneven: every week begins anew"),
        ("0 0 * * */2", "/2 of the weekday is uneven: every week begins anew"),
        ("0 0 5/10 * *", "/10 of the day of month is uneven: every month begins anew"),
        ("0 0 ?/2 * *", "/2 of the day of month is uneven: every month begins anew"),
        ("*/7,3 * * * *", "/7 of the minute is uneven: after 56 comes 0 again"),
    ],
)  # fmt: skip
def test_a_step_is_uneven_by_its_gaps_all_around(cron: str, what: str | None) -> None:
    desired = config(
        file(f"cron: '{cron}'", rest=QUIET.replace("retries: 3", "retries: 0"))
    ).desired
    found = [f.message for f in judge.findings(desired, NOW) if f.code == Code.UNEVEN_STEP]
    assert found == ([f'"{cron}": {what}'] if what else [])


def test_a_step_of_days_hides_no_late_day() -> None:
    assert codes(file("cron: '0 9 29-31/2 * *'")) == [Code.LATE_DAY]
    assert codes(file("cron: '0 9 30,31-31/2 * *'")) == [Code.LATE_DAY]
    assert codes(file("cron: '0 9 29/2 * *'")) == [Code.LATE_DAY, Code.UNEVEN_STEP]
    assert codes(file("cron: '0 9 10-31/7 * *'")) == []  # each month has a 10th


@pytest.mark.parametrize(
    ("crons", "told"),
    [
        (["0 0 31 * *", "0 0 30 4,6,9,11 *", "0 0 28 2 *"], []),  # the last of each month
        (["0 0 31 * *", "0 9 * * 1"], []), (["0 0 31 * *", "0 9 1 * 1"], []),
        (["0 0 31 * *", "0 0 30 4,6,9,11 *"], ['"0 0 31 * *": one of its months has no day 31 and no other cron']),
        (["0 0 31 * *", "0 0 28 2 *"], ['"0 0 31 * *": 4 of its 12 months have no day 31 and no other cron']),
        (["0 0 31 * *", "0 0 30 * *"], ['"0 0 30 * *": one of its months has no day 30 and no other cron']),
        (["0 0 31 1,3 *", "0 0 29 2 *"], ['"0 0 29 2 *": February, but in leap years, has no day 29 and no other cron']),
        (["0 0 29 2 *", "0 0 28 2 *"], []),
    ],
)  # fmt: skip
def test_a_late_day_is_what_no_cron_of_the_list_makes_good(
    crons: list[str], told: list[str]
) -> None:
    found = judge.findings(config(file(f"cron: {crons}")).desired, NOW)
    late = [one.message for one in found if one.code == Code.LATE_DAY]
    assert late == [f"{fact}, and it does not run then" for fact in told]


@pytest.mark.parametrize(
    ("crons", "told"),
    [
        (["*/40 * * * *", "20/40 * * * *"], 0), (["*/40 9-17 * * *", "20/40 9-17 * * *"], 0),
        (["0/45 */3 * * *", "30 1/3 * * *", "15 2/3 * * *"], 0),  # every 45 minutes
        (["0 9 */2 * *", "0 9 2/2 * *"], 0), (["0 9 * * */2", "0 9 * * 1/2"], 0),
        (["*/40 * * * 1", "20/40 * * * 2"], 1), (["0 9 */2 * *", "0 10 2/2 * *"], 2),
        (["*/7 * * * *", "*/11 * * * *"], 2), (["*/40 * * * *", "25/40 * * * *"], 1),
    ],
)  # fmt: skip
def test_a_step_is_uneven_where_the_list_does_not_even_it_out(crons: list[str], told: int) -> None:
    zero = QUIET.replace("retries: 3", "retries: 0")
    found = judge.findings(config(file(f"cron: {crons}", rest=zero)).desired, NOW)
    assert sum(one.code == Code.UNEVEN_STEP for one in found) == told


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("retries: 1, retry_delay: '3601000'", "1h1s"), ("retries: 1, retry_delay: '3659000'", "1h59s"),
        ("retries: 1, retry_delay: '3661000'", "1h1m"), ("retries: 2, retry_delay: '3600000'", "2h"),
        ("retries: 1, retry_delay: '3600000', delay: 45m", "1h45m"),
    ],
)  # fmt: skip
def test_how_late_a_retry_is_counts_from_the_firing_and_is_never_just_an_hour(
    given: str, told: str
) -> None:
    desired = config(file(given, rest=QUIET.replace("retries: 3, ", ""))).desired
    late = [f.message for f in judge.findings(desired, NOW) if f.code == Code.LATE_RETRIES]
    last = "its one retry" if "retries: 1" in given else "the last of 2 retries"
    assert late == [f"{last} comes {told} after the firing"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("retry_delay: '3600001'", "comes 1h1s after the firing"),
        ("retry_delay: '3600400', delay: 1s", "comes 1h2s after the firing"),
        ("cron: '*/30 * * * *', retry_delay: '1800001'", "comes 30m1s after the firing, the next firing after 30m"),
        ("cron: '0 */2 * * *', retry_delay: '7200001'", "comes 2h1s after the firing, the next firing after 2h"),
        ("cron: '0 */2 * * *', retry_delay: '7230000'", "comes 2h30s after the firing, the next firing after 2h"),
        ("cron: '0 */2 * * *', retry_delay: '7290000'", "comes 2h1m after the firing, the next firing after 2h"),
    ],
)  # fmt: skip
def test_what_comes_too_late_is_told_to_be_later_than_it_may_be(given: str, told: str) -> None:
    desired = config(file(f"{given}, retries: 1", rest=QUIET.replace("retries: 3, ", ""))).desired
    found = judge.findings(desired, NOW)
    late = [f.message for f in found if f.code in (Code.LATE_RETRIES, Code.OVERLAPPING_RETRIES)]
    assert late == [f"its one retry {told}"]


@pytest.mark.parametrize(
    ("now", "first"),
    [
        ("2026-11-26T00:00", "2026-11-26 01:00Z"), ("2026-11-26T20:36", "2026-11-26 22:00Z"),
        ("2026-11-26T21:00", "2026-11-26 22:00Z"), ("2026-11-26T23:59", "2026-11-27 01:00Z"),
    ],
)  # fmt: skip
def test_the_firing_that_waits_is_one_to_come(now: str, first: str) -> None:
    text = file(
        "cron: '*/30 * * * *', flow_control: {key: p}",
        head="flow_controls: {p: {rate: 1, period: 1h}}",
    )
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    found = [
        f.message for f in judge.findings(config(text).desired, at) if f.code == Code.SLOW_DRAIN
    ]
    assert len(found) == 1
    assert f": at {first} 1 message" in found[0]


def test_a_delay_overlaps_nothing_since_each_firing_has_it() -> None:
    job = "cron: '0 * * * *', delay: 45m, retries: 1, retry_delay: '1800000'"
    found = codes(file(job, rest=QUIET.replace("retries: 3, ", "")))
    assert found == [Code.LATE_RETRIES, Code.DELAY_MOVES_TIME]


def many(count: int, more: str = "", **given: str) -> str:
    entries = "".join(
        f"  job-{n}: {{cron: '{given.get('cron', '0 9 * * *')}', destination: https://app.example.com/{n}, {QUIET}{more}}}\n"
        for n in range(count)
    )
    return f"version: 1\nnamespace: shop\n{given.get('head', '')}\ndefaults: {{timezone: UTC}}\nschedules:\n{entries}"  # fmt: skip


@pytest.mark.parametrize(
    ("code", "bad", "good"),
    [
        (Code.PEAK_MINUTE, many(11), many(10)),
        (Code.PEAK_MINUTE, many(101, head="limits: {plan: payg}"), many(100, head="limits: {plan: payg}")),
        (
            Code.DAILY_MESSAGES,
            many(1, cron="* * * * *", head="limits: {plan: free}").replace("retries: 3", "retries: 0"),
            many(1, cron="*/2 * * * *", head="limits: {plan: free}").replace("retries: 3", "retries: 0"),
        ),
        # 60 s a message, every two minutes: one of three messages is still there when the next come
        (
            Code.SLOW_DRAIN,
            many(3, ", flow_control: {key: k, rate: 1, period: 1m}", cron="*/2 * * * *").replace("retries: 3", "retries: 0"),
            many(2, ", flow_control: {key: k, rate: 1, period: 1m}", cron="*/2 * * * *").replace("retries: 3", "retries: 0"),
        ),
        (
            Code.SLOW_DRAIN,
            many(3, ", flow_control: {key: k}", cron="*/2 * * * *", head="flow_controls: {k: {rate: 1, period: 1m}}").replace("retries: 3", "retries: 0"),
            many(3, ", flow_control: {key: k}", cron="*/2 * * * *", head="flow_controls: {k: {rate: 2, period: 1m}}").replace("retries: 3", "retries: 0"),
        ),
    ],
)  # fmt: skip
def test_what_schedules_send_together(code: Code, bad: str, good: str) -> None:
    assert codes(bad) == [code]
    assert code not in codes(good)


def test_schedules_that_give_a_key_different_limits_conflict_unless_it_is_pinned() -> None:
    one = f"  a: {{cron: '0 9 * * *', destination: https://a.example.com/a, {QUIET}, flow_control: {{key: k, rate: 5}}}}\n"
    two = one.replace("  a:", "  b:").replace("rate: 5", "rate: 6")
    head = "version: 1\nnamespace: shop\ndefaults: {timezone: UTC}\n"
    assert codes(f"{head}schedules:\n{one}{two}") == [Code.FLOW_CONFLICT]
    assert codes(f"{head}schedules:\n{one}{one.replace('  a:', '  b:')}") == []
    pinned = "flow_controls: {k: {rate: 9}}\n"
    assert codes(f"{head}{pinned}schedules:\n{one}{two}") == []
    only_parallel = "flow_controls: {k: {parallelism: 9}}\n"
    assert codes(f"{head}{only_parallel}schedules:\n{one}{two}") == [Code.FLOW_CONFLICT]


def test_a_paused_schedule_sends_nothing() -> None:
    assert codes(many(11, ", paused: true")) == []


def test_a_finding_shows_nothing_of_a_secret_address() -> None:
    text = file("destination: 'https://x.ngrok.io/${env.PLACE}'")
    desired = config(text, environ={"PLACE": "my-secret-path"}).desired
    (found,) = judge.findings(desired, NOW)
    assert found.code == Code.PREVIEW_HOST
    assert "my-secret-path" not in str(found)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("$TEAM", "${env.TEAM}"), ("a $(TEAM)", "${env.TEAM}"), ("$env.TEAM", "${env.TEAM}"),
        ("$var.team", "${var.team}"), ("{{ var.team }}", "${var.team}"),
        ("{{ secrets.TEAM }}", "${env.TEAM}"), ("{{.Team}}", "${env.Team}"),
    ],
)  # fmt: skip
def test_a_variable_of_another_tool_is_told_as_ours(written: str, meant: str) -> None:
    desired = config(file(f"headers: {{X-Team: '{written}'}}")).desired
    (found,) = judge.findings(desired, NOW)
    assert (found.code, found.hint) == (Code.UNEXPANDED, f"write {meant}")


def test_of_a_redacted_header_nothing_is_told() -> None:
    for written in ("pw $TOPSECRET", "$(TOPSECRET)", "{{ TOPSECRET }}"):
        text = file(f"headers: {{X-Note: '{written}'}}, redact: {{headers: [X-Note]}}")
        (found,) = judge.findings(config(text).desired, NOW)
        assert "TOPSECRET" not in found.message + found.hint
        assert found.path == ("schedules", "job", "headers", "X-Note")


def test_what_is_secret_is_not_looked_at() -> None:
    text = file("headers: {X-Team: 'a ${env.TEAM} b'}")
    assert list(judge.findings(config(text, environ={"TEAM": "$SECRET"}).desired, NOW)) == []
    text = text.replace(" b", " $OTHER")
    (found,) = judge.findings(config(text, environ={"TEAM": "$SECRET"}).desired, NOW)
    assert "SECRET" not in str(found)


def test_every_code_has_one_row() -> None:
    assert [rule.code for rule in RULES] == list(BY_CODE)
    assert set(BY_CODE) == set(Code)


@pytest.mark.parametrize("key", ["queue: mials", "url_group: mials", "flow_control: {key: mials}"])
def test_a_near_name_is_told_where_it_is_written_and_to_no_plan(key: str) -> None:
    """A plan reads the account: there it is, or there it is not, and that is an error."""
    declared = (
        "queues: {mails: {parallelism: 1}}\nflow_controls: {mails: {parallelism: 1}}\n"
        "url_groups: {mails: {endpoints: [https://a.example.com/a]}}"
    )
    desired = config(file(key, head=declared)).desired
    (found,) = judge.findings(desired, NOW)
    setting = key.partition(":")[0]
    assert (found.severity, found.path) == (Severity.WARNING, ("schedules", "job", setting))
    assert (found.message, found.hint) == (
        "mials is not declared here, and mails is", "did you mean mails?",
    )  # fmt: skip
    assert found.location
    word = "key" if "{" in key else setting
    assert found.location.text[found.location.column - 1 :].startswith(f"{word}: mials")
    assert list(judge.findings(desired, NOW, [("schedules", "job")])) == []


def test_near_names_of_many_names_are_found_without_a_look_at_each_pair() -> None:
    """Ten thousand schedules may refer to as many queues, and the file declare as many others."""
    letters = ["".join(three) for three in product(ascii_lowercase, repeat=3)][:2_000]
    queues = "".join(f"  mails-{one}-{one}: {{}}\n" for one in letters)
    entry = "{cron: '0 9 * * *', destination: /a, queue: other-%s-%s}"
    schedules = "".join(f"  s{n}: {entry % (one, one)}\n" for n, one in enumerate(letters))
    desired = config(
        "version: 1\nnamespace: n\ndefaults: {timezone: UTC, base_url: 'https://a.example.com'}\n"
        f"queues:\n{queues}schedules:\n{schedules}"
    ).desired
    began = time.perf_counter()
    assert list(near_names.findings(desired)) == []
    assert time.perf_counter() - began < 2  # it takes a hundredth of that; pairs take ten


def test_of_several_near_names_the_first_is_meant() -> None:
    declared = "queues: {mailt: {}, mails: {}, mailu: {}}"
    (found,) = judge.findings(config(file("queue: mailx", head=declared)).desired, NOW)
    assert found.hint == "did you mean mails?"
