"""What messages quote, as it may be shown: secrets masked, and no more than a person reads."""

import re
from collections.abc import Collection

from qstash_sync.model import secret_shapes
from qstash_sync.model.resources import MASK

_SHOWN = 400  # characters; a value that a message quotes may have millions
_LONG = 6  # characters that are no part of a word by chance
_ASSIGNED = r"(?<![\w.-])([\w.-]+)=([^\s&#'\"$]+)"  # in an address, or a form


def _masked(found: re.Match[str]) -> str:
    return f"{found[1]}={MASK}" if secret_shapes.is_called(found[1]) else found[0]


def _without(text: str, spans: Collection[secret_shapes.Span]) -> str:
    """A text with a mask for some spans, and wherever one that is long stands once more."""
    found = {text[slice(*span)] for span in spans}
    shown, done = "", 0
    for start, end in sorted(spans):  # one may stand within another
        shown += f"{text[done:start]}{MASK}" if start >= done else ""
        done = max(done, end)
    shown += text[done:]
    for secret in (one for one in found if len(one) >= _LONG):
        shown = shown.replace(secret, MASK)
    return shown


def presentable(text: str) -> str:
    """A message, a hint or a name as it may be shown, whatever value it quotes.

    Masked first, then cut: half a secret has no shape by which it could be known. It is cut in the
    middle, since what is said of a value stands around it.
    """
    if secret_shapes.might_hold_secret(text):
        for shape, _ in secret_shapes.shapes():
            text = shape.sub(MASK, text)
    if "/" in text:
        text = _without(text, [*secret_shapes.webhooks(text), *secret_shapes.passwords(text)])
    if "=" in text:
        text = re.sub(_ASSIGNED, _masked, text)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}…{text[-(_SHOWN // 2) :]}"
