"""Names that a person would have given: of schedules, and of variables of the environment.

    https://app.example.com/api/cron/daily-report     daily-report
    …/billing/sync and …/users/sync                   billing-sync, users-sync
    GET and POST to the same address                  sync-get, sync-post
    the same address with other bodies                sync, sync-2, sync-3

Names depend on what is live alone, never on the order in which it was listed.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import unquote

from qstash_sync.adopt.secrets import Hidden
from qstash_sync.record import record

_LONGEST = 60
_WORD = re.compile(r"(?!x-)[a-z0-9][a-z0-9_-]*")  # x-… is the home of an anchor
_OPAQUE = re.compile(r"\d+|[0-9a-f-]{16,}|(?=[^/]*\d)[\w-]{24,}", re.IGNORECASE)
_DEEPEST = 3  # segments of a path in a name
# Variables that a machine, a shell, a CI, a cloud, a package manager or QStash's own tools set or
# read: no secret may take their names, since the environment wins over `--env-file`.
_TAKEN = re.compile(
    r"(?:QSTASH|US_EAST_1|EU_CENTRAL_1|UPSTASH"
    r"|ACTIONS|AGENT|APPVEYOR|BITBUCKET|BUILD|BUILDKITE|CI|CIRCLE|CODEBUILD|DRONE|GH|GITEA|GITHUB"
    r"|GITLAB|JENKINS|RUNNER|SEMAPHORE|SYSTEM|TEAMCITY|TRAVIS|WOODPECKER"
    r"|ARM|AWS|AZURE|CF|CLOUDFLARE|CLOUDSDK|DIGITALOCEAN|DOPPLER|FLY|GCLOUD|GCP|GOOGLE|HEROKU"
    r"|NETLIFY|OP|PULUMI|RAILWAY|RENDER|TERRAFORM|TF|TFC|VAULT|VERCEL"
    r"|BUNDLE|BUN|CARGO|COMPOSER|DENO|DOCKER|GEM|GIT|GO|HOMEBREW|JAVA|KUBE|KUBERNETES|MAVEN|NODE|NPM"
    r"|NUGET|PIP|PNPM|POETRY|PYTHON|RUSTUP|TWINE|UV|YARN"
    r"|ALL|CURL|DBUS|FTP|GPG|HTTP|HTTPS|LC|LD|NO|REQUESTS|SSH|SSL|SUDO|SYSTEMD|XDG)_.*"
    r"|CI|COLUMNS|DISPLAY|EDITOR|HOME|HOST|HOSTNAME|LANG|LOGNAME|MAIL|PATH|PORT|PWD|SHELL|TERM"
    r"|TMPDIR|TZ|USER|USERNAME"
)


@record(kw_only=True)
class Nameless:
    """A schedule that needs a name: its address in plain pieces, and what tells it from others.

    given: a name that it has already, or that a Terraform state gives it.
    """

    id: str
    address: str  # the plain beginning of a URL, or the name of a URL group
    method: str
    given: tuple[str, ...] = ()
    kept: str | None = None  # by the schedules of the namespace: no other takes it


def slug(text: str) -> str:
    """A text as a name of ours, or nothing."""
    found = re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-_")[:_LONGEST].rstrip("-_")
    return _no_home(found)


def _no_home(name: str) -> str:
    """The name, but none of an anchor's home: x-… is no schedule."""
    return f"x_{name[2:]}" if name.startswith("x-") else name


def is_name(text: str) -> bool:
    """Whether a schedule can be called that."""
    return _WORD.fullmatch(text) is not None


def of_schedules(nameless: Sequence[Nameless], others: Iterable[str] = ()) -> dict[str, str]:
    """A name for each id; in the order of the sequence where only a number tells two apart.

    others: names that none of these may have.
    """
    found = {one.id: one.kept for one in nameless if one.kept}
    taken = {*found.values(), *others}
    waiting = [(one, tuple(_candidates(one))) for one in nameless if not one.kept]
    deepest = max((len(names) for _, names in waiting), default=0)
    for depth in range(deepest):
        # At each depth a name is given where nobody else of those who wait would have it.
        wishes = Counter(names[min(depth, len(names) - 1)] for _, names in waiting)
        rest = []
        for one, names in waiting:
            name = names[min(depth, len(names) - 1)]
            if wishes[name] == 1 and name not in taken:
                found[one.id] = name
            else:
                rest.append((one, names))
        taken.update(found.values())
        waiting = rest
    numbers: dict[str, int] = {}
    for one, names in waiting:
        found[one.id] = _numbered(names[0], taken, numbers)
    return found


def _numbered(name: str, taken: set[str], numbers: dict[str, int]) -> str:
    """The first that is free of name, name-2, name-3, …."""
    number = numbers.get(name, 1)
    free = name
    while free in taken:
        number += 1
        free = _no_home(f"{name}-{number}")
    numbers[name] = number
    taken.add(free)
    return free


def _candidates(one: Nameless) -> Iterator[str]:
    """Names from the shortest on, each telling more than the one before."""
    given = [name for name in map(slug, one.given) if name]
    if given:
        yield from given
        return
    scheme, colon, rest = one.address.partition("://")
    if not colon:
        yield slug(scheme) or "schedule"
        yield slug(f"{scheme}-{one.method}") or "schedule"
        return
    host, _, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    segments = [s for s in unquote(path).split("/") if slug(s) and not _OPAQUE.fullmatch(s)]
    name = slug(host.rpartition("@")[2].partition(":")[0])
    label = slug(name.partition("-")[0]) or "schedule"
    first = slug(segments[-1]) if segments else label
    yield first
    for depth in range(2, min(_DEEPEST, len(segments)) + 1):
        yield slug("-".join(segments[-depth:])) or first
    yield slug(f"{first}-{one.method}")
    yield slug(f"{label}-{first}") if segments else name or label
    yield slug(f"{name}-{first}-{one.method}") or first


# Variables


def of_variables(
    uses: Iterable[tuple[str, Hidden]], namespace: str, taken: Iterable[str] = ()
) -> dict[str, str]:
    """A variable for each hidden value; uses: who has it (empty: all), in the order of the file.

    A value that one resource has is named after it: DAILY_REPORT_AUTHORIZATION; one of several
    after the namespace. taken: names that mean something else.
    """
    owners: dict[str, dict[str, None]] = {}
    whats: dict[str, str] = {}
    for owner, hidden in uses:
        owners.setdefault(hidden.value, {}).setdefault(owner)
        whats.setdefault(hidden.value, hidden.what)
    names: dict[str, str] = {}
    used = set(taken)
    numbers: dict[str, int] = {}
    for value, what in whats.items():
        own = [owner for owner in owners[value] if owner]
        owner = own[0] if len(owners[value]) == 1 and own else namespace
        wishes = (
            _variable(f"{first}{owner}_{what}") for first in ("", f"{namespace}_", "schedules_")
        )
        name = next(wish for wish in wishes if not _TAKEN.fullmatch(wish))
        names[value] = _numbered_variable(name, used, numbers)
    return names


def _variable(text: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    found = re.sub(r"[^A-Z0-9]+", "_", spaced.upper()).strip("_")[:_LONGEST]
    return f"_{found}" if not found or found[0].isdigit() else found


def _numbered_variable(name: str, taken: set[str], numbers: dict[str, int]) -> str:
    number = numbers.get(name, 1)
    free = name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    numbers[name] = number
    taken.add(free)
    return free


def owners_of(uses: Iterable[tuple[str, Hidden]]) -> Mapping[str, tuple[str, ...]]:
    """Who uses each hidden value, in the order of the file."""
    found: dict[str, dict[str, None]] = {}
    for owner, hidden in uses:
        found.setdefault(hidden.value, {}).setdefault(owner)
    return {value: tuple(owners) for value, owners in found.items()}
