"""The pages as the tests read them: blocks, the commands in them, and what happens in between.

    ```console          each line that starts with `$ ` is run, in order; what follows is its output
    ```yaml             a file, where the first line is `# NAME`; else a part of a file
    ```text             a drawing, or a line that cannot be run alone
    <!-- now: … -->     the time from here on
    <!-- console: … --> somebody's hand: `schedule billing.daily {"cron": "0 6 * * *"}`

A command whose exit code is not 0 says so behind a #: `$ qstash-sync drift   # exit code 2`. An output may
leave out its middle: the lines before and after `  ...` are compared.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
LEFT_OUT = "  ..."
_FENCE = re.compile(r"^```(\w*)$")
_NOTE = re.compile(r"^<!-- (now|console): (.+) -->$")
_FILE = re.compile(r"^# ([\w./-]+\.ya?ml)\b")
_EXIT = re.compile(r"# exit code (\d+)$")


@dataclass(slots=True)
class Command:
    """A command and its output as the page has it."""

    line: str
    output: list[str] = field(default_factory=list)

    @property
    def code(self) -> int:
        """The exit code that the page tells."""
        found = _EXIT.search(self.line)
        return int(found[1]) if found else 0

    def shown(self, printed: str) -> list[str]:
        """What is printed, with its middle left out where the page leaves it out."""
        lines = printed.splitlines()
        if LEFT_OUT not in self.output:
            return lines
        head = self.output.index(LEFT_OUT)
        tail = len(self.output) - head - 1
        assert len(lines) > head + tail, f"nothing to leave out: {self.line}"
        return [*lines[:head], LEFT_OUT, *lines[len(lines) - tail :]]


@dataclass(slots=True)
class Block:
    """A stretch of a page: a heading, a note to the test, a fenced block or a line of text."""

    kind: str  # heading, note, text of the page, or the language of a fenced block
    lines: list[str]
    commands: list[Command] = field(default_factory=list)

    @property
    def file(self) -> str | None:
        """The name of the file that a block of YAML is."""
        found = _FILE.match(self.lines[1]) if self.kind == "yaml" else None
        return found[1] if found else None

    @property
    def content(self) -> str:
        """What stands between the fences."""
        return "\n".join(self.lines[1:-1]) + "\n"

    def written(self) -> list[str]:
        """The lines of the page, with the outputs that the commands have now."""
        if self.kind != "console":
            return self.lines
        told = [line for one in self.commands for line in (f"$ {one.line}", *one.output)]
        return ["```console", *told, "```"]


def blocks(text: str) -> Iterator[Block]:
    """A page, block by block; nothing of it is lost."""
    lines = iter(text.splitlines())
    for line in lines:
        fence = _FENCE.match(line)
        if fence:
            inner = []
            for more in lines:
                inner.append(more)
                if more == "```":
                    break
            block = Block(kind=fence[1], lines=[line, *inner])
            if block.kind == "console":
                block.commands = _commands(inner[:-1])
            yield block
        elif _NOTE.match(line):
            yield Block(kind="note", lines=[line])
        else:
            yield Block(kind="heading" if line.startswith("#") else "prose", lines=[line])


def _commands(lines: list[str]) -> list[Command]:
    found: list[Command] = []
    for line in lines:
        if line.startswith("$ "):
            found.append(Command(line=line.removeprefix("$ ")))
        else:
            assert found, f"an output without a command: {line}"
            found[-1].output.append(line)
    return found


def note(block: Block) -> tuple[str, str]:
    """What a note tells the test: its kind and its words."""
    found = _NOTE.match(block.lines[0])
    assert found
    return found[1], found[2]


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    text = re.sub(r"[`*]|\[|\]\([^)]*\)", "", heading.lstrip("# ")).lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def headings(text: str) -> list[str]:
    """The headings of a page, as they are written."""
    return [block.lines[0] for block in blocks(text) if block.kind == "heading"]


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    kept = (block for block in blocks(text) if block.kind in ("prose", "heading"))
    return "\n".join(block.lines[0] for block in kept)
