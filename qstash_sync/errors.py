"""The error tree.

QstashSyncError          exit code
  ConfigError            1    the file: diagnostics with places, all of them at once
    ImportedFileError    1    a file of the account would change it: what it would do
    UnknownNameError     64   what the command line names is not there, or an -e is missing
  CompileError           1    a cron that is not understood, or cannot be proven
  AccountError           1    the account cannot be read or written
    AuthError            1    the token is refused
    WrongRegionError     1    the token belongs to another region
    UnreachableError     1    no answer
    BadResponseError     1    an answer that is not QStash's
      StrayError         1    a schedule was written under another id than ours
    RejectedError        1    QStash says no to one request
  WriteForbiddenError    1    a read-only command tried to write
  SavedPlanError         1    the file of a saved plan is damaged, or of another version
  ClockError             3    our clock and QStash's are too far apart to write
  UsageError             64   the command line makes no sense
  StalePlanError         5    the saved plan no longer holds
  FileError              1    a file cannot be written: a full disk, or a fault of it
  OutputError            1    the result cannot be written to stdout
  StoppedError           1    somebody stopped the run
  InternalError          1    a bug of ours
"""

from typing import Any

from qstash_sync.exit_codes import ExitCode


class QstashSyncError(Exception):
    """Any failure that is shown to the user as one message, never as a traceback."""

    exit_code = ExitCode.ERROR
    code = "error"


class ConfigError(QstashSyncError):
    """The configuration cannot be used; carries every diagnostic of the run."""

    code = "config"

    def __init__(self, diagnostics: tuple[Any, ...]) -> None:
        super().__init__("\n".join(diagnostic.text for diagnostic in diagnostics))
        self.diagnostics = diagnostics


class ImportedFileError(ConfigError):
    """A file that was made of an account would change it; carries what an apply would do."""

    code = "import"


class UnknownNameError(ConfigError):
    """What the command line names is neither in the files nor in the account, or it lacks an -e."""

    exit_code = ExitCode.USAGE


class CompileError(QstashSyncError):
    """A cron that cannot be understood, or a compilation that cannot be proven."""

    code = "cron"


class AccountError(QstashSyncError):
    """The account cannot be read or written."""

    code = "account"


class AuthError(AccountError):
    """QStash refuses the token."""

    code = "auth"


class WrongRegionError(AccountError):
    """The token belongs to another region than the one asked."""

    code = "region"


class UnreachableError(AccountError):
    """No answer came: no connection, or a timeout."""

    code = "unreachable"


class BadResponseError(AccountError):
    """Something answered that is not QStash's management API."""

    code = "response"


class StrayError(BadResponseError):
    """A schedule was written under another id than ours: each further one would be one more.

    sent: False where one was before, so that this one was not even sent.
    """

    code = "stray"

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class RejectedError(AccountError):
    """QStash answered one request with an error; status is its HTTP status."""

    code = "rejected"

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class WriteForbiddenError(QstashSyncError):
    """A command that cannot write was about to; a bug of ours, caught before the request."""

    code = "write_forbidden"


class ClockError(QstashSyncError):
    """Our clock and QStash's are too far apart: what we would write fires at other times."""

    exit_code = ExitCode.REFUSED
    code = "clock"


class UsageError(QstashSyncError):
    """The command line makes no sense; usage: lines that say how it would."""

    exit_code = ExitCode.USAGE
    code = "usage"

    def __init__(self, message: str, *, usage: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.usage = usage


class SavedPlanError(QstashSyncError):
    """The file of a saved plan cannot be used: damaged, or written by another version."""

    code = "saved_plan"


class StalePlanError(QstashSyncError):
    """The saved plan no longer holds; nothing was written. moved: the changes that do not."""

    exit_code = ExitCode.STALE
    code = "stale_plan"

    def __init__(self, message: str, moved: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.moved = moved


class FileError(QstashSyncError):
    """A file cannot be written though its name can be one: the disk is full, or has a fault."""

    code = "file"


class OutputError(QstashSyncError):
    """The result cannot be written to stdout; is_gone: its reader has left, as `| head` does."""

    code = "output"

    def __init__(self, message: str, *, is_gone: bool = False) -> None:
        super().__init__(message)
        self.is_gone = is_gone


class StoppedError(QstashSyncError):
    """Ctrl-C, or a no to a question, before there was a result."""

    code = "stopped"


class InternalError(QstashSyncError):
    """An exception that is no error of ours; told by its type and place, never by its text."""

    code = "internal"
