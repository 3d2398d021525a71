"""The account that the benchmark of imports reads."""

import json
from pathlib import Path

from benchmarks import import_speed


def test_it_is_the_same_each_time_and_every_sixth_is_a_twin(tmp_path: Path) -> None:
    found = import_speed.schedules(60)
    assert found == import_speed.schedules(60)
    assert len({one["scheduleId"] for one in found}) == 60
    assert all(found[n]["body"] == found[n - 1]["body"] for n in range(5, 60, 6))
    import_speed.account(tmp_path, 60)
    assert json.loads((tmp_path / "schedules").read_text()) == found
    assert {file.name for file in tmp_path.iterdir()} == {
        "schedules",
        "topics",
        "queues",
        "flowControl",
    }
