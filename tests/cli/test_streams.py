"""Streams that are full, closed, or cannot encode; what is shown never decides what is done."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from qstash_sync.cli import streams
from qstash_sync.render import safe
from tests.support import HEAD, UNLINTED, cli, ids

ROOT = Path(__file__).parents[2]
FULL = Path("/dev/full")
NOW = ("--now", "2026-11-23T12:00Z")
FILE = (
    HEAD
    + UNLINTED
    + "".join(
        f"{'schedules:' * (k == 0)}\n  s{k}: {{cron: '0 9 * * *', destination: 'https://e.example.com/{k}', body: 'Ä 😀'}}"
        for k in range(6)
    )
)
EMPTIED = HEAD + "schedules: {}\nlimits: {max_deletes: none, max_delete_percent: none}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "qstash.yaml"
    path.write_text(FILE)
    return path


def run(words: tuple[str, ...], file: Path, **more: Any) -> subprocess.CompletedProcess[str]:
    """The real process, against a local account beside the file."""
    command = [sys.executable, "-m", "qstash_sync", *words]
    if words[0] not in ("schema", "--help", "compile", "validate"):
        command.append(f"--local={file.parent / 'account.db'}")
    if words[0] not in ("schema", "--help", "serve") and "CRON" not in words:
        command += ["-f", str(file)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **more.pop("environ", {})}
    more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    encoding = more.pop("encoding", "utf-8")
    return subprocess.run(
        command, env=environ, cwd=file.parent, encoding=encoding, errors="strict",
        check=False, timeout=60, **more,
    )  # fmt: skip


def in_the_account(file: Path) -> int:
    """How many schedules of the file are there."""
    ran = cli(
        "plan", "-f", str(file), f"--local={file.parent / 'account.db'}", *NOW, "--format", "json"
    )
    found: int = json.loads(ran.out)["summary"]["unchanged"]
    return found


def closed(number: int) -> Callable[[], None]:
    return lambda: os.close(number)


# Nobody reads, no room, nothing there


def gone() -> int:
    """A pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.fixture(params=["full", "gone", "closed"])
def broken(request: pytest.FixtureRequest) -> Iterator[Callable[[int], dict[str, Any]]]:
    """What makes one of the standard streams of a process unusable."""
    if request.param == "full" and not FULL.exists():
        pytest.skip("no /dev/full here")
    handles: list[int] = []

    def make(number: int) -> dict[str, Any]:
        if request.param == "closed":
            return {"preexec_fn": closed(number)}
        handle = os.open(FULL, os.O_WRONLY) if request.param == "full" else gone()
        handles.append(handle)
        return {("stdin", "stdout", "stderr")[number]: handle}

    yield make
    for handle in handles:
        os.close(handle)


def test_a_broken_stderr_ends_no_command_and_changes_no_exit_code(
    file: Path, broken: Callable[[int], dict[str, Any]]
) -> None:
    assert run(("apply", "--yes"), file, **broken(2)).returncode == 0
    assert in_the_account(file) == 6
    for words in (("plan",), ("drift",), ("pause", "s1"), ("resume", "s1"), ("validate",)):
        ran = run(words, file, **broken(2))
        assert (ran.returncode, ran.stderr or "") == (0, ""), words
        assert ran.stdout
    assert run(("destroy", "--yes", "billing"), file, **broken(2)).returncode == 0
    assert run(("plan", "--bogus"), file, **broken(2)).returncode == 64
    file.write_text("version: [")
    assert run(("plan",), file, **broken(2)).returncode == 1


@pytest.mark.parametrize(
    "words",
    [("apply", "--yes", "--format", "json"), ("pause", "*"), ("destroy", "--yes", "billing", "--format", "json")],
    ids=" ".join,
)  # fmt: skip
def test_a_stdout_that_fails_after_the_writes_leaves_the_exit_code_as_it_is(
    words: tuple[str, ...], file: Path, broken: Callable[[int], dict[str, Any]]
) -> None:
    """The outcome is told on stderr instead."""
    if words[0] != "apply":
        assert run(("apply", "--yes"), file).returncode == 0
    ran = run(words, file, **broken(1))
    assert ran.returncode == 0
    first, *rest = ran.stderr.splitlines()
    assert first.startswith("error: stdout")
    assert "done" in "".join(rest)
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("plan",), ("plan", "--format", "json"), ("drift",), ("drift", "--format", "markdown"),
        ("validate",), ("validate", "--format", "json"), ("compile",), ("schema",), ("apply", "--yes"),
        ("serve", "--port", "0"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_result_that_nobody_gets_is_an_error_of_one_line_and_nothing_is_written(
    words: tuple[str, ...], file: Path, broken: Callable[[int], dict[str, Any]]
) -> None:
    how = broken(1)
    ran = run(words, file, **how)
    assert ran.returncode == 1
    said = [line for line in ran.stderr.splitlines() if not line.startswith(("#", "Saved"))]
    assert said == [] or (len(said) == 1 and said[0].startswith("error: stdout")), said
    assert in_the_account(file) == 0


def test_a_closed_stdin_is_nobody_who_could_answer_and_no_file(file: Path) -> None:
    ran = run(("plan", "-f", "-"), file, preexec_fn=closed(0))
    assert (ran.returncode, ran.stderr) == (
        64,
        "error: -f -: stdin is closed; give it the file, or name one\n",
    )
    ran = run(("destroy",), file, preexec_fn=closed(0))
    assert ran.returncode == 0  # nothing to delete, nothing to ask
    assert run(("apply",), file, preexec_fn=closed(0)).returncode == 0
    ran = run(("destroy",), file, preexec_fn=closed(0))
    assert ran.returncode == 64
    assert "where nobody can answer" in ran.stderr
    assert in_the_account(file) == 6


def test_the_number_of_a_closed_stream_is_given_to_no_file(file: Path) -> None:
    """Else what is said on the way, by a signal's handler too, would go into the account."""

    def close_all() -> None:
        os.closerange(0, 3)

    ran = run(("apply", "--yes"), file, preexec_fn=close_all)
    assert ran.returncode == 1
    assert run(("apply", "--yes", "--format", "json"), file, preexec_fn=close_all).returncode == 0
    assert in_the_account(file) == 6


# Encodings


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-16", "cp037"])
def test_json_stays_json_whatever_stdout_can_encode(encoding: str, file: Path) -> None:
    more = {"environ": {"PYTHONIOENCODING": encoding}, "encoding": encoding}
    for words in (("plan",), ("apply", "--yes"), ("drift",), ("compile",), ("validate",)):
        ran = run((*words, "--format", "json"), file, **more)
        assert ran.returncode == 0, ran.stderr
        found = json.loads(ran.stdout)
        if words[0] in ("plan", "apply"):
            assert found["changes"][0]["fields"][2]["after"] == "Ä 😀"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252:strict", "utf-16"])
@pytest.mark.parametrize("form", ["text", "markdown"])
def test_a_page_escapes_what_stdout_cannot_encode(encoding: str, form: str, file: Path) -> None:
    long = FILE.replace("'Ä 😀'", f"'{'Ä' * 70} 😀'")
    file.write_text(long)
    more = {
        "environ": {"PYTHONIOENCODING": encoding},
        "encoding": encoding.partition(":")[0],
    }
    ran = run(("plan", "--format", form), file, **more)
    assert ran.returncode == 0, ran.stderr
    assert "Plan: 6 to create" in ran.stdout
    file.write_text(long.replace("destination:", "destinatioÄ:"))
    ran = run(("plan", "--format", form), file, **more)
    assert ran.returncode == 1
    assert "destinatio" in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_byte_of_the_command_line_that_is_no_text_is_shown_escaped(file: Path) -> None:
    command = [
        os.fsencode(sys.executable),
        b"-m",
        b"qstash_sync",
        b"plan",
        b"-f",
        b"\xff\x1b[31m.yaml",
    ]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, env=environ, capture_output=True, cwd=file.parent, check=False)
    assert ran.returncode == 64
    assert ran.stderr == (b"error: \\udcff\\x1b[31m.yaml: no such file or directory\n")


# Signals


def test_what_is_ignored_stays_ignored(file: Path) -> None:
    """`nohup` lets a run outlive its terminal."""
    from qstash_sync.cli.apply import signals

    handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals(_stop(), []):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, handler)


def _stop() -> Any:
    import threading

    return threading.Event()


# A bug of ours


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
@pytest.mark.parametrize("error", [KeyError("s3cret"), MemoryError(), RecursionError("s3cret")])
def test_a_bug_is_told_by_its_type_and_place_in_every_format(
    error: Exception, form: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a thread that reads the account, too; never by its text, which may hold anything."""

    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr("qstash_sync.qstash.wire.parse", broken)
    account = f"--local={file.parent / 'account.db'}"
    assert run(("apply", "--yes"), file).returncode == 0
    ran = cli("plan", "-f", str(file), account, *NOW, "--format", form)
    assert ran.code == 1
    name = type(error).__name__
    assert f"internal error: {name} in test_streams.py:" in ran.text
    assert "Traceback" not in ran.text
    assert "s3cret" not in ran.text
    if form == "json":
        assert json.loads(ran.out)["errors"][0]["code"] == "internal"


# What prints


def test_nothing_prints_but_the_module_of_the_streams() -> None:
    """Whatever is printed has gone through the function that makes it safe."""
    names = ("click.echo", "click.secho", "click.confirm", "click.prompt", "print(", "os.write", ".write_text(",
             "stdout.write", "stderr.write", "click.open_file", ".show()")  # fmt: skip
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "qstash_sync").rglob("*.py"))
        for name in names
        if name in path.read_text() and path.name != "streams.py" and "local" not in path.parts
    ]
    assert not found


# Files


LINKS: list[tuple[str, tuple[str, ...]]] = [
    ("report", ("plan", "--output", "json={}")),
    ("report of an error", ("plan", "--var", "x", "--output", "json={}")),
    ("drift", ("drift", "--output", "markdown={}")),
    ("saved plan", ("plan", "--save", "{}")),
    ("schema", ("schema", "--output", "{}")),
]


@pytest.mark.parametrize(("_id", "words"), LINKS, ids=ids(LINKS))
@pytest.mark.parametrize("dangling", [False, True])
def test_a_file_is_not_written_through_a_symbolic_link(
    _id: str, words: tuple[str, ...], dangling: bool, file: Path, tmp_path: Path
) -> None:
    target, link = tmp_path / "precious", tmp_path / "link"
    if not dangling:
        target.write_text("")
    link.symlink_to(target)
    ran = run(tuple(word.format(link) for word in words), file)
    assert ran.returncode == 64
    assert f"{link}: a symbolic link, which is not followed; name the file itself" in ran.stderr
    assert target.exists() is not dangling
    assert dangling or target.read_text() == ""
    assert link.is_symlink()


def test_names_that_the_system_makes_are_written_although_they_are_links(file: Path) -> None:
    ran = run(("plan", "--output", "json=/dev/stderr"), file)
    assert ran.returncode == 0
    assert json.loads(ran.stderr)["summary"]["create"] == 6


def test_a_saved_plan_is_for_its_owner_alone_and_a_report_for_whom_the_umask_lets(
    file: Path, tmp_path: Path
) -> None:
    saved, report = tmp_path / "plan.json", tmp_path / "plan.md"
    old = tmp_path / "old.json"
    words = ("plan", *NOW, "-f", str(file), f"--local={tmp_path / 'a.db'}")
    mask = os.umask(0o022)
    try:
        assert cli(*words, "--save", str(saved), "--output", f"markdown={report}").code == 0
        old.write_text(saved.read_text())
        old.chmod(0o666)
        assert cli(*words, "--save", str(old)).code == 0
    finally:
        os.umask(mask)
    assert [path.stat().st_mode & 0o777 for path in (saved, report, old)] == [0o600, 0o644, 0o600]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "old.json", "plan.json", "plan.md", "qstash.yaml"
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["", "nowhere/plan", ".", "a\0b", "x" * 300])
@pytest.mark.parametrize("option", ["--output=json=", "--save="])
def test_a_name_that_cannot_be_written_is_wrong_usage(
    path: str, option: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    ran = cli("plan", *NOW, "--local=a.db", f"{option}{path}")
    assert ran.code == 64
    assert ran.err.startswith("error: --") or "Invalid value" in ran.err
    assert "Traceback" not in ran.text


def test_a_socket_is_no_file_for_a_report(file: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as peer:
        peer.bind(str(tmp_path / "s"))
        ran = run(("plan", "--output", f"json={tmp_path / 's'}"), file)
    assert ran.returncode == 64
    assert "cannot be written" in ran.stderr


KEPT: list[tuple[str, tuple[str, ...], str, str]] = [
    ("the file of -f", ("-f", "other.yaml"), "other.yaml", "-f other.yaml"),
    ("by another name", ("-f", "other.yaml"), "./sub/../other.yaml", "-f other.yaml"),
    ("the file that is found by default", (), "qstash.yaml", "-f qstash.yaml"),
    ("a file of the directory of -f", ("-f", "sub"), "sub/a.yaml", "-f sub"),
    ("a new file of the directory of -f", ("-f", "sub"), "sub/new.yml", "-f sub"),
    ("the base", ("--base", "base.yaml"), "base.yaml", "--base base.yaml"),
    ("variables", ("--env-file", "env"), "env", "--env-file env"),
    ("the local account", ("--local=a.db",), "a.db", "--local=a.db"),
    ("the saved plan", ("--save", "p.json"), "p.json", "--save p.json"),
    ("a body", (), "body.json", "body_file"),
    ("the file of a broken run", ("-f", "broken.yaml"), "broken.yaml", "-f broken.yaml"),
    ("the file of a run with wrong words", ("--var", "x"), "qstash.yaml", "-f qstash.yaml"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "words", "path", "named"), KEPT, ids=ids(KEPT))
def test_a_report_never_overwrites_what_the_run_reads_or_keeps(
    _id: str, words: tuple[str, ...], path: str, named: str,
    file: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(file.parent)
    Path("body.json").write_text("{}")
    Path("sub").mkdir()
    text = f"{HEAD}schedules:\n  a: {{cron: '0 9 * * *', destination: 'https://e.example.com', body_file: body.json}}\n"
    for name in ("qstash.yaml", "other.yaml", "base.yaml"):
        Path(name).write_text(text)
    Path("sub/a.yaml").write_text(text.replace("body_file: body.json", "retries: 1"))
    Path("env").write_text("A=b\n")
    Path("broken.yaml").write_text("x")
    given = [*words, *(() if "--local=a.db" in words else ("--local=b.db",))]
    assert cli("apply", "--yes", "--local=a.db", *NOW).code == 0
    before = {p: p.read_bytes() for p in Path().rglob("*") if p.is_file()}

    ran = cli("plan", *NOW, *given, f"--output=markdown={path}")

    assert ran.code in (1, 64)
    assert f"--output {path}: belongs to {named}, and is not overwritten" in ran.err
    assert {p: p.read_bytes() for p in Path().rglob("*") if p.is_file()} == before


SCHEDULE = "{cron: '0 9 * * *', destination: 'https://e.example.com', body_file: '%s'}"
BODIES: list[tuple[str, str, str, tuple[str, ...]]] = [
    ("a variable", "vars: {x: body.json}", "${var.x}", ()),
    ("a part of the name", "vars: {x: body}", "${var.x}.json", ()),
    ("a variable of the line", "", "${var.x}.json", ("--var", "x=body")),
    ("a variable of the surroundings", "", "${env.X|plain}.json", ()),
    ("a variable of --env-file", "", "${env.Y|plain}.json", ("--env-file", "env")),
    ("a variable in a variable", "vars: {x: '${var.y}.json', y: body}", "${var.x}", ()),
    ("a variable that is not given", "vars: {x: body}", "${var.x}.json", ("--var", "y")),
    ("a dollar", "", "b$${x}", ()),
    (
        "another environment", "vars: {x: a}\nenvironments: {a: {token: '${env.A}'}, b: {token: '${env.B}', vars: {x: body}}}",
        "${var.x}.json", ("-e", "a"),
    ),
    ("no text", "vars: {x: {a: 1}, y: body, z: {body_file: '${var.y}.json'}}", "${var.x}", ()),
    ("a mapping", "vars: {x: body, all: {body_file: '${var.x}.json'}}", "body.json", ()),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "head", "name", "words"), BODIES, ids=ids(BODIES))
def test_a_report_overwrites_no_body_whose_name_has_variables(
    _id: str, head: str, name: str, words: tuple[str, ...],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    path = "b${x}" if "$$" in name else "body.json"
    Path("env").write_text("Y=body\n")
    Path("a.json").write_text("{}")
    Path(path).write_text("{}")
    Path("qstash.yaml").write_text(f"{HEAD}{head}\nschedules:\n  a: {SCHEDULE % name}\n")
    environ = {"X": "body", "A": "a", "B": "b"}
    ran = cli("plan", *NOW, "--local=a.db", *words, f"--output=json={path}", environ=environ)
    assert ran.code in (1, 64)
    assert f"--output {path}: belongs to body_file, and is not overwritten" in ran.err
    assert Path(path).read_text() == "{}"


def test_a_report_overwrites_no_body_of_the_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old").mkdir()
    Path("old/body.json").write_text("{}")
    Path("old/q.yaml").write_text(f"{HEAD}schedules:\n  a: {SCHEDULE % 'body.json'}\n")
    Path("qstash.yaml").write_text(f"{HEAD}schedules: {{}}\n")
    words = ("--base", "old/q.yaml", "--output", "json=old/body.json")
    ran = cli("plan", *NOW, "--local=a.db", *words)
    assert "--output old/body.json: belongs to body_file" in ran.err
    assert Path("old/body.json").read_text() == "{}"


NO_FILES: list[tuple[str, tuple[str, ...], str]] = [
    ("a report", ("plan", "--output", "json=-"), "for stdout, write --format json"),
    ("a saved plan", ("plan", "--save", "-"), "--save -: is no name of a file here; ./- is one"),
    ("an imported file", ("import", "--namespace", "b", "--out", "-"), "--out -: is no name"),
    ("imported secrets", ("import", "--namespace", "b", "--env-out", "-"), "--env-out -: is no"),
    ("one file for two", ("plan", "--output", "html=a.x", "--output", "json=./a.x"), "a.x twice"),
]


@pytest.mark.parametrize(("_id", "words", "fact"), NO_FILES, ids=ids(NO_FILES))
def test_a_name_that_cannot_be_meant_is_wrong_usage(
    _id: str, words: tuple[str, ...], fact: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    ran = cli(*words, *NOW, "--local=a.db")
    assert ran.code == 64, ran
    assert fact in ran.err
    assert [path.name for path in Path().iterdir()] == ["qstash.yaml"]


# Of the system's own, which are not those of a stream


@pytest.mark.parametrize(
    "words", [("--help",), ("-h",), ("--version",), ("plan", "--help"), ("schema", "-h")]
)
def test_a_page_of_help_that_nobody_gets_is_the_same_error(
    words: tuple[str, ...], tmp_path: Path, broken: Callable[[int], dict[str, Any]]
) -> None:
    command = [sys.executable, "-m", "qstash_sync", *words]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    more = {"stderr": subprocess.PIPE, "text": True, **broken(1)}
    ran = subprocess.run(command, env=environ, cwd=tmp_path, check=False, timeout=60, **more)
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == ran.stderr.count("error: stdout ") <= 1


IN_NO_FOLDER = [
    ("init", "--yes", "--out", "NEW"), ("init", "--namespace", "a", "--timezone", "UTC", "--base-url", "https://a.com", "--out", "NEW"),
    ("plan", "-f", "FILE", "--local=DB"), ("plan", "-f", "FILE", "--local"), ("validate", "-f", "FILE"), ("drift", "-f", "FILE", "--local=DB"),
    ("apply", "-f", "FILE", "--local=DB", "--yes"), ("next", "-f", "FILE"), ("import", "--namespace", "a", "--local=DB", "--out", "NEW"),
    ("explain", "s1", "-f", "FILE", "--local=DB"), ("doctor", "-f", "FILE", "--local=DB"), ("--help",),
]  # fmt: skip


@pytest.mark.parametrize("words", IN_NO_FOLDER, ids=" ".join)
@pytest.mark.parametrize("runner", ["true", "false"])
def test_in_a_folder_that_is_gone_what_is_named_whole_is_found(
    words: tuple[str, ...], runner: str, file: Path, tmp_path: Path
) -> None:
    paths = {"FILE": file, "NEW": tmp_path / "new.yaml", "DB": tmp_path / "account.db"}
    for word, path in paths.items():
        words = tuple(given.replace(word, str(path)) for given in words)
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'cd {gone} && rmdir {gone} && exec {sys.executable} -m qstash_sync "$@"'
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "GITHUB_ACTIONS": runner}
    ran = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *words], env=environ, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert ran.returncode == (2 if words[0] == "drift" else 0), ran.stderr


def test_a_fault_of_the_system_is_not_said_to_be_that_of_stdout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("qstash_sync.cli.files.refuse_existing", broken)
    ran = cli("init", "--yes")
    assert (ran.code, "stdout" in ran.err) == (1, False)
    assert "internal error: OSError in test_streams.py" in ran.err


@pytest.mark.parametrize(("term", "moves"), [("xterm", True), ("dumb", False)])
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(
    monkeypatch: pytest.MonkeyPatch, term: str, *, moves: bool
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    found = Terminal()
    monkeypatch.setattr(sys, "stderr", found)
    monkeypatch.setenv("TERM", term)
    with streams.progress(2, "Applying") as bar:
        bar.tell(safe.page("one"))
        bar.advance()
    assert (bar.has_bar, "\x1b" in found.getvalue()) == (moves, moves)


@pytest.mark.parametrize("ask", [streams.confirm, streams.ask])
def test_what_is_said_of_a_question_that_is_broken_off_has_a_line_of_its_own(
    ask: Callable[[str], object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(click.Abort):
        ask("Really?")
    assert capsys.readouterr().err == "\n"


def test_a_no_has_its_line_already(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    with pytest.raises(click.Abort):
        streams.confirm("Really?")
    assert capsys.readouterr().err == ""
