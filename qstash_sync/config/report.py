"""What is wrong with the files, collected while they are read; nothing stops at the first error."""

from qstash_sync.model.diagnostics import Diagnostic, Location

Path = tuple[str | int, ...]


class Report(list[Diagnostic]):
    """The diagnostics so far."""

    def error(
        self, code: str, path: Path, message: str, location: Location | None, hint: str = ""
    ) -> None:
        """Note an error: what kind, about which setting, the fact, where, and the way out."""
        self.append(Diagnostic(code=code, path=path, message=message, location=location, hint=hint))
