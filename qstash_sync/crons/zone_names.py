"""What people write for a time zone: its city, an abbreviation, an offset; and the zone they mean.

An abbreviation names several zones or none (IST is India, Ireland and Israel), an offset none at
all: it does not say where the clock changes. So candidates are given, and no choice is made.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache

_CANDIDATES = 3
_LONGEST = 100  # characters: no name has half of that
_MOST_EAST, _MOST_WEST = 14, 12  # hours, of the zones Etc/GMT…
_MISTYPED = 3  # letters more or less
_ALIKE = 0.8

# The most people first; each zone really has this abbreviation, in winter or in summer.
_ABBREVIATIONS = {
    "ACDT": "Australia/Adelaide", "ACST": "Australia/Adelaide Australia/Darwin",
    "ADT": "America/Halifax", "AEDT": "Australia/Sydney Australia/Melbourne",
    "AEST": "Australia/Sydney Australia/Melbourne Australia/Brisbane",
    "AKDT": "America/Anchorage", "AKST": "America/Anchorage", "AST": "America/Halifax",
    "AWST": "Australia/Perth", "BST": "Europe/London", "CAT": "Africa/Maputo",
    "CDT": "America/Chicago", "CEST": "Europe/Berlin Europe/Paris Europe/Madrid",
    "CST": "America/Chicago Asia/Shanghai America/Mexico_City", "EAT": "Africa/Nairobi",
    "EDT": "America/New_York", "EEST": "Europe/Athens Europe/Kyiv Europe/Helsinki",
    "EST": "America/New_York America/Panama", "HDT": "America/Adak", "HKT": "Asia/Hong_Kong",
    "IDT": "Asia/Jerusalem", "IST": "Asia/Kolkata Europe/Dublin Asia/Jerusalem",
    "JST": "Asia/Tokyo", "KST": "Asia/Seoul", "MDT": "America/Denver", "MSK": "Europe/Moscow",
    "MST": "America/Denver America/Phoenix", "NDT": "America/St_Johns",
    "NST": "America/St_Johns", "NZDT": "Pacific/Auckland", "NZST": "Pacific/Auckland",
    "PDT": "America/Los_Angeles", "PKT": "Asia/Karachi",
    "PST": "America/Los_Angeles Asia/Manila", "SAST": "Africa/Johannesburg",
    "WAT": "Africa/Lagos", "WEST": "Europe/Lisbon", "WIB": "Asia/Jakarta",
}  # fmt: skip
# Spoken names, and those of Windows, without the words below.
_FILLERS = r"\b(?:time|standard|daylight|summer|zone)\b|[._]"
_SPOKEN = {
    "Africa/Johannesburg": "south africa", "America/Anchorage": "alaska, alaskan",
    "America/Chicago": "central, ct, us central", "America/Denver": "mountain, mt, us mountain",
    "America/Halifax": "atlantic", "America/Los_Angeles": "pacific, pt, us pacific",
    "America/New_York": "eastern, et, us eastern", "America/Sao_Paulo": "brasilia, brazil",
    "Asia/Dubai": "arabian, gulf", "Asia/Jerusalem": "israel", "Asia/Kolkata": "india, indian",
    "Asia/Seoul": "korea, korean", "Asia/Shanghai": "china", "Asia/Tokyo": "japan, tokyo",
    "Australia/Sydney": "aus eastern, australian eastern",
    "Europe/Athens": "eastern european, gtb", "Europe/Lisbon": "western european",
    "Europe/Berlin": "central europe, central european, w europe", "Europe/London": "british, uk",
    "Europe/Moscow": "moscow, russian", "Europe/Paris": "romance",
    "Pacific/Auckland": "new zealand", "Pacific/Honolulu": "hawaii, hawaiian",
}  # fmt: skip
_MEANT = {word: zone for zone, words in _SPOKEN.items() for word in words.split(", ")}
# Offsets of no whole hour, in minutes, where a zone keeps them all the year.
_ODD_OFFSETS = {
    -570: "Pacific/Marquesas", 210: "Asia/Tehran", 270: "Asia/Kabul", 330: "Asia/Kolkata",
    345: "Asia/Kathmandu", 390: "Asia/Yangon", 525: "Australia/Eucla", 570: "Australia/Darwin",
}  # fmt: skip
_OFFSET = r"(?i)(?:UTC|GMT|Z)?\s*([+-])\s*(\d{1,2})(?::?(\d\d))?"
_FIXED = r"(?:Etc/)?GMT([+-]?)(\d{1,2})"
_POSIX = r"([A-Z]{3,4})[+-]?\d{1,2}(?:[A-Z]{3,4})?"


def fixed(name: str) -> str | None:
    """The offset that a zone of Etc/ is named by, as people write it: UTC-2 for Etc/GMT+2."""
    found = re.fullmatch(_FIXED, name)
    if found is None:
        return None
    hours = int(found[2])
    return f"UTC{'-' if found[1] == '+' else '+'}{hours}" if hours else "UTC"


def advice(name: str, known: Sequence[str]) -> str:
    """What to write in place of a name that is no zone; known: all names of the zone data."""
    wanted = name.strip()[:_LONGEST]
    if offset := re.fullmatch(_OFFSET, wanted):
        return _for_offset(offset)
    found = _candidates(wanted, known)
    return f"did you mean {' or '.join(found)}?" if found else "write a name such as Europe/Berlin"


def _for_offset(offset: re.Match[str]) -> str:
    sign, hours, minutes = offset[1], int(offset[2]), int(offset[3] or 0)
    east = (60 * hours + minutes) * (1 if sign == "+" else -1)
    fact = "an offset says nothing of clock changes; write the Area/City whose clock you mean"
    if east == 0:
        return f"{fact}, or UTC"
    if minutes:
        return f"{fact}, such as {_ODD_OFFSETS[east]}" if east in _ODD_OFFSETS else fact
    if hours > (_MOST_EAST if sign == "+" else _MOST_WEST):
        return fact
    zone = f"Etc/GMT{'-' if sign == '+' else '+'}{hours}"
    return f"{fact}, or {zone} for UTC{sign}{hours} all the year (in Etc/ the sign is reversed)"


def _candidates(wanted: str, known: Sequence[str]) -> Sequence[str]:
    """The zones that are meant, the likeliest first: a right city is one in any area."""
    words = dict.fromkeys((wanted, wanted.rpartition("/")[2]))
    named = (found for word in words if (found := _named(word, tuple(known))))
    return next(named, None) or _close(wanted, tuple(known))


def _named(wanted: str, known: tuple[str, ...]) -> Sequence[str]:
    """The zones that are called so: by their names, their cities, what people say."""
    folded = _folded(known)
    posix = re.fullmatch(_POSIX, wanted)
    abbreviation = posix[1] if posix else wanted.upper()
    if abbreviation in _ABBREVIATIONS:
        return _ABBREVIATIONS[abbreviation].split()
    word = wanted.lower().replace(" ", "_")
    city = [zone for low, zone in folded.items() if low.rpartition("/")[2] == word]
    if word in folded or city:
        return [folded[word]] if word in folded else city[:_CANDIDATES]
    spoken = " ".join(re.sub(_FILLERS, " ", wanted.lower()).split())
    if spoken in _MEANT:
        return [_MEANT[spoken]]
    return []


@cache
def _folded(known: tuple[str, ...]) -> dict[str, str]:
    return {zone.lower(): zone for zone in known}


def _close(wanted: str, known: tuple[str, ...]) -> Sequence[str]:
    """Names in which a letter or two were mistyped, of the zone or of its city."""
    word, folded = wanted.lower().replace(" ", "_"), _folded(known)
    names = folded if "/" in word else {low.rpartition("/")[2]: z for low, z in folded.items()}
    near = [name for name in names if abs(len(name) - len(word)) <= _MISTYPED]
    near = [] if word.startswith("etc/") else near  # a number is no typing error
    return [names[found] for found in get_close_matches(word, near, 1, _ALIKE)]
