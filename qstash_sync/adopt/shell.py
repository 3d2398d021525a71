"""One simple command of a shell as its words, which say apart what is text and what a variable.

What only a shell can do (lists, substitutions, braces, `~`) is refused: nothing of it is guessed.
What becomes of the output and of a failure says nothing of the command itself.
Source: POSIX, "Shell Command Language", 2.2 (quoting), 2.3 and 2.7 (redirection).
"""

import re

from qstash_sync.record import record

# In a word; no argument of a program can hold the character 0. A star: it was not quoted, and the
# shell makes several words of a value with spaces.
VARIABLE = re.compile("\0([*]?)(\\w+)\0")

_NAMED = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_EXPANDS = re.compile(r"\$[\w({@*#?!$-]")
_ENDS = frozenset("&|;()<`\n\r\0")
_BRACES = re.compile(r"\{[^\s{}]*(?:,|\.\.)[^\s{}]*\}")  # bash makes several words of it
_OUTPUT = re.compile(r"(?:>>?[|&]?|&>>?)[ \t]*")
_NOTHING = re.compile(r"<[ \t]*/dev/null(?=[\s;&|>]|$)")
_AFTER = re.compile(r"\|[|&]?")


class ShellError(ValueError):
    """What is no simple command; its text is for people."""


@record()
class Command:
    """The words of a command; then: what stands behind it takes its output, or its failure."""

    words: tuple[str, ...]
    then: str = ""


def command(text: str) -> Command:
    """The one command of a line; raises `ShellError`."""
    return _Reader(text).command()


class _Reader:
    """Reads a command from left to right."""

    def __init__(self, text: str) -> None:
        self._rest = text
        self._word: str | None = None  # None: between words
        self._is_bare = True  # nothing of the word was quoted
        self._is_output = False  # the next word is where output goes
        self._found: list[str] = []
        self._then = ""

    def command(self) -> Command:
        while self._rest:
            self._step()
        self._end()
        if self._is_output:
            raise ShellError("its output goes nowhere")
        return Command(tuple(self._found), self._then)

    def _step(self) -> None:
        first, two = self._rest[0], self._rest[:2]
        if first in " \t":
            self._end()
            self._rest = self._rest[1:]
        elif first == "#" and self._word is None:
            self._rest = ""
        elif first == ">" or two == "&>":
            self._redirect()
        elif nothing := _NOTHING.match(self._rest):
            self._end()
            self._rest = self._rest[nothing.end() :]
        elif first in _ENDS:
            self._stop()
        else:
            self._text()

    def _text(self) -> None:
        """A character, a quoted text or a variable of a word."""
        first, two = self._rest[0], self._rest[:2]
        if first == "'":
            text, quote, self._rest = self._rest[1:].partition("'")
            self._quoted(text, quote)
        elif first == '"':
            self._rest = self._rest[1:]
            self._quoted(*self._double())
        elif first == "\\":
            if not self._rest[1:]:
                raise ShellError("a backslash ends it")
            self._add(self._rest[1])
            self._is_bare, self._rest = False, self._rest[2:]
        elif two in ("$'", '$"') or (first == "~" and self._word is None):
            raise ShellError("it has more of the shell than a variable")
        elif first == "{" and _BRACES.match(self._rest):
            raise ShellError("its braces may be several words")
        else:
            self._add(self._taken("*"))

    def _redirect(self) -> None:
        """Where output goes says nothing of the request; the digit before is a stream's."""
        if self._is_bare and (self._word or "").isdigit():
            self._word = None
        self._end()
        both = self._rest[0] == "&"
        self._rest = _OUTPUT.sub("", self._rest, count=1)
        if both and len(self._rest.split()) > 1:  # to a plain sh it is `&`, and another command
            raise ShellError("it is more than one command")
        self._is_output = True

    def _stop(self) -> None:
        """The end of the command: nothing, what takes its output, or what comes if it fails."""
        after = _AFTER.match(self._rest)
        rest = self._rest[after.end() if after else 1 :]
        is_end = self._rest[0] in ";&" and not rest.strip()
        if not is_end and (not after or re.search(r"\b(?:curl|wget)\b", rest) or "\0" in rest):
            raise ShellError("it is more than one command")
        self._then = after[0] if after else ""
        self._rest = ""

    def _double(self) -> tuple[str, str]:
        """The text of double quotes, and the quote at its end."""
        text = ""
        while self._rest and self._rest[0] != '"':
            if self._rest[0] == "\\" and self._rest[1:2] in ('"', "\\", "$", "`"):
                text, self._rest = text + self._rest[1], self._rest[2:]
            else:
                text += self._taken("")
        quote, self._rest = self._rest[:1], self._rest[1:]
        return text, quote

    def _taken(self, star: str) -> str:
        """The next character, or a variable; another expansion is refused."""
        if named := _NAMED.match(self._rest):
            self._rest = self._rest[named.end() :]
            return f"\0{star}{named[1] or named[2]}\0"
        if self._rest[0] in "`\0" or _EXPANDS.match(self._rest):
            raise ShellError("it has more of the shell than a variable")
        taken, self._rest = self._rest[0], self._rest[1:]
        return taken

    def _quoted(self, text: str, quote: str) -> None:
        if not quote:
            raise ShellError("its quotes do not match")
        if "\0" in VARIABLE.sub("", text):
            raise ShellError("it has a character that no command can have")
        self._add(text)
        self._is_bare = False

    def _add(self, text: str) -> None:
        self._word = (self._word or "") + text

    def _end(self) -> None:
        if self._word is not None and not self._is_output:
            self._found.append(self._word)
        if self._word is not None:
            self._is_output = False
        self._word, self._is_bare = None, True
