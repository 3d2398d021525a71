"""What comes from the file or the account, made harmless where it is shown."""

import re

_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_TRAP = re.compile(r"`(?=``)|<(?=!--|/?(?:details|summary))", re.IGNORECASE)


def clean(text: str) -> str:
    """A text for a terminal that cannot move the cursor, or begin a line."""
    return text.translate(_CONTROL)


def name(text: str) -> str:
    """A name as it may stand in Markdown outside a fence."""
    return re.sub(r"[^\w.-]", "_", text, flags=re.ASCII)[:100]


def fenced(text: str) -> str:
    """A line as it may stand in a fence of Markdown: visible, and without traps."""
    safe = _TRAP.sub(lambda found: _escaped(found[0]), text)
    if safe.isprintable():
        return safe
    return "".join(c if c.isprintable() else _escaped(c) for c in safe)


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}"
