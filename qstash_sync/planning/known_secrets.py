"""Secrets that this run knows, masked wherever else they stand: a console's hand can copy them.

A live value is shown where the file has plain text at the same path; nothing says that it is not a
secret which the file has at another path.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from qstash_sync.model.change import Change, FieldChange
from qstash_sync.model.diagnostics import Diagnostic, Fixed, Location
from qstash_sync.model.resources import MASK
from qstash_sync.record import record

_LEAST = 4  # characters: fewer are masked only where they are the whole value


class KnownSecrets:
    """Masks them in what a plan shows."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {secret for secret in secrets if secret}
        spelt = {form for secret in known for form in (secret, quote(secret, safe=""))}
        long = sorted((form for form in spelt if len(form) >= _LEAST), key=len, reverse=True)
        self._short = known - set(long)
        self._long = re.compile("|".join(map(re.escape, long))) if long else None

    def __call__(self, value: Any) -> Any:
        """A value as it may be shown."""
        if isinstance(value, Fixed):
            return value
        if isinstance(value, str):
            if value in self._short:
                return MASK
            return self._long.sub(MASK, value) if self._long else value
        if isinstance(value, list | tuple):
            return type(value)(map(self, value))
        if isinstance(value, dict):
            return {self(key): self(item) for key, item in value.items()}
        return value

    def in_change(self, change: Change) -> Change:
        """A change as it may be shown; what it does stays as it is."""
        return replace(
            change,
            fields=tuple(map(self._in_field, change.fields)),
            refused=self(change.refused),
        )

    def in_diagnostic(self, diagnostic: Diagnostic) -> Diagnostic:
        """A diagnostic as it may be shown."""
        at = diagnostic.location
        return replace(
            diagnostic,
            message=self(diagnostic.message),
            hint=self(diagnostic.hint),
            location=replace(at, quoted=_Masked(self, at)) if at else None,
        )

    def _in_field(self, field: FieldChange) -> FieldChange:
        before, after = self(field.before), self(field.after)
        if (before, after) == (field.before, field.after):
            return field
        return replace(field, before=before, after=after)


@record()
class _Masked:
    """The line of a location, masked when it is asked for: most are never shown."""

    known: KnownSecrets
    at: Location

    def shown(self, _: int) -> str:
        return str(self.known(self.at.text))
