"""Texts with hidden pieces, as checks must see them."""

import json
import re
from collections.abc import Callable

from qstash_sync.config.tree import Value
from qstash_sync.model.resources import Piece, Secret, Text, join

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def shadow(value: Text) -> str:
    """The value, with a stand-in for what is not known: for checks, never for output."""
    if isinstance(value, str):
        return value
    return "".join(piece.text if piece.known else "unknown" for piece in value.pieces)


def has_control(text: str) -> bool:
    """Whether a text is more than one line, or has other characters that no URL or header has."""
    return _CONTROL.search(text) is not None


def map_pieces(value: Text, change: Callable[[str], str]) -> Text:
    """The same text with every piece changed, hidden ones staying hidden."""
    if isinstance(value, str):
        return change(value)
    return Secret(tuple(Piece(change(p.text), p.hidden, p.known) for p in value.pieces))


def to_json(value: Value) -> Text:
    """Compact JSON text; a secret inside stays a secret piece."""
    try:
        return _encode(value)
    except TypeError:  # a secret, which is not JSON
        return join(_pieces(value))


def _pieces(value: Value) -> list[str | Secret]:
    if isinstance(value, Secret):
        return ['"', map_pieces(value, lambda text: _encode(text)[1:-1]), '"']
    if isinstance(value, dict):
        pieces: list[str | Secret] = ["{"]
        for key, item in value.items():
            pieces += [*("," * (len(pieces) > 1)), _encode(key), ":", *_pieces(item)]
        return [*pieces, "}"]
    if isinstance(value, list):
        pieces = ["["]
        for item in value:
            pieces += [*("," * (len(pieces) > 1)), *_pieces(item)]
        return [*pieces, "]"]
    return [_encode(value)]
