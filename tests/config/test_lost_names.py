"""A name that is lost, or stands where nothing is known: nothing of it is shown, and none is woken."""

from pathlib import Path

import pytest

from tests.support import cli

HEAD = "version: 1\nnamespace: billing\n"
SECRET = "s3cretvalue77"
HOLD = f"headers: {{X-A: {SECRET}}}, body: {SECRET}"
HIDES = "redact: {headers: true, body: true}"
ENTRY = "cron: '0 9 * * *', timezone: UTC, destination: 'https://a.example.com'"


def written(tmp_path: Path, text: str) -> str:
    (tmp_path / "q.yaml").write_text(HEAD + text)
    return str(tmp_path / "q.yaml")


def overriding(name: str, what: str, section: str = "schedules") -> str:
    """What an environment says of a schedule that has another name."""
    return (
        f"environments: {{p: {{token: '${{env.T}}', overrides: {{schedules: {{{name}: {{{what}}}}}}}}}}}\n"
        f"defaults: {{{HIDES}}}\n{section}:\n  daily: {{{ENTRY}}}\n"
    )


SHOWN = {
    "of an override": (overriding("dialy", HOLD), "nothing to override"),
    "of one that redacts by itself": (overriding("dialy", f"{HOLD}, {HIDES}"), "nothing to override"),
    "of a section that is lost": (overriding("daily", HOLD, "chedules"), "unknown key"),
    "of a home": (overriding("daily", HOLD, "x-schedules"), "nothing to override"),
    "below the head": (overriding("daily", HOLD, "x-a").replace("x-a:\n  ", ""), "nothing to override"),
    "of a key that begins as a home does": (
        f"schedules: {{daily: {{{ENTRY}, {HIDES}, x-body: {SECRET}, x-headers: {{X-A: {SECRET}}}}}}}\n",
        "x-body: unknown key",
    ),
    **{
        f"beside a redact that is spelt {word}": (
            f"schedules: {{daily: {{{ENTRY}, {HOLD}, {word}: {{headers: true}}}}}}\n", "unknown key"
        )
        for word in ("edact", "tedact", "reda-ct", "r3dact", "redacts", "REDACT")
    },
    "of a block one step to the right": (
        (f"schedules:\n  daily:\n    {ENTRY.replace(', ', chr(10) + '    ')}\n"
        f"    headers:\n      X-A: plain\n      body: {{a: {SECRET}}}\n      redact: {{body: true}}\n"),
        "must be text, not a mapping",
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(("text", "fact"), SHOWN.values(), ids=SHOWN)
def test_nothing_is_shown(tmp_path: Path, text: str, fact: str, form: str) -> None:
    words = ("validate", "-f", written(tmp_path, text), "--format", form)
    ran = cli(*words, environ={"T": "t"})
    assert fact in ran.text
    assert SECRET not in ran.text


def test_nor_by_compile_which_reads_times_alone(tmp_path: Path) -> None:
    text = f"schedules:\n  daily: {{{ENTRY}, {HOLD}, {HIDES}}}\n".replace("0 9 * * *", "0 9 * *")
    ran = cli("compile", "-f", written(tmp_path, text))
    assert "4 fields instead of 5" in ran.text
    assert SECRET not in ran.text


def names(*schedules: str, environment: str = "") -> str:
    entries = "".join(f"  {name}: {{{ENTRY}}}\n" for name in schedules)
    return f"{environment}schedules:\n{entries}"


TWO = (
    "environments:\n  s: {namespace: s, defaults: {paused: true}}\n"
    "  p: {namespace: p, overrides: {schedules: {three: {retries: 1}}}}\n"
)


def test_what_another_environment_overrides_is_a_name_that_is_lost(tmp_path: Path) -> None:
    local = f"--local={tmp_path / 'a'}"
    file = written(tmp_path, names("one", "three", environment=TWO))
    assert cli("apply", "--yes", "-e", "s", "-f", file, local).code == 0
    file = written(tmp_path, names("one", "thre", environment=TWO))
    ran = cli("resume", "*", "-e", "s", "-f", file, local)
    assert ran.code == 4
    assert "overrides.schedules.three: nothing to override" in ran.text
    assert "refused    s: resume schedule three" in ran.out
    assert "done" not in ran.out


@pytest.mark.parametrize(
    "line", ["? schedules\n:", "[schedules]:", "{{ section }}:", "? {a: b}\n:"]
)
def test_a_key_that_is_no_word_may_be_any(tmp_path: Path, line: str) -> None:
    local = f"--local={tmp_path / 'a'}"
    text = names("one", "two").replace("one: {", "one: {paused: true, ")
    assert cli("apply", "--yes", "-f", written(tmp_path, text), local).code == 0
    assert cli("pause", "*", "-f", written(tmp_path, text), local).code == 0
    file = written(tmp_path, text.replace("schedules:", line))
    ran = cli("resume", "*", "-f", file, local)
    if line.startswith("? schedules"):  # which is another way to write it
        assert ("done       resume schedule two" in ran.out, "schedule one" in ran.out) == (
            True,
            False,
        )
    else:
        assert "done" not in ran.out, ran.text


def test_a_secret_that_is_a_key_of_the_file_hides_what_the_file_pauses(tmp_path: Path) -> None:
    """Its error has no path: it is about no value of anything."""
    local, key = f"--local={tmp_path / 'a'}", "ghp_" + "a1" * 20
    text = names("one", "two").replace("one: {", "one: {paused: true, ")
    assert cli("apply", "--yes", "-f", written(tmp_path, text), local).code == 0
    assert cli("pause", "*", "-f", written(tmp_path, text), local).code == 0
    ran = cli("resume", "*", "-f", written(tmp_path, text.replace("schedules:", f"{key}:")), local)
    assert (ran.code, "done" in ran.out, key in ran.text) == (4, False, False)
    ran = cli("resume", "*", "-f", written(tmp_path, text + f"x-old: [{key}]\n"), local)
    assert "done       resume schedule two" in ran.out
    assert "schedule one" not in ran.out
