"""What other schedulers take in place of a cron: which it is, and the same in five fields.

AWS       cron(0 12 ? * 2 *), rate(5 minutes), at(…); the last of six fields is the year
Quartz    0 0 12 ? * 2, perhaps with a year behind; the first field is the second
a time    09:00, 9am

The first two count weekdays from 1 for Sunday, so leaving a field out would move a job by a day.
"""

import re
from collections.abc import Sequence

_CALL = r"(?is)(cron|rate|at)\s*\((.*)\)"
_RATE = r"(?i)\s*(\d{1,4})\s+(minute|hour|day)s?\s*"
_TIME = (
    r"(?ia)(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2}))?(?: ?(?P<half>[ap]m))?"
    r"| ?(?P<alone>[ap]m))"
)
_HALF_DAY = 12  # hours
_MIDNIGHT = 24, 0  # at the end of a day
_FIELDS, _WITH_YEAR = 5, 6
_QUARTZ = (6, 7)


def advice(text: str) -> tuple[str, str | None] | None:
    """Whose form a text is in, and its translation, if it has one; None where it is nobody's."""
    call = re.fullmatch(_CALL, text.strip())
    kind = call[1].lower() if call else ""
    if call and kind == "at":
        return "AWS's form of a single time, which no cron can be", None
    if call and kind == "rate":
        return "AWS's form of a rate, which has no fixed time", _of_rate(call[2])
    if time := re.fullmatch(_TIME, text.strip()):
        return "a time of day", _daily(time)
    fields = (call[2] if call else text).split()
    if call or _is_aws(fields):
        year = fields[_FIELDS:]
        is_every_year = not year or year == ["*"]
        return "AWS's form", _translated(fields[:_FIELDS]) if is_every_year else None
    if len(fields) in _QUARTZ and "?" in (fields[3], fields[5]):
        is_plain = fields[0] == "0" and fields[6:] in ([], ["*"])
        return "Quartz's form", _translated(fields[1:6]) if is_plain else None
    return None


def _is_aws(fields: Sequence[str]) -> bool:
    return len(fields) == _WITH_YEAR and "?" in (fields[2], fields[4])


def _translated(fields: Sequence[str]) -> str | None:
    if len(fields) != _FIELDS:
        return None
    *rest, weekday = ("*" if field == "?" else field for field in fields)
    days, *step = weekday.split("/")
    if re.search(r"[L#W]", days.upper().replace("WED", "")):
        return None
    if re.search(r"[089]", days):  # weekdays are 1 to 7 there
        return None
    moved = re.sub(r"\d", lambda day: str((int(day[0]) - 1) % 7), days)
    return " ".join([*rest, "/".join([moved, *step])])


def _of_rate(text: str) -> str | None:
    found = re.fullmatch(_RATE, text)
    if not found:
        return None
    count, unit = int(found[1]), found[2].lower()
    size, cron = {
        "minute": (60, "{} * * * *"), "hour": (24, "0 {} * * *"), "day": (1, "0 0 * * *"),
    }[unit]  # fmt: skip
    if not count or size % count:
        return None
    return cron.format("*" if count == 1 else f"*/{count}" if count < size else "0")


def _daily(time: re.Match[str]) -> str | None:
    hour, minute = int(time["hour"]), int(time["minute"] or 0)
    if half := (time["half"] or time["alone"] or "").lower():
        if not 1 <= hour <= _HALF_DAY:
            return None
        hour = hour % _HALF_DAY + _HALF_DAY * (half == "pm")
    if (hour, minute) == _MIDNIGHT:
        hour = 0
    return f"{minute} {hour} * * *" if time["second"] in (None, "00") else None
