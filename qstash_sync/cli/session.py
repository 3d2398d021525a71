"""What a command works with: its options turned into a config, a client and a page writer."""

import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from qstash_sync.cli import files, streams
from qstash_sync.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from qstash_sync.config.account import Endpoint
    from qstash_sync.config.load import Config, Files
    from qstash_sync.config.missing import Missing
    from qstash_sync.model.diagnostics import Diagnostic, Severity
    from qstash_sync.model.resources import Desired, Schedule
    from qstash_sync.planning.policy import Policy
    from qstash_sync.qstash.client import Client
    from qstash_sync.render.text import Paint


_NARROWEST = 20  # columns


@dataclass(eq=False, repr=False, kw_only=True)
class Session:
    """One run of a command."""

    paths: Sequence[str]
    environment: str | None
    variables: Sequence[str]
    env_file: str | None
    output_format: str
    color: str
    outputs: tuple[tuple[str, str], ...] = ()  # format and path of each `--output`
    local: str | None = None
    now: str | None = None
    parallelism: int = 8
    unknown_env: bool = False
    mock_env: bool = False
    without_secrets: str = ""  # the option of the command
    max_wait: int = 300  # seconds
    target: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    only: str | None = None
    strays: bool = False
    base_ref: str | None = None
    base_paths: tuple[str, ...] = ()
    adopt: tuple[str, ...] = ()
    delete_orphan: tuple[str, ...] = ()
    allow_deletes: int | None = None
    allow_protected: tuple[str, ...] = ()
    allow_in_use: tuple[str, ...] = ()
    drop_backlog: tuple[str, ...] = ()
    delete_after_failure: bool = False
    fail_on: str = "error"
    requests: tuple[int, int] = (0, 0)
    secrets: tuple[str, ...] | None = field(default=None, repr=False)  # None: no config says it yet
    whereabouts: str = "the account"
    endpoint: "Endpoint | None" = None  # None: a local server, or not asked yet
    saves_to: str | None = None  # the file of a plan that is saved
    bodies: tuple[str, ...] = ()  # the files that `body_file` names, where a report is written
    taken: "Policy | None" = (
        None  # from a saved plan, or of a destroy, in place of the command line's
    )
    clock: "Clock | None" = None  # of a local server with --now
    # What the run made last, until the process ends: to take 10,000 schedules apart takes a while.
    made: object = None
    current: ClassVar["Session | None"] = None

    @classmethod
    def open(cls, **given: Any) -> Self:
        """The session of this run, remembered for the way an error is shown."""
        session = cls(**given)
        Session.current = session
        _ = session.instant  # what it cannot be is said before anything is read
        for _, path in session.outputs:
            files.refuse_report(path, "--output", session.kept())
        return session

    def kept(self) -> Iterator[tuple[str, str]]:
        """The files that no report may overwrite, as far as they are known yet: see `files`."""
        from qstash_sync.config.sources import DEFAULTS

        named = (
            ("-f", self.paths or DEFAULTS),
            ("--base", self.base_paths),
            ("--env-file", [self.env_file or ""]),
            ("--save", [self.saves_to or ""]),
        )
        for option, paths in named:
            yield from ((path, f"{option} {path}") for path in paths if path not in ("", "-"))
        for part in ("", "-journal", "-wal", "-shm") if self.local else ():  # as SQLite has it
            yield f"{self.local}{part}", f"--local={self.local}"
        yield from ((path, "body_file") for path in self.bodies)

    # Time and surroundings

    @property
    def instant(self) -> datetime:
        """The present, or what `--now` says it is."""
        if self.now is None:
            return datetime.now(UTC)
        from qstash_sync.crons.zones import YEARS

        try:
            found = datetime.fromisoformat(self.now)
        except ValueError:
            raise UsageError(f"--now {self.now}: write it like 2027-03-14T09:00Z") from None
        if found.year not in YEARS:
            fact = f"the years {YEARS[0]} to {YEARS[-1]} can be planned"
            raise UsageError(f"--now {self.now}: {fact}")
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    @property
    def account(self) -> str:
        """Which account it is, and what said so, for a page that is kept; empty: a local one."""
        return str(self.endpoint or "")

    @property
    def options(self) -> tuple[str, ...]:
        """What a command needs to be about the same files, environment and account."""
        return (*self.of_files, *((f"--local={self.local}",) if self.local else ()))

    @property
    def of_files(self) -> tuple[str, ...]:
        """Those of them that are about files and environment: what `validate` takes."""
        named = [("-f", path) for path in self.paths]
        named += [("--var", self._as_shown(item)) for item in self.variables]
        named += [("-e", self.environment)] if self.environment else []
        named += [("--env-file", self.env_file)] if self.env_file else []
        return tuple(word for option in named for word in option)

    def _as_shown(self, variable: str) -> str:
        """A `--var` as a hint may have it: only a config tells which value is a secret."""
        from qstash_sync.planning.known_secrets import KnownSecrets

        name, _, value = variable.partition("=")
        shown = "…" if self.secrets is None else KnownSecrets(self.secrets)(value)
        return f"{name}={shown}"

    @property
    def policy(self) -> "Policy":
        """Scope, consent and overrides of this run."""
        from qstash_sync.model.change import Reason
        from qstash_sync.planning.policy import Policy

        return self.taken or Policy(
            target=self.target,
            exclude=self.exclude,
            ignore=self.ignore,
            only=Reason(self.only) if self.only else None,
            strays=self.strays,
            adopt=self.adopt,
            delete_orphan=self.delete_orphan,
            allow_deletes=self.allow_deletes,
            allow_protected=self.allow_protected,
            allow_in_use=self.allow_in_use,
            drop_backlog=self.drop_backlog,
            delete_after_failure=self.delete_after_failure,
            fail_on=self.failing,
        )

    @property
    def failing(self) -> "Severity | None":
        """From which severity on lint's findings fail the run; None: none does."""
        from qstash_sync.model.diagnostics import Severity

        return None if self.fail_on == "none" else Severity(self.fail_on)

    def environ(self) -> dict[str, str]:
        """The process environment, and what `--env-file` adds to it."""
        if not self.env_file:
            return dict(os.environ)
        from qstash_sync.config.env_file import surroundings

        found = surroundings(self.env_file, os.environ)
        streams.hide(found)
        return found

    def given(self) -> dict[str, str]:
        """The `--var` options."""
        result: dict[str, str] = {}
        for item in self.variables:
            name, equals, value = item.partition("=")
            if not equals or not name:
                raise UsageError("--var: write NAME=VALUE")  # it may be a value without a name
            result[name] = value
        return result

    # Configuration

    def sources(self) -> "Files":
        """The parsed files; raises `UsageError` where `--var` does not fit them."""
        from qstash_sync.config import given
        from qstash_sync.config.load import Files, gather

        found = Files(gather(self.paths, sys.stdin), one_account=self.local is not None)
        self.keep_bodies(found)
        if self.variables:
            given.check(found, self.given())
        return found

    def keep_bodies(self, files: "Files") -> None:
        """Remember the files of bodies; not the trees themselves, which take much memory."""
        if not (self.outputs or self.saves_to):
            return
        try:
            variables, environ = self.given(), self.environ()
        except UsageError:  # which is told in its turn, in a report, too
            variables, environ = {}, dict(os.environ)
        self.bodies += tuple(files.bodies(variables, environ))

    def config(
        self,
        files: "Files | None" = None,
        environment: str | None = None,
        missing: "Missing | None" = None,
    ) -> "Config":
        """One environment's config; raises `ConfigError` with all diagnostics.

        missing: what becomes of variables that are not set, where the options do not say it.
        """
        files = files or self.sources()
        missing = missing or self._missing()
        wanted = environment or self.environment
        try:
            config = files.config(wanted, self.given(), self.environ(), missing)
        except ConfigError as error:
            raise type(error)(self._with_way_out(error.diagnostics)) from None
        return self._chosen(config)

    def outline(self, files: "Files") -> "tuple[Config, tuple[Diagnostic, ...]]":
        """What can be read of a file that is wrong, and its errors; raises `ConfigError`.

        That is where they leave open which ids, or which account, are meant.
        """
        from qstash_sync.config.outline import outline

        found, errors = outline(files, self.environment, self.given(), self.environ())
        return self._chosen(found), errors

    def _chosen(self, config: "Config") -> "Config":
        self.secrets = config.secrets
        lacks = self.unknown_env and self.without_secrets == "--unknown-env"
        desired = replace(config.desired, options=self.options, lacks_secrets=lacks)
        self.made = desired
        return replace(config, desired=self.ignoring(desired, self.ignore))

    def _missing(self) -> "Missing":
        """What becomes of variables that are not set, as the options say it."""
        from qstash_sync.config.missing import Missing

        if self.mock_env:
            return Missing.MOCK
        return Missing.UNKNOWN if self.unknown_env else Missing.ERROR

    def ignoring(self, desired: "Desired", options: Sequence[str]) -> "Desired":
        """What is desired, with the fields that some options say are somebody else's."""
        if not options:
            return desired
        from qstash_sync.reconcile import ignored

        return ignored.with_options(desired, options)

    def _with_way_out(self, found: "Sequence[Diagnostic]") -> "tuple[Diagnostic, ...]":
        """What is said of the first secret that is not set, in each place: some can do without."""
        from qstash_sync.config.interpolate import UNSET

        first = next((d for d in found if d.code == UNSET and d.hint), None)
        if first is None or not self.without_secrets:
            return tuple(found)
        hint = f"{first.hint}; {self.without_secrets} goes without secrets"
        same = (UNSET, first.cause, first.hint)
        return tuple(
            replace(d, hint=hint) if (d.code, d.cause, d.hint) == same else d for d in found
        )

    # The account

    @contextmanager
    def client(
        self, config: "Config", *, read_only: bool, tells: bool = True
    ) -> "Iterator[Client]":
        """A client for the environment's account, or for the local server.

        tells: say which account it is, and why, where the page does not.
        """
        from qstash_sync.applying.stretching import stretching

        with stretching(config.desired):
            if self.local is not None:
                with self._local_client(read_only=read_only) as client:
                    yield client
            else:
                with self._remote_client(config, read_only=read_only, tells=tells) as client:
                    yield client

    @contextmanager
    def _remote_client(
        self, config: "Config", *, read_only: bool, tells: bool
    ) -> "Iterator[Client]":
        from qstash_sync import library

        environment, environ = config.desired.environment, self.environ()
        self.endpoint = endpoint = library.endpoint(config, environ)
        user = f"{endpoint.user} at " if endpoint.user else ""  # where the token tells it
        self.whereabouts = (f"{environment}: " if environment else "") + f"{user}{endpoint.url}"
        made = library.connect(
            config, environ=environ, read_only=read_only, parallelism=self.parallelism
        )
        with self._counted(made) as client:
            if self.output_format == "text":
                client.on_retry = self._tell
                if tells:  # the client has taken the address, so it holds no password
                    self._tell(f"Account: {self.whereabouts} ({endpoint.reason})")
            yield client

    def _tell(self, words: str) -> None:
        """A line to stderr, in the columns of its terminal."""
        streams.note(self.paint(sys.stderr).page([words]))

    @contextmanager
    def _local_client(self, *, read_only: bool) -> "Iterator[Client]":
        from qstash_sync import library

        self.whereabouts = f"the local QStash in {self.local}"
        path = str(self.local)
        if read_only and _is_free(path):  # who only looks makes nothing
            path = ":memory:"
        # With --now, the server, the client and every wait share one pretended clock.
        self.clock = None if self.now is None else Clock(self.instant.timestamp())
        clock = self.clock
        made = library.embedded(
            path,
            read_only=read_only,
            parallelism=self.parallelism,
            clock=clock.time if clock else time.time,
            monotonic=clock.time if clock else time.monotonic,
            sleep=clock.sleep if clock else None,
        )
        with made as opened, self._counted(opened) as client:
            yield client

    @contextmanager
    def _counted(self, client: "Client") -> "Iterator[Client]":
        with client:
            try:
                yield client
            finally:
                self.requests = (client.reads, client.writes)

    # Output

    @property
    def json(self) -> bool:
        """Whether the result is one JSON document."""
        return self.output_format == "json"

    def paint(self, stream: Any = None) -> "Paint":
        """Colours for a stream, stdout if not said."""
        return paint_of(self.color, stream or sys.stdout)

    def warn(self, diagnostics: "Sequence[Diagnostic]", *, folds: bool = True) -> None:
        """Warnings of the files go to stderr, so that stdout stays the result.

        folds: many that are alike are one.
        """
        if diagnostics and self.output_format == "text":
            from qstash_sync.render import text

            streams.note(text.diagnostics(diagnostics, self.paint(sys.stderr), folds=folds))


def _is_free(path: str) -> bool:
    """Whether there could be a file of a name, and there is none."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return bool(path) and Path(path).parent.is_dir()
    except (OSError, ValueError):
        return False
    return False


@dataclass(eq=False, repr=False, slots=True)
class Clock:
    """The time that `--now` pretends; a wait only moves it on."""

    at: float  # Unix time

    def time(self) -> float:
        """Unix time."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Let time go by."""
        self.at += seconds


def paint_of(choice: str, stream: Any) -> "Paint":
    """Colours and columns of a stream; choice: of --color."""
    from qstash_sync.render.text import Paint

    width = None
    if streams.is_terminal(stream):
        width = max(shutil.get_terminal_size().columns, _NARROWEST)
    return Paint(color=wants_color(choice, stream), width=width)


def wants_color(choice: str, stream: Any) -> bool:
    """Colour on a terminal, unless NO_COLOR is set; --color decides over both."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return streams.is_terminal(stream)


def named(config: "Config", globs: Sequence[str]) -> "list[Schedule]":
    """The schedules that some globs name, all without any; raises `UsageError`."""
    schedules = config.desired.schedules or ()
    for glob in globs:
        if not any(fnmatchcase(schedule.name, glob) for schedule in schedules):
            known = ", ".join(schedule.name for schedule in schedules) or "none"
            raise UsageError(f"--name {glob}: no schedule of this name; the files have {known}")
    return [
        schedule
        for schedule in schedules
        if not globs or any(fnmatchcase(schedule.name, glob) for glob in globs)
    ]
