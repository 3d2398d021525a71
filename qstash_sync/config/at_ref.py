"""Files as they were at a revision of git, laid out in a temporary directory.

The revision is where this branch left the other one (`git merge-base`), as far as the clone knows
it; else the other one's tip. Only the folders of the files are taken, and of them regular files.
"""

import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from qstash_sync.errors import UsageError

_DEFAULTS = ("qstash.yaml", "qstash")
_MOST = 100_000_000  # bytes of the folders at the revision
_SECONDS = 120


@contextmanager
def checked_out(ref: str, paths: Sequence[str]) -> Iterator[tuple[Path, list[str]]]:
    """The directory that stands for the repository's, and the paths in it that exist there.

    Raises `UsageError`: no git, no repository, no such revision in this clone.
    """
    if "-" in paths:
        raise UsageError("--base-ref: standard input has no history; name the files with -f")
    given = [Path(path) for path in paths or _DEFAULTS]
    top = _top(given)
    commit = _commit(top, ref)
    inside = [_inside(top, path) for path in given]
    with tempfile.TemporaryDirectory(prefix="qstash-sync-") as folder:
        root = Path(folder)
        for part in sorted(
            {_folder(path, given_path) for path, given_path in zip(inside, given, strict=True)}
        ):
            _extract(top, commit, part, root)
        found = [str(root / path) for path in inside if (root / path).exists()]
        yield root, found[:1] if not paths else found


def _top(paths: Sequence[Path]) -> Path:
    """The repository's directory."""
    for path in paths:
        folder = path if path.is_dir() else path.parent
        if folder.is_dir():
            found = _git(folder, "rev-parse", "--show-toplevel", fails="this is no git repository")
            return Path(found.strip())
    raise UsageError(f"--base-ref: no such directory: {paths[0].parent}")


def _inside(top: Path, path: Path) -> Path:
    try:
        return Path(os.path.relpath(path.resolve(), top.resolve())).relative_to(".")
    except ValueError:
        raise UsageError(f"--base-ref: {path} is not in the repository {top}") from None


def _folder(inside: Path, given: Path) -> str:
    """The folder to take: that of a file, or the directory itself."""
    return (inside if given.is_dir() or not given.suffix else inside.parent).as_posix()


def _commit(top: Path, ref: str) -> str:
    """The commit where this branch left another revision."""
    if ref.startswith("-") or not ref.strip():
        raise UsageError(f"--base-ref {ref}: is no name of a revision")
    tip = _try(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if tip is None:
        raise UsageError(f"--base-ref {ref}: {_remedy(top, ref)}")
    base = _try(top, "merge-base", "HEAD", tip.strip())
    return (base or tip).strip()


def _remedy(top: Path, ref: str) -> str:
    """Why a revision is not there, and what brings it."""
    remote, slash, branch = ref.partition("/")
    fetch = (
        f"git fetch --depth=1 {remote} {branch}:refs/remotes/{ref}"
        if slash
        else f"git fetch origin {ref}"
    )
    if (_try(top, "rev-parse", "--is-shallow-repository") or "").strip() == "true":
        return (
            f"not in this clone, which is shallow; fetch it (`{fetch}`), or check out with"
            " fetch-depth: 0"
        )
    return f"no such revision in this clone; fetch it (`{fetch}`)"


def _extract(top: Path, commit: str, folder: str, root: Path) -> None:
    """The regular files of a folder at a commit; of one that was not there, none."""
    pathspec = [] if folder == "." else ["--", folder]
    data = _try_bytes(top, "archive", "--format=tar", commit, *pathspec)
    if data is None:
        return
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            target = root / member.name
            source = archive.extractfile(member) if member.isreg() else None
            if source is None or root not in target.resolve().parents:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read())


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
    command = ["git", "-C", str(folder), *words]
    try:
        ran = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)  # noqa: S603 no shell; a revision never begins with a dash
    except FileNotFoundError:
        raise UsageError("--base-ref: git is not installed; --base FILE takes a file") from None
    except (subprocess.TimeoutExpired, ValueError):
        raise UsageError("--base-ref: git does not answer, or cannot take this name") from None
    if len(ran.stdout) > _MOST:
        raise UsageError(f"--base-ref: the files' folder is larger than {_MOST:,} bytes there")
    return ran.stdout if ran.returncode == 0 else None
