"""`validate` over several environments: which of them a finding is of, and at which line."""

from pathlib import Path

from tests.support import cli

FILE = """\
version: 1
namespace: shop
environments:
  production: {token: "${env.P_TOKEN}"}
  staging:
    namespace: shop-stg
    token: "${env.S_TOKEN}"
    overrides: {schedules: {job: {cron: "*/11 * * * *"}}}
defaults: {timezone: UTC, retries: 0, timeout: 60s}
schedules:
  job:
    cron: "*/7 * * * *"
    destination: https://app.example.com/job
"""


def validate(tmp_path: Path, text: str, *words: str) -> list[str]:
    (tmp_path / "q.yaml").write_text(text)
    ran = cli("validate", "--mock-env", "-v", "-f", f"{tmp_path}/q.yaml", *words)
    assert ran.code == 0, ran.err
    return [line.removeprefix(f"{tmp_path}/") for line in ran.err.splitlines()]


def test_a_finding_of_one_environment_names_it_and_shows_the_line_that_counts_there(
    tmp_path: Path,
) -> None:
    told = " ".join(" ".join(validate(tmp_path, FILE)).split())
    assert 'schedules.job.cron: "*/7 * * * *": /7 of the minute is uneven' in told
    assert "after 56 comes 0 again (in production) [uneven_step]" in told
    assert "after 55 comes 0 again (in staging) [uneven_step]" in told
    assert "q.yaml:12:5: warning" in told
    assert "q.yaml:8:35: warning" in told
    assert "are used up [no_failure_callback]" in told  # of both


WRONG = """\
version: 1
namespace: n
defaults: {timezone: UTC}
environments:
  p: {namespace: n-p, token: "${env.A}", defaults: {retries: many}}
  q: {namespace: n-q, token: "${env.B}", vars: {other: 1}}
  r: {namespace: n-r, token: "${env.C}", vars: {nope: 3}}
schedules:
  a: {cron: "0 9 * * *", destination: https://e.com/a, headers: {X-B: "${var.nope}"}}
  b: {cron: "0 9 * * *", destination: https://e.com/b, headers: {X-B: "${var.nope}"}}
  c: {cron: "0 9 * * *", destination: https://e.com/c, headers: {X-B: "${env.T}"}, colour: red}
"""


def test_an_error_of_some_environments_names_them_and_is_still_one(tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text(WRONG)
    said = " ".join(cli("validate", "-f", f"{tmp_path}/q.yaml").err.split())
    assert "in 2 places" in said
    assert said.count("the variable nope is not defined (in p, q)") == 1
    assert said.count("the environment variable T is not set") == 1
    assert "T is not set (in" not in said  # all of them
    assert "colour: unknown key (in" not in said
    assert "environments.p.defaults.retries: must be a whole number, not text" in said
    assert "not text (in" not in said  # its place says so
    alone = " ".join(cli("validate", "-e", "p", "-f", f"{tmp_path}/q.yaml").err.split())
    assert "(in " not in alone


def test_with_one_environment_or_none_no_finding_names_it(tmp_path: Path) -> None:
    assert "(in " not in "".join(validate(tmp_path, FILE, "-e", "staging"))
    alone = FILE.replace(FILE[FILE.index("environments") : FILE.index("defaults")], "")
    assert "(in " not in "".join(validate(tmp_path, alone))


def test_many_environments_are_counted(tmp_path: Path) -> None:
    more = "".join(f"  e{n}: {{namespace: e{n}, token: '${{env.S_TOKEN}}'}}\n" for n in range(5))
    told = " ".join(validate(tmp_path, FILE.replace("defaults:", f"{more}defaults:")))
    assert "(in production, e0, e1 and 3 more)" in told


def test_what_the_compiler_warns_of_stands_at_the_cron_that_counts(tmp_path: Path) -> None:
    night = FILE.replace("*/11 * * * *", "30 2 * * *").replace("UTC", "Europe/Berlin")
    told = validate(tmp_path, night, "-e", "staging")
    assert sum(line.startswith("q.yaml:8:35: warning") for line in told) == 2
    assert not any(line.startswith("q.yaml:12") for line in told)
