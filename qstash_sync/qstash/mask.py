"""Known secrets in other people's texts: found in every form in which servers quote, and masked."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from urllib.parse import quote

from qstash_sync.model.resources import MASK

WITHHELD = "(its words are withheld: they hold a secret, or no end)"
SHORT = 2  # characters: masking so little would make confetti of any text, and show the secret
_LONG_ENOUGH = 8  # of a part of a secret, before it counts as that secret
_LONGEST = 20_000  # characters of a text that is searched
_URL_SAFE = "!#$%&'()*+,/:;=?@[]~"  # what stands in a URL that we send as it is


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
        """The longest secret at each place, found also where it overlaps another."""
        long = (secret for secret in self._secrets if len(secret) > SHORT)
        texts = set[str]()
        for secret in long:  # a server may quote one line of several
            texts |= {secret, *(part for part in secret.splitlines() if len(part) >= _LONG_ENOUGH)}
        forms = [form for text in sorted(texts, key=len, reverse=True) for form in _forms(text)]
        return re.compile(f"(?=({'|'.join(forms) or '(?!)'}))", re.IGNORECASE)


def _forms(text: str) -> Iterator[str]:
    """Patterns: what is quoted character by character, and what was sent in base64."""
    yield "".join(map(_spelled, text))
    in_json = json.dumps(text, ensure_ascii=False)[1:-1]
    for sent in dict.fromkeys((text, in_json, quote(text, safe=_URL_SAFE, errors="replace"))):
        for encoded in _base64(sent.encode("utf-8", "replace")):
            yield re.escape(encoded)
            yield re.escape(encoded.replace("+", "-").replace("/", "_"))


@cache
def _spelled(character: str) -> str:
    """A character as itself, escaped as in JSON, or either of these percent-encoded."""
    spelt = {json.dumps(character, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    spelt |= {character, f"\\u{ord(character):04x}"}  # Go escapes < > & like that
    spelt |= {"".join(f"%{b:02x}" for b in text.encode("utf-8", "replace")) for text in spelt}
    spelt |= {"+"} if character == " " else set()
    return f"(?:{'|'.join(map(re.escape, sorted(spelt, key=len, reverse=True)))})"


def _base64(data: bytes) -> Iterator[str]:
    """The secret encoded alone, and what it looks like inside a longer text (`user:secret`)."""
    yield base64.b64encode(data).decode().rstrip("=")
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).decode()
        inside = encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        if len(inside) >= _LONG_ENOUGH:
            yield inside
