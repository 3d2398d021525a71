"""What is read: every file that calls itself YAML, and nothing that is no ordinary file."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import HEAD, cli, ids, messages

ROOT = Path(__file__).parents[2]
URL = "https://app.example.com/x"
ONE = HEAD + f"schedules: {{a: {{cron: '0 9 * * *', destination: {URL}}}}}\n"
TWO = f"version: 1\ndefaults: {{timezone: UTC}}\nschedules: {{b: {{cron: '@daily', destination: {URL}}}}}\n"


def socket_at(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(path.parent)  # the path of a socket must be short
        listening.bind(path.name)
        os.chdir(here)


MADE: list[tuple[str, Callable[[Path], object], str]] = [
    ("a link to nothing", lambda p: p.symlink_to("nowhere"), "a symbolic link to nothing"),
    ("a link to itself", lambda p: p.symlink_to(p.name), "Too many levels of symbolic links"),
    ("a directory", lambda p: p.mkdir(), "Is a directory"),
    ("a FIFO", os.mkfifo, "is a pipe, not a regular file"),
    ("a socket", socket_at, "cannot be read: "),
    ("endless zeros", lambda p: p.symlink_to("/dev/zero"), "is a device, not a regular file"),
    ("the environment of the process", lambda p: p.symlink_to("/proc/self/environ"), "it is no ordinary file"),
    ("too much", lambda p: p.write_text("#" * 10_000_001), "is larger than 10,000,000 bytes, the most that is read"),
    ("no UTF-8", lambda p: p.write_bytes(b"a: 1\nb: M\xfcller\n"), "not UTF-8 text"),
    ("UTF-16", lambda p: p.write_bytes("a: 1\n".encode("utf-16")), "not UTF-8 text"),
]  # fmt: skip
NO_TEXT = "not UTF-8 text"  # can be read, so it is the content that is wrong


@pytest.mark.parametrize(("_id", "make", "fact"), MADE, ids=ids(MADE))
@pytest.mark.parametrize("name", ["b.yaml", "b.yml", "B.YAML", ".b.yaml", ".yaml"])
def test_every_entry_of_a_directory_that_calls_itself_yaml_is_read_or_an_error(
    tmp_path: Path, name: str, _id: str, make: Callable[[Path], object], fact: str
) -> None:
    """What is left out in silence would be deleted in the account."""
    (tmp_path / "a.yaml").write_text(ONE)
    make(tmp_path / name)
    ran = cli("plan", "-f", str(tmp_path), f"--local={tmp_path / 'a.db'}")
    assert ran.code == (1 if fact == NO_TEXT else 64), ran
    assert f"{name}:" in ran.err
    assert fact in ran.err
    assert not (tmp_path / "a.db").exists()


@pytest.mark.parametrize(("_id", "make", "fact"), MADE, ids=ids(MADE))
@pytest.mark.parametrize("option", ["-f", "--env-file"])
def test_what_is_no_ordinary_file_is_refused_wherever_a_file_is_named(
    tmp_path: Path, option: str, _id: str, make: Callable[[Path], object], fact: str
) -> None:
    (tmp_path / "a.yaml").write_text(ONE + f"# {'${env.X}'}\n")
    path = tmp_path / "there"
    make(path)
    if option == "-f" and path.is_dir():
        fact = "no *.yaml or *.yml in this directory"
    ran = cli("validate", "-f", str(tmp_path / "a.yaml"), option, str(path))
    assert ran.code == (1 if fact == NO_TEXT and option == "-f" else 64), ran
    assert fact in ran.err
    assert "PATH=" not in ran.text


@pytest.mark.parametrize(("_id", "make", "fact"), MADE[:7], ids=ids(MADE[:7]))
def test_a_body_is_an_ordinary_file(
    tmp_path: Path, _id: str, make: Callable[[Path], object], fact: str
) -> None:
    (tmp_path / "q.yaml").write_text(ONE.replace("'0 9 * * *'", "'0 9 * * *', body_file: body"))
    make(tmp_path / "body")
    ran = cli("plan", "-f", str(tmp_path / "q.yaml"), f"--local={tmp_path / 'a.db'}")
    assert ran.code == 1, ran
    assert "schedules.a.body_file: " in ran.err
    assert "PATH=" not in ran.text
    assert "Traceback" not in ran.text


@pytest.mark.parametrize(
    "name",
    ["/proc/self/environ", "../../etc/passwd", "../out.txt", "link.txt", "folder/out.txt", "a\0b",
     "", ".", "x/../../out.txt"],
)  # fmt: skip
def test_a_body_file_stays_below_the_folder_of_its_file(tmp_path: Path, name: str) -> None:
    """A pull request must not be able to show any file of the machine that plans it."""
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "out.txt").write_text("outside")
    (inside / "link.txt").symlink_to("../out.txt")
    (inside / "folder").symlink_to("..")
    quoted = name.replace("\0", "\\0")
    text = ONE.replace("'0 9 * * *'", f"'0 9 * * *', body_file: \"{quoted}\"")
    (inside / "q.yaml").write_text(text)
    for output_format in ("text", "json"):
        ran = cli(
            "plan", "-f", str(inside), f"--local={tmp_path / 'a.db'}", "--format", output_format
        )
        assert ran.code == 1, ran
        assert "body_file" in ran.text
        assert "outside" not in ran.text.replace("leads out", "")
        assert "root:" not in ran.text


def test_a_body_file_may_be_a_link_that_stays_below_the_folder(tmp_path: Path) -> None:
    """As in a volume of Kubernetes, where every file is a link into a folder with a date."""
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "body.txt").write_text("inside")
    (tmp_path / "body.txt").symlink_to("..2026/body.txt")
    (tmp_path / "q.yaml").write_text(ONE.replace("'0 9 * * *'", "'0 9 * * *', body_file: body.txt"))
    ran = cli("plan", "-f", str(tmp_path), f"--local={tmp_path / 'a.db'}")
    assert (ran.code, "inside" in ran.out) == (0, True), ran


def test_the_default_is_not_another_file_when_the_first_is_a_broken_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "qstash").mkdir()
    (tmp_path / "qstash" / "a.yaml").write_text(ONE)
    assert cli("validate").code == 0
    (tmp_path / "qstash.yaml").symlink_to("nowhere")
    ran = cli("validate")
    assert (ran.code, "qstash.yaml and qstash/ are both here" in ran.err) == (64, True), ran


def test_who_has_named_no_file_is_told_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("qstash.yaml").symlink_to("nowhere")
    told = "error: qstash.yaml: a symbolic link to nothing; name another with -f\n"
    assert cli("validate").err == told
    assert cli("validate", "-f", "qstash.yaml").err == told.replace("; name another with -f", "")


def test_bytes_that_are_no_text_are_told_where_they_are_beside_what_else_is_wrong(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.yaml").write_bytes("version: 1\nx: \u00e4".encode() + b"\xff\n")
    (tmp_path / "b.yaml").write_text("version: 1\nnamespace: b\nqueue: {}\n")
    for command in ("validate", "plan", "compile", "drift"):
        local = (f"--local={tmp_path / 'a.db'}",) if command in ("plan", "drift") else ()
        ran = cli(command, "-f", str(tmp_path), *local)
        assert "a.yaml:2:5: error: not UTF-8 text" in " ".join(ran.err.split()), ran
        assert "save it as UTF-8" in ran.err
        assert "queue: unknown key" in ran.err
        assert ran.code == 1


@pytest.mark.parametrize("name", ["a.yaml", "-"])
def test_a_mark_of_order_moves_no_place(name: str, tmp_path: Path) -> None:
    """The mark is no character of the first line."""
    text = "\ufeffä: 1\nä: €".encode() + b"\xff\n"
    for data, place in ((text, ":2:5: "), (b"\xef\xbb\xbf\xc3\xa4\xff", ":1:2: ")):
        (tmp_path / "a.yaml").write_bytes(data)
        path = name if name == "-" else str(tmp_path / name)
        ran = cli("validate", "-f", path, stdin=data)
        assert (ran.code, f"{place}error: not UTF-8 text" in ran.err) == (1, True), ran


def test_all_suffixes_of_a_directory_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.YAML").write_text(ONE)
    (tmp_path / "b.Yml").write_text(TWO)
    (tmp_path / "c.yaml~").write_text("no YAML: [")
    assert "Valid: 2 files." in cli("validate", "-f", str(tmp_path)).out


def test_standard_input_is_utf_8_whatever_the_locale_says(tmp_path: Path) -> None:
    text = ONE.replace("'0 9 * * *'", "'0 9 * * *', body: Müller 😀")
    local = f"--local={tmp_path / 'a.db'}"
    assert "Müller 😀" in cli("plan", "-f", "-", local, stdin=text).out
    assert "Müller 😀" in cli("plan", "-f", "-", local, stdin="\ufeff" + text).out
    ran = cli("plan", "-f", "-", local, stdin=text.encode("utf-16"))
    assert (ran.code, ran.err.splitlines()[0]) == (1, "<stdin>:1:1: error: not UTF-8 text")
    ran = cli("plan", "-f", "-", local, stdin="#" * 10_000_001)
    assert (ran.code, "is larger than" in ran.err) == (64, True)
    assert "; split it into the files of a folder" in ran.err


@pytest.mark.parametrize("given", [["-f", "qstash.yaml"], ["-f", "."], []], ids=" ".join)
def test_a_file_of_schedules_that_is_too_large_is_to_be_split_and_no_other(
    tmp_path: Path, given: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "qstash.yaml").write_text("#" * 10_000_001)
    ran = cli("validate", *given)
    assert (ran.code, "the most that is read; split it into the files of a folder" in ran.err) == (
        64,
        True,
    )
    (tmp_path / "one.yaml").write_text(ONE)
    ran = cli("validate", "-f", "one.yaml", "--env-file", "qstash.yaml")
    assert (ran.code, "split" in ran.err) == (64, False), ran


def test_a_closed_standard_input_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ONE)
    tool = f"'{sys.executable}' -m qstash_sync"
    for words, code, told in (
        ("validate -f - <&-", 64, "error: -f -: stdin is closed; give it the file, or name one"),
        ("init --yes --from - <&-", 64, "error: --from -: stdin is closed; give it the file"),
        (f"apply -f {tmp_path}/a.yaml --local={tmp_path}/a.db <&-", 0, "Applied"),
        (f"pause '*' -f {tmp_path}/a.yaml --local={tmp_path}/a.db <&-", 0, "Paused"),
        (f"destroy -f {tmp_path}/a.yaml --local={tmp_path}/a.db <&-", 64, "--yes"),
    ):
        ran = subprocess.run(
            f"{tool} {words}", shell=True, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert ran.returncode == code, (words, ran)
        assert told in ran.stdout + ran.stderr
        assert "Traceback" not in ran.stderr


def test_a_file_that_is_not_there_is_told_with_the_way_out(tmp_path: Path) -> None:
    for name in ("nope.yaml", "a\0b"):
        ran = cli("plan", "-f", str(tmp_path / name))
        assert ran.code == 64
        assert "name it" not in ran.err
    assert "body_file: nope.bin: no such file" in messages(
        ONE.replace("'0 9 * * *'", "'0 9 * * *', body_file: nope.bin")
    )[0]  # fmt: skip


def test_a_file_beside_a_folder_needs_f(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the one that is not read declares would be missing, and be deleted."""
    monkeypatch.chdir(tmp_path)
    local = f"--local={tmp_path / 'a.db'}"
    Path("qstash").mkdir()
    Path("qstash.yaml").write_text(ONE)
    Path("qstash/README.md").write_text("nothing of ours")
    assert cli("apply", local).code == 0
    Path("qstash/b.yml").write_text(TWO)
    for words in (["plan", local], ["apply", local], ["drift", local], ["validate"], ["next"]):
        ran = cli(*words)
        assert ran.code == 64
        assert "qstash.yaml and qstash/ are both here" in ran.err
        assert "-f qstash.yaml" in ran.err
    assert cli("validate", "-f", "qstash.yaml").code == 0
    assert cli("plan", "-f", "qstash.yaml", "-f", "qstash", local).code == 0
