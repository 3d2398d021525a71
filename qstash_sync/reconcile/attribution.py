"""Whose doing a difference is: the file's, the account's, or the clock's; the marks show it.

digest `b` or `c` of the mark no longer fits what is declared     the file moved
digest `a` no longer fits what is live, parts are odd             the account moved
neither, and the crons are due                                    the clock
no mark                                                           adopted
"""

from collections.abc import Iterator, Sequence

from qstash_sync.model import ignorable
from qstash_sync.model.change import Reason
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Schedule
from qstash_sync.model.settings_table import CALLBACK, CALLBACKS
from qstash_sync.reconcile import canonical
from qstash_sync.reconcile.about import about
from qstash_sync.reconcile.live_parts import Part, Writing, same_crons, state
from qstash_sync.reconcile.live_times import When
from qstash_sync.reconcile.mark import Declared
from qstash_sync.reconcile.pauses import Pause


def reason(
    declared: Declared,
    parts: Sequence[Part],
    when: When,
    pause: Pause,
    *,
    others: bool,
    renames: bool = False,
    mixed: bool = False,
) -> Reason:
    """Why a schedule changes; others: there are changes beside time and pause.

    renames: it goes on with a rename that was cut off. mixed: its parts are cut anew, and differ in
    what the file leaves to others: whose is it then? No renewal decides that.
    """
    marks = [part.mark for part in parts if part.mark]
    if len(marks) < len(parts):
        return Reason.ADOPT
    has_secret_moved = declared.secrets and any(one.secrets != declared.secrets for one in marks)
    file_moved = has_secret_moved or not all(map(declared.defines, marks))
    lifted = bool(pause.fields) and pause.reason is Reason.DRIFT
    asked = bool(pause.fields) and not lifted
    live_moved = (
        when.writing in (Writing.EDITED, Writing.BROKEN)
        or mixed
        or _stops_some(declared.schedule, parts, when, pause)
        or any(not part.intact for part in parts)
        or (lifted and when.writing is not Writing.CUT_OFF)
    )
    if file_moved and live_moved:  # an edit that the file has followed is not undone
        live = [part.live.cron for part in parts]
        is_live = when.writing is Writing.WHOLE and same_crons(when.crons, live)
        return Reason.FILE if is_live and not (others or pause.fields) else Reason.BOTH
    if live_moved:
        return Reason.DRIFT
    if renames:
        return Reason.RENAME
    renewed = when.fields and not (others or asked or file_moved)
    return Reason.CLOCK if renewed else Reason.FILE


def _stops_some(schedule: Schedule, parts: Sequence[Part], when: When, pause: Pause) -> bool:
    """Whether a write would pause parts that run, since somebody has paused others.

    Of a pause that is somebody else's: only where the parts are cut anew, and have none of their
    own any more.
    """
    if not pause.is_partial or when.writing is Writing.CUT_OFF:
        return False
    is_theirs = ignorable.PAUSE in schedule.ignore
    return not (is_theirs and same_crons([part.live.cron for part in parts], when.crons))


def may_be_cut_off(
    reason: Reason, schedule: Schedule, parts: Sequence[Part], when: When, pause: Pause
) -> bool:
    """Whether an apply that was cut off leaves just what is taken for somebody's doing.

    It writes the parts of a new schedule by number, and pauses each behind its write.
    """
    if reason is not Reason.DRIFT or not all(part.intact for part in parts):
        return False
    if when.writing is Writing.WHOLE:
        return bool(pause.fields)
    return state(schedule, parts).lacks_its_end


def unseen(schedule: Schedule, parts: Sequence[Part]) -> Iterator[Diagnostic]:
    """What a take-over resets: of what others have made nobody sees the settings of callbacks."""
    theirs = [part.live.message for part in parts if not part.is_marked]
    for key in CALLBACKS:
        declared = getattr(schedule.message, key)
        if declared is None or not any(getattr(message, key) for message in theirs):
            continue
        given = canonical.callback_settings(declared)
        own = [row.key for row in CALLBACK if row.key not in given]
        own += [] if declared.headers else ["headers"]
        if own:
            fact = (
                f"{key}: QStash shows its address alone; its {', '.join(own)} become the defaults"
            )
            yield about(schedule, Severity.WARNING, "unseen", fact, "write those that it has")
