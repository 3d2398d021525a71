"""What both tools are given to read, made from a fixed seed: the same bytes on every machine.

Ours is one YAML file of schedules in five time zones; octoDNS's are two equal directories, a source
and a target, with as many records in five zones.
"""

import random
from collections.abc import Sequence
from pathlib import Path

SEED = 20261125
NOW = "2026-11-23T12:00Z"  # of every plan: how many parts a cron takes depends on the day
SECRETS = {"JOB_TOKEN": "made-up-for-benchmarks"}  # the environment that the file asks for
TIMEZONES = (  # all of them change their clocks: most schedules take two to four parts
    "America/New_York",
    "Europe/Berlin",
    "America/Los_Angeles",
    "Europe/London",
    "Australia/Sydney",
)
CRONS = 120  # distinct ones, each in one of the time zones
DNS_ZONES = tuple(f"{name}.example." for name in ("api", "app", "edge", "mail", "shop"))

_SHAPES = (  # ten of them, as often as people write them
    *["{m} {h} * * *"] * 4,
    *["{m} {h} * * 1-5"] * 3,
    "{m} {h} * * 1",
    "{m} {h} 1,15 * *",
    "{m} {s}-17 * * 1-5",
)
_JOBS = ("report", "invoice", "digest", "cleanup", "export", "sync", "reminder", "backup")
_TEAMS = ("billing", "growth", "platform")
_CURRENCIES = ("EUR", "GBP", "INR", "USD")

_HEAD = """\
version: 1
namespace: bench
vars:
  app_url: https://app.example.com
defaults:
  base_url: ${var.app_url}
  retries: 3
  redact: {headers: [Authorization]}
limits: {plan: fixed_10m}
schedules:
"""
_SCHEDULE = """\
  {job}-{number:05}:
    cron: "{cron}"
    timezone: {timezone}
    destination: /api/jobs/{job}
    headers:
      Authorization: "Bearer ${{env.JOB_TOKEN}}"
      X-Team: {team}
    body:
      job: {job}
      tenant: {tenant}
      options: {{currency: {currency}, pages: {pages}}}
"""
_OCTODNS = """\
---
providers:
  source: {class: octodns.provider.yaml.YamlProvider, directory: source}
  target: {class: octodns.provider.yaml.YamlProvider, directory: target}
zones:
"""


def crons(count: int) -> list[str]:
    """Distinct crons: daily, on working days, weekly, twice a month, hourly in office hours."""
    rng = random.Random(SEED)
    found: dict[str, None] = {}
    while len(found) < count:
        shape = _SHAPES[len(found) % len(_SHAPES)]
        minute, hour, start = rng.randrange(60), rng.randrange(24), rng.randrange(6, 13)
        found[shape.format(m=minute, h=hour, s=start)] = None
    return list(found)


def schedules(count: int, *, distinct: int = CRONS, timezones: Sequence[str] = TIMEZONES) -> str:
    """One file of `count` schedules with `distinct` crons, each in one of the time zones."""
    texts, rng = crons(distinct), random.Random(SEED)
    entries = [
        _SCHEDULE.format(
            job=_JOBS[number % len(_JOBS)],
            number=number,
            cron=texts[number % distinct],
            timezone=timezones[number % distinct % len(timezones)],
            team=rng.choice(_TEAMS),
            tenant=rng.randrange(1_000, 10_000),
            currency=rng.choice(_CURRENCIES),
            pages=rng.randrange(1, 20),
        )
        for number in range(count)
    ]
    return _HEAD + "".join(entries)


def octodns(folder: Path, count: int) -> Path:
    """As many records for octoDNS, the same in source and target; returns its config file."""
    rng = random.Random(SEED)
    for index, zone in enumerate(DNS_ZONES):
        here = count // len(DNS_ZONES) + (index < count % len(DNS_ZONES))
        text = "---\n" + "".join(_record(number, rng) for number in range(here))
        for side in ("source", "target"):
            (folder / side).mkdir(parents=True, exist_ok=True)
            (folder / side / f"{zone}yaml").write_text(text)
    config = folder / "config.yaml"
    zones = (f"  {zone}: {{sources: [source], targets: [target]}}\n" for zone in DNS_ZONES)
    config.write_text(_OCTODNS.replace("directory: ", f"directory: {folder}/") + "".join(zones))
    return config


def _record(number: int, rng: random.Random) -> str:
    """One record: half of them addresses, the others aliases and texts."""
    kind = ("A", "CNAME", "A", "TXT")[number % 4]
    values = {
        "A": "values:"
        f"\n  - 192.0.2.{rng.randrange(1, 255)}\n  - 198.51.100.{rng.randrange(1, 255)}",
        "CNAME": f"value: lb-{rng.randrange(1, 9)}.example.net.",
        "TXT": f"value: site-verification={rng.getrandbits(128):032x}",
    }
    ttl = rng.choice((300, 900, 3600))
    return f"host-{number:05}:\n  ttl: {ttl}\n  type: {kind}\n  {values[kind]}\n"
