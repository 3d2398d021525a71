"""What a write changes of what QStash does not show: the digests of the marks tell it.

digest `b` no longer fits      a setting moved. Where nobody has edited what is shown, what was
                               written is put together again, and the digest tells whether the
                               hidden rest is as it was, or which settings of callbacks moved
digest `c` no longer fits      a secret moved
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

from qstash_sync.model import ignorable
from qstash_sync.model.change import FieldChange
from qstash_sync.model.resources import Callback, Message, Redact, Secret, Text, plain
from qstash_sync.model.settings_table import CALLBACKS, MESSAGE
from qstash_sync.reconcile import callbacks, canonical, diff, mark as marks
from qstash_sync.reconcile.canonical import DIGEST
from qstash_sync.reconcile.live_parts import Part
from qstash_sync.reconcile.mark import Declared, Mark


def moved(
    declared: Declared,
    parts: Sequence[Part],
    settings: Sequence[FieldChange],
    *,
    times: bool,
    namespace: str | None = None,
) -> tuple[FieldChange, ...]:
    """Changes that only the marks reveal.

    settings, times: what differs beside. namespace: of the marks, where the file has another one.
    """
    found = [part.mark for part in parts if part.mark]
    if len(found) < len(parts):
        before = "another's" if any(part.is_marked for part in parts) else None
        adopted = FieldChange(path="mark", before=before, after="ours", note="adopted")
        return () if settings or times else (adopted,)
    told = all(_tells_halves(declared, part) for part in parts)
    is_followed = not all(part.intact for part in parts)
    fields: tuple[FieldChange, ...] = ()
    message = declared.schedule.message  # as it was written, where that is known
    is_known = True
    if any(map(declared.settings_moved, found)):
        live = parts[0].live.message
        if told and not is_followed and (known := _known(declared, live, found)):
            fields, message = known
        elif not settings and (told or not times):
            one = _one_of(declared, found, told=told, is_followed=is_followed)
            return (one, *_protection(declared, found))
        else:
            is_known = False
            note = "one of these, which QStash does not show, may have changed in the file, too"
            names = _names(declared)
            fields = (_write_only(", ".join(names), note),) if names else ()
    if has_secret_moved(declared, found, message, namespace):
        note = "a secret that does not read back changed" + ", or one went" * (not is_known)
        fields = (*fields, _write_only("(secret)", note))
    return (*fields, *_protection(declared, found))


def _tells_halves(declared: Declared, part: Part) -> bool:
    """Whether digest `b` has halves; an account may show its label alone, and then one tells it."""
    is_told = declared.tells_halves(part.live.message.labels, part.mark)
    return is_told or (part.mark is not None and part.mark.times == declared.times)


def has_secret_moved(
    declared: Declared,
    found: Sequence[Mark],
    message: Message | None = None,
    namespace: str | None = None,
) -> bool:
    """Whether there were secrets that do not read back, are some, and one is another one.

    message: what was written, where that is known to have had fewer of them than the file.
    """
    now = declared.schedule.message
    if message in (None, now) and namespace in (None, declared.namespace):
        digest = declared.secrets
    else:
        digest = marks.secrets(message or now, namespace or declared.namespace)
    digests = {mark.secrets for mark in found}
    return digest is not None and digests != {digest} and marks.NO_SECRETS not in {*digests, digest}


def _known(
    declared: Declared, live: Message, found: Sequence[Mark]
) -> tuple[tuple[FieldChange, ...], Message] | None:
    """Which settings of callbacks have moved, maybe none, and what was written; None: not known.

    Half a digest is 24 bits, and some fifty are tried: one in 300,000 comes out by chance.
    """
    now, ignored = declared.schedule.message, declared.schedule.ignore
    has_rest = declared.rest is not None  # without what is ignored, which may be as it will
    written = {mark.rest if has_rest else mark.settings for mark in found}
    if len(written) > 1 or None in written:
        return None
    for was in dict.fromkeys(_as_written(now, live)):
        left = ignorable.taken_from(ignorable.NOTHING, was, ignored) if has_rest else was
        digest = marks.settings_with(left)
        for guess in callbacks.guesses(left.callback, left.failure_callback):
            if digest(guess.callbacks) in written:
                still = (one for one in guess.fields if getattr(now, one.path.partition(".")[0]))
                return tuple(still), callbacks.before(was, guess)
    return None


def _as_written(now: Message, live: Message) -> Iterator[Message]:
    """What a part may have been written with, if what does not read back is as it is now.

    What was redacted is what is, or what is shown as a digest; where the file has a secret, another
    text was one, or was plain. Nothing where something was redacted that the file does not have.
    """
    wanted = dict(now.headers)
    digests = tuple(name for name, text in live.headers if _is_digest(text))
    body = _is_digest(live.body)
    if not wanted.keys() >= {*digests} or (body and now.body is None):
        return
    shown = Redact(body=body, headers=digests), Redact(body=body, all_headers=bool(digests))
    shown_again: dict[str, Any] = {row.key: getattr(live, row.key) for row in MESSAGE}
    for redact, is_secret in product((now.redact, *shown), (True, False)):
        text = partial(_text, is_secret=is_secret)
        for key in CALLBACKS:
            shown_again[key] = _callback(getattr(live, key), getattr(now, key), text)
        yield replace(
            now,
            **shown_again,
            destination=text(live.destination, now.destination),
            headers=tuple((name, text(value, wanted.get(name))) for name, value in live.headers),
            body=text(live.body, now.body),
            flow_control=live.flow_control,
            redact=redact,
        )


def _is_digest(text: bytes | Text | None) -> bool:
    start = text[: len(DIGEST)] if isinstance(text, bytes) else str(text)[: len(DIGEST)].encode()
    return start == DIGEST.encode()


def _text(live: Any, now: Any, *, is_secret: bool) -> Any:
    """A text as it was written; is_secret: with another value of the secret that the file has."""
    if live is None or now is None:
        return live
    if _is_digest(live):
        return now
    if isinstance(now, Secret) and (is_secret or not now.known or _bytes(live) == _bytes(now)):
        return now
    return live


def _bytes(text: bytes | Text) -> bytes:
    return text if isinstance(text, bytes) else plain(text).encode()


def _callback(
    live: Callback | None, now: Callback | None, text: Callable[[Any, Any], Any]
) -> Callback | None:
    if live is None or now is None:
        return live
    return replace(now, url=text(live.url, now.url))


def _one_of(
    declared: Declared, found: Sequence[Mark], *, told: bool, is_followed: bool
) -> FieldChange:
    """All that it may be, where nothing tells which."""
    own = canonical.write_only(declared.schedule) if is_followed else _names(declared)
    names = [*([] if told else ["timezone", "dst"]), *own]
    names += [] if own or is_followed else ["redact", "a setting of a callback"]
    names += [f"{field} (ignored)" for field in declared.schedule.ignore]
    if is_followed:
        note = "the account has what the file says already"
        more = f"; or one of these, which QStash does not show: {', '.join(names)}"
        note += more if names else ""
        return FieldChange(path="mark", before="as written before", after="anew", note=note)
    names += ["which values are secrets"] if declared.exposed or found[0].exposed else []
    note = "one of these, which QStash does not show, changed in the file"
    return _write_only(", ".join(names), note)


def _names(declared: Declared) -> list[str]:
    """What QStash does not show of a schedule; a callback may have had more."""
    found = [*canonical.write_only(declared.schedule)]
    if any(getattr(declared.schedule.message, key) for key in CALLBACKS):
        found.append("a setting that a callback has no more")
    return found


def _write_only(after: str, note: str) -> FieldChange:
    return FieldChange(path="write_only", before=diff.HIDDEN, after=after, note=note)


def _protection(declared: Declared, found: Sequence[Mark]) -> tuple[FieldChange, ...]:
    now = declared.schedule.protect
    if all(mark.protected == now for mark in found):
        return ()
    return (FieldChange(path="protect", before=not now, after=now),)
