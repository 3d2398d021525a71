"""Many messages of one kind as one line: the fact, how often, and the first places.

warnings, information    of one code
errors                   of one cause, which one mend takes away; each other one, and each
                         difference, is to be looked at by itself

JSON keeps all of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import takewhile

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
        facts = kinds.setdefault(_kind(one), {})
        facts.setdefault((one.message, one.hint), []).append(one)

    found: list[Diagnostic] = []
    for facts in kinds.values():
        whole = [one for group in facts.values() for one in group]
        if whole[0].severity not in _FOLDED:
            found += _of_one_cause(whole)
            continue
        # A finding of lint is one fact about many; of it one line is enough.
        is_lint = whole[0].code in BY_CODE
        if len(whole) <= _MOST and not (is_lint and len(facts) < len(whole)):
            found += whole
        elif len(facts) <= _MOST:
            for group in facts.values():
                found += group if len(group) == 1 else [_once(group, "times")]
        else:
            found.append(_once(whole, "like this"))
    return found


def number(diagnostics: Iterable[Diagnostic]) -> int:
    """How many a page says there are: errors that one mend takes away are one, as they are shown.

    Of warnings it is all: each is about something else.
    """
    found = [*diagnostics]
    errors = [one for one in found if one.severity not in _FOLDED]
    return len(found) - len(errors) + len(folded(errors))


def said(diagnostic: Diagnostic) -> str:
    """The message; a finding of lint with the code by which a file can disable it."""
    code = f" [{diagnostic.code}]" if diagnostic.code in BY_CODE else ""
    return f"{diagnostic.text}{code}"


def _kind(one: Diagnostic) -> tuple[object, ...]:
    """What two diagnostics have in common that may become one."""
    if one.severity in _FOLDED:
        return one.severity, one.code
    if one.cause:
        return one.severity, one.code, one.cause, one.message, one.hint
    return (one,)


def _of_one_cause(group: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Errors that one mend takes away: one, with what their settings are called alike."""
    places = _places(group)
    if not places[1:]:
        return list(group)
    first = replace(group[0], path=_common_end([one.path for one in group]), location=None)
    message = f"in {len(places):,} places, first at {', '.join(places[:_PLACES])}: {first.text}"
    return [replace(first, message=message, path=())]


def _common_end(paths: Sequence[tuple[str | int, ...]]) -> tuple[str | int, ...]:
    """What all paths end with."""
    columns = zip(*map(reversed, paths), strict=False)
    same = takewhile(lambda steps: len(set(steps)) == 1, columns)
    return tuple(steps[0] for steps in same)[::-1]


def _once(group: Sequence[Diagnostic], how: str) -> Diagnostic:
    """One for a group; its words are those of the place that is told first."""
    first = ", ".join(_places(group)[:_PLACES])
    where = f", first at {first}" if first else ""
    example = _in_order(group)[0]
    message = f"{len(group):,} {how}{where}: {example.message}"
    return replace(example, message=message, path=(), location=None)


def _in_order(group: Sequence[Diagnostic]) -> list[Diagnostic]:
    """By their places in the files; what has none stands last."""
    unplaced = Location("", 0, 0)
    return sorted(group, key=lambda one: (not _place(one), one.location or unplaced))


def _places(group: Sequence[Diagnostic]) -> list[str]:
    """Where they are, each once."""
    places = (_place(one) for one in _in_order(group))
    return list(dict.fromkeys(filter(None, places)))


def _place(one: Diagnostic) -> str:
    return str(one.location or ".".join(map(str, one.path)))
