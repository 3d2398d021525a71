"""A time zone that there is not: the same way out wherever one is written."""

from pathlib import Path

import pytest

from tests.support import HEAD, cli, ids

URL = "destination: 'https://a.example.com/a'"
SLIPS = [
    ("America/Berlin", "did you mean Europe/Berlin?"),
    ("Europe/New_York", "did you mean America/New_York?"),
    ("Europe/Tokyo", "did you mean Asia/Tokyo?"),
    ("Europe/Sydney", "did you mean Australia/Sydney?"),
]
OPTIONS = [
    ("compile", ("compile", "0 9 * * *")),
    ("next", ("next", "-f", "qstash.yaml")),
    ("init", ("init", "--yes")),
]


@pytest.mark.parametrize(("zone", "hint"), SLIPS, ids=ids(SLIPS))
@pytest.mark.parametrize(("_id", "words"), OPTIONS, ids=ids(OPTIONS))
def test_a_zone_of_the_command_line_that_is_none_is_wrong_usage(
    _id: str, words: tuple[str, ...], zone: str, hint: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    if words[0] != "init":
        Path("qstash.yaml").write_text(HEAD)
    for more in ((), ("--format", "json")) if words[0] != "init" else ((),):
        ran = cli(*words, "--timezone", zone, *more)
        assert ran.code == 64, ran
        assert f"--timezone: '{zone}' is not a time zone; {hint}" in ran.text


PLACES = {
    "a schedule": f"schedules: {{a: {{cron: '0 9 * * *', {URL}, timezone: ZONE}}}}\n",
    "defaults": f"defaults: {{timezone: ZONE}}\nschedules: {{a: {{cron: '0 9 * * *', {URL}}}}}\n",
    "an override": f"defaults: {{timezone: UTC}}\nschedules: {{a: {{cron: '0 9 * * *', {URL}}}}}\n"
    "environments: {e: {token: '${env.T}', overrides: {schedules: {a: {timezone: ZONE}}}}}\n",
}


@pytest.mark.parametrize(("zone", "hint"), SLIPS, ids=ids(SLIPS))
@pytest.mark.parametrize("place", PLACES)
def test_a_zone_of_a_file_that_is_none_is_an_error_of_the_file(
    place: str, zone: str, hint: str, tmp_path: Path
) -> None:
    text = PLACES[place].replace("ZONE", zone)
    (tmp_path / "q.yaml").write_text(f"version: 1\nnamespace: a\n{text}")
    for command in ("validate", "compile", "next"):
        named = ("-e", "e") if "environments" in text else ()
        ran = cli(command, "-f", str(tmp_path), *named)
        assert (ran.code, hint in " ".join(ran.text.split())) == (1, True), ran
