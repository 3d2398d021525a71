"""Names as a person sorts them: wherever they are read, and nowhere else.

What programs read, and the order of writes, have the order of the characters.
"""

import re


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """The key of a total order in which job-2 stands before job-10."""
    pieces = re.split(r"([0-9]{1,18})", name)  # text, digits, text, and so on
    return tuple((int(piece) if at % 2 else -1, piece) for at, piece in enumerate(pieces))
