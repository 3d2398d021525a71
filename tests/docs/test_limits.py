"""docs/limits.md names what is not known of QStash: every switch of the embedded one, once, with its values."""

import re

from qstash_sync.local import Switches
from tests.docs.pages import DOCS

ROW = re.compile(r"^\| `(\w+)` \|[^|]+\|([^|]+)\|", re.MULTILINE)
IN_WORDS = {"burst_limit": "any number, so many", "activation_lag": "0, up to 60"}


def told(name: str, values: tuple[object, ...]) -> str:
    """The values of a switch, the likeliest first."""
    first = getattr(Switches(), name)
    ordered = [first, *(value for value in values if value != first)]
    return ", ".join(str(v).lower() if isinstance(v, bool) else str(v) for v in ordered)


def test_every_switch_is_named_once_with_its_values() -> None:
    rows = [
        (name, values.strip()) for name, values in ROW.findall((DOCS / "limits.md").read_text())
    ]
    known = {
        name: IN_WORDS.get(name, told(name, values)) for name, values in Switches.values().items()
    }
    assert len(rows) == len(known)
    assert dict(rows) == known
