"""Known secrets in other people's texts: found in every form in which servers quote, and masked."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from urllib.parse import quote, quote_plus

from qstash_sync.core.model import MASK

WITHHELD = "(its words are withheld: they hold a secret, or no end)"
SHORT = 2  # characters: masking so little would make confetti of any text, and show the secret
_LONG_ENOUGH = 8  # of a part of a secret, before it counts as that secret
_LONGEST = 20_000  # characters of a text that is searched
_GO = str.maketrans({"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"})  # what Go's JSON escapes


class Mask:
    """Call it with a text to get that text without the secrets."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = {secret for secret in secrets if secret}

    def __call__(self, text: str) -> str:
        """The text with each secret masked; what cannot be masked is withheld as a whole."""
        short = (secret for secret in self._secrets if len(secret) <= SHORT)
        if len(text) > _LONGEST or any(secret in text for secret in short):
            return WITHHELD
        shown, end = "", 0
        for match in self._pattern.finditer(text):
            start, stop = match.span(1)
            if start >= end:
                shown += text[end:start] + MASK
            end = max(end, stop)
        return shown + text[end:]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """The longest form at each place, found also where it overlaps another."""
        long = (secret for secret in self._secrets if len(secret) > SHORT)
        forms = sorted({form for secret in long for form in _forms(secret)}, key=len, reverse=True)
        anything = "|".join(map(re.escape, forms)) or r"(?!)"
        return re.compile(f"(?=({anything}))", re.IGNORECASE)


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield from (line for line in secret.splitlines() if len(line) >= _LONG_ENOUGH)
    for ascii_only in (True, False):
        escaped = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield from (escaped, escaped.translate(_GO))
    data = secret.encode("utf-8", "replace")
    yield from (quote(data), quote(data, safe=""), quote_plus(data))
    for encoded in _base64(data):
        yield from (encoded, encoded.replace("+", "-").replace("/", "_"))


def _base64(data: bytes) -> Iterator[str]:
    """The secret encoded alone, and what it looks like inside a longer text (`user:secret`)."""
    yield base64.b64encode(data).decode().rstrip("=")
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).decode()
        inside = encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        if len(inside) >= _LONG_ENOUGH:
            yield inside
