"""Durations: seconds in the model, `1h30m` for people."""

import re

UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}  # of durations, in seconds


def parse_duration(text: str) -> int:
    """Seconds in `10s`, `5m`, `1h30m` or `1d`; a ValueError for anything else."""
    if not re.fullmatch(r"([0-9]{1,20}[smhd])+", text):
        raise ValueError(text)
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([smhd])", text))


def duration(seconds: int) -> str:
    """Seconds as a person writes them: 1h30m."""
    shown = ""
    for unit, size in UNITS.items():
        count, seconds = divmod(seconds, size)
        shown += f"{count}{unit}" if count else ""
    return shown or "0s"
