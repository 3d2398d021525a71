"""The library: what the examples do, by its public names alone."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import qstash_sync
from qstash_sync.errors import CompileError, ConfigError, UsageError, WriteForbiddenError
from qstash_sync.local import LOCAL_TOKEN, Served
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
