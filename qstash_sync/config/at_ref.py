"""Files as they were at a revision of git, laid out in a temporary directory.

The revision is where this branch left the other one (`git merge-base`), as far as the clone knows
it; else the other one's tip. Taken are the files themselves and those that `body_file` names, as
git keeps them: no attribute changes them, and a link leads to what the revision has.
"""

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from qstash_sync.config.sources import DEFAULTS, MAX_BYTES, SUFFIXES
from qstash_sync.errors import UsageError

_BODY_FILE = re.compile(r"body_file[\"']?\s*:\s*[\"']?([^\"'\n,}#]+)")
_REGULAR = ("100644", "100755")
_LINK, _MOST_LINKS = "120000", 8
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_SECONDS = 120


@contextmanager
def checked_out(ref: str, paths: Sequence[str]) -> Iterator[tuple[Path, list[str]]]:
    """The directory that stands for the repository's, and the paths in it that exist there.

    Raises `UsageError`: no git, no repository, no such revision in this clone.
    """
    if "-" in paths:
        raise UsageError("--base-ref: standard input has no history; name the files with -f")
    given = [Path(path) for path in paths or DEFAULTS]
    top = _top(given)
    commit = _commit(top, ref)
    inside = [_inside(top, path) for path in given]
    with tempfile.TemporaryDirectory(prefix="qstash-sync-") as folder:
        root = Path(folder)
        for path in inside:
            _take(top, commit, path, root)
        found = [str(root / path) for path in inside if (root / path).exists()]
        yield root, found[:1] if not paths else found


def _top(paths: Sequence[Path]) -> Path:
    """The repository's directory."""
    for path in paths:
        folder = path if path.is_dir() else path.parent
        if folder.is_dir():
            found = _git(
                folder,
                "rev-parse",
                "--show-toplevel",
                fails=f"{folder} is in no git repository; --base FILE takes a file",
            )
            return Path(found.strip())
    raise UsageError(f"--base-ref: no such directory: {paths[0].parent}")


def _inside(top: Path, path: Path) -> Path:
    try:
        return Path(os.path.relpath(path.resolve(), top.resolve())).relative_to(".")
    except ValueError:
        raise UsageError(f"--base-ref: {path} is not in the repository {top}") from None


def _commit(top: Path, ref: str) -> str:
    """The commit where this branch left another revision."""
    if ref.startswith("-") or not ref.strip():
        raise UsageError(f"--base-ref {ref}: is no name of a revision")
    tip = _try(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if tip is None:
        raise UsageError(f"--base-ref {ref}: {_remedy(top, ref)}")
    if not _COMMIT.fullmatch(tip.strip()):  # ^HEAD is all but HEAD
        raise UsageError(f"--base-ref {ref}: is no name of a revision")
    base = _try(top, "merge-base", "HEAD", tip.strip())
    return (base or tip).strip()


def _remedy(top: Path, ref: str) -> str:
    """Why a revision is not there, and what brings it."""
    remotes = (_try(top, "remote") or "").split()
    remote, slash, branch = ref.partition("/")
    if not slash or remote not in remotes:
        remote, branch = "origin", ref
    fetched = f"{remote}/{branch}"
    can_be_fetched = (
        remote in remotes and _try(top, "check-ref-format", f"refs/heads/{branch}") is not None
    )
    how = ""
    if can_be_fetched:
        words = ("git", "fetch", "--depth=1", remote, f"{branch}:refs/remotes/{fetched}")
        then = "" if fetched == ref else f" and say --base-ref {shlex.quote(fetched)}"
        how = f"fetch it (`{shlex.join(words)}`){then}"
    if (_try(top, "rev-parse", "--is-shallow-repository") or "").strip() == "true":
        whole = "check out with fetch-depth: 0"
        return f"not in this clone, which is shallow; {how}{', or ' * bool(how)}{whole}"
    how = how or "in a workflow, check out with fetch-depth: 0"
    return f"no such revision in this clone; {how}"


def _take(top: Path, commit: str, path: Path, root: Path) -> None:
    """A file, or the YAML of a directory, and the bodies that they name."""
    for name, blob in _entries(top, commit, path):
        text = _write(top, blob, root / name).decode("utf-8", "replace")
        folder = PurePosixPath(name).parent
        for found in _BODY_FILE.findall(text):
            body = Path(os.path.normpath(folder / found.strip()))
            for its_blob in _bodies(top, commit, body):
                _write(top, its_blob, root / body)


def _entries(top: Path, commit: str, path: Path) -> Iterator[tuple[str, str]]:
    """Names and blobs of the files that a path is, or the YAML that it holds; else none."""
    for name in (f"{path.as_posix()}/", path.as_posix()):
        for mode, blob, found in _listed(top, commit, path, name):
            is_it = found == path.as_posix() or found.lower().endswith(SUFFIXES)
            if mode in _REGULAR and is_it:
                yield found, blob


def _bodies(top: Path, commit: str, path: Path) -> Iterator[str]:
    """The blob of a file, or of what a link leads to; none where that is not there."""
    for _ in range(_MOST_LINKS):
        mode, blob, _ = next(_listed(top, commit, path, path.as_posix()), ("", "", ""))
        if mode in _REGULAR:
            yield blob
        if mode != _LINK:
            return
        to = (_try_bytes(top, "cat-file", "blob", blob) or b"").decode("utf-8", "surrogateescape")
        path = Path(os.path.normpath(path.parent / to))


def _listed(top: Path, commit: str, path: Path, name: str) -> Iterator[tuple[str, str, str]]:
    """Mode, blob and name of each entry that git lists of a path in the repository."""
    if path.is_absolute() or ".." in path.parts:
        return
    listed = _try(top, "ls-tree", "-z", "--full-tree", commit, "--", name) or ""
    for entry in filter(None, listed.split("\0")):
        about, _, found = entry.partition("\t")
        mode, _, blob = about.split(" ")
        yield mode, blob, found


def _write(top: Path, blob: str, target: Path) -> bytes:
    data = _try_bytes(top, "cat-file", "blob", blob) or b""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return data


def _git(folder: Path, *words: str, fails: str) -> str:
    found = _try(folder, *words)
    if found is None:
        raise UsageError(f"--base-ref: {fails}")
    return found


def _try(folder: Path, *words: str) -> str | None:
    found = _try_bytes(folder, *words)
    return None if found is None else found.decode("utf-8", "replace")


def _try_bytes(folder: Path, *words: str) -> bytes | None:
    """What git prints; None where it fails."""
    command = ["git", "--literal-pathspecs", "-C", str(folder), *words]
    try:
        ran = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)  # noqa: S603 no shell; a revision never begins with a dash
    except FileNotFoundError:
        raise UsageError("--base-ref: git is not installed; --base FILE takes a file") from None
    except (subprocess.TimeoutExpired, ValueError):
        raise UsageError("--base-ref: git does not answer, or cannot take this name") from None
    if len(ran.stdout) > MAX_BYTES:
        raise UsageError(f"--base-ref: a file is larger than {MAX_BYTES:,} bytes there")
    return ran.stdout if ran.returncode == 0 else None
