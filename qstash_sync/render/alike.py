"""Many messages of one kind as one line: the fact, how often, and the first places.

Of warnings and information alone: each error and each difference is to be looked at by itself. JSON
keeps all of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from qstash_sync.model.diagnostics import Diagnostic, Location, Severity
from qstash_sync.model.lint import BY_CODE

_MOST = 5  # of one kind that are shown each by itself, and of different facts of one kind
_PLACES = 3
_FOLDED = (Severity.WARNING, Severity.INFO)


def folded(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The same in their order, but what is alike stands where the first of it stood.

    Alike is what has one severity, code, fact and way out, whatever it is about; and of more facts
    of one code than a reader wants to know, all.
    """
    kinds: dict[tuple[object, ...], dict[tuple[object, ...], list[Diagnostic]]] = {}
    for one in diagnostics:
        kind = (one.severity, one.code) if one.severity in _FOLDED else (one,)
        facts = kinds.setdefault(kind, {})
        facts.setdefault((one.message, one.hint), []).append(one)

    found: list[Diagnostic] = []
    for facts in kinds.values():
        whole = [one for group in facts.values() for one in group]
        # A finding of lint is one fact about many; of it one line is enough.
        is_lint = whole[0].code in BY_CODE and whole[0].severity in _FOLDED
        if len(whole) <= _MOST and not (is_lint and len(facts) < len(whole)):
            found += whole
        elif len(facts) <= _MOST:
            for group in facts.values():
                found += group if len(group) == 1 else [_once(group, "times")]
        else:
            found.append(_once(whole, "like this"))
    return found


def said(diagnostic: Diagnostic) -> str:
    """The message; a finding of lint with the code by which a file can disable it."""
    code = f" [{diagnostic.code}]" if diagnostic.code in BY_CODE else ""
    return f"{diagnostic.text}{code}"


def _once(group: Sequence[Diagnostic], how: str) -> Diagnostic:
    """One for a group; its words are those of the place that is told first."""
    unplaced = Location("", 0, 0)
    in_order = sorted(group, key=lambda one: (not _place(one), one.location or unplaced))
    places = [place for one in in_order if (place := _place(one))]
    first = ", ".join(list(dict.fromkeys(places))[:_PLACES])
    where = f", first at {first}" if first else ""
    example = in_order[0]
    message = f"{len(group):,} {how}{where}: {example.message}"
    return replace(example, message=message, path=(), location=None)


def _place(one: Diagnostic) -> str:
    return str(one.location or ".".join(map(str, one.path)))
