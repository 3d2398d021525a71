"""Random crons of every kind that people write, from a seeded generator."""

import random


def a_cron(rng: random.Random) -> str:
    """One cron; it fires at some time."""
    minutes = "0 0 30 */15 */5 * */10 */7 5,35 45-59 10-40/10 7 59"
    minute = rng.choice(minutes.split())
    hours = "9 0 1 2 3 23 * */2 */6 9-17 0-23 22,23,0 1-3 0-5/2 12 2,14 8-18/2"
    hour = rng.choice([*hours.split(), str(rng.randrange(24))])
    day, month, weekday = "*", "*", "*"
    kind = rng.random()
    if kind < 0.3:
        weekday = rng.choice(["1-5", "0", "6", "5", "MON", "0,6", "7", "1,3,5", "2-4"])
    elif kind < 0.5:
        day = rng.choice(["1", "15", "31", "29", "30", "1,15", "28-31", "1-7", "*/2", "2-31/3"])
    elif kind < 0.58:
        day = rng.choice(["1", "1,15", "13", "*/5", "1-7", "25-31"])
        weekday = rng.choice(["1", "5", "1-5", "*/2", "0"])
    if rng.random() < 0.25:
        month = rng.choice(["1", "3", "10", "11", "MAR-OCT", "*/3", "6-8", "2", "1,7", "4", "9,10"])
    text = f"{minute} {hour} {day} {month} {weekday}"
    return text if not _never(day, month) else f"{minute} {hour} * {month} {weekday}"


def _never(day: str, month: str) -> bool:
    return (day, month) in {("31", "2"), ("31", "4"), ("31", "11"), ("30", "2")}
