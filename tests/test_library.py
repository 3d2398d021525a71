"""The library: what the examples do, by its public names alone."""

import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

import qstash_sync
from qstash_sync.applying.executor import Control
from qstash_sync.errors import (
    AccountError,
    CompileError,
    ConfigError,
    UsageError,
    WriteForbiddenError,
)
from qstash_sync.local import LOCAL_TOKEN, Served
from qstash_sync.planning.policy import Policy
from tests.fault_server import FaultServer

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FILE = (
    "version: 1\nnamespace: shop\ndefaults: {timezone: Europe/Berlin}\n"
    "schedules: {a: {cron: '0 9 * * *', destination: 'https://a.example.com/${env.X}'}}\n"
)


def test_a_cron_for_a_scheduler_that_knows_utc_alone() -> None:
    made = qstash_sync.compile_cron("0 9 * * 1-5", "Asia/Tokyo", now=NOW)
    assert (made.crons, made.valid_until, made.renew_at) == (("0 0 * * 1-5",), None, None)
    made = qstash_sync.compile_cron(["0 9 * * *", "0 17 * * *"], "Europe/Berlin", now=NOW)
    assert (made.proof.missing, made.proof.extra, made.proof.doubled) == (0, 0, 0)
    assert made.valid_until and made.renew_at and made.renew_at < made.valid_until
    assert qstash_sync.compile_cron("0 9 * * *", "UTC").crons == ("0 9 * * *",)
    gap = qstash_sync.compile_cron("30 2 28 3 *", "Europe/Berlin", now=NOW, gap="shift")
    assert gap.crons != qstash_sync.compile_cron("30 2 28 3 *", "Europe/Berlin", now=NOW).crons


@pytest.mark.parametrize(
    ("cron", "timezone", "fact"),
    [("61 * * * *", "UTC", "61"), ("0 9 * * *", "Mars/Base", "Mars/Base"), ("0 0 30 2 *", "UTC", "never fires")],
)  # fmt: skip
def test_a_cron_that_cannot_be_compiled(cron: str, timezone: str, fact: str) -> None:
    with pytest.raises(CompileError, match=fact):
        qstash_sync.compile_cron(cron, timezone, now=NOW)


def test_a_plan_and_an_apply_in_memory(tmp_path: Path) -> None:
    (tmp_path / "qstash.yaml").write_text(FILE)
    config = qstash_sync.load(tmp_path / "qstash.yaml", environ={"X": "x"})
    with qstash_sync.embedded(clock=NOW.timestamp) as account:
        found = qstash_sync.plan(config.desired, account, now=NOW)
        assert found.summary["create"] == 1
        assert qstash_sync.apply(config.desired, found, account).done
        assert qstash_sync.plan(config.desired, account, now=NOW).empty


def test_a_plan_with_errors_is_not_applied(tmp_path: Path) -> None:
    strict = "lint: {error: no_failure_callback}\n"
    (tmp_path / "qstash.yaml").write_text(FILE + strict)
    config = qstash_sync.load(tmp_path, environ={"X": "x"})
    with qstash_sync.embedded(clock=NOW.timestamp) as account:
        found = qstash_sync.plan(config.desired, account, now=NOW)
        with pytest.raises(ConfigError, match="no failure_callback"):
            qstash_sync.apply(config.desired, found, account)
        assert account.writes == 0


def test_a_real_account_is_read_and_not_written_unless_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "qstash.yaml").write_text(FILE)
    with FaultServer() as server, Served(server) as served:
        environ = {"X": "x", "QSTASH_URL": served.url, "QSTASH_TOKEN": LOCAL_TOKEN}
        config = qstash_sync.load(tmp_path, environ=environ)
        with qstash_sync.connect(config, environ=environ) as account:
            found = qstash_sync.plan(config.desired, account)
            with pytest.raises(WriteForbiddenError, match="read_only=False"):
                qstash_sync.apply(config.desired, found, account)
        assert server.writes == []
        with qstash_sync.connect(config, environ=environ, read_only=False) as account:
            found = qstash_sync.plan(config.desired, account)
            assert qstash_sync.apply(config.desired, found, account).done


def test_what_is_wrong_is_an_error_with_every_diagnostic(tmp_path: Path) -> None:
    (tmp_path / "qstash.yaml").write_text(FILE.replace("0 9", "61 9"))
    with pytest.raises(ConfigError) as caught:
        qstash_sync.load(tmp_path / "qstash.yaml", environ={})
    assert {one.code for one in caught.value.diagnostics} == {"cron", "unset"}
    with pytest.raises(UsageError, match="no such file"):
        qstash_sync.load(tmp_path / "nope.yaml")
    with pytest.raises(UsageError), qstash_sync.embedded(str(tmp_path)):
        pass


def test_the_package_is_light_until_something_of_it_is_asked_for() -> None:
    code = "import sys, qstash_sync; assert not {'pydantic', 'httpx', 'yaml'} & set(sys.modules); qstash_sync.nothing"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert "has no attribute 'nothing'" in ran.stderr
    for name in qstash_sync.__all__:
        assert getattr(qstash_sync, name).__doc__


@pytest.mark.parametrize("name", ["compile_for_another_scheduler", "plan_in_a_test"])
def test_the_examples_run(name: str, tmp_path: Path) -> None:
    script = ROOT / "examples" / "library" / f"{name}.py"
    ran = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    page = (ROOT / "docs" / "library.md").read_text()
    assert f"```python\n{script.read_text()}```" in page
    assert ran.stdout.strip() in page


# ---------------------------------------------------------------- what cannot be meant


@pytest.mark.parametrize(
    ("given", "fact"),
    [
        ({"strategy": "bogus"}, "'bogus' is not one of split, native, follow, auto"),
        ({"gap": "bogus"}, "gap: 'bogus' is not one of next_valid, shift, skip"),
        ({"fold": "third"}, "fold: 'third' is not one of first, second, both"),
        ({"now": NOW.replace(tzinfo=None)}, "is no aware time"),
        ({"now": NOW.date()}, "is no aware time"),
        ({"now": NOW.replace(year=1)}, "the years 1970 to 2999"),
        ({"now": NOW.replace(year=9999)}, "the years 1970 to 2999"),
        ({"renew_before": timedelta(days=-50)}, "1 to 60 days"),
        ({"renew_before": timedelta(days=4000)}, "1 to 60 days"),
        ({"renew_before": 5}, "is no timedelta"),
        ({"renew_before": None}, "is no timedelta"),
    ],
    ids=str,
)
def test_a_compilation_that_cannot_be_meant(given: dict[str, Any], fact: str) -> None:
    with pytest.raises(UsageError, match=fact):
        qstash_sync.compile_cron("0 9 * * *", "UTC", **given)


@pytest.mark.parametrize("crons", [None, 5, [], (), [None], ["0 9 * * *", 5], b"0 9 * * *", {}])
def test_what_is_no_cron_at_all(crons: Any) -> None:
    with pytest.raises(UsageError, match="is neither a cron, such as"):
        qstash_sync.compile_cron(crons, "UTC", now=NOW)


def test_a_zone_may_be_an_object_that_is_called_so() -> None:
    zone: Any = ZoneInfo("Asia/Tokyo")
    assert qstash_sync.compile_cron("0 9 * * *", zone, now=NOW).crons == ("0 0 * * *",)


def test_a_load_and_a_plan_that_cannot_be_meant(tmp_path: Path) -> None:
    (tmp_path / "qstash.yaml").write_text(FILE)
    wrong: Any = {"x": 5}
    for given, fact in (
        ({"missing": "bogus"}, "error, unknown, mock"),
        ({"variables": wrong}, "x must be text"),
    ):
        with pytest.raises(UsageError, match=fact):
            qstash_sync.load(tmp_path, environ={"X": "x"}, **given)
    desired = qstash_sync.load(tmp_path, environ={"X": "x"}).desired
    with qstash_sync.embedded(clock=NOW.timestamp) as account:
        with pytest.raises(UsageError, match="is no aware time"):
            qstash_sync.plan(desired, account, now=NOW.replace(tzinfo=None))
        with pytest.raises(UsageError, match="write it like"):
            qstash_sync.plan(desired, account, now=NOW, policy=Policy(target=("nope*",)))


@pytest.mark.parametrize("parallelism", [0, -3, "3", 2.5, None, True])
def test_how_many_requests_at_once_is_a_number(tmp_path: Path, parallelism: Any) -> None:
    (tmp_path / "qstash.yaml").write_text(FILE)
    config = qstash_sync.load(tmp_path, environ={"X": "x"})
    token = {"QSTASH_TOKEN": "t0ken-of-a-test"}
    with pytest.raises(UsageError, match="parallelism"):
        qstash_sync.connect(config, environ=token, parallelism=parallelism)
    with (
        pytest.raises(UsageError, match="parallelism"),
        qstash_sync.embedded(parallelism=parallelism),
    ):
        pass
    with qstash_sync.embedded(clock=NOW.timestamp) as account:
        made = qstash_sync.plan(config.desired, account, now=NOW)
        with pytest.raises(UsageError, match="parallelism"):
            qstash_sync.apply(
                config.desired, made, account, control=Control(parallelism=parallelism)
            )


def test_a_plan_of_other_files_is_not_applied(tmp_path: Path) -> None:
    """Nor one of another environment: it would say that all came true, and do something else."""
    (tmp_path / "qstash.yaml").write_text(FILE + "environments: {a: {}, b: {namespace: other}}\n")
    a, b = (qstash_sync.load(tmp_path, environment=e, environ={"X": "x"}).desired for e in "ab")
    with qstash_sync.embedded(clock=NOW.timestamp) as account:
        found = qstash_sync.plan(a, account, now=NOW)
        with pytest.raises(UsageError, match="of other files, or of another environment"):
            qstash_sync.apply(b, found, account)
        assert account.writes == 0
        again = qstash_sync.load(tmp_path, environment="a", environ={"X": "x"}).desired
        assert qstash_sync.apply(again, found, account).done


def test_a_closed_account_is_an_error_and_no_wait(tmp_path: Path) -> None:
    (tmp_path / "qstash.yaml").write_text(FILE)
    desired = qstash_sync.load(tmp_path, environ={"X": "x"}).desired
    with qstash_sync.embedded(clock=NOW.timestamp) as account:
        pass
    with pytest.raises(AccountError, match="is closed"):
        qstash_sync.plan(desired, account, now=NOW)


def test_our_requests_are_in_no_log_and_those_of_the_program_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "qstash.yaml").write_text(FILE)
    with FaultServer() as server, Served(server) as served, caplog.at_level(logging.DEBUG):
        environ = {"X": "x", "QSTASH_URL": served.url, "QSTASH_TOKEN": LOCAL_TOKEN}
        config = qstash_sync.load(tmp_path, environ=environ)
        with qstash_sync.connect(config, environ=environ) as account:
            qstash_sync.plan(config.desired, account, now=NOW)
            of_http = [r for r in caplog.records if r.name.startswith("http")]
            assert [
                r for r in of_http if "v2" in r.getMessage() or "headers" in r.getMessage()
            ] == []
            httpx.get(served.url)
        assert any(r.name == "httpx" and served.url in r.getMessage() for r in caplog.records)
