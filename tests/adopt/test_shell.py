"""The words of a command, against those that a real shell hands to a program."""

import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from qstash_sync.adopt import shell
from qstash_sync.adopt.shell import VARIABLE

SEED = 20261126
COUNT = 1_500
VALUES = {"A": "one", "B": "two words", "EMPTY": "", "S": "a*b$x"}
PIECES = [
    "curl", "-X", "POST", " ", " ", " ", "'", '"', "\\", "$A", "${B}", "$EMPTY", '"$S"', '"${B}"', "$", "~",
    "https://a.acme.com/x", "{a,b}", "{x}", "#", " # x", ">/dev/null", "2>&1", ">> /dev/null", "1", "</dev/null",
    ";", "&", "|", "||", " || true", "&>/dev/null", "(", "`", "$(", "=", "'$A'", '"a\\"b\\$A"', "é", "\t", "\\ ", "*",
]  # fmt: skip

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")


def stub(folder: Path) -> dict[str, str]:
    """A `curl` that writes down its words, each behind a character 0."""
    program = folder / "curl"
    program.write_text(f'#!/bin/sh\nprintf "%s\\0" "$0" "$@" >> "{folder}/argv"\n')
    program.chmod(0o755)
    return {**VALUES, "PATH": str(folder), "LC_ALL": "C.UTF-8"}


def commands() -> list[str]:
    rng = random.Random(SEED)
    return ["curl " + "".join(rng.choices(PIECES, k=rng.randrange(1, 9))) for _ in range(COUNT)]


def test_what_is_read_is_what_a_shell_hands_over(tmp_path: Path) -> None:
    sh = shutil.which("sh")
    assert sh
    environ = stub(tmp_path)
    read = 0
    for text in commands():
        try:
            found = shell.command(text)
        except shell.ShellError:
            continue
        argv = tmp_path / "argv"
        argv.unlink(missing_ok=True)
        folder = tmp_path / "empty"
        folder.mkdir(exist_ok=True)
        ran = subprocess.run(
            [sh, "-c", text], env=environ, cwd=folder, capture_output=True, check=False, timeout=20
        )
        if not argv.exists():
            # What stands behind the command may be no shell at all: then nothing runs.
            assert found.words[0] != "curl" or re.search(
                b"yntax error|annot create|irectory", ran.stderr
            ), f"seed {SEED}: {text!r}"
            continue
        sent = argv.read_text().split("\0")[:-1]
        stars = [name for word in found.words for star, name in VARIABLE.findall(word) if star]
        if any(VALUES.get(name, "") != "one" for name in stars):
            continue  # without quotes the shell splits these; the reader tells it by the star
        expected = [VARIABLE.sub(lambda at: VALUES.get(at[2], ""), word) for word in found.words]
        assert [Path(sent[0]).name, *sent[1:]] == expected, f"seed {SEED}: {text!r}"
        read += 1
    assert read > 60, read
