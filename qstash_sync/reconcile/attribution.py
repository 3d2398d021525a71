"""Whose doing a difference is: the file's, the account's, or the clock's; the marks show it.

digest `b` or `c` of the mark no longer fits what is declared     the file moved
digest `a` no longer fits what is live, parts are odd             the account moved
neither, and the crons are due                                    the clock
no mark                                                           adopted
"""

from collections.abc import Iterator, Sequence

from qstash_sync.model.change import FieldChange, Reason
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Schedule
from qstash_sync.model.settings_table import CALLBACK, CALLBACKS
from qstash_sync.reconcile import callbacks, canonical, diff, mark
from qstash_sync.reconcile.about import about
from qstash_sync.reconcile.live_parts import Part, Writing, same_crons
from qstash_sync.reconcile.live_times import When
from qstash_sync.reconcile.mark import Declared, Mark
from qstash_sync.reconcile.pauses import Pause


def _secrets_moved(declared: Declared, parts: Sequence[Part]) -> bool:
    """Whether a part was written with other secrets that do not read back."""
    if declared.secrets is None:
        return False
    return any(part.mark and part.mark.secrets != declared.secrets for part in parts)


def reason(
    declared: Declared,
    parts: Sequence[Part],
    when: When,
    pause: Pause,
    *,
    others: bool,
    renames: bool = False,
) -> Reason:
    """Why a schedule changes; others: there are changes beside time and pause.

    renames: it goes on with a rename that was cut off.
    """
    marks = [part.mark for part in parts if part.mark]
    if len(marks) < len(parts):
        return Reason.ADOPT
    file_moved = not all(map(declared.defines, marks)) or _secrets_moved(declared, parts)
    lifted = bool(pause.fields) and pause.reason is Reason.DRIFT
    asked = bool(pause.fields) and not lifted
    live_moved = (
        when.writing in (Writing.EDITED, Writing.BROKEN)
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


def write_only(
    declared: Declared, parts: Sequence[Part], when: When, settings: Sequence[FieldChange]
) -> tuple[FieldChange, ...]:
    """Changes that only the mark reveals: of settings that QStash does not show.

    when, settings: what differs beside. Without other settings, a new definition is one of these.
    """
    marks = [part.mark for part in parts if part.mark]
    if len(marks) < len(parts):
        before = "another's" if any(part.is_marked for part in parts) else None
        adopted = FieldChange(path="mark", before=before, after="ours", note="adopted")
        return () if settings or when.fields else (adopted,)
    schedule = declared.schedule
    found: list[FieldChange] = []
    told = all(declared.tells_halves(part.live.message.labels, part.mark) for part in parts)
    alone = not settings and (told or not when.fields)
    if alone and any(map(declared.settings_moved, marks)):
        names = [] if told else ["timezone", "dst"]
        is_followed = not all(part.intact for part in parts)
        if told and not is_followed and (known := callbacks.moved(declared, marks)):
            return (*known, *_protection(declared, marks))
        own = canonical.write_only(schedule)
        names += own or ([] if is_followed else ["redact", "a setting of a callback"])
        names += [f"{field} (ignored)" for field in schedule.ignore]
        is_secret = declared.exposed or marks[0].exposed
        names += ["which values are secrets"] if is_secret and not is_followed else []
        found.append(_followed(names) if is_followed else _one_of(names))
    elif _secrets_moved(declared, parts) and _had_secrets(declared, parts):
        note = "a secret that does not read back changed"
        found.append(
            FieldChange(path="write_only", before=diff.HIDDEN, after="(secret)", note=note)
        )
    return (*found, *_protection(declared, marks))


def _protection(declared: Declared, marks: Sequence[Mark]) -> tuple[FieldChange, ...]:
    now = declared.schedule.protect
    if all(mark.protected == now for mark in marks):
        return ()
    return (FieldChange(path="protect", before=not now, after=now),)


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


def _followed(names: Sequence[str]) -> FieldChange:
    """What the file says of an edit of the account: the same, as far as that can be seen."""
    note = "the account has what the file says already"
    note += f"; or one of these, which QStash does not show: {', '.join(names)}" if names else ""
    return FieldChange(path="mark", before="as written before", after="anew", note=note)


def _one_of(names: Sequence[str]) -> FieldChange:
    note = "one of these, which QStash does not show, changed in the file"
    after = ", ".join(names)
    return FieldChange(path="write_only", before=diff.HIDDEN, after=after, note=note)


def _had_secrets(declared: Declared, parts: Sequence[Part]) -> bool:
    """Whether there were such secrets and are; else one only began or ceased to be hidden."""
    digests = {part.mark.secrets for part in parts if part.mark} | {declared.secrets}
    return mark.NO_SECRETS not in digests
