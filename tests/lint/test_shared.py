"""What schedules of one flow-control key share: whose change counts, and whose word about it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from qstash_sync.lint import judge
from tests.support import cli, config

NOW = datetime(2026, 11, 26, tzinfo=UTC)
HEAD = """\
version: 1
namespace: acme
defaults: {timezone: UTC, base_url: "https://app.example.com", failure_callback: /f, retries: 0, timeout: 60s}
"""


def job(name: str, flow: str, *, cron: str = "0 9 * * *", more: str = "") -> str:
    return (
        f'  {name}: {{cron: "{cron}", destination: /a, flow_control: {{key: k, {flow}}}{more}}}\n'
    )


def told(text: str, now: datetime = NOW) -> list[tuple[str, str, str]]:
    """Code, severity and schedule of each finding, with what the file says of them."""
    desired = config(text).desired
    found = judge.leveled(judge.findings(desired, now), desired, now)
    return [(str(one.code), str(one.severity), str(one.path[1])) for one in found]


class Account:
    """A local one, and the file that is applied to it."""

    def __init__(self, folder: Path) -> None:
        self.words = ("-f", f"{folder}/q.yaml", f"--local={folder}/a.db")
        self.file = folder / "q.yaml"

    def apply(self, text: str) -> None:
        self.file.write_text(text)
        assert cli("apply", "--yes", *self.words).code == 0

    def plan(self, text: str) -> tuple[int, str]:
        self.file.write_text(text)
        ran = cli("plan", "--fail-on", "warning", *self.words)
        return ran.code, ran.out


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(tmp_path)


SLOW = "rate: 1, period: 5m"


@pytest.mark.parametrize(
    ("code", "before", "after"),
    [
        pytest.param(
            "slow_drain",
            f"schedules:\n{job('m', SLOW, cron='*/10 * * * *')}",
            f"schedules:\n{job('m', SLOW, cron='*/10 * * * *')}{job('z', SLOW, cron='* * * * *')}",
            id="a schedule more, after the first",
        ),
        pytest.param(
            "flow_conflict",
            f"schedules:\n{job('m', 'rate: 1')}",
            f"schedules:\n{job('b', 'rate: 7')}{job('m', 'rate: 1')}",
            id="another limit, before the one that is there",
        ),
        pytest.param(
            "flow_conflict",
            f"schedules:\n{job('a', 'rate: 1')}{job('b', 'rate: 1')}",
            f"schedules:\n{job('a', 'rate: 2')}{job('b', 'rate: 1')}",
            id="the first gives another limit than before",
        ),
        pytest.param(
            "slow_drain",
            f"flow_controls: {{k: {{rate: 9}}}}\nschedules:\n{job('m', 'rate: 1', cron='* * * * *')}",
            f"flow_controls: {{k: {{{SLOW}}}}}\nschedules:\n{job('m', 'rate: 1', cron='* * * * *')}",
            id="the pinned limit alone",
        ),
        pytest.param(
            "slow_drain",
            "url_groups: {g: {endpoints: ['https://a.example.com']}}\nschedules:\n"
            + job("m", "rate: 1, period: 1m", cron="* * * * *").replace("destination: /a", "url_group: g"),
            "url_groups: {g: {endpoints: ['https://a.example.com', 'https://b.example.com', 'https://c.example.com']}}\nschedules:\n"
            + job("m", "rate: 1, period: 1m", cron="* * * * *").replace("destination: /a", "url_group: g"),
            id="an endpoint more of the group",
        ),
    ],
)  # fmt: skip
def test_a_plan_tells_what_its_change_does_to_a_key_that_others_use(
    code: str, before: str, after: str, account: Account
) -> None:
    account.apply(HEAD + before)
    exit_code, out = account.plan(HEAD + after)
    assert (exit_code, out.count(f"[{code}]")) == (3, 1), out


def test_what_is_wrong_with_a_key_stays_untold_where_nothing_of_it_changes(
    account: Account,
) -> None:
    slow = job("m", SLOW, cron="* * * * *")
    account.apply(f"{HEAD}schedules:\n{slow}")
    other = '  z: {cron: "0 9 * * *", destination: /z}\n'
    assert account.plan(f"{HEAD}schedules:\n{slow}{other}")[0] == 0


OFF, STRICT = ", lint: {disable: flow_conflict}", ", lint: {error: flow_conflict}"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(("", OFF, ""), [("warning", "c3")], id="one that is silent hides no other"),
        pytest.param((STRICT, "", ""), [("error", "c2")], id="the strict one stands first"),
        pytest.param(("", "", STRICT), [("error", "c2")], id="the strict one stands last"),
        pytest.param((OFF, OFF, ""), [], id="of all but one silent there is no conflict"),
        pytest.param((OFF, "", ""), [("warning", "c3")], id="the first is silent"),
        pytest.param((OFF, STRICT, ""), [("error", "c3")], id="silent, strict and neither"),
    ],
)
def test_each_schedule_of_a_conflict_has_its_word(
    words: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    jobs = "".join(job(f"c{n}", f"rate: {n}", more=word) for n, word in enumerate(words, 1))
    found = told(f"{HEAD}schedules:\n{jobs}")
    assert found == [("flow_conflict", *one) for one in expected]


def test_silence_about_a_key_ends_with_until() -> None:
    word = ", lint: {disable: [flow_conflict, slow_drain], until: 2026-11-25}"
    text = f"{HEAD}schedules:\n{job('c1', 'rate: 1')}{job('c2', 'rate: 2', more=word)}"
    assert told(text) == [("flow_conflict", "warning", "c2")]
    assert told(text, datetime(2026, 11, 25, tzinfo=UTC)) == []


def test_who_is_silent_about_a_slow_key_leaves_the_word_to_the_others() -> None:
    off = ", lint: {disable: slow_drain}"
    one, two = (job(name, SLOW, cron="* * * * *") for name in "ab")
    silent = job("a", SLOW, cron="* * * * *", more=off)
    assert told(f"{HEAD}schedules:\n{one}{two}") == [("slow_drain", "warning", "a")]
    assert told(f"{HEAD}schedules:\n{silent}{two}") == [("slow_drain", "warning", "b")]
    assert told(f"{HEAD}schedules:\n{silent}") == []


def test_the_strictest_rate_of_a_key_counts_whoever_brings_it() -> None:
    text = f"""{HEAD}schedules:
  f3: {{cron: "0 9 * * *", destination: /a, flow_control: {{key: k}}}}
  f4: {{cron: "* * * * *", destination: /a, flow_control: {{key: k, rate: 1, period: 1h}}}}
"""
    assert [code for code, _, _ in told(text)] == ["flow_conflict", "slow_drain"]
    loose = text.replace("key: k}", "key: k, rate: 100}")
    assert [code for code, _, _ in told(loose)] == ["flow_conflict", "slow_drain"]
