"""What a job is compiled to stays: other crons would be written anew in every account.

The cases of `compiled.json` lie in years whose clock changes are history. Where one of them has to
change, what it costs the accounts that hold it belongs into the changelog.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from qstash_sync.crons.bound import most_parts
from qstash_sync.crons.compile import Strategy, after_the_end, compile_job
from qstash_sync.crons.effect import effect
from qstash_sync.crons.error import CronError
from qstash_sync.crons.gap_and_fold import Fold, Gap, Job
from qstash_sync.crons.grammar import parse

CASES = json.loads((Path(__file__).parents[1] / "data" / "compiled.json").read_text())


def compiled(case: dict[str, Any]) -> dict[str, Any]:
    """What becomes of a case today."""
    job = Job(
        tuple(map(parse, case["crons"])),
        case["timezone"],
        Gap(case["gap"]) if case["gap"] else None,
        Fold(case["fold"]) if case["fold"] else None,
    )
    now = datetime.fromisoformat(case["now"])
    try:
        made = compile_job(job, now=now, strategy=Strategy(case["strategy"]))
    except CronError as error:
        return {"error": str(error)}
    after, moved = after_the_end(job, made), effect(made.crons, job, now, days=366)
    return {
        "parts": [f"{part.cron} | {part.offset} | {part.serves}" for part in made.parts],
        "until": made.valid_until and made.valid_until.isoformat(),
        "firings": made.proof.firings,
        "cautions": [caution.text for caution in made.cautions],
        "after": [after.missing, after.extra, after.doubled],
        "ahead": [moved.moved, moved.added, moved.removed],
        "bound": most_parts(job, now.date()),
    }


@pytest.mark.parametrize(
    "case",
    CASES,
    ids=[f"{' and '.join(c['crons'])} {c['timezone']} {c['now'][:10]}" for c in CASES],
)
def test_a_job_is_compiled_to_what_it_always_was(case: dict[str, Any]) -> None:
    assert compiled(case) == case["made"]
