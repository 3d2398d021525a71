"""What `make bench` gives both tools to read."""

from collections import Counter
from pathlib import Path

import yaml

from benchmarks import inputs
from tests.support import cli


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    assert inputs.schedules(300) == inputs.schedules(300)
    first, second = (inputs.octodns(tmp_path / name, 40).parent for name in "ab")
    for file in sorted((first / "source").iterdir()):
        assert file.read_bytes() == (second / "source" / file.name).read_bytes()


def test_so_many_schedules_crons_and_time_zones() -> None:
    found = yaml.safe_load(inputs.schedules(600))["schedules"].values()
    pairs = Counter((one["cron"], one["timezone"]) for one in found)
    assert len(pairs) == len({cron for cron, _ in pairs}) == inputs.CRONS
    assert set(pairs.values()) == {600 // inputs.CRONS}
    assert {timezone for _, timezone in pairs} == set(inputs.TIMEZONES)
    distinct = yaml.safe_load(inputs.schedules(1_000, distinct=1_000))["schedules"].values()
    assert len({one["cron"] for one in distinct}) == 1_000


def test_the_file_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "qstash.yaml"
    file.write_text(inputs.schedules(20))
    ran = cli("validate", "-f", str(file), "--now", inputs.NOW, environ=inputs.SECRETS)
    assert (ran.code, ran.out) == (0, "Valid: 1 file.\n"), ran.err


def test_source_and_target_are_equal_and_sorted(tmp_path: Path) -> None:
    inputs.octodns(tmp_path, 42)
    count = 0
    for zone in inputs.DNS_ZONES:
        source, target = (tmp_path / side / f"{zone}yaml" for side in ("source", "target"))
        assert source.read_bytes() == target.read_bytes()
        records = yaml.safe_load(source.read_text())
        assert list(records) == sorted(records)  # octoDNS refuses any other order
        count += len(records)
    assert count == 42
