"""Names as a person sorts them, and types them: wherever they are read, and nowhere else.

What programs read, and the order of writes, have the order of the characters.
"""

import re
from collections.abc import Collection
from difflib import get_close_matches


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """The key of a total order in which job-2 stands before job-10."""
    pieces = re.split(r"([0-9]{1,18})", name)  # text, digits, text, and so on
    return tuple((int(piece) if at % 2 else -1, piece) for at, piece in enumerate(pieces))


def near(word: str, known: Collection[str], most: int, cutoff: float = 0.6) -> list[str]:
    """The names that a word may stand for: spelt nearly so; else what it begins, or stands in."""
    if found := get_close_matches(word, known, most, cutoff):
        return found
    begun = [name for name in known if name.startswith(word)] if word else []
    return sorted(begun or [name for name in known if len(word) > 1 and word in name])[:most]
