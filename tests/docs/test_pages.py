"""Every command of every page is run, in order, and what it prints is what the page says.

QSTASH_SYNC_DOCS=write puts what the commands print today into the pages; then read the diff.
"""

import contextlib
import io
import json
import os
import random
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

import click
import jsonschema
import pytest
import yaml

from qstash_sync.cli import session
from qstash_sync.cli.main import cli as program, run
from qstash_sync.config.schema import json_schema
from tests.docs import pages, scenes
from tests.docs.pages import DOCS, PAGES, ROOT, Block, Command
from tests.fault_server import FaultServer
from tests.support import World

NOW = "2026-11-25T12:00Z"
WRITE = os.environ.get("QSTASH_SYNC_DOCS") == "write"
# The only commands that no test runs here, and why.
NOT_RUN = {
    "make demo": "tests/cli/test_cli.py runs it",
    "make test": "it would run this test",
    "make bench": "ten minutes",
    "make coverage": "the whole suite, traced",
    "make mutants": "the tests of some hundred mutants",
    'make bench BENCH="--small"': "a minute, and another environment",
    "make bench BENCH=\"--only 'plan-*' --seconds\"": "minutes, and another environment",
    "python benchmarks/prove.py": "minutes; tests/crons proves samples of it",
    "python benchmarks/two_years.py": "minutes; tests/applying/test_two_years.py runs it, smaller",
    "QSTASH_SYNC_FULL=1 pytest tests/applying": "minutes",
    "pipx install .": "it would install this clone",
    "npx @upstash/qstash-cli dev": "another program, from a registry",
    "qstash-sync serve --port 8080": "it serves until it is stopped; tests/local runs it",
    "qstash-sync doctor --probe": "it asks name servers; tests/health runs it",
    "qstash-sync doctor --probe=head": "it asks hosts; tests/health runs it",
    "qstash-sync doctor --probe-signature --yes": "it calls handlers; tests/health runs it",
    "terraform state rm upstash_qstash_schedule_v2.nightly": "another program",
}
_SHELL = {"cat", "cp", "grep", "sed"}  # run as they are, in the folder of the page


class Scene:
    """A folder with an account, at a time, in which commands are run."""

    def __init__(self, key: str, folder: Path) -> None:
        folder.mkdir()
        os.chdir(folder)
        self.key = key
        self.now = NOW
        self.environ: dict[str, str] = {}
        self.commands = 0
        setup = scenes.SCENES.get(key, scenes.empty)
        setup(World(now=datetime.fromisoformat(NOW)))

    def note(self, kind: str, words: str) -> None:
        """Time goes by, or somebody is in the console."""
        if kind == "now":
            self.now = words
            return
        what, name, *rest = words.split(" ", 2)
        with FaultServer(Path(scenes.ACCOUNT)) as account:
            if rest == ["delete"]:
                assert account.console.delete(what, name)
            else:
                account.console.edit(what, name, **json.loads(rest[0]))

    def write(self, block: Block) -> None:
        """A file that the page shows, which must be one that can be used."""
        assert block.file
        path = Path(block.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.content)
        if "version: 1" in block.content and not path.name.startswith("wrong"):
            code, printed = self.ours(["validate", "--mock-env", "-f", block.file])
            assert code == 0, printed

    def run(self, command: Command) -> str:
        """What a command prints on a terminal."""
        if command.line.startswith("export "):
            name, _, value = command.line.removeprefix("export ").partition("=")
            self.environ[name] = shlex.split(value)[0]
            return ""
        name, *words = shlex.split(command.line, comments=True)
        if name in _SHELL:
            bare = {"PATH": os.environ["PATH"], "HOME": str(Path.cwd())}
            ran = subprocess.run(
                [name, *words], capture_output=True, text=True, env=bare, check=False
            )
            assert ran.returncode == command.code, ran.stderr
            return ran.stdout + ran.stderr
        assert name == "qstash-sync", f"not a command that is run: {command.line}"
        self.commands += 1
        code, printed = self.ours(words)
        assert code == command.code, f"{command.line}\n{printed}"
        return printed.replace(f" --local={scenes.ACCOUNT}", "")

    def ours(self, words: list[str]) -> tuple[int, str]:
        """Our own command, against the account of the scene, at its time."""
        real = session.Session.open.__func__  # type: ignore[attr-defined] # a class method

        def opened(cls: Any, /, **given: Any) -> Any:
            if "local" in given:
                given["local"] = given["local"] or scenes.ACCOUNT
            if "parallelism" in given:
                given["parallelism"] = 1
            given["now"] = given.get("now") or self.now
            return real(cls, **given)

        bare = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        out = io.StringIO()  # both streams, as a terminal shows them
        with (
            mock.patch.dict(os.environ, {**bare, **self.environ}, clear=True),
            mock.patch.object(session.Session, "open", classmethod(opened)),
            mock.patch("sys.stdin", io.StringIO()),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(out),
        ):
            code = run(words)
        return code, out.getvalue()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ids that are the same on every run; and back to where we were."""
    choice = random.Random(1).choice
    monkeypatch.setattr("qstash_sync.local.schedules.secrets.choice", choice)
    with contextlib.chdir("."):
        yield


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_a_page_shows_what_its_commands_print(page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    told: list[str] = []
    scene = Scene(page.name, tmp_path / "0")
    played = [scene]
    output = ""
    for block in pages.blocks(text):
        if block.kind == "heading":
            key = f"{page.name}#{pages.slug(block.lines[0])}"
            if key in scenes.SCENES:
                scene = Scene(key, tmp_path / str(len(played)))
                played.append(scene)
        elif block.kind == "note":
            scene.note(*pages.note(block))
        elif block.file:
            scene.write(block)
        for command in block.commands:
            if command.line.partition("   #")[0].rstrip() in NOT_RUN:
                continue
            output = scene.run(command)
            assert "secret-4711" not in output and "tok-4711" not in output
            command.output = command.shown(output)
        told += block.written()
        if scene.key in scenes.STORIES and "No differences" in output:
            assert scene.commands <= scenes.STORIES[scene.key]
            scene.key += " (told)"
    keys = {one.key for one in played}
    assert not keys & set(scenes.STORIES), "a story that does not end with an empty drift"
    shown = "\n".join(told) + "\n"
    if WRITE:
        page.write_text(shown)
    assert shown == text


def test_every_scene_is_of_a_page() -> None:
    known = {page.name for page in PAGES} | {
        f"{page.name}#{pages.slug(heading)}"
        for page in PAGES
        for heading in pages.headings(page.read_text())
    }
    assert {*scenes.SCENES, *scenes.STORIES} <= known


def test_what_is_not_run_stands_on_a_page() -> None:
    lines = {
        command.line.partition("   #")[0].rstrip()
        for page in [*PAGES, ROOT / "CONTRIBUTING.md"]
        for block in pages.blocks(page.read_text())
        for command in block.commands
    }
    assert set(NOT_RUN) <= lines


# ---------------------------------------------------------------- what a page may hold


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_a_block_is_of_a_language_that_is_looked_at(page: Path) -> None:
    for block in pages.blocks(page.read_text()):
        assert block.kind in ("heading", "note", "prose", "console", "yaml", "text", "python"), (
            block.lines[0]
        )
        assert block.kind != "text" or "qstash-sync" not in block.content
        assert block.kind != "prose" or not block.lines[0].lstrip().startswith("```"), block.lines


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_a_part_of_a_file_is_right_by_the_schema(page: Path) -> None:
    """A file that is whole is validated by its commands, too."""
    schema = json_schema()
    for block in pages.blocks(page.read_text()):
        part = yaml.load(block.content, _Yaml) if block.kind == "yaml" else None
        if isinstance(part, dict) and block.file != "wrong.yaml":
            jsonschema.validate({"version": 1, **part}, schema)


class _Yaml(yaml.SafeLoader):
    """YAML with the few types that a file has: `on` and 2027-01-31 are texts."""


_Yaml.yaml_implicit_resolvers = {
    first: [(tag, found) for tag, found in resolvers if "timestamp" not in tag]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def commands() -> Mapping[str, click.Command]:
    """Every command, for the options that a page may name."""
    assert isinstance(program, click.Group)
    return program.commands


_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
_OF_OTHERS = {"--help", "--version", "--doit"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_an_option_or_a_command_that_the_text_names_is_there(page: Path) -> None:
    options = {
        option
        for command in commands().values()
        for parameter in command.params
        for option in parameter.opts
    }
    text = pages.prose(page.read_text())
    for span in re.findall(r"`([^`]+)`", text):
        if span.startswith("qstash-sync "):
            assert span.split()[1] in commands(), span
        if "bench" not in span and span not in ("--rounds", "--large-rounds"):
            unknown = set(_OPTION.findall(span)) - options - _OF_OTHERS
            assert not unknown, span


def test_every_link_leads_to_a_page_and_a_heading_of_it() -> None:
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        text = page.read_text()
        links = re.findall(r"\]\(([^)\s]+)\)|\b(?:src|srcset)=\"([^\"]+)\"", pages.prose(text))
        for target in ("".join(both) for both in links):
            if target.startswith("https://"):
                continue
            name, _, anchor = target.partition("#")
            path = (page.parent / name).resolve() if name else page
            assert path.exists(), f"{page.name}: {target}"
            if anchor:
                known = {pages.slug(heading) for heading in pages.headings(path.read_text())}
                assert anchor in known, f"{page.name}: {target}"


def test_every_path_of_the_project_that_is_named_is_there() -> None:
    """In a text, from the root or from the package; and in a command that no test runs."""
    for page in [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "SECURITY.md"]:
        text = page.read_text()
        named = re.findall(r"`((?:[a-z_]+/)+[\w.-]*)`", text)
        named += [word for line in NOT_RUN if line in text for word in line.split() if "/" in word]
        for path in named:
            homes = [ROOT, ROOT / "qstash_sync"]
            if any((home / path.partition("/")[0]).exists() for home in homes):
                assert any((home / path).exists() for home in homes), f"{page.name}: {path}"


def test_the_readme_leads_to_every_page_and_fits_three_screens() -> None:
    text = (ROOT / "README.md").read_text()
    linked = set(re.findall(r"\]\(docs/([\w-]+\.md)\)", text))
    assert linked == {page.name for page in DOCS.glob("*.md")}
    assert len(text.splitlines()) <= 150
    assert max(map(len, text.splitlines())) <= 120
    words = [w for w in re.sub(r"\(.*?\)", "", pages.prose(text)).split() if w.isalpha()]
    assert len(words) <= 500


MOST_LINES = 125
LONG = {"file.md", "lint.md"}  # tables


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: str(page.name))
def test_a_page_asks_one_question_and_is_short(page: Path) -> None:
    text = page.read_text()
    titles = [heading for heading in pages.headings(text) if heading.startswith("# ")]
    assert len(titles) == 1
    assert text.startswith(titles[0])
    assert page.name in LONG or len(text.splitlines()) <= MOST_LINES
    assert not re.search(r"/work\b|/tmp\b|/home/|issue \d|localhost:\d", text)
