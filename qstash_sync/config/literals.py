"""Secrets that stand in a file in clear: found, told, and never shown again."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from qstash_sync.model import secret_shapes
from qstash_sync.model.diagnostics import Diagnostic, Location
from qstash_sync.model.secret_shapes import Where, is_called

IN_CLEAR = "literal_secret"
REFERENCE = "interpolation"  # a code: `${…}` that is none, or leads nowhere
_WORD = r"[^\s'\"`{}\[\],:]{4,}"  # that may be part of a value

# A value that a variable is part of, as in `Bearer ${env.TOKEN}`, is none in clear.
_MEMBER = (
    r"(?i)(?<![\w.-])([\w.-]+)[\"']?\s*[:=]\s*[\"']?(?=[^\s\"'$,}\]&|>])"
    r"(?!(?:(?:bearer|basic|token) )?[^\s\"',}\]$]{0,100}\$\{)"
)
# What stands for a value, and shows none of it: a reference without a default.
_REFERENCE = r"(?<!\$)\$\{\s*(?:env\.\w+|var\.[\w-]+)(?:\|plain)?\s*\}"
_SOME = "${}"  # in its place, where shapes are looked for
_REST = re.compile(r"[#\\][^\s\"'<>]*")


def _shows_secret(line: str) -> bool:
    """Whether a secret stands in a line of a file, as far as its words tell: it may be no YAML."""
    bare = re.sub(_REFERENCE, _SOME, line)  # a reference may have spaces, where an address ends
    paths = [_whole(bare, *span) for span in secret_shapes.webhooks(bare)]
    if secret_shapes.kind_in(line) or any(map(is_in_clear, paths)):
        return True
    for name, span in secret_shapes.in_addresses(bare):
        if is_called(name, Where.PARAMETER) and is_in_clear(_whole(bare, *span)):
            return True
    if secret_shapes.has_login(line):
        return True
    return any(is_called(found[1]) for found in re.finditer(_MEMBER, line))


def _whole(line: str, start: int, end: int) -> str:
    """A part of an address with what a file may have in it: a fragment, and escapes."""
    rest = _REST.match(line, end)
    return line[start : rest.end() if rest else end]


def is_in_clear(text: str) -> bool:
    """Whether anything is left of a text beside what stands for a value."""
    return re.search(r"\w", re.sub(_REFERENCE, "", text)) is not None


def told_once(diagnostics: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Of a secret that several rules find, what the first of them says."""
    seen = set()
    for diagnostic in diagnostics:
        if diagnostic.code == IN_CLEAR and diagnostic.location:
            place = diagnostic.path, _line(diagnostic), diagnostic.location.column
            if place in seen:
                continue
            seen.add(place)
        yield diagnostic


def without_secrets(
    diagnostics: Sequence[Diagnostic], redacted: Callable[[Location], bool]
) -> Iterator[Diagnostic]:
    """The diagnostics, none with a line that is redacted, or where a secret stands in clear."""
    texts = {(_line(d), d.location.text) for d in diagnostics if d.location}
    # Where one quote is left out, the others may be masked, but for what is beside the mask.
    lines = {line for line, text in texts if not text or _shows_secret(text)}
    lines |= {_line(d) for d in diagnostics if d.code == IN_CLEAR}
    for one in diagnostics:
        is_redacted = one.location is not None and redacted(one.location)
        told = one
        if is_redacted and one.code == REFERENCE:  # which it quotes, and perhaps what it is not
            told = replace(one, message="a reference is not understood", hint="")
        if one.location and (_line(one) in lines or is_redacted):
            told = replace(told, location=replace(one.location, quoted=""))
        yield told


def without_words_of(line: str, diagnostic: Diagnostic) -> Diagnostic:
    """A diagnostic that repeats nothing of a redacted line: what no YAML is may be quoted in it."""
    message, hint = (
        "" if _have_words_in_common(line, text) else text
        for text in (diagnostic.message, diagnostic.hint)
    )
    return replace(diagnostic, message=message or "is not understood as it stands", hint=hint)


def _have_words_in_common(line: str, text: str) -> bool:
    """Either may have more around a word: `!<word>` in a line is `word` in a text."""
    return any(word in text for word in re.findall(_WORD, line)) or any(
        word in line for word in re.findall(_WORD, text)
    )


def _line(diagnostic: Diagnostic) -> tuple[str, int] | None:
    location = diagnostic.location
    return (location.file, location.line) if location else None
