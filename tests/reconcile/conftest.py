"""Wherever a test takes the short way, the long one is asked as well."""

from collections.abc import Sequence

import pytest

from qstash_sync.reconcile import diff, hidden, pauses, update
from qstash_sync.reconcile.live_parts import LivePart, Writing, is_as_written, read_parts, state
from qstash_sync.reconcile.mark import Declared


def both_ways(declared: Declared, found: Sequence[LivePart]) -> bool:
    """What `is_as_written` says; where it says yes, nothing may differ for the long way either."""
    is_short = is_as_written(declared, found)
    if is_short:
        parts = read_parts(declared, found)
        assert state(declared.schedule, parts).writing is Writing.WHOLE
        assert all(part.intact for part in parts)
        assert not any(diff.compare(part.view, declared.view, diff.Trust.PLAIN) for part in parts)
        assert not hidden.moved(declared, parts, (), times=False)
        pause, said = pauses.judge(declared.schedule, parts)
        assert not pause.fields
        assert not pause.stale
        assert not said
    return is_short


@pytest.fixture(autouse=True)
def both_ways_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update, "is_as_written", both_ways)
