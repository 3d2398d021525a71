"""What is wrong with the files, collected while they are read; nothing stops at the first error."""

from qstash_sync.model.diagnostics import Diagnostic, Location, Severity
from qstash_sync.model.presentable import presentable

Path = tuple[str | int, ...]
MAX_HINTED = 300  # errors of one run whose near misses are searched for


class Report(list[Diagnostic]):
    """The diagnostics so far; what is the same to the last word as the one before is noted once."""

    _last: tuple[object, ...] = ()

    @property
    def is_long(self) -> bool:
        """Whether there are so many that nobody reads the hints of the next one."""
        return len(self) > MAX_HINTED

    def error(
        self,
        code: str,
        path: Path,
        message: str,
        location: Location | None,
        hint: str = "",
        *,
        cause: str = "",
    ) -> None:
        """Note an error: what kind, about which setting, the fact, where, and the way out.

        cause: what is mended once for all places that have it.
        """
        self._note(Severity.ERROR, code, path, message, location, hint, cause)

    def warning(
        self, code: str, path: Path, message: str, location: Location | None, hint: str = ""
    ) -> None:
        """Note a warning, likewise."""
        self._note(Severity.WARNING, code, path, message, location, hint)

    def _note(
        self,
        severity: Severity,
        code: str,
        path: Path,
        message: str,
        location: Location | None,
        hint: str,
        cause: str = "",
    ) -> None:
        told = (severity, code, path, message, location, hint)
        if told == self._last:
            return
        self._last = told
        found = Diagnostic(
            severity=severity,
            code=code,
            path=tuple(presentable(step) if isinstance(step, str) else step for step in path),
            message=presentable(message),
            location=location,
            hint=presentable(hint),
            cause=cause,
        )
        self.append(found)
