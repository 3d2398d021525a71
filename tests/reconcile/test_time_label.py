"""The label that tells a part's local time: written, read back, and no longer than can be read."""

import pytest

from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import parse
from qstash_sync.reconcile import time_label


def job(*crons: str, timezone: str = "UTC") -> Job:
    return Job(crons=tuple(map(parse, crons)), timezone=timezone)


def long(characters: int) -> Job:
    """A job whose label is so long: nine crons make one of 93 characters."""
    hours = [f"0 {hour} * * *" for hour in range(1, 9)]
    lists = ",".join("02579"[: (characters - 93) // 2 + 1])
    return job(f"{lists} {'9' if characters % 2 else '10'} * * *", *hours)


@pytest.mark.parametrize(
    ("one", "label"),
    [
        (job("0 9 * * 1-5", timezone="America/New_York"), "0_9_x_x_1-5@America.New_York"),
        (job("30 */2 * * *", "0 9 1,15 * *"), "0_9_1.15_x_x+30_x~2_x_x_x@UTC"),
        (job("0 9 * * *", timezone="Etc/GMT+5"), "0_9_x_x_x@Etc.GMT+5"),
    ],
)
def test_a_label_is_the_local_time_and_reads_back(one: Job, label: str) -> None:
    assert time_label.label(one) == label
    found = time_label.read(["other", label, "0_1_x_x_x@UTC"])
    assert found is not None
    assert found.timezone == one.timezone
    assert sorted(cron.key for cron in found.crons) == sorted(cron.key for cron in one.crons)


@pytest.mark.parametrize("length", [98, 99, 100])
def test_the_longest_label_is_written_and_read(length: int) -> None:
    label = time_label.label(long(length))
    assert label is not None
    assert len(label) == length
    assert time_label.is_label(label)
    assert time_label.read([label]) is not None


def test_a_longer_one_is_none() -> None:
    assert time_label.label(long(101)) is None
    label = "0_9_x_x_x@" + "A" * 90
    assert time_label.is_label(label)
    assert not time_label.is_label(f"{label}A")
    crons = "+".join([f"0_{hour}_x_x_x" for hour in range(10)])
    assert time_label.read([f"{crons}@UTC"]) is None


@pytest.mark.parametrize(
    "label",
    ["", "0_9_x_x@UTC", "0_9_x_x_x", "0 9 * * *@UTC", "0_9_x_x_x@", "a0_9_x_x_x@UTC", "billing.s"],
)
def test_what_is_no_label_tells_nothing(label: str) -> None:
    assert not time_label.is_label(label)
    assert time_label.read([label]) is None


@pytest.mark.parametrize("label", ["0_9_x_x_x@Europe.Nowhere", "99_9_x_x_x@UTC"])
def test_a_label_of_a_time_that_does_not_exist_tells_nothing(label: str) -> None:
    """Somebody has written it: the next one is no better."""
    assert time_label.is_label(label)
    assert time_label.read([label, "0_9_x_x_x@UTC"]) is None
