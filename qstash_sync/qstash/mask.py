"""Known secrets in other people's texts: found in every form in which servers quote, and masked.

A server may quote what it was sent in JSON, in a URL, in HTML, as Go prints bytes, or in several of
these at once, and cut it off where it likes. So the text is decoded layer by layer, each character
with the span of the text that it came from, and every layer is searched:

    text      token s%2533cret-12345…          the span that is masked
    layer 1   token s%33cret-12345…
    layer 2   token s3cret-12345…              8 characters that some secret has: part of it

Only base64 is searched for as it is, since it has no edges by which to find it.
"""

import base64
import html
import json
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import accumulate
from urllib.parse import quote

from qstash_sync.model.resources import MASK

WITHHELD = "(its words are withheld: they hold a secret, or no end)"
SHORT = 2  # characters: masking so little would make confetti of any text, and show the secret
_RUN = 8  # characters in a row of a longer secret that are masked wherever they stand
_LONGEST = 20_000  # characters of a text that is searched
_LAYERS = 4  # of encodings around each other
_URL_SAFE = "!#$%&'()*+,/:;=?@[]~"  # what stands in a URL that we send as it is
_SCHEME = re.compile(r"[a-z]+://", re.IGNORECASE)

# An escape of one byte: how it begins, its digits, their base.
_BYTES = (("%", 2, 16), (r"\x", 2, 16), ("=", 2, 16), ("\\", 3, 8), ("", 2, 16))
_DIGITS = {16: "[0-9a-fA-F]", 8: "[0-7]"}
_LEAST_HEX = 8  # bytes of nothing but hex digits: fewer are a number
# Bytes that could not be decoded, as Python has them.
_LATIN_1 = {0xDC00 + code: code for code in range(0x80, 0x100)}
_NAMED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}  # others stand for themselves
_NUMBER = "(?:0[xX][0-9a-fA-F]{2}|[0-9a-fA-F]{2}|[0-9]{3})"  # a byte, in a list of them
_ESCAPES = re.compile(
    "|".join(
        (
            *(
                f"(?P<b{n}>(?:{re.escape(begin)}{_DIGITS[base]}{{{digits}}})"
                + (f"{{{_LEAST_HEX},}})" if not begin else "+)")
                for n, (begin, digits, base) in enumerate(_BYTES)
            ),
            r"(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})",
            r"\\u(?:(?P<u4>[0-9a-fA-F]{4})|\{(?P<u>[0-9a-fA-F]{1,6})\})|\\U(?P<u8>[0-9a-fA-F]{8})",
            r"%u(?P<u2>[0-9a-fA-F]{4})",
            r"(?P<entity>&(?:#[0-9]{1,7};?|#[xX][0-9a-fA-F]{1,6};?|[a-zA-Z]{2,8};))",
            rf"(?P<list>\b(?:{_NUMBER}[,:\s]\s*){{{_LEAST_HEX - 1},}}{_NUMBER}\b)",
            r"\\(?P<one>[^ux0-9])",
        )
    )
)


def inside(token: str) -> Iterator[str]:
    """The password in a token of QStash, which is JSON in base64."""
    try:
        data = json.loads(base64.b64decode(token + "==="))
    except (ValueError, RecursionError):
        return
    password = data.get("Password") if isinstance(data, dict) else None
    if isinstance(password, str):
        yield password


class Mask:
    """Call it with a text to get that text without the secrets.

    wholes: what is masked as a whole alone, since its parts may be words.
    """

    def __init__(self, secrets: Iterable[str], wholes: Iterable[str] = ()) -> None:
        self._wholes = {secret for secret in wholes if len(secret) > SHORT}
        self._secrets = {secret for secret in secrets if secret} | self._wholes

    def __call__(self, text: str) -> str:
        """The text with each secret masked; what cannot be masked is withheld as a whole."""
        short = (secret for secret in self._secrets if len(secret) <= SHORT)
        if len(text) > _LONGEST or any(secret in text for secret in short):
            return WITHHELD
        hidden = bytearray(len(text))
        for layer, starts in _layers(text):
            for start, stop in self._found(_lower(layer)):
                begin, end = starts[start], starts[stop]
                hidden[begin:end] = b"\1" * (end - begin)
        runs = re.finditer(b"\0+|\1+", bytes(hidden))
        return "".join(MASK if hidden[r.start()] else text[slice(*r.span())] for r in runs)

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        """The spans of whole secrets and of long parts of them, in a text in lower case."""
        wholes, parts, lengths = self._needles
        for start in range(len(text)):
            head = text[start : start + _RUN]
            if head in parts:
                yield start, start + _RUN
            for whole in wholes.get(head, ()):
                if text.startswith(whole, start):
                    yield start, start + len(whole)
            for length in lengths:
                if head[:length] in wholes:
                    yield start, min(start + length, len(text))

    @cached_property
    def _needles(self) -> tuple[dict[str, list[str]], set[str], list[int]]:
        """Whole secrets by their first characters, parts of long ones, and how short some are."""
        wholes: dict[str, list[str]] = {}
        parts: set[str] = set()
        for secret in self._secrets:
            if len(secret) <= SHORT:
                continue
            # A server may quote one line of several.
            lines = [line for line in secret.splitlines() if len(line) >= _RUN]
            for needle in {_lower(form) for text in {secret, *lines} for form in _forms(text)}:
                wholes.setdefault(needle[:_RUN], []).append(needle)
                if secret in self._wholes:
                    continue
                begin = _SCHEME.match(needle)  # what all addresses have is not a part of one
                for at in range(begin.end() if begin else 0, len(needle) - _RUN + 1):
                    parts.add(needle[at : at + _RUN])
        return wholes, parts, sorted({len(head) for head in wholes if len(head) < _RUN})


def _lower(text: str) -> str:
    """In lower case, with as many characters as before."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c.lower()[:1] or c for c in text)


def _forms(text: str) -> Iterator[str]:
    """A secret itself, as forms spell it, and what was sent of it in base64."""
    yield text
    yield text.replace(" ", "+")
    in_json = json.dumps(text, ensure_ascii=False)[1:-1]
    for sent in dict.fromkeys((text, in_json, quote(text, safe=_URL_SAFE, errors="replace"))):
        for encoded in _base64(sent.encode("utf-8", "replace")):
            yield encoded
            yield encoded.replace("+", "-").replace("/", "_")
        yield from _base64(base64.b64encode(sent.encode("utf-8", "replace")))


def _base64(data: bytes) -> Iterator[str]:
    """The secret encoded alone, and what it looks like inside a longer text (`user:secret`)."""
    yield base64.b64encode(data).decode().rstrip("=")
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).decode()
        inside = encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        if len(inside) >= _RUN:
            yield inside


def _layers(text: str) -> Iterator[tuple[str, list[int]]]:
    """A text, and what it is once it is decoded, again and again.

    With each: where each of its characters begins in the text itself, and the end.
    """
    starts = list(range(len(text) + 1))
    for _ in range(_LAYERS + 1):
        yield text, starts
        decoded: list[str] = []
        sizes: list[int] = []  # how many characters of this layer each one of the next takes
        done = 0
        for escape in _ESCAPES.finditer(text):
            plain = text[done : escape.start()]
            found, widths = _decoded(escape)
            decoded += [plain, found]
            sizes += [*[1] * len(plain), *widths]
            done = escape.end()
        if not done:
            return
        decoded.append(text[done:])
        sizes += [1] * (len(text) - done)
        starts = [starts[at] for at in accumulate(sizes, initial=0)]
        text = "".join(decoded)


def _bytes_of(numbers: list[str]) -> str:
    """A list of bytes as text: in hex, where that is said or a letter shows it; else decimal."""
    is_decimal = all(number.isdecimal() for number in numbers)
    values = [int(number, 10 if is_decimal else 16) for number in numbers]
    return bytes(value & 0xFF for value in values).decode("utf-8", "replace")


def _decoded(escape: re.Match[str]) -> tuple[str, list[int]]:
    """What an escape stands for, and how many of its characters each of that takes."""
    kind, whole = escape.lastgroup or "", escape[0]
    if kind.startswith("b"):
        begin, digits, base = _BYTES[int(kind[1:])]
        width = len(begin) + digits
        numbers = [
            int(whole[at + len(begin) : at + width], base) for at in range(0, len(whole), width)
        ]
        found = bytes(n & 0xFF for n in numbers).decode("utf-8", "surrogateescape")
        widths = [width * len(c.encode("utf-8", "surrogateescape")) for c in found]
        # What is no UTF-8 is a code point: Python and JavaScript write \xf6 for one.
        return found.translate(_LATIN_1), widths
    if kind == "list":
        found = _bytes_of(re.split(r"[,:\s]\s*", whole))
    elif kind == "entity":
        found = html.unescape(whole)
    elif kind == "pair":
        found = json.loads(f'"{whole}"')
    elif kind == "one":
        found = _NAMED.get(escape["one"], escape["one"])
    else:
        code = int(escape[kind], 16)
        found = chr(code) if code <= sys.maxunicode else whole
    if found == whole:  # no escape, after all
        return whole, [1] * len(whole)
    # Of several characters the first takes it all, so that none of them can be left.
    return found, [len(whole), *[0] * (len(found) - 1)]
